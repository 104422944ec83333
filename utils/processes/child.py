"""One foreign program that runs: started through the launcher, read from, and ended for good."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from utils.errors import ProgramError, ProgramMissing
from utils.processes.confinement import Confinement, environment
from utils.processes.first import First, read_report
from utils.processes.guard import orphans
from utils.processes.system import isolation
from utils.texts import Text

__all__ = ["CHUNK", "PIPE", "Child", "to_its_end"]

#: Bytes of one read, and of output that waits for being read, where nothing else is asked for.
CHUNK = 1 << 16
#: Seconds that the pipes of a killed program may stay open.
_HELD = 1.0
_LAUNCH = str(Path(__file__).with_name("launch.py"))


class Child:
    """A program that was started. Whoever started it calls :meth:`kill` in the end, whatever has happened."""

    def __init__(self, process: Process, first: First | None, stdin: asyncio.StreamWriter | None) -> None:
        self._process = process
        # Not asyncio's own, which it closes when the process ends that it knows: the launcher.
        self._stdin = stdin
        #: The program itself where ``process``, the launcher, gave way to it instead of becoming it.
        self._first = first
        self._output = _Outlet(process.stdout)
        self._complaints = _Outlet(process.stderr)
        self._ending: asyncio.Future[None] | None = None

    @classmethod
    async def start(
        cls,
        command: Sequence[str],
        *,
        confinement: Confinement,
        cwd: Path | None = None,
        stdin: int = DEVNULL,
        stdout: int = PIPE,
        stderr: int = PIPE,
        buffer: int = CHUNK,
    ) -> Child:
        """Start ``command`` in the folder ``cwd``, in a session of its own; it runs when this returns.

        ``stdin``, ``stdout`` and ``stderr`` as in :mod:`asyncio.subprocess`, or descriptors; ``buffer`` bytes
        of its output wait in memory at most. Raises :class:`ProgramMissing`. When this is cancelled in the
        middle, nothing is left running.
        """
        looking = asyncio.ensure_future(asyncio.to_thread(_launcher, command[0], confinement))
        await to_its_end(looking)  # a thread, which starts the probe the first time, cannot be cancelled
        streams = {"stdin": stdin, "stdout": stdout, "stderr": stderr, "cwd": cwd, "limit": buffer}
        starting = asyncio.ensure_future(cls._launch([*looking.result(), *command[1:]], streams))
        try:
            return await asyncio.shield(starting)
        except asyncio.CancelledError:
            # asyncio's own way out of a half-started process loses track of it; so it is started, then ended.
            await to_its_end(asyncio.ensure_future(_undo(starting)))
            raise

    @classmethod
    async def _launch(cls, command: Sequence[str], streams: Mapping[str, Any]) -> Child:
        """Start the launcher, and wait until it has become the program, or says that it cannot."""
        report, told = os.pipe()
        stdin, inlet = await _inlet() if streams["stdin"] == PIPE else (streams["stdin"], None)
        with orphans.expecting():
            try:
                process = await asyncio.create_subprocess_exec(
                    *(sys.executable, "-I", "-S", _LAUNCH, f"report={told}", *command),
                    pass_fds=(told,),
                    env=environment(),
                    start_new_session=True,
                    **{**streams, "stdin": stdin},
                )
            except OSError as error:
                os.close(report)
                if inlet is not None:
                    inlet.close()
                raise ProgramMissing(
                    Text("{program} could not be started: {reason}", program=_program(command), reason=error)
                ) from error
            finally:
                os.close(told)
                if inlet is not None:
                    os.close(stdin)
            number, _, problem = (await read_report(report)).partition("!")
            first = First(int(number)) if number else None
            orphans.known |= {process.pid, first.number if first else process.pid}
        child = cls(process, first, inlet)
        if problem:
            await child.kill()
            raise ProgramMissing(f"{_program(command)}: {problem}.")
        return child

    @property
    def number(self) -> int:
        """Its process id."""
        return self._process.pid if self._first is None else self._first.number

    async def read(self, size: int = CHUNK) -> bytes:
        """At most ``size`` bytes of its standard output; empty at the end."""
        return await self._output.read(size)

    async def read_complaints(self, size: int = CHUNK) -> bytes:
        """The same of its standard error."""
        return await self._complaints.read(size)

    async def write(self, data: bytes) -> None:
        """Give it more input; empty data ends it. Raises BrokenPipeError when it takes no more."""
        assert self._stdin is not None
        if data:
            self._stdin.write(data)
            await self._stdin.drain()
        else:
            self._stdin.close()

    async def wait(self) -> int:
        """Its exit code (negative: the signal that it died of), once it and its output have ended."""
        code = await self._process.wait()
        return code if self._first is None else await self._first.wait()

    def end(self) -> None:
        """Have it and its group killed, if that has not happened by itself; :meth:`kill` waits for it.

        SIGKILL at once: what it writes has a temporary name and is thrown away, so there is nothing that it
        should be left time for. Not ``process.kill()``: that collects an ended process behind the back of
        asyncio, which then knows nothing of its end.
        """
        if self._first is not None:
            self._first.kill()
        elif self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
        if self._stdin is not None:
            self._stdin.close()

    async def kill(self) -> None:
        """End it for good: it is gone, and collected, when this returns, or is cancelled. Idempotent."""
        self.end()
        if self._ending is None:
            self._ending = asyncio.ensure_future(self._bury())
        await to_its_end(self._ending)

    async def _bury(self) -> None:
        """Empty its pipes and wait for its end.

        In this order: until Python 3.12 ``wait`` returns only after the pipes have ended, and a full one ends
        only when it was read: https://github.com/python/cpython/issues/119710.
        """
        try:
            async with asyncio.timeout(_HELD):
                await self._output.empty()
                await self._complaints.empty()
        except TimeoutError:
            # Whoever left its group holds them, and need not ever let go.
            self._process._transport.close()  # type: ignore[attr-defined]
        await self.wait()
        orphans.known -= {self._process.pid, self.number}
        if self._first is None:
            # Where it had no process namespace of its own, somebody may have left its group.
            await asyncio.to_thread(orphans.end)
        if self._stdin is not None:
            # What it did not want to hear is no error, but asyncio complains unless somebody looks at it.
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                await self._stdin.wait_closed()


class _Outlet:
    """Where output comes out, unless it goes to a descriptor: only one may read at a time."""

    def __init__(self, stream: asyncio.StreamReader | None) -> None:
        self._stream = stream
        self._reading = False

    async def read(self, size: int) -> bytes:
        assert self._stream is not None
        self._reading = True
        try:
            return await self._stream.read(size)
        finally:
            self._reading = False

    async def empty(self) -> None:
        while self._stream is not None and not self._reading and await self._stream.read(CHUNK):
            pass


async def _inlet() -> tuple[int, asyncio.StreamWriter]:
    """A pipe: the end that a program reads from, and the one that we write to."""
    loop = asyncio.get_running_loop()
    reading, writing = os.pipe()
    protocol = asyncio.StreamReaderProtocol(asyncio.StreamReader())
    transport, _ = await loop.connect_write_pipe(lambda: protocol, os.fdopen(writing, "wb", buffering=0))
    return reading, asyncio.StreamWriter(transport, protocol, None, loop)


def _program(command: Sequence[str]) -> str:
    return command[command.index("--") + 1]


def _launcher(program: str, confinement: Confinement) -> list[str]:
    """What the launcher is told, up to the path of ``program``. Blocking."""
    found = _found(program)
    return [*confinement.options(found, isolation()), "--", found]


def _found(program: str) -> str:
    """The path of ``program``: it need not know ours to be found, and may start in another folder."""
    path = shutil.which(program)
    if path is None:
        raise ProgramMissing(Text("{program} is not installed.", program=program))
    return str(Path(path).absolute())


async def _undo(starting: asyncio.Future[Child]) -> None:
    """End what may just have been started."""
    with contextlib.suppress(ProgramError, OSError):
        await (await starting).kill()


async def to_its_end(task: asyncio.Future[Any]) -> None:
    """Wait for ``task`` however often this is cancelled meanwhile, and pass the cancellation on after it."""
    cancelled = False
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            cancelled = True
    if cancelled:
        raise asyncio.CancelledError
    task.result()
