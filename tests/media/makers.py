"""Small clips made by the real ffmpeg, and a look at what became of them."""

from __future__ import annotations

import hashlib
import json
import shutil
import struct
import subprocess
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from tests.shared import made_once
from utils.media import Converter, EncodeSettings, Inspection, Tools, inspect

#: Moving and noisy, so that frames differ and motion is searched for.
PICTURE = "testsrc2=size={size}:rate={rate}:duration={seconds},noise=alls=12:allf=t"
SOUND = "sine=frequency=440:duration={seconds}:sample_rate=48000"


def ffmpeg(*arguments: str | Path) -> None:
    """Run ffmpeg; an error is the test's."""
    command = ["ffmpeg", "-nostdin", "-v", "error", "-y", *(str(argument) for argument in arguments)]
    subprocess.run(command, check=True, timeout=60)


def clip(
    path: Path,
    *options: str,
    size: str = "320x240",
    rate: str = "25",
    seconds: float = 2.0,
    sound: bool = True,
    picture_filter: str = "",
) -> Path:
    """A clip in ``path`` with the codecs that ``options`` name."""
    picture = PICTURE.format(size=size, rate=rate, seconds=seconds)
    if picture_filter:
        picture += f",{picture_filter}"
    inputs = ["-f", "lavfi", "-i", picture]
    if sound:
        inputs += ["-f", "lavfi", "-i", SOUND.format(seconds=seconds)]
    arguments = (*inputs, "-threads", "1", *options)

    def make(folder: Path) -> None:
        folder.mkdir()
        ffmpeg(*arguments, folder / f"clip{path.suffix}")

    name = hashlib.sha256(repr((arguments, path.suffix)).encode()).hexdigest()
    shutil.copyfile(made_once(f"clip-{name}", make) / f"clip{path.suffix}", path)
    return path


H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
AAC = ("-c:a", "aac", "-ac", "2")


#: The display matrix of pictures to be shown turned clockwise: a, b, u, c, d, v of
#: https://developer.apple.com/documentation/quicktime-file-format/track_header_atom
_MATRICES = {90: (0, 1, 0, -1, 0, 0), 180: (-1, 0, 0, 0, -1, 0), 270: (0, -1, 0, 1, 0, 0)}


def turn(path: Path, degrees: int) -> Path:
    """Have the picture of an MP4 or MOV, its first track, shown turned clockwise, as a phone does.

    Written into the file by ourselves: ffmpeg 5.1 has no -display_rotation, and 8 has no rotate tag any more.
    """
    data = bytearray(path.read_bytes())
    header = data.index(b"tkhd", data.index(b"moov")) + 4
    matrix = header + (52 if data[header] == 1 else 40)
    values = [value << 16 for value in _MATRICES[degrees]]
    struct.pack_into(">6i", data, matrix, *values)
    path.write_bytes(data)
    return path


def describe(path: Path, *options: str) -> dict[str, object]:
    """ffprobe's JSON."""
    command = ["ffprobe", "-v", "error", "-of", "json", *options, str(path)]
    return dict(json.loads(subprocess.run(command, check=True, capture_output=True, timeout=60).stdout))


def streams(path: Path) -> list[dict[str, object]]:
    """The streams of ``path`` as ffprobe describes them."""
    found = describe(path, "-show_streams", "-show_chapters")["streams"]
    assert isinstance(found, list)
    return found


def shown_times(path: Path, stream: str = "v:0") -> list[float]:
    """When each decoded picture is shown, in seconds."""
    command = ["ffprobe", "-v", "error", "-select_streams", stream, "-of", "csv=p=0"]
    command += ["-show_entries", "frame=best_effort_timestamp_time", str(path)]
    output = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout
    return [float(line.split(",")[0]) for line in output.splitlines() if line.strip(",")]


def frame_hashes(path: Path, *filters: str) -> list[str]:
    """A check sum of each decoded picture."""
    command = ["ffmpeg", "-v", "error", "-i", str(path), "-map", "0:v:0", *filters]
    command += ["-fps_mode", "passthrough", "-f", "framemd5", "-"]
    output = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout
    return [line.rpartition(",")[2].strip() for line in output.splitlines() if not line.startswith("#")]


def decodes_without_a_word(path: Path) -> bool:
    """Whether ffmpeg has nothing to say about any picture or sound of ``path``."""
    command = ["ffmpeg", "-v", "warning", "-xerror", "-i", str(path), "-f", "null", "-"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    return done.returncode == 0 and not done.stderr.strip()


class Memory:
    """A checkpoint that is kept in memory; ``saved`` holds the progress of every save."""

    def __init__(self) -> None:
        self.data: dict[str, object] | None = None
        self.saved: list[float] = []

    def load(self) -> dict[str, object] | None:
        return self.data

    async def save(self, data: object, progress: float) -> None:
        self.data = json.loads(json.dumps(data))
        self.saved.append(progress)


#: Fast, with segments so short that a clip of seconds has several.
QUICK = EncodeSettings(preset="ultrafast", crf=28, threads=1, segment_seconds=1.0)
#: The same segments, encoded two at a time.
SIDE_BY_SIDE = replace(QUICK, threads=2, segment_seconds=2.0)
#: Shared, since it asks ffmpeg once what it can do.
TOOLS = Tools()


async def convert(
    source: Path,
    output: Path,
    *,
    settings: EncodeSettings = QUICK,
    name: str = "",
    checkpoint: Memory | None = None,
    progress: list[float] | None = None,
    tools: Tools | None = None,
    before: Inspection | None = None,
) -> tuple[Inspection, Inspection]:
    """Inspect (but for ``before``) and convert ``source``; what was said of it before and of the result."""
    tools = tools or TOOLS
    before = before or await inspect(source, name or source.name, tools=tools)

    async def on_progress(percent: float) -> None:
        if progress is not None:
            progress.append(percent)

    after = await Converter(settings, tools).convert(
        source,
        output,
        inspection=before,
        checkpoint=checkpoint or Memory(),
        work_dir=output.parent / f"{output.name}.work",
        on_progress=on_progress,
    )
    return before, after


def largest_time_error(source: Path, result: Path) -> float:
    """Seconds by which a picture's distance from the first one differs, at most; the counts must agree."""
    before, after = shown_times(source), shown_times(result)
    assert len(before) == len(after), (len(before), len(after))
    return max(abs((a - after[0]) - (b - before[0])) for a, b in zip(after, sorted(before), strict=True))


def rate_of(stream: dict[str, object]) -> Fraction:
    """Frames a second on average."""
    return Fraction(str(stream["avg_frame_rate"]))
