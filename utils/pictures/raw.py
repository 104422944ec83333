"""The largest picture that a camera put into its raw file for showing it. Runs in a child.

Every maker hides it elsewhere. So it is looked for by what it is: a JPEG that says how large it is.
"""

from __future__ import annotations

import io
import mmap
from collections import Counter
from typing import BinaryIO, NamedTuple

from utils.pictures.formats import RAW, format_of
from utils.pictures.metadata import exif_orientation
from utils.pictures.tiff import COMPRESSION, ORIENTATION, PHOTOMETRIC, Tags, all_tags

_HEAD = 4096
_START, _END = b"\xff\xd8\xff", b"\xff\xd9"
#: Longer side of what is worth showing; smaller ones are stamps for lists.
_LEAST_SIDE = 500
#: JPEGs that are looked at, and bytes of segments before the size of one is told.
_MOST, _MOST_SEGMENTS = 4000, 1 << 20
#: Previews of one file that are tried.
_MOST_TRIED = 4
#: So many of one size are tiles of the raw picture itself.
_TILES = 4
#: JPEG's markers of frames that every decoder knows, and of those that have no length.
_FRAMES, _BARE, _SCAN = (0xC0, 0xC1, 0xC2), frozenset((0x01, *range(0xD0, 0xDA))), 0xDA
#: What only raw files have: a version of DNG, sensors' patterns, makers' ways to pack them.
_DNG_VERSION, _OF_SENSORS, _OF_MAKERS = 50706, (32803, 34892), (34713, 32767, 32769, 32770, 65535, 34892)


class Preview(NamedTuple):
    """A JPEG at a ``place`` of a raw file, and its orientation as in EXIF."""

    raw: BinaryIO
    place: range
    orientation: int

    def open(self) -> BinaryIO:
        """A file of its own, in memory."""
        self.raw.seek(self.place.start)
        return io.BytesIO(self.raw.read(len(self.place)))


def previews_of(file: BinaryIO) -> list[Preview] | None:
    """What a camera's raw file can be shown as, the largest first; none where it holds nothing to show.

    None: ``file`` is no such file.
    """
    file.seek(0)
    head = file.read(_HEAD)
    known = format_of(head)
    if known is None or known.name not in (RAW, "TIFF"):
        return None
    tags = _container_tags(file, head)
    if known.name != RAW and not any(_is_raw(one) for one in tags):
        return None
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        places = _places(data)
    turn = tags[0].get(ORIENTATION, (1,))[0] if tags else 1
    told = [(place, exif_orientation(Preview(file, place, 1).open()) or turn) for place in places]
    return [Preview(file, place, turn if turn in range(1, 9) else 1) for place, turn in told]


def _container_tags(file: BinaryIO, head: bytes) -> list[Tags]:
    """Of raw files that are TIFF, or much like it; CR3 has its own in a box."""
    at = head.find(b"CMT1")
    return all_tags(io.BytesIO(head[at + 4 :]) if head[4:8] == b"ftyp" and at > 0 else file)


def _is_raw(tags: Tags) -> bool:
    packed, meaning = tags.get(COMPRESSION, (1,))[0], tags.get(PHOTOMETRIC, (1,))[0]
    return _DNG_VERSION in tags or meaning in _OF_SENSORS or packed in _OF_MAKERS


def _places(data: mmap.mmap) -> list[range]:
    """Where those that are worth it are, the largest first."""
    found: list[tuple[tuple[int, int], int, int]] = []
    at = data.find(_START)
    while at >= 0 and len(found) < _MOST:
        size, scan = _size_of(data, at)
        if scan:
            found.append((size, at, scan))
        at = data.find(_START, (scan or at) + 2)
    counts = Counter(size for size, _, _ in found)
    worth = [one for one in found if max(one[0]) >= _LEAST_SIDE and counts[one[0]] < _TILES]
    worth.sort(key=lambda one: one[0][0] * one[0][1], reverse=True)
    return [range(start, _end_of(data, scan)) for _, start, scan in worth[:_MOST_TRIED]]


def _end_of(data: mmap.mmap, scan: int) -> int:
    end = data.find(_END, scan)
    return end + 2 if end > 0 else len(data)


def _size_of(data: mmap.mmap, start: int) -> tuple[tuple[int, int], int]:
    """Width and height of the JPEG that begins there, and where its first scan does; 0: it is none."""
    at, size = start + 2, (0, 0)
    while at < min(start + _MOST_SEGMENTS, len(data) - 9) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        if marker == _SCAN:
            return size, at if size != (0, 0) else 0
        if marker in _FRAMES and data[at + 4] == 8 and data[at + 9] in (1, 3):
            size = (int.from_bytes(data[at + 7 : at + 9]), int.from_bytes(data[at + 5 : at + 7]))
        at += 2 if marker in _BARE else 2 + int.from_bytes(data[at + 2 : at + 4])
    return (0, 0), 0
