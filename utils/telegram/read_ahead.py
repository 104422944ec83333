"""Ranges of a remote file that were fetched or are on their way.

Someone who reads on from where they were gets the next megabytes fetched before asking; someone who jumps
about fetches little more than what was asked for.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_right, insort
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

MB = 1024 * 1024
#: Offsets and limits of upload.getFile are multiples of this.
STEP = 4096
#: The least that is fetched at once.
SMALLEST = 64 * 1024
#: How far is read ahead of someone who reads on and on: a fast and distant link's worth.
FURTHEST = 8 * MB
#: Bytes kept in memory for one file, at most.
CAPACITY = 12 * MB
#: A jump forward by so much still counts as reading on (a tar's header, a ZIP's next entry).
SKIP = 256 * 1024


def cover(offset: int, end: int) -> list[tuple[int, int]]:
    """The fewest ranges (offset, limit) that Telegram allows, from ``offset`` (in steps) to ``end``."""
    ranges = []
    at = offset - offset % STEP
    while at < end:
        limit = SMALLEST
        while limit < end - at and limit < MB:
            limit *= 2
        while limit > MB - at % MB:
            limit //= 2
        ranges.append((at, limit))
        at += limit
    return ranges


@dataclass
class _Segment:
    start: int
    end: int
    task: asyncio.Task[bytes]
    used: int


class ReadAhead:
    """The cache of one file of ``size`` bytes. ``fetch(offset, limit)`` gets one allowed range."""

    def __init__(self, size: int, fetch: Callable[[int, int], Awaitable[bytes]]) -> None:
        self._size = size
        self._fetch = fetch
        self._segments: list[_Segment] = []  # by start
        self._tick = 0
        self._next = -SKIP - 1
        self._ahead = 0
        #: Whether something was begun since it was looked last for what may go.
        self._started = False

    async def read(self, offset: int, size: int) -> bytes:
        """Exactly ``size`` bytes, fewer at the end of the file."""
        if offset < 0 or size < 0:
            raise ValueError("offset and size must not be negative")
        end = min(offset + size, self._size)
        if offset >= end:
            return b""
        return b"".join([await _part(*piece) for piece in self._pieces(offset, end)])

    async def close(self) -> None:
        segments, self._segments = self._segments, []
        for segment in segments:
            segment.task.cancel()
        await asyncio.gather(*(segment.task for segment in segments), return_exceptions=True)

    def _pieces(self, offset: int, end: int) -> list[tuple[_Segment, int, int]]:
        """Start everything that is needed; returns the segments in order, each with what to take from it."""
        self._tick += 1
        reads_on = self._next <= offset <= self._next + SKIP
        self._next = end
        self._ahead = min(max(2 * self._ahead, MB), FURTHEST) if reads_on else 0
        needed = self._ensure(offset, end)
        if self._ahead:
            # Up to a whole megabyte: ranges must not cross one, and half a range costs a whole round trip.
            self._ensure(end, min((end + self._ahead) // MB * MB, self._size))
        if self._started:
            self._forget()
        return needed

    def _ensure(self, offset: int, end: int) -> list[tuple[_Segment, int, int]]:
        """The segments that hold ``offset`` to ``end``, each with what to take from it."""
        found = []
        while offset < end:
            segment = self._at(offset) or self._start(offset, self._gap_end(offset, end))
            segment.used = self._tick
            found.append((segment, offset, min(end, segment.end)))
            offset = segment.end
        return found

    def _at(self, offset: int) -> _Segment | None:
        index = bisect_right(self._segments, offset, key=lambda s: s.start) - 1
        while index >= 0 and self._segments[index].start > offset - MB:
            segment = self._segments[index]
            if segment.end > offset and not _failed(segment.task):
                return segment
            index -= 1
        return None

    def _gap_end(self, offset: int, end: int) -> int:
        """Where the next segment begins that is there already, or ``end``."""
        starts = [s.start for s in self._segments if offset < s.start < end and not _failed(s.task)]
        return min(starts, default=end)

    def _start(self, offset: int, end: int) -> _Segment:
        """Fetch the first range of the gap from ``offset`` to ``end``."""
        start, limit = cover(offset, end)[0]
        task = asyncio.ensure_future(self._fetch(start, limit))
        task.add_done_callback(_look_at)
        segment = _Segment(start, min(start + limit, self._size), task, self._tick)
        insort(self._segments, segment, key=lambda s: s.start)
        self._started = True
        return segment

    def _forget(self) -> None:
        """Drop what failed, and what was not used for longest, until the rest fits."""
        self._started = False
        self._segments = [s for s in self._segments if not _failed(s.task)]
        held = sum(s.end - s.start for s in self._segments)
        for segment in sorted(self._segments, key=lambda s: (s.used, s.start)):
            if held <= CAPACITY or segment.used == self._tick:
                return
            if segment.task.done():
                self._segments.remove(segment)
                held -= segment.end - segment.start


async def _part(segment: _Segment, start: int, end: int) -> bytes:
    # Shielded: another reader may need the same segment when this one is cancelled.
    data = await asyncio.shield(segment.task)
    return data[start - segment.start : end - segment.start]


def _failed(task: asyncio.Task[bytes]) -> bool:
    return task.done() and (task.cancelled() or task.exception() is not None)


def _look_at(task: asyncio.Task[bytes]) -> None:
    """What was read ahead may fail without anybody asking; whoever reads it later is told."""
    if not task.cancelled():
        task.exception()
