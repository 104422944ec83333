"""Cutting a playable video into parts that each play, without encoding anything."""

from __future__ import annotations

import asyncio
from array import array
from dataclasses import dataclass, field
from pathlib import Path

from utils.errors import ConversionFailed
from utils.media.commands import Job, Value, probe_arguments
from utils.media.disk import sync
from utils.media.frame_times import MAX_FRAMES
from utils.media.inspection import Inspection
from utils.media.tools import Tools
from utils.media.verify import require_playable
from utils.texts import Text

#: Bytes that an MP4's index takes for one packet at most, and what it takes beside its packets.
_PER_PACKET, _PER_FILE = 40, 16_384
#: Bytes that a part may have beyond twice the whole, before ffmpeg is stopped.
_SLACK = 64 << 20
#: Parts of the limit that are aimed for, one after the other, until every part is below the limit.
_TARGETS = (0.98, 0.9, 0.75)
#: Seconds that reading or writing one gigabyte may take, and the least that is allowed.
_SECONDS_PER_GB, _LEAST_SECONDS = 600.0, 300.0


@dataclass
class Packets:
    """The size of what each frame brings with it (its own packet and the sound after it), in file order.

    ``keys`` are the places of the key frames among the frames.
    """

    sizes: array[int] = field(default_factory=lambda: array("q"))
    keys: list[int] = field(default_factory=list)


async def split_video(path: Path, folder: Path, limit: int, *, tools: Tools) -> list[Path]:
    """Cut the playable MP4 ``path`` at key frames into parts of at most ``limit`` bytes each, in order.

    The parts lie in ``folder``, are durable, begin with their index, play, and have all frames between
    them. Raises :class:`ConversionFailed` where that cannot be done (one group of pictures alone is larger),
    and :class:`DiskFull`; no part is left behind then.
    """
    source = await require_playable(path, tools)
    size = await asyncio.to_thread(lambda: path.stat().st_size)
    within = max(_LEAST_SECONDS, size / 1e9 * _SECONDS_PER_GB)
    assert source.plan is not None
    packets = await _read_packets(path, source.plan.video, tools, within)
    try:
        for target in _TARGETS:
            cuts = plan_cuts(packets, int(limit * target))
            await asyncio.to_thread(_remove, path, folder)
            parts = [folder / f"{path.name}.part{number:03d}.mp4" for number in range(len(cuts) + 1)]
            await _cut(path, folder, source, cuts, tools, within)
            if all([await asyncio.to_thread(_size, part) <= limit for part in parts]):
                await _verify(parts, len(packets.sizes), tools, within)
                await asyncio.to_thread(_make_durable, folder, parts)
                return parts
        raise ConversionFailed(Text("It cannot be cut into parts that are small enough."))
    except BaseException:
        await asyncio.to_thread(_remove, path, folder)
        raise


def plan_cuts(packets: Packets, limit: int) -> list[int]:
    """The frames (key frames all) at which a new part begins, so that no part is above ``limit``. Pure.

    Raises :class:`ConversionFailed` when the frames from one key frame to the next are too large.
    """
    cuts: list[int] = []
    room = limit - _PER_FILE
    used = 0
    for first, end in zip(packets.keys, [*packets.keys[1:], len(packets.sizes)], strict=True):
        group = sum(packets.sizes[first:end])
        if group > room:
            raise ConversionFailed(Text("Its key frames are too far apart to cut it into parts."))
        if used + group > room:
            cuts.append(first)
            used = 0
        used += group
    return cuts


async def _read_packets(path: Path, video: int, tools: Tools, within: float) -> Packets:
    packets = Packets()

    async def line(text: str) -> bool:
        fields = text.split(",")
        if len(fields) < 3 or not fields[0].isdigit() or not fields[1].isdigit():
            return False
        if int(fields[0]) == video:
            if len(packets.sizes) >= MAX_FRAMES:
                raise ConversionFailed(Text("It has more than {count:,} frames.", count=MAX_FRAMES))
            if "K" in fields[2] or not packets.keys:
                packets.keys.append(len(packets.sizes))
            packets.sizes.append(0)
        if packets.sizes:
            packets.sizes[-1] += int(fields[1]) + _PER_PACKET
        return True

    options: dict[str, Value] = {"show_entries": "packet=stream_index,size,flags", "of": "csv=p=0:nk=1"}
    outcome = await tools.describe(probe_arguments(path, options), on_line=line, within=within)
    if outcome.code != 0 or not packets.sizes:
        raise ConversionFailed(Text("Its frames cannot be read: {reason}", reason=outcome.reason))
    return packets


async def _cut(
    path: Path, folder: Path, source: Inspection, cuts: list[int], tools: Tools, within: float
) -> None:
    assert source.plan is not None
    job = Job()
    number = job.input(path)
    options: dict[str, Value] = {
        "c": "copy",
        "f": "segment",
        "segment_format": "mp4",
        "segment_format_options": "movflags=+faststart",
        "segment_frames": ",".join(map(str, cuts)) or str(1 << 30),
        "reset_timestamps": 1,
        "max_muxing_queue_size": 4096,
    }
    streams = [source.plan.video, *(track.index for track in source.plan.audio)]
    # The muxer numbers the files itself; a percent sign of the folder's own must not be taken for that.
    pattern = Path(str(folder).replace("%", "%%")) / f"{path.name.replace('%', '%%')}.part%03d.mp4"
    job.output(pattern, [(number, str(index)) for index in streams], options)
    # No part is larger than the whole, but for an index of its own.
    largest = 2 * (await asyncio.to_thread(_size, path)) + _SLACK
    await tools.convert(job.arguments(), within=within, stall=120, file_bytes=largest)


async def _verify(parts: list[Path], frames: int, tools: Tools, within: float) -> None:
    found = 0
    for part in parts:
        inspection = await require_playable(part, tools)
        assert inspection.plan is not None
        packets = await _read_packets(part, inspection.plan.video, tools, within)
        if packets.keys[0] != 0:
            raise ConversionFailed(Text("A part of it does not begin with a key frame."))
        found += len(packets.sizes)
    if found != frames:
        raise ConversionFailed(
            Text("Its parts have {found} frames instead of {frames}.", found=found, frames=frames)
        )


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        raise ConversionFailed(Text("It was cut into fewer parts than it should have been.")) from None


def _make_durable(folder: Path, parts: list[Path]) -> None:
    """Blocking."""
    for path in (*parts, folder):
        sync(path)


def _remove(path: Path, folder: Path) -> None:
    """The parts that there are, however many. Blocking."""
    for part in folder.iterdir():
        if part.name.startswith(f"{path.name}.part"):
            part.unlink()
