"""Running one program to its end: bounded in time, memory and output, and never left behind."""

from __future__ import annotations

import asyncio
import contextlib
import re
import signal
import time
from asyncio.subprocess import DEVNULL, PIPE
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from utils.errors import ProgramCrashed, ProgramTimeout, TooMuchOutput
from utils.processes.child import Child, to_its_end
from utils.processes.confinement import Confinement
from utils.processes.room import Share
from utils.texts import Text

#: Lines of standard error that are kept (a damaged file may write millions), and characters of each.
STDERR_LINES = 50
_LINE_LENGTH = 500
#: Bytes of standard output that are kept, or that one line of it may have.
STDOUT_LIMIT = 4 << 20
LONGEST_LINE = 1 << 20

#: Signals that a program dies of by a mistake of its own. Others come from outside: from its owner, or from a
#: kernel that has no memory left.
_CRASHES = {
    signal.SIGABRT,
    signal.SIGBUS,
    signal.SIGFPE,
    signal.SIGILL,
    signal.SIGSEGV,
    signal.SIGSYS,
    signal.SIGTRAP,
}
#: Last words of one that got no memory: many die of a signal then, and it is the limit's doing.
_NO_MEMORY = re.compile(r"bad_alloc|out of memory|alloc\w* (required )?memory|malloc", re.IGNORECASE)

T = TypeVar("T")
Line = Callable[[str], Awaitable[bool]]


#: More of them, of one that ended by itself.
_NO_RESOURCES = re.compile(rf"{_NO_MEMORY.pattern}|resource temporarily unavailable", re.IGNORECASE)
#: What ffmpeg's exit code is when it was asked to end.
_ASKED_TO_END = 255


@dataclass(frozen=True)
class Outcome:
    """How a process ended: its exit code (negative: killed by that signal), output, last error lines."""

    code: int
    output: bytes
    errors: tuple[str, ...]

    @property
    def reason(self) -> str:
        """The last thing it said, for people."""
        return self.errors[-1] if self.errors else f"exit code {self.code}"

    @property
    def stopped(self) -> str:
        """What kept the program from its work, whatever that was, as the end of a sentence; or ""."""
        if self.code and any(_NO_RESOURCES.search(line) for line in self.errors):
            return "got too little memory for it"
        return "was killed" if self.code < 0 or (self.code == _ASKED_TO_END and not self.errors) else ""


async def run(
    command: Sequence[str],
    *,
    confinement: Confinement,
    within: float,
    stall: float | None = None,
    on_line: Line | None = None,
    given: bytes = b"",
    cwd: Path | None = None,
    share: Share | None = None,
) -> Outcome:
    """Run ``command`` to its end, in the folder ``cwd``, with ``given`` as its standard input.

    ``share`` is its part of the disk: when the rest is reached, it is ended by :class:`DiskFull`.

    With ``on_line``, each line of standard output is given to it instead of being kept; it answers whether
    the line shows progress, and after ``stall`` seconds without any the process is killed, as it is after
    ``within`` seconds in all. Raises :class:`ProgramMissing`, :class:`ProgramTimeout`,
    :class:`TooMuchOutput` and :class:`ProgramCrashed`. However this ends, by cancellation too, the process
    and its group are gone then.
    """
    child = await Child.start(command, confinement=confinement, cwd=cwd, stdin=PIPE if given else DEVNULL)
    if share is not None:
        share.begin(child.number)
    errors: deque[str] = deque(maxlen=STDERR_LINES)
    pulse = _Pulse()
    output = asyncio.ensure_future(_read_output(child, on_line, pulse))
    code = asyncio.ensure_future(child.wait())
    others = [asyncio.ensure_future(_read_errors(child, errors))]
    if given:
        others.append(asyncio.ensure_future(_give(child, given)))
    watch = asyncio.ensure_future(_watch(within, stall, pulse, share))
    ended = asyncio.gather(output, code, *others)
    try:
        await asyncio.wait((ended, watch), return_when=asyncio.FIRST_COMPLETED)
        if watch.done():
            watch.result()
        await ended
    finally:
        # Its own task, so that a cancellation cannot leave anything behind.
        await to_its_end(asyncio.ensure_future(_end(child, (ended, output, code, *others, watch))))
    check_crash(command[0], code.result(), errors)
    return Outcome(code.result(), output.result(), tuple(errors))


