"""Which bytes of a source ffmpeg reads for a segment: what it always reads, and a stretch of packets."""

from __future__ import annotations

import asyncio
import re
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from fractions import Fraction
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import BinaryIO

from utils.errors import ConversionFailed
from utils.media.boxes import top_boxes
from utils.media.commands import probe_arguments
from utils.media.elsewhere import Spans
from utils.media.tools import Tools

#: Seconds that ffmpeg goes back further than it is told, where decoders deliver late, and a little more.
_EARLIER = Fraction(15, 100)
#: Packets after the last picture of a segment that decoders may want.
_LATER = 24
#: Bytes that are read after what is looked at when a file is opened.
_READ_AHEAD = 1 << 16
#: Sources whose parts are not known, such as AVI, are fetched whole, once by each machine, up to so much.
_WHOLE = 512 << 20
_OPENED = re.compile(r"After avformat_find_stream_info\(\) pos: (\d+)")
#: Level-1 elements of Matroska: the segment itself, and the clusters with the packets.
_SEGMENT, _CLUSTER = 0x18538067, 0x1F43B675


class Parts:
    """Where what is in a source. Times are in its time base, as :class:`~utils.media.segments.FrameTimes`."""

    def __init__(self, size: int, index: Spans, packets: _Packets, starts: array[int]) -> None:
        self.size = size
        self.index = index
        self._packets = packets
        #: Where clusters begin, in order; ffmpeg goes to these.
        self._starts = starts

    def spans(self, begin: int | None, end: int, time_base: Fraction) -> Spans:
        """For pictures from ``begin`` (None: the first one) to before ``end``."""
        packets = self._packets
        first, last = 0, _last_before(packets.later, end)
        if begin is not None:
            key = _last_before(packets.later_keys, begin - int(_EARLIER / time_base))
            first = packets.keys[key] if key >= 0 else 0
        last = min(max(first, last) + _LATER, len(packets.times) - 1)
        low = min(packets.places[first : last + 1])
        if begin is None:
            low = min(low, packets.places[0])
        high = max(packets.ends[first : last + 1])
        # To the end of a cluster: the size of a packet is without what Matroska puts around it.
        rest = self.size if self._starts else high
        cluster = bisect_right(self._starts, low) - 1
        low = self._starts[cluster] if cluster >= 0 else low
        after = bisect_left(self._starts, high)
        high = self._starts[after] if after < len(self._starts) else rest
        return _without(low, min(high, self.size), self.index)


class _Packets:
    """Takes in ffprobe's lines: time, size, place and flags of each packet, in the order of the file."""

    def __init__(self) -> None:
        self.times, self.places, self.ends, self.keys = (array("q") for _ in range(4))
        self.known = True

    @cached_property
    def later(self) -> array[int]:
        """For each packet, the earliest time from it on, which only grows."""
        return _earliest(self.times)

    @cached_property
    def later_keys(self) -> array[int]:
        """The same among :attr:`keys`."""
        return _earliest(array("q", (self.times[number] for number in self.keys)))

    async def line(self, text: str) -> bool:
        """Take in one line; returns whether it was one of a packet."""
        fields = text.split(",")
        if len(fields) < 4:
            return False
        if not (fields[0].lstrip("-").isdigit() and fields[1].isdigit() and fields[2].isdigit()):
            self.known = False
            return True
        if "K" in fields[3]:
            self.keys.append(len(self.times))
        self.times.append(int(fields[0]))
        self.places.append(int(fields[2]))
        self.ends.append(int(fields[2]) + int(fields[1]))
        return True


async def parts_of(path: Path, stream: int, tools: Tools, *, within: float) -> Parts:
    """The parts of ``path``, of whose ``stream`` segments are made. Reads all of it.

    Raises :class:`ConversionFailed` where they are not known and it is too large to be fetched whole.
    """
    packets = _Packets()
    options = {
        "select_streams": str(stream),
        "show_entries": "packet=pts,size,pos,flags",
        "of": "csv=p=0:nk=1",
    }
    await tools.describe(probe_arguments(path, options), on_line=packets.line, within=within)
    opened = await _opened(path, tools)
    size, others, starts = await asyncio.to_thread(_layout, path)
    if packets.times and packets.known and opened and others:
        index = _merged([(0, min(size, opened + _READ_AHEAD)), *others])
        return Parts(size, index, packets, starts)
    if size > _WHOLE:
        raise ConversionFailed(
            "what a segment needs of it is not known, and it is too large to be sent whole"
        )
    return Parts(size, ((0, size),), packets, starts)


def _earliest(times: array[int]) -> array[int]:
    backwards = array("q", accumulate(reversed(times), min))
    backwards.reverse()
    return backwards


def _last_before(earliest: array[int], end: int) -> int:
    """The number of the last one that is before ``end``, -1 for none."""
    return bisect_left(earliest, end) - 1


async def _opened(path: Path, tools: Tools) -> int:
    """How far ffmpeg looks into the file when it opens it; 0: it does not say."""
    arguments = probe_arguments(path, {"show_entries": "format=format_name"})
    arguments[arguments.index("-loglevel") + 1] = "debug"
    outcome = await tools.describe(arguments)
    return max((int(found[1]) for line in outcome.errors if (found := _OPENED.search(line))), default=0)


def _layout(path: Path) -> tuple[int, list[tuple[int, int]], array[int]]:
    """Its size, all but its packets, and where clusters begin; nothing for other containers. Blocking."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(4)
        if head == b"\x1a\x45\xdf\xa3":
            return size, *_matroska(file, size)
        boxes = top_boxes(file, size)
    if not {b"ftyp", b"moov"} & {kind for kind, _, _ in boxes}:
        return size, [], array("q")
    spans = [(at, min(size, at + (16 if kind == b"mdat" else length))) for kind, at, length in boxes]
    return size, spans, array("q")


def _matroska(file: BinaryIO, size: int) -> tuple[list[tuple[int, int]], array[int]]:
    spans, starts = [], array("q")
    place, end = 0, size
    while place < end:
        kind, start, length = _element(file, place)
        if kind == _SEGMENT:
            spans.append((place, start))
            place = start
            continue
        if not kind or length is None:
            return [], array("q")
        if kind == _CLUSTER:
            starts.append(place)
        else:
            spans.append((place, min(size, start + length)))
        place = start + length
    return spans, starts


def _element(file: BinaryIO, place: int) -> tuple[int, int, int | None]:
    """The kind of the EBML element at ``place``, where its content starts, and how long that is if known."""
    file.seek(place)
    data = file.read(12)
    wide = 9 - data[0].bit_length() if data and data[0] else 0
    if not 0 < wide <= 4 or len(data) <= wide or not data[wide]:
        return 0, place, None
    long = 9 - data[wide].bit_length()
    number = int.from_bytes(data[wide : wide + long], "big") & ((1 << 7 * long) - 1)
    unknown = number == (1 << 7 * long) - 1
    return int.from_bytes(data[:wide], "big"), place + wide + long, None if unknown else number


def _merged(spans: list[tuple[int, int]]) -> Spans:
    found: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = found[-1][0], max(found[-1][1], end)
        elif start < end:
            found.append((start, end))
    return tuple(found)


def _without(low: int, high: int, known: Spans) -> Spans:
    """The stretch from ``low`` to ``high`` without what is ``known``."""
    return tuple(_rest(low, high, known))


def _rest(low: int, high: int, known: Spans) -> Iterator[tuple[int, int]]:
    for start, end in known:
        if end <= low or start >= high:
            continue
        if start > low:
            yield low, start
        low = max(low, end)
    if low < high:
        yield low, high
