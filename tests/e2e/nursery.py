"""Processes of the program that need not load it: forked from one that has done so, once.

Loading takes as long as all else that most tests have a process do. What is forked differs from what an owner
starts in nothing but that: it has a process id, an environment, a folder and standard streams of its own, and
is killed like any other. How it is started for real is shown by ``tests/e2e/test_starting.py``.
"""

from __future__ import annotations

import asyncio
import atexit
import json
import os
import runpy
import selectors
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

#: Bytes of one message: arguments, environment and folder.
_LONGEST = 1 << 18
#: What Python looks at before any program: such an environment has to be there at its start.
_EARLY = ("PYTHON", "LC_", "LANG")


def suits(environ: Mapping[str, str]) -> bool:
    """Would a process that is started with ``environ`` be the same as one that is forked?"""
    mine = {name: text for name, text in os.environ.items() if name.startswith(_EARLY)}
    return mine == {name: text for name, text in environ.items() if name.startswith(_EARLY)}


class Forked:
    """A forked process, as :class:`asyncio.subprocess.Process` has it: what tests use of it."""

    def __init__(
        self, pid: int, notice: socket.socket, stdout: asyncio.StreamReader, stderr: asyncio.StreamReader
    ) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self.stdout = stdout
        self.stderr = stderr
        self._ended = asyncio.Event()
        self._notice = notice
        asyncio.get_running_loop().add_reader(notice, self._end)

    def _end(self) -> None:
        text = self._notice.recv(64)
        asyncio.get_running_loop().remove_reader(self._notice)
        self._notice.close()
        assert text, "the process that all others are forked from is gone"
        self.returncode = int(text)
        self._ended.set()

    def send_signal(self, number: int) -> None:
        if self.returncode is not None:
            raise ProcessLookupError
        os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    async def wait(self) -> int:
        await self._ended.wait()
        assert self.returncode is not None
        return self.returncode

    async def communicate(self) -> tuple[bytes, bytes]:
        out, err, _ = await asyncio.gather(self.stdout.read(), self.stderr.read(), self._ended.wait())
        return out, err


async def fork(program: Sequence[str], environ: Mapping[str, str], folder: Path) -> Forked:
    """Run ``program`` (a path, or ``-m`` and a module, and arguments) with nothing to read."""
    nursery = _nursery()
    order = json.dumps({"program": list(program), "environ": dict(environ), "folder": str(folder)}).encode()
    assert len(order) < _LONGEST
    ours, theirs = socket.socketpair()
    outputs = [os.pipe(), os.pipe()]
    with theirs:
        socket.send_fds(nursery, [order], [theirs.fileno(), *(write for _, write in outputs)])
        for _, write in outputs:
            os.close(write)
    ours.setblocking(False)
    loop = asyncio.get_running_loop()
    pid = int(await loop.sock_recv(ours, 16))
    return Forked(pid, ours, *[await _stream(read) for read, _ in outputs])


async def _stream(descriptor: int) -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(reader)
    await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, os.fdopen(descriptor, "rb"))
    return reader


@cache
def _nursery() -> socket.socket:
    """The process that has everything loaded; it ends when this one does."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2 * _LONGEST)
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.e2e.nursery", str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )

    def end() -> None:
        ours.close()
        process.wait()

    atexit.register(end)
    return ours


class _Nursery:
    """Forks until nobody can ask for it any more."""

    def __init__(self, orders: socket.socket) -> None:
        self._orders = orders
        self._waiting = selectors.DefaultSelector()
        self._waiting.register(orders, selectors.EVENT_READ)
        #: By the descriptor of each process: its id, and where its end is told.
        self._running: dict[int, tuple[int, socket.socket]] = {}

    def serve(self) -> list[str]:
        """Returns only in each forked process: what that is to run."""
        while True:
            for key, _ in self._waiting.select():
                if key.fileobj is not self._orders:
                    self._say_its_end(key.fd)
                    continue
                order, descriptors, _, _ = socket.recv_fds(self._orders, _LONGEST, 3)
                if not order:
                    sys.exit()
                pid = os.fork()
                if not pid:
                    self._forget()
                    return _prepare(json.loads(order), descriptors)
                self._watch(pid, descriptors)

    def _watch(self, pid: int, descriptors: Sequence[int]) -> None:
        notice, *outputs = descriptors
        for output in outputs:
            os.close(output)
        watched = os.pidfd_open(pid)
        self._running[watched] = pid, socket.socket(fileno=notice)
        self._running[watched][1].send(b"%d" % pid)
        self._waiting.register(watched, selectors.EVENT_READ)

    def _say_its_end(self, watched: int) -> None:
        pid, notice = self._running.pop(watched)
        self._waiting.unregister(watched)
        os.close(watched)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        with notice, suppress(BrokenPipeError):
            notice.send(b"%d" % code)

    def _forget(self) -> None:
        """In a forked process: nothing here is its own."""
        self._waiting.close()
        self._orders.close()
        for watched, (_, notice) in self._running.items():
            os.close(watched)
            notice.close()


def _prepare(order: Mapping[str, Any], descriptors: Sequence[int]) -> list[str]:
    notice, *outputs = descriptors
    os.close(notice)
    for target, descriptor in enumerate(outputs, 1):
        os.dup2(descriptor, target)
        os.close(descriptor)
    # Python's own were made for what was there before.
    sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", buffering=1, errors="backslashreplace", closefd=False)  # noqa: SIM115
    os.environ.clear()
    os.environ.update(order["environ"])
    os.chdir(order["folder"])
    program: list[str] = order["program"]
    return program


def _load() -> None:
    """All that the program loads."""
    import utils.bot
    import utils.diagnostics.report
    import utils.terminal.log_in
    import utils.terminal.main  # noqa: F401


if __name__ == "__main__":
    _load()
    program = _Nursery(socket.socket(fileno=int(sys.argv[1]))).serve()
    if program[0] == "-m":
        sys.argv = program[1:]
        runpy.run_module(program[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv = program
        runpy.run_path(program[0], run_name="__main__")
