"""``./bot worker HOST:PORT TOKEN``: this machine encodes segments for a bot until it is told to stop."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import shutil
import socket
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

import aiohttp
import dask
from distributed import Security, Worker
from distributed.core import Status
from distributed.diagnostics.plugin import WorkerPlugin

from utils.cluster.fetching import Fetching
from utils.cluster.joining import Badge, join
from utils.cluster.tokens import Token
from utils.cluster.workplace import Workplace, open_workplace
from utils.errors import AlreadyRunning
from utils.media import Tools
from utils.storage.lock import alone_in

#: Seconds between two tries to get to the farm.
_AGAIN = 1.0
_PREFIX = "worker-"
_SETTINGS: dict[str, Any] = {
    "distributed.worker.profile.enabled": False,
    "distributed.worker.http.routes": [],
    "distributed.comm.require-encryption": True,
    "distributed.comm.timeouts.connect": "10s",
    "distributed.admin.system-monitor.gil.enabled": False,
    "distributed.logging": {"distributed": "critical", "tornado": "critical"},
}


class Screen(Protocol):
    """Shows what this machine does."""

    def says(self, text: str) -> None:
        """Something happened."""

    def works(self, key: str, done: float) -> None:
        """So much (0 to 1) of a segment is encoded; 1: it is over."""


class Labourer:
    """One machine's work for the bot at ``host`` and ``port``."""

    def __init__(
        self, host: str, port: int, token: Token, *, data: Path, slots: int, tools: Tools, screen: Screen
    ) -> None:
        self._host, self._port, self._token = host, port, token
        self._data = data
        self._slots = slots
        self._tools = tools
        self._screen = screen
        self._said = ""

    async def run(self) -> None:
        """Until cancelled. Raises :class:`SettingsError` when the bot does not want this machine."""
        dask.config.set(_SETTINGS)
        logging.getLogger("distributed").setLevel(logging.CRITICAL)
        ffmpeg = (await self._tools.features()).version.split(" Copyright")[0].removeprefix("ffmpeg version ")
        await asyncio.to_thread(self._data.mkdir, parents=True, exist_ok=True)
        await asyncio.to_thread(_sweep, self._data)
        folder = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix=_PREFIX, dir=self._data))
        try:
            with alone_in(folder):
                await self._again_and_again(folder, ffmpeg)
        finally:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

    async def _again_and_again(self, folder: Path, ffmpeg: str) -> None:
        while True:
            try:
                badge = await join(
                    self._host,
                    self._port,
                    self._token,
                    folder=folder,
                    name=socket.gethostname(),
                    slots=self._slots,
                    ffmpeg=ffmpeg,
                )
                await self._work(badge, folder)
                self._say("🔌 The bot is gone; waiting for it")
            except (OSError, aiohttp.ClientError, TimeoutError) as error:
                self._say(f"🔌 {self._host}:{self._port} cannot be reached ({error}); trying again")
            await asyncio.sleep(_AGAIN)

    async def _work(self, badge: Badge, folder: Path) -> None:
        """Be there for the farm until either side ends it."""
        async with badge.session() as session:
            fetching = Fetching(folder, badge.base, session)
            place = Workplace(folder, badge.base, session, fetching, self._tools, self._screen.works)
            open_workplace(place)
            worker = _worker(self._host, self._port, badge, folder, self._slots, place)
            try:
                await _joined(worker)
                self._say(
                    f"✅ Ready: {self._host}:{self._port} has it convert; segments at a time: {self._slots}"
                )
                await worker.finished()
            finally:
                open_workplace(None)
                for key in list(place.under_way):
                    place.give_up(key)
                fetching.close()
                if worker.status not in (Status.closed, Status.failed):
                    with suppress(Exception):
                        await worker.close(timeout=2, executor_wait=False, reason="it leaves")

    def _say(self, text: str) -> None:
        if text != self._said:
            self._said = text
            self._screen.says(text)


class _Recall(WorkerPlugin):
    """Dask does not end a coroutine that nobody wants any more."""

    def __init__(self, place: Workplace) -> None:
        self._place = place

    def transition(self, key: Any, start: str, finish: str, **_: Any) -> None:
        if finish in ("released", "cancelled", "forgotten"):
            self._place.give_up(str(key))


def _worker(host: str, port: int, badge: Badge, folder: Path, slots: int, place: Workplace) -> Worker:
    files = {
        "tls_ca_file": str(badge.authority),
        "tls_worker_cert": str(badge.certificate),
        "tls_worker_key": str(badge.key),
    }
    # Nobody calls it: it listens here only, and is known by an address that no other machine has.
    random = secrets.token_bytes(3)
    known_as = f"tls://127.{random[0]}.{random[1]}.{random[2]}:{secrets.randbelow(60_000) + 1024}"
    return Worker(
        f"tls://{f'[{host}]' if ':' in host else host}:{port}",
        name=badge.machine,
        nthreads=slots,
        memory_limit=0,
        local_directory=str(folder / "dask"),
        security=Security(**files, require_encryption=True),
        host="127.0.0.1",
        contact_address=known_as,
        dashboard=False,
        dashboard_address="127.0.0.1:0",
        plugins=(_Recall(place),),
        death_timeout=20,
    )


async def _joined(worker: Worker) -> None:
    """Wait until the scheduler has it. Raises OSError and TimeoutError."""
    try:
        await worker
    except RuntimeError as error:
        # Dask's own, whatever the reason.
        raise OSError(str(error.__cause__ or error)) from error


def slots_here() -> int:
    """How many segments this machine encodes at a time, if it is not told."""
    with suppress(AttributeError, OSError):
        return max(1, len(os.sched_getaffinity(0)))
    return os.cpu_count() or 1


def _sweep(data: Path) -> None:
    """Remove what workers left that were killed. Blocking."""
    for left in data.glob(f"{_PREFIX}*"):
        with suppress(AlreadyRunning, OSError), alone_in(left):
            shutil.rmtree(left, ignore_errors=True)
