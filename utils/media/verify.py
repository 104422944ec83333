"""Is a file what it was meant to be? Every check raises ConversionFailed with what is wrong."""

from __future__ import annotations

import asyncio
import math
from fractions import Fraction
from pathlib import Path

from utils.errors import ConversionFailed, NotMedia
from utils.media.encode import decode_arguments
from utils.media.frame_times import read_frame_times
from utils.media.inspection import Inspection, Verdict, inspect_video
from utils.media.segments import FrameTimes
from utils.media.tools import Tools
from utils.texts import Text


async def require_playable(path: Path, tools: Tools) -> Inspection:
    """The inspection of a result: it must play as it is."""
    try:
        inspection = await inspect_video(path, tools=tools)
    except NotMedia as error:
        raise ConversionFailed(Text("The result cannot be read: {reason}", reason=error.told)) from error
    if inspection.verdict is not Verdict.READY:
        raise ConversionFailed(
            Text("The result would not play everywhere: {reason}", reason=inspection.reason)
        )
    return inspection


#: Frames that a copied picture may have more or less: some are decoded and never shown, and containers
#: say so in different ways or not at all.
_COPY_SLACK = 2


async def require_frames(
    path: Path,
    *,
    time_base: Fraction,
    expected: FrameTimes | None,
    tools: Tools,
    within: float,
    copied: bool = False,
) -> int:
    """The number of frames in ``path``: as many as expected, each where it is expected.

    Times are compared relative to the first one, with a tolerance of one unit of either time base and the
    microsecond in which the joining of segments counts. Of a picture that was ``copied`` only the number
    is compared, and not strictly: where the source's clock jumps, that of the copy need not.
    """
    frames = await read_frame_times(path, stream="v:0", time_base=time_base, tools=tools, within=within)
    if expected is not None and copied:
        if abs(len(frames.times) - len(expected.times)) > _COPY_SLACK:
            raise wrong_count(len(frames.times), len(expected.times))
    elif expected is not None:
        await asyncio.to_thread(_require_same, frames, expected)
    return len(frames.times)


def wrong_count(frames: int, wanted: int) -> ConversionFailed:
    """The error for a result with another number of frames than it has to have."""
    return ConversionFailed(Text("It has {frames} frames instead of {wanted}.", frames=frames, wanted=wanted))


def _require_same(frames: FrameTimes, expected: FrameTimes) -> None:
    """Raise :class:`ConversionFailed` at the first difference. Blocking."""
    if len(frames.times) != len(expected.times):
        raise wrong_count(len(frames.times), len(expected.times))
    allowed = max(frames.time_base, expected.time_base) + Fraction(2, 1_000_000)
    # In whole numbers of one small unit: fractions of half a million frames would take seconds.
    unit = Fraction(
        1, math.lcm(*(base.denominator for base in (frames.time_base, expected.time_base, allowed)))
    )
    here, there = int(frames.time_base / unit), int(expected.time_base / unit)
    limit = int(allowed / unit)
    first, first_expected = frames.times[0], expected.times[0]
    for number, (time, wanted) in enumerate(zip(frames.times, expected.times, strict=True)):
        if abs((time - first) * here - (wanted - first_expected) * there) > limit:
            is_at, should = (
                float((time - first) * here * unit),
                float((wanted - first_expected) * there * unit),
            )
            raise ConversionFailed(
                Text(
                    "Frame {number} is at {time:.3f} s instead of {wanted:.3f} s.",
                    number=number,
                    time=is_at,
                    wanted=should,
                )
            )


async def require_decodable(path: Path, *, keys_only: bool, tools: Tools, within: float) -> None:
    """Decode it; nothing may be complained about."""
    await tools.convert(decode_arguments(path, keys_only=keys_only), within=within, stall=120, strict=True)
