"""One foreign program that runs: started through the launcher, read from, and ended for good."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from utils.errors import ProgramError, ProgramMissing
from utils.processes.confinement import Confinement
from utils.processes.forkserver import fork_server
from utils.processes.guard import orphans
from utils.processes.own import Own, Running, read_report, start_launcher
from utils.processes.pipes import CHUNK, Pipes
from utils.processes.system import isolation
from utils.texts import Text

__all__ = ["CHUNK", "PIPE", "Child", "to_its_end"]

#: Seconds that the pipes of a killed program may stay open.
_HELD = 1.0


class Child:
    """A program that was started. Whoever started it calls :meth:`kill` in the end, whatever has happened."""

    def __init__(self, process: Running, first: Running | None, pipes: Pipes) -> None:
        self._process = process
        #: The program itself where ``process``, the launcher, gave way to it instead of becoming it.
        self._first = first
        self._stdin = pipes.stdin
        self._output, self._complaints = pipes.outlets
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
        launcher = [*looking.result(), *command[1:]]
        starting = asyncio.ensure_future(cls._launch(launcher, cwd, (stdin, stdout, stderr), buffer))
        try:
            return await asyncio.shield(starting)
        except asyncio.CancelledError:
            # What is half started cannot be broken off; so it is started, then ended.
            await to_its_end(asyncio.ensure_future(_undo(starting)))
            raise

    @classmethod
    async def _launch(
        cls, command: Sequence[str], cwd: Path | None, streams: Sequence[int], buffer: int
    ) -> Child:
        """Start the launcher, and wait until it has become the program, or says that it cannot."""
        child = None
        if fork_server.ready():
            child = await cls._try(command, cwd, await Pipes.make(streams, buffer), forked=True)
        if child is None:  # there is none here, or it was killed in the middle
            child = await cls._try(command, cwd, await Pipes.make(streams, buffer), forked=False)
        assert child is not None
        return child

    @classmethod
    async def _try(
        cls, command: Sequence[str], cwd: Path | None, pipes: Pipes, *, forked: bool
    ) -> Child | None:
        """Start it as a copy of the fork server, or without that; None where no copy was made."""
        process: Running | None = None
        problem = ""
        with orphans.expecting():
            try:
                if forked:
                    await asyncio.to_thread(fork_server.ask, command, pipes.theirs, cwd)
                else:
                    process = await start_launcher(command, cwd, pipes.theirs)
            except OSError as error:
                problem = error.strerror or str(error)
            finally:
                pipes.hand_over()
            said, _, why = (await read_report(pipes.report)).partition("!")
            numbers = said.removeprefix("=").split()
            if forked and numbers:
                process = Own(int(numbers.pop(0)), leads=True)
            first = Own(int(numbers[0]), leads=False) if numbers else None
            if process is not None:
                orphans.known |= {process.number, first.number if first else process.number}
        if process is None:
            pipes.close()
            if forked:
                return None
        else:
            child = cls(process, first, pipes)
            if not why:
                return child
            await child.kill()
        raise ProgramMissing(
            Text(
                "{program} could not be started: {reason}",
                program=command[command.index("--") + 1],
                reason=why or problem,
            )
        )

    @property
    def number(self) -> int:
        """Its process id."""
        return (self._first or self._process).number

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
        should be left time for.
        """
        (self._first or self._process).kill()
        if self._stdin is not None:
            self._stdin.close()

    async def kill(self) -> None:
        """End it for good: it is gone, and collected, when this returns, or is cancelled. Idempotent."""
        self.end()
        if self._ending is None:
            self._ending = asyncio.ensure_future(self._bury())
        await to_its_end(self._ending)

    async def _bury(self) -> None:
        """Empty its pipes and wait for its end."""
        # Whoever left its group holds them, and need not ever let go.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_HELD):
                await self._output.empty()
                await self._complaints.empty()
        self._output.close()
        self._complaints.close()
        await self.wait()
        orphans.known -= {self._process.number, self.number}
        if self._first is None:
            # Where it had no process namespace of its own, somebody may have left its group.
            await asyncio.to_thread(orphans.end)
        if self._stdin is not None:
            # What it did not want to hear is no error, but asyncio complains unless somebody looks at it.
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                await self._stdin.wait_closed()


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
