"""What the engine remembers between two runs of one conversion."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

#: Raised when what is written changes its meaning: a checkpoint of another version starts over.
VERSION = 2


class Checkpoint(Protocol):
    """Where the engine keeps its state; whoever calls it decides in which file that is."""

    def load(self) -> Mapping[str, Any] | None:
        """What was saved last, or None."""

    async def save(self, data: Mapping[str, Any], progress: float) -> None:
        """Make ``data`` durable; ``progress`` is 0 to 100."""


class NoCheckpoint:
    """Of a conversion that begins anew when it was cut off."""

    def load(self) -> None:
        """Nothing was saved."""

    async def save(self, data: Mapping[str, Any], progress: float) -> None:
        """Nothing is kept."""


@dataclass(frozen=True)
class Segment:
    """A stretch of the source's frames.

    ``first`` is the number of its first frame and ``frames`` how many there are (0: all, not counted).
    ``start`` and ``end`` are times in the source's time base; ``end`` is where the next segment starts.
    """

    first: int
    frames: int
    start: int
    end: int


@dataclass(frozen=True)
class Recipe:
    """Everything that decides the bytes of the result. Written once, and followed after every restart.

    ``identity`` names the input (size, mtime) and ``ffmpeg`` the version. ``mode`` is how the source is
    read (see :mod:`utils.media.full`), ``rewrapped`` whether from a lossless copy of it in another container.
    ``time_base`` is that of the times in ``segments``; ``video`` holds the options of the encoder as
    pairs of name and value; ``seek_back`` is the number of frames decoded before each segment for the
    filters' sake and thrown away.
    """

    identity: str
    ffmpeg: str
    mode: str
    rewrapped: bool
    time_base: str
    video: tuple[tuple[str, str], ...]
    seek_back: int
    segments: tuple[Segment, ...]

    @property
    def frames(self) -> int:
        """Frames in all (0: not counted)."""
        return sum(segment.frames for segment in self.segments)


@dataclass(frozen=True)
class Done:
    """A finished file of a conversion: its size in bytes proves that it is the one that was verified."""

    name: str
    size: int
    frames: int = 0


@dataclass(frozen=True)
class EncodeState:
    """A recipe for ``source`` and how much of it is done. ``folder`` is where the finished segments are.

    ``audio`` holds the sound by the tracks' indices in the source; one without a name was left out.
    """

    recipe: Recipe
    source: str
    folder: str
    segments: Mapping[int, Done] = field(default_factory=dict)
    audio: Mapping[int, Done] = field(default_factory=dict)
    result: Done | None = None

    def with_segment(self, number: int, done: Done) -> EncodeState:
        """The state after one more segment."""
        return replace(self, segments={**self.segments, number: done})

    @property
    def frames_done(self) -> int:
        """Frames in finished segments."""
        return sum(done.frames for done in self.segments.values())

    def to_json(self) -> dict[str, Any]:
        """For :meth:`Checkpoint.save`."""
        return {
            "version": VERSION,
            "recipe": {
                **asdict(self.recipe),
                "video": [list(pair) for pair in self.recipe.video],
                "segments": [[s.first, s.frames, s.start, s.end] for s in self.recipe.segments],
            },
            "source": self.source,
            "folder": self.folder,
            # In one order, whoever was done first.
            "segments": {str(number): asdict(done) for number, done in sorted(self.segments.items())},
            "audio": {str(index): asdict(done) for index, done in self.audio.items()},
            "result": asdict(self.result) if self.result else None,
        }


def read_state(data: Mapping[str, Any] | None) -> EncodeState | None:
    """The state in a checkpoint, or None when there is none that this version understands."""
    if not data or data.get("version") != VERSION:
        return None
    try:
        recipe = data["recipe"]
        return EncodeState(
            recipe=Recipe(
                identity=str(recipe["identity"]),
                ffmpeg=str(recipe["ffmpeg"]),
                mode=str(recipe["mode"]),
                rewrapped=bool(recipe["rewrapped"]),
                time_base=str(recipe["time_base"]),
                video=tuple((str(name), str(value)) for name, value in recipe["video"]),
                seek_back=int(recipe["seek_back"]),
                segments=tuple(Segment(*(int(number) for number in row)) for row in recipe["segments"]),
            ),
            source=str(data["source"]),
            folder=str(data["folder"]),
            segments={int(number): Done(**done) for number, done in data["segments"].items()},
            audio={int(index): Done(**done) for index, done in data["audio"].items()},
            result=Done(**data["result"]) if data["result"] else None,
        )
    except (AttributeError, KeyError, TypeError, ValueError):
        return None


def finished_only(state: EncodeState) -> EncodeState:
    """``state`` without the files that are not there any more, or not as they were. Blocking."""
    folder = Path(state.folder)
    segments = {number: done for number, done in state.segments.items() if is_there(folder, done)}
    audio = {index: done for index, done in state.audio.items() if not done.name or is_there(folder, done)}
    return replace(state, segments=segments, audio=audio)


def identity_of(source: Path) -> str:
    """What tells a file from another one under the same name. Blocking."""
    stat = source.stat()
    return f"{stat.st_size} bytes, changed {stat.st_mtime_ns}"


def is_there(folder: Path, done: Done) -> bool:
    """Is the finished file still there, with the size that it had? Blocking."""
    try:
        return (folder / done.name).stat().st_size == done.size
    except OSError:
        return False