def run_blocking(
    command: Sequence[str], *, confinement: Confinement, within: float, given: bytes = b""
) -> Outcome:
    """The same for who has no event loop, or is in the middle of one and may hold it up."""
    return in_a_loop(run(command, confinement=confinement, within=within, given=given))


def in_a_loop(work: Coroutine[Any, Any, T]) -> T:
    """What ``work`` gives, for who has no event loop, or is in the middle of one and may hold it up."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


def check_crash(program: str, code: int, words: Iterable[str]) -> None:
    """Raise :class:`ProgramCrashed` if the exit code ``code`` is that of a mistake in the program.

    ``words`` are the lines that it said on standard error. Who died for want of memory, or was killed, did
    not crash.
    """
    if -code in _CRASHES and not any(_NO_MEMORY.search(line) for line in words):
        raise ProgramCrashed(Path(program).name, -code)


class _Pulse:
    """When progress was last seen."""

    def __init__(self) -> None:
        self.at = time.monotonic()

    def beat(self) -> None:
        self.at = time.monotonic()


async def _watch(within: float, stall: float | None, pulse: _Pulse, share: Share | None) -> None:
    """Ends by raising :class:`ProgramTimeout` or :class:`DiskFull`."""
    end = time.monotonic() + within
    while True:
        now = time.monotonic()
        if now >= end:
            raise ProgramTimeout(Text("It took longer than {seconds:.0f} seconds.", seconds=within))
        wake = end
        if stall is not None:
            if now >= pulse.at + stall:
                raise ProgramTimeout(Text("It stood still for {seconds:.0f} seconds.", seconds=stall))
            wake = min(end, pulse.at + stall)
        if share is not None:
            wake = min(wake, now + await asyncio.to_thread(share.look))
        await asyncio.sleep(wake - time.monotonic())


async def _read_output(child: Child, on_line: Line | None, pulse: _Pulse) -> bytes:
    if on_line is None:
        kept = bytearray()
        while chunk := await child.read():
            if len(kept) + len(chunk) > STDOUT_LIMIT:
                raise TooMuchOutput(Text("It says more than {size} MB.", size=STDOUT_LIMIT >> 20))
            kept += chunk
            pulse.beat()
        return bytes(kept)
    async for line in lines_of(child.read):
        if await on_line(line.decode("utf-8", "replace").strip()):
            pulse.beat()
    return b""


async def lines_of(read: Callable[[], Awaitable[bytes]]) -> AsyncIterator[bytes]:
    """What ``read`` gives, line by line, without line ends. Raises :class:`TooMuchOutput`."""
    rest = b""
    while chunk := await read():
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            yield line
        if len(rest) > LONGEST_LINE:
            raise TooMuchOutput(Text("It says a line of more than {size} MB.", size=LONGEST_LINE >> 20))
    if rest:
        yield rest


async def _read_errors(child: Child, errors: deque[str]) -> None:
    rest = b""
    while chunk := await child.read_complaints():
        *lines, rest = (rest + chunk).split(b"\n")
        rest = rest[-_LINE_LENGTH:]
        for line in lines:
            _keep(line, errors)
    _keep(rest, errors)


def _keep(line: bytes, errors: deque[str]) -> None:
    text = line.decode("utf-8", "replace").strip()[:_LINE_LENGTH]
    if text:
        errors.append(text)


async def _give(child: Child, data: bytes) -> None:
    """All of ``data``, as far as it is wanted."""
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        await child.write(data)
    await child.write(b"")


async def _end(child: Child, tasks: Sequence[asyncio.Future[Any]]) -> None:
    child.end()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await child.kill()
