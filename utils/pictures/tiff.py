"""The tags of a TIFF, read by ourselves: its pages, and which decoder shows one right. Runs in a child.

Decoders say of some kinds that they can, and show noise or a negative; what they are right about was tried.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from enum import Enum
from typing import BinaryIO

Tags = Mapping[int, tuple[int, ...]]

#: Pages that are counted, tags of one, and numbers of one tag.
_MOST_PAGES, _MOST_TAGS, _MOST_VALUES = 10_000, 500, 64
#: The kinds of tags that hold whole numbers, and how these are unpacked.
_NUMBERS = {1: "B", 3: "H", 4: "L", 13: "L", 16: "Q"}

_BELOW = 330
SUBFILE, BITS, COMPRESSION, PHOTOMETRIC, ORIENTATION, PLANAR, TILE, SAMPLES = (
    *(254, 258, 259, 262, 274, 284, 322, 339),
)
#: Smaller versions and masks of another page.
_NO_PAGE = 0b101
_WHITE_IS_ZERO, _PLANES_APART = 0, 2
_WHOLE_NUMBERS, _FLOAT = 1, 3
#: Ways to pack pixels that Pillow knows.
_KNOWN = frozenset((*range(1, 9), 32771, 32773, 32809, 32946, 34925, 50000))
#: CIE L*a*b* as cameras and scanners have it, and as profiles do.
_LAB, _PROFILE_LAB = 8, 9
#: No compression, and those that ffmpeg knows of deep pictures: LZW, PackBits, Deflate (twice).
_PLAIN = (1, 5, 32773, 8, 32946)


class Shown(Enum):
    """By whom a page is shown right."""

    PILLOW = "Pillow"
    FFMPEG = "ffmpeg"
    NOBODY = "nobody"


def pages_of(file: BinaryIO) -> list[tuple[int, Tags]]:
    """Each page, as its place among all that are in the file, and its tags; none where it is no TIFF."""
    return [(n, tags) for n, tags in enumerate(_chain(file)) if not tags.get(SUBFILE, (0,))[0] & _NO_PAGE]


def all_tags(file: BinaryIO) -> list[Tags]:
    """The tags of all that is in the file, also of what lies below its pages."""
    chain = _chain(file)
    below = [at for tags in chain for at in tags.get(_BELOW, ())]
    return chain + [_read_tags(file, at, *_order(file))[0] for at in below[:_MOST_VALUES]]


def _order(file: BinaryIO) -> tuple[str, bool]:
    """In which order its bytes are (empty: it is no TIFF), and whether it is a BigTIFF."""
    file.seek(0)
    head = file.read(4)
    return {b"II": "<", b"MM": ">"}.get(head[:2], ""), head[2:] in (b"+\0", b"\0+")


def _chain(file: BinaryIO) -> list[Tags]:
    order, big = _order(file)
    file.seek(8 if big else 4)
    start = file.read(8 if big else 4)
    if not order or len(start) < (8 if big else 4):
        return []
    (at,) = struct.unpack(f"{order}{'Q' if big else 'L'}", start)
    found: list[Tags] = []
    seen: set[int] = set()
    while at and at not in seen and len(found) < _MOST_PAGES:
        seen.add(at)
        tags, at = _read_tags(file, at, order, big)
        found.append(tags)
    return found


def _read_tags(file: BinaryIO, at: int, order: str, big: bool) -> tuple[Tags, int]:
    """The tags of the directory at that offset, as far as they make sense, and where the next one is."""
    counts, entry, offset = ("Q", "HHQ8s", "Q") if big else ("H", "HHL4s", "L")
    width = struct.calcsize(f"={entry}")
    tags: dict[int, tuple[int, ...]] = {}
    try:
        file.seek(at)
        (count,) = struct.unpack(f"{order}{counts}", file.read(struct.calcsize(f"={counts}")))
        body = file.read(width * min(count, _MOST_TAGS))
        following = file.read(struct.calcsize(f"={offset}")) if count <= _MOST_TAGS else b""
        for start in range(0, len(body) - width + 1, width):
            number, kind, many, value = struct.unpack_from(f"{order}{entry}", body, start)
            if kind in _NUMBERS and many > 0:
                form = f"{order}{min(many, _MOST_VALUES)}{_NUMBERS[kind]}"
                size = struct.calcsize(form)
                if many * struct.calcsize(f"={_NUMBERS[kind]}") > len(value):
                    file.seek(struct.unpack(f"{order}{offset}", value)[0])
                    value = file.read(size)
                if len(value) >= size:
                    tags[number] = struct.unpack_from(form, value)
        return tags, struct.unpack(f"{order}{offset}", following)[0] if following else 0
    except (struct.error, OSError, OverflowError, ValueError):
        return tags, 0


def is_known_to_ffmpeg(tags: Tags) -> bool:
    """Whether the page with these ``tags`` may be shown to ffmpeg, which is wrong about JPEG in TIFF."""
    compression = tags.get(COMPRESSION, (1,))[0]
    return compression in _PLAIN and tags.get(SAMPLES, (_WHOLE_NUMBERS,))[0] == _WHOLE_NUMBERS


def shown_by(tags: Tags, *, big_endian: bool) -> Shown:
    """Who shows the page with these ``tags`` right."""
    bits, sample = max(tags.get(BITS, (1,))), tags.get(SAMPLES, (1,))[0]
    compression, photometric = tags.get(COMPRESSION, (1,))[0], tags.get(PHOTOMETRIC, (1,))[0]
    if compression not in _KNOWN or photometric == _PROFILE_LAB or (photometric == _LAB and bits > 8):
        return Shown.NOBODY
    if sample == _FLOAT:
        grey = bits == 32 and len(tags.get(BITS, (1,))) == 1 and photometric != _WHITE_IS_ZERO
        return Shown.PILLOW if grey and not (big_endian and compression != 1) else Shown.NOBODY
    if sample != _WHOLE_NUMBERS or bits > 16:
        return Shown.NOBODY
    apart = tags.get(PLANAR, (1,))[0] == _PLANES_APART and compression == 1
    if bits > 8 and (apart or photometric == _WHITE_IS_ZERO):
        return Shown.FFMPEG if compression in _PLAIN and TILE not in tags else Shown.NOBODY
    return Shown.PILLOW
