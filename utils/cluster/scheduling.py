"""Dask's scheduler and client, in the farm's process: which machines are there, and who does what.

Small messages only go through it, and no result is ever looked at: who has a machine's certificate decides
what is in it. What a machine may ask of the scheduler is what a worker needs; orders come from this process.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

import dask
from distributed import Client, Scheduler, Security
from distributed.client import Future
from distributed.comm.core import Comm
from distributed.core import _expects_comm
from distributed.diagnostics.plugin import SchedulerPlugin

from utils.cluster.orders import Json
from utils.cluster.workplace import encode

#: What a worker asks a scheduler for; all else is refused to who comes over the network.
_OF_WORKERS = {"register-worker", "heartbeat_worker", "identity", "unregister", "log_event"}
#: Seconds without a word after which a machine is taken to be gone.
WORKER_TTL = 15
SETTINGS: dict[str, Any] = {
    "distributed.scheduler.allowed-failures": 1,
    "distributed.scheduler.worker-ttl": f"{WORKER_TTL}s",
    "distributed.scheduler.no-workers-timeout": None,
    "distributed.scheduler.http.routes": [],
    "distributed.scheduler.active-memory-manager.start": False,
    "distributed.scheduler.blocked-handlers": [
        *("run_function", "register_scheduler_plugin", "unregister_scheduler_plugin", "feed"),
        *("broadcast", "proxy", "dump_cluster_state_to_url", "register_worker_plugin"),
    ],
    "distributed.comm.require-encryption": None,
    "distributed.admin.system-monitor.disk": False,
    "distributed.admin.system-monitor.gil.enabled": False,
    "distributed.logging": {"distributed": "critical", "bokeh": "critical", "tornado": "critical"},
}


def _at_both(host: str, port: int) -> dict[str, Any]:
    """Listen to this process, and to the network."""
    return {"protocol": ["inproc", "tls"], "host": [None, host or "0.0.0.0"], "port": [None, port]}  # noqa: S104


class Listener(Protocol):
    """Who is told what happens."""

    def arrived(self, machine: str, address: str) -> None:
        """A machine is there."""

    def left(self, machine: str) -> None:
        """It is gone."""

    def ended(self, key: str, trouble: str) -> None:
        """The task ``key`` has ended; "" if it says so itself."""


class Scheduling:
    """One scheduler at ``host`` and ``port``; ``files`` are its authority, key and certificate."""

    def __init__(self, *, host: str, port: int, files: tuple[Path, Path, Path]) -> None:
        dask.config.set(SETTINGS)
        authority, key, certificate = map(str, files)
        self._security = Security(
            tls_ca_file=authority,
            tls_scheduler_cert=certificate,
            tls_scheduler_key=key,
            tls_client_cert=certificate,
            tls_client_key=key,
        )
        self._scheduler = Scheduler(
            **_at_both(host, port),
            security=self._security,
            dashboard=False,
            dashboard_address="127.0.0.1:0",
            needs_workdir=False,
        )
        self._orders: Client | None = None
        self._futures: dict[str, Future[None]] = {}

    async def start(self, listener: Listener) -> None:
        """Begin to listen, and to tell ``listener``. Raises OSError."""
        self._scheduler.add_plugin(_Watcher(listener), name="watcher")
        try:
            await self._scheduler
        except RuntimeError as error:
            # What it is made of: why it cannot listen is the cause of the cause.
            raise error.__cause__ if isinstance(error.__cause__, OSError) else OSError(str(error)) from None
        for name, handler in list(self._scheduler.handlers.items()):
            if name not in _OF_WORKERS:
                self._scheduler.handlers[name] = _from_here(handler)
        inside = next(
            one.contact_address for one in self._scheduler.listeners if "inproc" in one.contact_address
        )
        self._orders = await Client(inside, asynchronous=True, security=self._security, set_as_default=False)
        # An error of a task would be unpickled here.
        unheard: Any = _nothing
        self._orders._stream_handlers["task-erred"] = unheard
        self._orders._state_handlers["erred"] = unheard

    def submit(self, key: str, order: Json, machines: list[str]) -> None:
        """Have ``order`` done by one of ``machines`` (names)."""
        assert self._orders is not None
        task: Callable[..., Any] = encode
        self._futures[key] = self._orders.submit(
            task, order, key=key, workers=machines, pure=False, retries=0, allow_other_workers=False
        )

    def release(self, key: str) -> None:
        """It is done with, or not wanted any more: a machine that is at it gives it up."""
        future = self._futures.pop(key, None)
        if future is not None:
            task = asyncio.ensure_future(future.cancel(force=True))
            task.add_done_callback(lambda done: done.cancelled() or done.exception())

    async def close(self) -> None:
        """Leave nothing behind."""
        with suppress(Exception):
            if self._orders is not None:
                await self._orders.close()
            await self._scheduler.close(reason="the farm ends")


class _Watcher(SchedulerPlugin):
    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._names: dict[str, str] = {}

    def add_worker(self, scheduler: Scheduler, worker: str) -> None:
        name = str(scheduler.workers[worker].name)
        self._names[worker] = name
        _soon(self._listener.arrived, name, worker)

    def remove_worker(self, scheduler: Scheduler, worker: str, **_: Any) -> None:
        if worker in self._names:
            _soon(self._listener.left, self._names.pop(worker))

    def transition(self, key: Any, start: str, finish: str, *_: Any, **told: Any) -> None:
        if finish == "memory":
            _soon(self._listener.ended, str(key), "")
        elif finish == "erred":
            why = told.get("exception_text") or "it died, or stopped answering, while it had this"
            _soon(self._listener.ended, str(key), str(why))


def _soon(call: Callable[..., None], *arguments: str) -> None:
    """Not in the middle of what the scheduler is doing."""
    asyncio.get_running_loop().call_soon(call, *arguments)


def _from_here(handler: Callable[..., Any]) -> Callable[..., Awaitable[Any]]:
    """``handler``, for who is in this process only."""

    async def guarded(comm: Comm, **named: Any) -> Any:
        if not comm.peer_address.startswith("inproc"):
            raise PermissionError("This is not for workers.")
        result = handler(comm, **named) if _expects_comm(handler) else handler(**named)
        return await result if inspect.isawaitable(result) else result

    return guarded


def _nothing(**_: Any) -> None:
    """Is not looked at."""
