"""One child that decodes pictures, as the bot sees it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
import tempfile
from asyncio.subprocess import DEVNULL
from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import IO

from utils.errors import ProgramCrashed, ProgramError
from utils.pictures.child import NO_MEMORY
from utils.pictures.protocol import LONGEST, Answer, Request, Undecoded, Why, read_answer, request_line
from utils.processes.child import Child
from utils.processes.confinement import Confinement
from utils.processes.supervisor import check_crash

_PROGRAM = Path(__file__).with_name("child.py")
#: Bytes of a child that are its libraries' code: the limit of memory does not count them.
CODE = 12 << 20
#: Seconds that a start may take.
_START = 60.0
#: Seconds after which a child whose link is cut is taken to be alive.
_DEATH = 2.0
#: Bytes of its last words that are looked at.
_WORDS = 4096


class Worker:
    """Call :meth:`end` in the end, whatever has happened: it is of no more use after an error either."""

    def __init__(self, child: Child, link: socket.socket, words: IO[bytes]) -> None:
        self._child = child
        self._link = link
        self._words = words
        self.asked = 0
        #: Bytes that it holds between two pictures.
        self.memory = 0

    @classmethod
    async def start(cls, *, memory: int, seconds: int, file_bytes: int) -> Worker:
        """One that takes ``memory`` bytes at most, code included, ``seconds`` of CPU, and writes so much.

        Raises :class:`Undecoded`. When this is cancelled in the middle, nothing is left running.
        """
        limit = max(memory - CODE, CODE)
        ours, theirs = socket.socketpair()
        words = await asyncio.to_thread(tempfile.TemporaryFile)
        try:
            with theirs:
                child = await Child.start(
                    [sys.executable, "-I", str(_PROGRAM), str(limit), *map(str, libraries())],
                    confinement=_confinement(limit, seconds, file_bytes),
                    stdin=theirs.fileno(),
                    stdout=DEVNULL,
                    stderr=words.fileno(),
                )
        except BaseException as error:
            ours.close()
            words.close()
            if isinstance(error, ProgramError):
                raise Undecoded(Why.LOST) from error
            raise
        ours.setblocking(False)
        worker = cls(child, ours, words)
        try:
            async with asyncio.timeout(_START):
                await worker._line()
        except BaseException as error:
            await worker.end()
            if isinstance(error, TimeoutError):
                raise Undecoded(Why.LOST) from error
            raise
        return worker

    def is_waiting(self) -> bool:
        """Whether it is there, and has nothing to say: what was asked is answered."""
        try:
            self._link.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False

    async def ask(self, request: Request, files: Sequence[int]) -> Answer:
        """Have ``request`` done with the open ``files``. Raises :class:`Undecoded`."""
        self.asked += 1
        with contextlib.suppress(ConnectionError):  # what it died of is found out below
            # One small message to whom waits for it: there is room.
            socket.send_fds(self._link, [request_line(request)], list(files))
        answer, self.memory = read_answer(request.act, await self._line())
        if isinstance(answer, Undecoded):
            raise answer
        return answer

    async def _line(self) -> bytes:
        loop = asyncio.get_running_loop()
        line = bytearray()
        while not line.endswith(b"\n"):
            try:
                data = await loop.sock_recv(self._link, 1 << 16)
            except ConnectionError:
                data = b""
            if not data:
                raise await self._death()
            line += data
            if len(line) > LONGEST:
                raise Undecoded(Why.LOST)
        return bytes(line)

    async def _death(self) -> Undecoded:
        """What it died of."""
        try:
            async with asyncio.timeout(_DEATH):
                code = await self._child.wait()
        except TimeoutError:
            return Undecoded(Why.LOST)
        if code == -signal.SIGXCPU:
            return Undecoded(Why.TIME)
        # Nobody here kills it while it is waited for: the system does, when it has no memory left.
        if code in (NO_MEMORY, -signal.SIGKILL):
            return Undecoded(Why.MEMORY, 0, 0, 0)
        try:
            check_crash("decoder", code, await asyncio.to_thread(self._last_words))
        except ProgramCrashed:
            return Undecoded(Why.CRASHED)
        return Undecoded(Why.MEMORY, 0, 0, 0) if code < 0 else Undecoded(Why.LOST)

    def _last_words(self) -> list[str]:
        size = self._words.seek(0, os.SEEK_END)
        self._words.seek(max(0, size - _WORDS))
        return self._words.read().decode("utf-8", "replace").splitlines()

    async def end(self) -> None:
        """It is gone when this returns. Idempotent."""
        self._link.close()
        try:
            await self._child.kill()
        finally:
            self._words.close()


def _confinement(memory: int, seconds: int, file_bytes: int) -> Confinement:
    """Its pictures are handed to it open, so that it needs to read nothing but itself and its libraries."""
    return Confinement(
        None,
        file_bytes,
        open_files=64,
        data=memory,
        cpu_seconds=seconds,
        reads=(_PROGRAM, Path(__file__).parent, *libraries()),
    )


@cache
def libraries() -> tuple[Path, ...]:
    """The folders that the decoders are installed in, which need not be Python's own."""
    specs = (find_spec(name) for name in ("PIL", "pillow_heif", "pillow_jxl", "packaging", "rawpy", "numpy"))
    return tuple({Path(spec.origin).parents[1] for spec in specs if spec is not None and spec.origin})
