"""Reading when each frame of a file is shown: from its packets, or by decoding."""

from __future__ import annotations

import asyncio
import itertools
from array import array
from collections.abc import Iterable
from fractions import Fraction
from heapq import heapify, heappushpop
from pathlib import Path

from utils.errors import ConversionFailed
from utils.media.commands import MAX_PIXELS, Value, probe_arguments
from utils.media.segments import FrameTimes
from utils.media.tools import Tools
from utils.texts import Text

#: Frames of one file at most: fourteen hours at 60 a second. A file of 6 MB may say that it has as many.
MAX_FRAMES = 3_000_000
#: How far from its place in the order of showing a frame may be decoded; codecs have 16 at most.
_REORDERED = 64
#: Frames that are sorted where that is not enough: each takes a hundred bytes for that.
_MAX_SORTED = 300_000


async def read_frame_times(
    path: Path, *, stream: int | str, time_base: Fraction, tools: Tools, within: float, decode: bool = False
) -> FrameTimes:
    """Times of all frames of ``stream`` (an index, or a specifier such as ``v:0``).

    Without ``decode`` they come from the packets, which costs reading the file; that is right wherever a
    packet holds one frame that is shown. Raises :class:`ConversionFailed` where times are missing or
    not unique.
    """
    reader: _Reader = _DecodedFrames() if decode else _Packets()
    options: dict[str, Value] = {
        "select_streams": str(stream),
        "show_entries": reader.entries,
        "of": "csv=p=0:nk=1",
        "max_pixels": MAX_PIXELS,
    }
    outcome = await tools.describe(probe_arguments(path, options), on_line=reader.line, within=within)
    if outcome.code != 0 and not reader.times:
        raise ConversionFailed(Text("Its frames cannot be read: {reason}", reason=outcome.reason))
    # A long film has half a million of them: not on the event loop.
    return await asyncio.to_thread(_ordered, reader, time_base)


class _Reader:
    """Takes in ffprobe's lines. Arrays, since a long film has half a million frames."""

    entries = ""

    def __init__(self) -> None:
        self.times = array("q")
        self.keys = array("q")
        #: Time and duration of the frame that is shown last.
        self.last = (-(1 << 62), 0)

    async def line(self, text: str) -> bool:
        """Take in one line; returns whether there was a frame in it."""
        raise NotImplementedError

    def add(self, time: int, duration: int, *, key: bool) -> None:
        """One more frame."""
        if len(self.times) >= MAX_FRAMES:
            raise ConversionFailed(Text("It has more than {count:,} frames.", count=MAX_FRAMES))
        self.times.append(time)
        self.last = max(self.last, (time, duration))
        if key:
            self.keys.append(time)


class _Packets(_Reader):
    entries = "packet=pts,duration,flags"

    async def line(self, text: str) -> bool:
        fields = text.split(",")
        # D: outside of the edit list, so it is decoded but never shown.
        if len(fields) < 3 or "D" in fields[2]:
            return False
        if not fields[0].lstrip("-").isdigit():
            raise ConversionFailed(Text("Its frames have no times."))
        self.add(int(fields[0]), int(fields[1]) if fields[1].isdigit() else 0, key="K" in fields[2])
        return True


class _DecodedFrames(_Reader):
    entries = "frame=key_frame,best_effort_timestamp"

    async def line(self, text: str) -> bool:
        fields = text.split(",")
        if len(fields) < 2 or not fields[1].lstrip("-").isdigit():
            return False
        self.add(int(fields[1]), 0, key=fields[0] == "1")
        return True


def _ordered(reader: _Reader, time_base: Fraction) -> FrameTimes:
    """In the order of showing; packets come in the order of decoding. Blocking."""
    if not reader.times:
        raise ConversionFailed(Text("There is no frame in it."))
    times = _sorted(reader.times)
    if any(one == other for one, other in itertools.pairwise(times)):
        raise ConversionFailed(Text("Several of its frames have the same time."))
    last = reader.last[1] or (times[-1] - times[-2] if len(times) > 1 else round(Fraction(1, 25) / time_base))
    return FrameTimes(times, _Keys(times, _sorted(reader.keys)), time_base, max(1, last))


def _sorted(times: array[int]) -> array[int]:
    """``times`` in their order, in the place that they have. Raises :class:`ConversionFailed`."""
    near, at = times[:_REORDERED].tolist(), 0
    heapify(near)
    for number in range(len(near), len(times)):
        times[at] = heappushpop(near, times[number])
        at += 1
    times[at:] = array("q", sorted(near))
    if all(one <= other for one, other in itertools.pairwise(times)):
        return times
    if len(times) > _MAX_SORTED:
        raise ConversionFailed("Its frames are in no order.")
    return array("q", sorted(times))


class _Keys:
    """The numbers of the frames, of these ``times``, that can be decoded without others: a byte a frame."""

    def __init__(self, times: Iterable[int], keys: Iterable[int]) -> None:
        """Both in order."""
        waiting = iter(keys)
        following = next(waiting, None)
        self._are = bytearray()
        for time in times:
            self._are.append(time == following)
            if time == following:
                following = next(waiting, None)

    def __contains__(self, number: object) -> bool:
        return isinstance(number, int) and 0 <= number < len(self._are) and bool(self._are[number])
