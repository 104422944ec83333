"""Motion photos: the short film that phones put behind a picture, in the same file."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from pathlib import Path

from utils.media.searching import Searched

#: Where a film may begin at the earliest: a HEIC has a header of its own that is like a film's.
_FIRST = 16
_JPEG = b"\xff\xd8\xff"
#: Boxes without which nothing can be shown.
_NEEDED = {b"ftyp", b"moov", b"mdat"}
_HOLDER = b"mpvd"
_HEADER, _LONG_HEADER = 8, 16
#: Bytes that are copied at once.
_STEP = 1 << 20
#: Bytes of a picture with its film that are looked at: phones make no larger ones.
_LARGEST = 512 << 20
#: Boxes that are looked at, in all that might be a film: one has some dozens.
_MOST_BOXES = 20_000


def take_film(path: Path, output: Path) -> bool:
    """Copy the film behind the picture ``path``, if there is one, to ``output``; a JPEG ends before it then.

    It is found by its own structure, whatever the picture's metadata say of it: phones put it behind the
    JPEG, some with more of their own around it, or into a box of the HEIC. Returns whether there was one.
    Blocking; raises OSError.
    """
    found = _find(path)
    if found is None:
        return False
    start, end = found
    with path.open("rb") as picture, output.open("wb") as film:
        is_jpeg = picture.read(len(_JPEG)) == _JPEG
        picture.seek(start)
        for at in range(start, end, _STEP):
            film.write(picture.read(min(_STEP, end - at)))
    if is_jpeg:
        os.truncate(path, start)
    return True


def has_film(path: Path) -> bool:
    """Whether there is a film behind the picture ``path``. Blocking; raises OSError."""
    return _find(path) is not None


def _find(path: Path) -> tuple[int, int] | None:
    """Where the film begins and ends. Blocking."""
    with path.open("rb") as file:
        data, boxes = Searched(file, _LARGEST), itertools.count(1)
        at = data.find(b"ftyp", _FIRST)
        while at >= 0 and next(boxes) < _MOST_BOXES:
            end = _end_of_film(data, at - 4, boxes)
            if end:
                return at - 4, end
            at = data.find(b"ftyp", at + 1)
    return None


def _end_of_film(data: Searched, start: int, boxes: Iterator[int]) -> int:
    """The end of the boxes from ``start`` on, if they are those of a film; else 0. ``boxes`` counts them."""
    at, seen = start, set[bytes]()
    # In a HEIC other boxes follow the one that holds the film.
    holder = data.read(start - _HEADER, _HEADER)
    last = start - _HEADER + int.from_bytes(holder[:4]) if holder[4:] == _HOLDER else data.size
    while at + _HEADER <= min(last, data.size) and next(boxes) < _MOST_BOXES:
        header = data.read(at, _LONG_HEADER)
        size, kind = int.from_bytes(header[:4]), header[4:8]
        if size == 1 and len(header) == _LONG_HEADER:
            size = int.from_bytes(header[_HEADER:])
        elif size == 0 and kind == b"mdat":
            size = data.size - at
        if size < _HEADER or at + size > data.size or not kind.isalnum():
            break
        seen.add(kind)
        at += size
    return at if seen >= _NEEDED else 0
