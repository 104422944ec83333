"""Where a conversion is cut into segments. Pure: from real frame times to segments."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass
from fractions import Fraction

from utils.media.checkpoint import Segment

#: How much longer than wanted a segment may get, so that it ends where the source has a key frame.
_PATIENCE = 0.5
#: A rest shorter than this part of a segment is not a segment of its own.
_REST = 0.5


@dataclass(frozen=True)
class FrameTimes:
    """When each frame is shown, in order, as whole numbers of ``time_base``.

    ``keys`` are the numbers of the frames that can be decoded without earlier ones; ``last`` is how long
    the last frame is shown.
    """

    times: Sequence[int]
    keys: Container[int]
    time_base: Fraction
    last: int

    @property
    def end(self) -> int:
        """When the last frame ends."""
        return self.times[-1] + self.last if self.times else 0


def plan_segments(frames: FrameTimes, *, seconds: float) -> tuple[Segment, ...]:
    """Segments of about ``seconds`` each.

    A segment begins at a key frame where there is one in time, since decoding then starts there; a cut in
    the middle of a group of pictures costs decoding that group from its beginning, and is as exact.
    """
    wanted = round(Fraction(seconds).limit_denominator(1000) / frames.time_base)
    if not frames.times:
        return ()
    starts = [0]
    while (cut := _next_cut(frames, starts[-1], wanted)) is not None:
        starts.append(cut)
    ends = [*starts[1:], len(frames.times)]
    return tuple(
        Segment(
            first=first,
            frames=end - first,
            start=frames.times[first],
            end=frames.times[end] if end < len(frames.times) else frames.end,
        )
        for first, end in zip(starts, ends, strict=True)
    )


def _next_cut(frames: FrameTimes, start: int, wanted: int) -> int | None:
    """The number of the frame at which the segment that begins with frame ``start`` ends."""
    begin = frames.times[start]
    first_late = None
    for number in range(start + 1, len(frames.times)):
        length = frames.times[number] - begin
        if length < wanted:
            continue
        if first_late is None:
            first_late = number
        if length > wanted * (1 + _PATIENCE):
            break
        if number in frames.keys:
            first_late = number
            break
    if first_late is None or frames.end - frames.times[first_late] < wanted * _REST:
        return None
    return first_late
