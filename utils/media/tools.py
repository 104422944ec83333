"""The one way to ffmpeg and ffprobe, and what these two can do on this machine."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from utils.constants import Settings
from utils.errors import (
    ConversionFailed,
    ConversionTimeout,
    DiskFull,
    ProgramCrashed,
    ProgramError,
    ProgramTimeout,
    ToolCrashed,
    ToolStopped,
    TooMuchOutput,
)
from utils.media.commands import Files, files_of
from utils.pictures.pool import Pictures
from utils.processes.child import to_its_end
from utils.processes.confinement import NO_FILES, Confinement
from utils.processes.room import Room, Share
from utils.processes.supervisor import Line, Outcome, run
from utils.texts import Text

#: Seconds that describing a file, or decoding one picture of it, may take.
PROBE_TIMEOUT = 120.0
#: Address space of one process. Decoding and encoding a picture of 64 megapixels fits.
MEMORY = 8 << 30
#: Of the children that decode pictures, where the settings do not say.
_PICTURE_MEMORY = Settings.PICTURE_MEMORY_MB * 1_000_000
#: What ffmpeg says when the disk, or the file that it may write, is full.
_NO_SPACE = ("No space left on device", "File too large")
#: How far they stand back: a look is waited for, an encoding is not.
_LOOKING, _ENCODING = 5, 10


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
    """ffmpeg and ffprobe on this machine, and what decodes ``pictures``. Every call goes through here."""

    def __init__(
        self,
        ffmpeg: str = "ffmpeg",
        ffprobe: str = "ffprobe",
        *,
        memory: int = MEMORY,
        pictures: Pictures | None = None,
        reserve: int = 0,
    ) -> None:
        """``memory`` is for one of the two; ``pictures`` by default keeps no child waiting for more.

        ``reserve`` bytes of the disk are left free by all that writes here.
        """
        self._ffmpeg = ffmpeg
        self._ffprobe = ffprobe
        self._memory = memory
        self.room = Room(reserve)
        self.pictures = pictures or Pictures(_PICTURE_MEMORY, keep=False)

    def found(self) -> bool:
        """Are both there?"""
        return all(shutil.which(program) for program in (self._ffmpeg, self._ffprobe))

    async def describe(
        self, arguments: Sequence[str], *, on_line: Line | None = None, within: float = PROBE_TIMEOUT
    ) -> Outcome:
        """Run ffprobe, ``within`` seconds. A bad exit code is the caller's to judge.

        Raises :class:`ConversionTimeout`, :class:`ToolCrashed`, :class:`ToolStopped`, also when it is not
        there, and :class:`ConversionFailed` when it says too much.
        """
        files = await asyncio.to_thread(files_of, arguments)
        confinement = Confinement(
            self._memory, niceness=_LOOKING, reads=files.reads, cpu_seconds=_cpu(within)
        )
        with _as_media_errors():
            outcome = await run(
                [self._ffprobe, *arguments], confinement=confinement, within=within, on_line=on_line
            )
        _require_free_end("ffprobe", outcome)
        return outcome

    async def convert(
        self,
        arguments: Sequence[str],
        *,
        within: float,
        stall: float | None = None,
        on_progress: OnProgress | None = None,
        strict: bool = False,
        cwd: Path | None = None,
        file_bytes: int | None = NO_FILES,
        data: int | None = None,
    ) -> Progress:
        """Run ffmpeg in the folder ``cwd`` to its end and return how far it came.

        ``strict``: any complaint is an error. ``file_bytes``: no file that it writes may be larger; as it
        is, none to speak of. ``data``: bytes of memory of its own.

        Raises :class:`ConversionFailed` with its last words, :class:`ConversionTimeout`,
        :class:`ToolCrashed`, :class:`ToolStopped`, or :class:`DiskFull` (also when ``file_bytes`` are not
        enough).
        """
        report = _Report(on_progress)
        files = await asyncio.to_thread(_ready, arguments, cwd)
        with _as_media_errors():
            async with self._part_of_room(files, file_bytes, within) as (share, allowed):
                outcome = await run(
                    [self._ffmpeg, *arguments],
                    confinement=replace(allowed, data=data),
                    within=within,
                    stall=stall,
                    on_line=report.line,
                    cwd=cwd,
                    share=share,
                )
        if any(words in line for line in outcome.errors for words in _NO_SPACE):
            raise DiskFull(Text("The disk was full before the conversion was done."))
        _require_free_end("ffmpeg", outcome)
        if outcome.code != 0 or (strict and outcome.errors):
            raise ConversionFailed(Text("ffmpeg says: {reason}", reason=outcome.reason))
        return report.last

    @contextlib.asynccontextmanager
    async def _part_of_room(
        self, files: Files, most: int | None, within: float
    ) -> AsyncIterator[tuple[Share | None, Confinement]]:
        """What ffmpeg may do, and its share of the disk if it writes more than next to nothing."""
        confinement = Confinement(
            self._memory,
            most,
            niceness=_ENCODING,
            cpu_seconds=_cpu(within),
            reads=files.reads,
            writes=files.writes,
        )
        if not files.writes or (most is not None and most <= NO_FILES):
            yield None, confinement
            return
        output = files.outputs[0] if files.outputs else files.writes[0] / "parts"
        taking = asyncio.ensure_future(asyncio.to_thread(self.room.take, output, most))
        try:
            await to_its_end(taking)  # a thread cannot be cancelled, and what it took is to be given back
            share = taking.result()
            yield share, replace(confinement, file_bytes=share.now, file_bytes_later=share.most)
        finally:
            if taking.exception() is None:
                self.room.give_back(taking.result())

    async def capture(self, arguments: Sequence[str], *, within: float = PROBE_TIMEOUT) -> Outcome:
        """Run ffmpeg with its standard output kept. Such arguments must not ask for progress there.

        Raises as :meth:`describe`.
        """
        confinement = Confinement(self._memory, niceness=_LOOKING)
        with _as_media_errors():
            outcome = await run([self._ffmpeg, *arguments], confinement=confinement, within=within)
        _require_free_end("ffmpeg", outcome)
        return outcome

    async def features(self) -> Features:
        """What this ffmpeg can do; asked for once, and again when the program has changed."""
        stamp = await asyncio.to_thread(_stamp, self._ffmpeg)
        if stamp not in _known:
            # Without -hide_banner its first words are its version: one start tells both.
            outcome = await self.capture(["-filters"])
            if outcome.code != 0:
                raise ConversionFailed(Text("ffmpeg cannot be used: {reason}", reason=outcome.reason))
            version = outcome.errors[0] if outcome.errors else ""
            _known[stamp] = Features(version, _names(outcome.output.decode("utf-8", "replace")))
        return _known[stamp]


def _cpu(within: float) -> int:
    """Seconds of computing on all cores in that time, for a program whose clock stands still."""
    return int(within + 60) * (os.cpu_count() or 1)


def _ready(arguments: Sequence[str], cwd: Path | None) -> Files:
    """What ffmpeg opens; its output is there then, since it may make no file. Blocking."""
    files = files_of(arguments, cwd)
    for output in files.outputs:
        with contextlib.suppress(OSError):  # ffmpeg will say what is wrong
            output.touch()
    return files


@contextlib.contextmanager
def _as_media_errors() -> Iterator[None]:
    """What befell a program, as what it means for the file that it was to work on."""
    try:
        yield
    except ProgramTimeout as error:
        raise ConversionTimeout(error.told) from error
    except ProgramCrashed as error:
        raise ToolCrashed(
            Text("{program} crashed on it (signal {signal}).", program=error.program, signal=error.signal)
        ) from error
    except TooMuchOutput as error:
        raise ConversionFailed(Text("The description of the file is absurdly long.")) from error
    except ProgramError as error:
        raise ToolStopped(error.told) from error


def _require_free_end(program: str, outcome: Outcome) -> None:
    """Raise :class:`ToolStopped` unless ``program`` ended by itself, well or not."""
    if outcome.stopped:
        raise ToolStopped(f"{program} {outcome.stopped}.")


#: What is known of each ffmpeg, by its path, size and time: no need to ask for every :class:`Tools`.
_known: dict[tuple[str, int, int], Features] = {}


def _stamp(program: str) -> tuple[str, int, int]:
    """What tells one installed program from another. Blocking."""
    path = shutil.which(program)
    if path is None:
        raise ToolStopped(Text("{program} is not installed.", program=program))
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
