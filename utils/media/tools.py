"""The one way to ffmpeg and ffprobe, and what these two can do on this machine."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from utils.errors import ConversionFailed, DiskFull
from utils.processes.supervisor import Limits, Line, Outcome, run

#: Seconds that describing a file, or decoding one picture of it, may take.
PROBE_TIMEOUT = 120.0
#: Address space of one process. Decoding and encoding a picture of 64 megapixels fits.
MEMORY = 8 << 30
_NO_SPACE = "No space left on device"


@dataclass(frozen=True)
class Progress:
    """How far an ffmpeg run is: frames written, seconds of the result, bytes."""

    frames: int = 0
    seconds: float = 0.0
    size: int = 0


@dataclass(frozen=True)
class Features:
    """What the installed ffmpeg can do."""

    version: str
    filters: frozenset[str]


OnProgress = Callable[[Progress], Awaitable[None]]


class Tools:
    """ffmpeg and ffprobe on this machine. Every call of either goes through here."""

    def __init__(self, ffmpeg: str = "ffmpeg", ffprobe: str = "ffprobe", *, memory: int = MEMORY) -> None:
        self._ffmpeg = ffmpeg
        self._ffprobe = ffprobe
        self._memory = memory

    def found(self) -> bool:
        """Are both there?"""
        return all(shutil.which(program) for program in (self._ffmpeg, self._ffprobe))

    async def describe(
        self, arguments: Sequence[str], *, on_line: Line | None = None, within: float = PROBE_TIMEOUT
    ) -> Outcome:
        """Run ffprobe, ``within`` seconds. A bad exit code is the caller's to judge."""
        limits = Limits(timeout=within, memory=self._memory, niceness=5)
        return await run([self._ffprobe, *arguments], limits=limits, on_line=on_line)

    async def convert(
        self,
        arguments: Sequence[str],
        *,
        within: float,
        stall: float | None = None,
        on_progress: OnProgress | None = None,
        strict: bool = False,
        cwd: Path | None = None,
    ) -> Progress:
        """Run ffmpeg in the folder ``cwd`` to its end and return how far it came.

        ``strict``: any complaint is an error.

        Raises :class:`ConversionFailed` with its last words, :class:`ConversionTimeout`, or
        :class:`DiskFull`.
        """
        report = _Report(on_progress)
        limits = Limits(timeout=within, stall=stall, memory=self._memory, niceness=10)
        outcome = await run([self._ffmpeg, *arguments], limits=limits, on_line=report.line, cwd=cwd)
        if any(_NO_SPACE in line for line in outcome.errors):
            raise DiskFull("The disk was full before the conversion was done.")
        if outcome.code != 0 or (strict and outcome.errors):
            raise ConversionFailed(f"ffmpeg says: {outcome.reason}")
        return report.last

    async def capture(self, arguments: Sequence[str], *, within: float = PROBE_TIMEOUT) -> Outcome:
        """Run ffmpeg with its standard output kept. Such arguments must not ask for progress there."""
        limits = Limits(timeout=within, memory=self._memory, niceness=5)
        return await run([self._ffmpeg, *arguments], limits=limits)

    async def features(self) -> Features:
        """What this ffmpeg can do; asked for once, and again when the program has changed."""
        stamp = await asyncio.to_thread(_stamp, self._ffmpeg)
        if stamp not in _known:
            version, filters = await asyncio.gather(self._ask("-version"), self._ask("-filters"))
            _known[stamp] = Features(version.partition("\n")[0].strip(), _names(filters))
        return _known[stamp]

    async def _ask(self, what: str) -> str:
        outcome = await self.capture(["-hide_banner", what])
        if outcome.code != 0:
            raise ConversionFailed(f"ffmpeg cannot be used: {outcome.reason}")
        return outcome.output.decode("utf-8", "replace")


#: What is known of each ffmpeg, by its path, size and time: no need to ask for every :class:`Tools`.
_known: dict[tuple[str, int, int], Features] = {}


def _stamp(program: str) -> tuple[str, int, int]:
    """What tells one installed program from another. Blocking."""
    path = shutil.which(program)
    if path is None:
        raise ConversionFailed(f"{program} is not installed.")
    stat = Path(path).stat()
    return path, stat.st_size, stat.st_mtime_ns


def _names(table: str) -> frozenset[str]:
    """The second column of ffmpeg's tables."""
    rows = (line.split() for line in table.splitlines())
    return frozenset(row[1] for row in rows if len(row) > 1)


class _Report:
    """Reads ``-progress``: lines ``key=value``, a block of them ended by ``progress=``."""

    def __init__(self, on_progress: OnProgress | None) -> None:
        self._on_progress = on_progress
        self._values: dict[str, str] = {}
        self.last = Progress()

    async def line(self, text: str) -> bool:
        """Take in one line; answers whether something moved since the block before."""
        key, _, value = text.partition("=")
        self._values[key.strip()] = value.strip()
        if key != "progress":
            return False
        now = Progress(
            frames=self._number("frame"),
            # In spite of its name microseconds: https://trac.ffmpeg.org/ticket/7345
            seconds=self._number("out_time_us") / 1e6,
            size=self._number("total_size"),
        )
        moved = now != self.last
        self.last = now
        if self._on_progress is not None:
            await self._on_progress(now)
        return moved or value.strip() == "end"

    def _number(self, key: str) -> int:
        try:
            return max(0, int(self._values.get(key, "0")))
        except ValueError:
            return 0
