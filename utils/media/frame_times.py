"""Reading when each frame of a file is shown: from its packets, or by decoding."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from utils.errors import ConversionFailed
from utils.media.commands import MAX_PIXELS, Value, probe_arguments
from utils.media.segments import FrameTimes
from utils.media.tools import Tools

#: Frames of one file at most: a day at 60 a second.
_MAX_FRAMES = 6_000_000


async def read_frame_times(
    path: Path, *, stream: int | str, time_base: Fraction, tools: Tools, within: float, decode: bool = False
) -> FrameTimes:
    """Times of all frames of ``stream`` (an index, or a specifier such as ``v:0``).

    Without ``decode`` they come from the packets, which costs reading the file; that is right wherever a
    packet holds one frame that is shown. Raises :class:`ConversionFailed` where times are missing or
    not unique.
    """
    reader = _DecodedFrames() if decode else _Packets()
    options: dict[str, Value] = {
        "select_streams": str(stream),
        "show_entries": reader.entries,
        "of": "csv=p=0:nk=1",
        "max_pixels": MAX_PIXELS,
    }
    outcome = await tools.describe(probe_arguments(path, options), on_line=reader.line, within=within)
    if outcome.code != 0 and not reader.rows:
        raise ConversionFailed(f"Its frames cannot be read: {outcome.reason}")
    return _ordered(reader.rows, time_base)


class _Packets:
    entries = "packet=pts,duration,flags"

    def __init__(self) -> None:
        self.rows: list[tuple[int, int, bool]] = []

    async def line(self, text: str) -> bool:
        fields = text.split(",")
        # D: outside of the edit list, so it is decoded but never shown.
        if len(fields) < 3 or "D" in fields[2]:
            return False
        if not fields[0].lstrip("-").isdigit():
            raise ConversionFailed("Its frames have no times.")
        if len(self.rows) >= _MAX_FRAMES:
            raise ConversionFailed(f"It has more than {_MAX_FRAMES:,} frames.")
        duration = int(fields[1]) if fields[1].isdigit() else 0
        self.rows.append((int(fields[0]), duration, "K" in fields[2]))
        return True


class _DecodedFrames:
    entries = "frame=key_frame,best_effort_timestamp"

    def __init__(self) -> None:
        self.rows: list[tuple[int, int, bool]] = []

    async def line(self, text: str) -> bool:
        fields = text.split(",")
        if len(fields) < 2 or not fields[1].lstrip("-").isdigit():
            return False
        if len(self.rows) >= _MAX_FRAMES:
            raise ConversionFailed(f"It has more than {_MAX_FRAMES:,} frames.")
        self.rows.append((int(fields[1]), 0, fields[0] == "1"))
        return True


def _ordered(rows: list[tuple[int, int, bool]], time_base: Fraction) -> FrameTimes:
    """In the order of showing; packets come in the order of decoding."""
    if not rows:
        raise ConversionFailed("There is no frame in it.")
    rows.sort()
    times = [row[0] for row in rows]
    if len(set(times)) != len(times):
        raise ConversionFailed("Several of its frames have the same time.")
    last = rows[-1][1] or (times[-1] - times[-2] if len(times) > 1 else round(Fraction(1, 25) / time_base))
    keys = frozenset(number for number, row in enumerate(rows) if row[2])
    return FrameTimes(times, keys, time_base, max(1, last))
