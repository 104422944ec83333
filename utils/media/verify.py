"""Is a file what it was meant to be? Every check raises ConversionFailed with what is wrong."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from utils.errors import ConversionFailed, NotMedia
from utils.media.encode import decode_arguments
from utils.media.frame_times import read_frame_times
from utils.media.inspection import Inspection, Verdict, inspect_video
from utils.media.segments import FrameTimes
from utils.media.tools import Tools


async def require_playable(path: Path, tools: Tools) -> Inspection:
    """The inspection of a result: it must play as it is."""
    try:
        inspection = await inspect_video(path, tools=tools)
    except NotMedia as error:
        raise ConversionFailed(f"The result cannot be read: {error.told}") from error
    if inspection.verdict is not Verdict.READY:
        raise ConversionFailed(f"The result would not play everywhere: {inspection.reason}")
    return inspection


async def require_frames(
    path: Path, *, time_base: Fraction, expected: FrameTimes | None, tools: Tools, within: float
) -> int:
    """The number of frames in ``path``: as many as expected, each where it is expected.

    Times are compared relative to the first one, with a tolerance of one unit of either time base and the
    microsecond in which the joining of segments counts.
    """
    frames = await read_frame_times(path, stream="v:0", time_base=time_base, tools=tools, within=within)
    if expected is None:
        return len(frames.times)
    if len(frames.times) != len(expected.times):
        raise ConversionFailed(f"It has {len(frames.times)} frames instead of {len(expected.times)}.")
    allowed = max(frames.time_base, expected.time_base) + Fraction(2, 1_000_000)
    for number in range(len(frames.times)):
        here = (frames.times[number] - frames.times[0]) * frames.time_base
        there = (expected.times[number] - expected.times[0]) * expected.time_base
        if abs(here - there) > allowed:
            raise ConversionFailed(
                f"Frame {number} is at {float(here):.3f} s instead of {float(there):.3f} s."
            )
    return len(frames.times)


async def require_decodable(path: Path, *, keys_only: bool, tools: Tools, within: float) -> None:
    """Decode it; nothing may be complained about."""
    await tools.convert(decode_arguments(path, keys_only=keys_only), within=within, stall=120, strict=True)
