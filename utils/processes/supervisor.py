"""Running one program: bounded in time, memory and output, and never left behind."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from utils.errors import ConversionFailed, ConversionTimeout

_LAUNCH = Path(__file__).with_name("launch.py")

#: Lines of standard error that are kept (a damaged file may write millions), and characters of each.
STDERR_LINES = 50
_LINE_LENGTH = 500
#: Bytes of standard output that are kept.
STDOUT_LIMIT = 64 << 20
_CHUNK = 1 << 16

Line = Callable[[str], Awaitable[bool]]


@dataclass(frozen=True)
class Limits:
    """What a process may use: seconds in all, seconds without progress, bytes of memory, niceness."""

    timeout: float
    stall: float | None = None
    memory: int = 0
    niceness: int = 10


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


async def run(
    command: Sequence[str], *, limits: Limits, on_line: Line | None = None, cwd: Path | None = None
) -> Outcome:
    """Run ``command`` to its end, in the folder ``cwd``.

    With ``on_line``, each line of standard output is given to it instead of being kept; it answers whether
    the line shows progress, and after ``limits.stall`` seconds without any the process is killed.
    Raises :class:`ConversionTimeout` when a limit of time is reached and :class:`ConversionFailed` when the
    program is not there. However this ends, by cancellation too, the process and its group are gone then.
    """
    process = await _start(command, limits, cwd)
    assert process.stdout is not None
    assert process.stderr is not None
    errors: deque[str] = deque(maxlen=STDERR_LINES)
    pulse = _Pulse()
    output: asyncio.Task[bytes] = asyncio.ensure_future(_read_output(process.stdout, on_line, pulse))
    complaints = asyncio.ensure_future(_read_errors(process.stderr, errors))
    watch = asyncio.ensure_future(_watch(limits, pulse))
    ended = asyncio.gather(output, complaints)
    try:
        await asyncio.wait((ended, watch), return_when=asyncio.FIRST_COMPLETED)
        if watch.done():
            watch.result()
        await ended
        code = await process.wait()
        return Outcome(code, output.result(), tuple(errors))
    finally:
        _kill(process)
        for task in (watch, ended):
            task.cancel()
        # Shielded, so that a second cancellation does not leave anything behind.
        await asyncio.shield(asyncio.ensure_future(_bury(process, watch, ended)))


async def _start(command: Sequence[str], limits: Limits, cwd: Path | None) -> asyncio.subprocess.Process:
    launch = [sys.executable, "-I", "-S", str(_LAUNCH)]
    numbers = [str(os.getpid()), str(limits.niceness), str(limits.memory)]
    try:
        return await asyncio.create_subprocess_exec(
            *launch,
            *numbers,
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
            cwd=cwd,
        )
    except OSError as error:
        raise ConversionFailed(f"{command[0]} could not be started: {error}") from error


class _Pulse:
    """When progress was last seen."""

    def __init__(self) -> None:
        self.at = time.monotonic()

    def beat(self) -> None:
        self.at = time.monotonic()


async def _watch(limits: Limits, pulse: _Pulse) -> None:
    """Ends by raising :class:`ConversionTimeout`."""
    end = time.monotonic() + limits.timeout
    while True:
        now = time.monotonic()
        if now >= end:
            raise ConversionTimeout(f"It took longer than {limits.timeout:.0f} seconds.")
        wake = end
        if limits.stall is not None:
            if now >= pulse.at + limits.stall:
                raise ConversionTimeout(f"It stood still for {limits.stall:.0f} seconds.")
            wake = min(end, pulse.at + limits.stall)
        await asyncio.sleep(wake - now)


async def _read_output(stream: asyncio.StreamReader, on_line: Line | None, pulse: _Pulse) -> bytes:
    if on_line is None:
        kept = bytearray()
        while chunk := await stream.read(_CHUNK):
            if len(kept) + len(chunk) > STDOUT_LIMIT:
                raise ConversionFailed("The description of the file is absurdly long.")
            kept += chunk
            pulse.beat()
        return bytes(kept)
    rest = b""
    while chunk := await stream.read(_CHUNK):
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            if await on_line(line.decode("utf-8", "replace").strip()):
                pulse.beat()
    return b""


async def _read_errors(stream: asyncio.StreamReader, errors: deque[str]) -> None:
    rest = b""
    while chunk := await stream.read(_CHUNK):
        *lines, rest = (rest + chunk).split(b"\n")
        rest = rest[-_LINE_LENGTH:]
        for line in lines:
            _keep(line, errors)
    _keep(rest, errors)


def _keep(line: bytes, errors: deque[str]) -> None:
    text = line.decode("utf-8", "replace").strip()[:_LINE_LENGTH]
    if text:
        errors.append(text)


def _kill(process: asyncio.subprocess.Process) -> None:
    """End the process and its group, if that has not happened by itself.

    SIGKILL at once: what is written has a temporary name and is thrown away, so there is nothing that the
    program should be left time for.
    """
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)


async def _bury(process: asyncio.subprocess.Process, *tasks: asyncio.Future[Any]) -> None:
    """Empty its pipes and wait for its end.

    In this order: until Python 3.12 ``wait`` returns only after the pipes have ended, and a full one ends
    only when it was read: https://github.com/python/cpython/issues/119710.
    """
    await asyncio.gather(*tasks, return_exceptions=True)
    for stream in (process.stdout, process.stderr):
        while stream is not None and await stream.read(_CHUNK):
            pass
    await process.wait()
