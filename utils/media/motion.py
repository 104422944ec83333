"""Motion photos: the short film that phones put behind a picture, in the same file."""

from __future__ import annotations

import mmap
import os
from pathlib import Path

#: Where a film may begin at the earliest: a HEIC has a header of its own that is like a film's.
_FIRST = 16
_JPEG = b"\xff\xd8\xff"
#: Boxes without which nothing can be shown.
_NEEDED = {b"ftyp", b"moov", b"mdat"}
_HOLDER = b"mpvd"
_HEADER, _LONG_HEADER = 8, 16
#: Bytes that are copied at once.
_STEP = 1 << 20


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


def _find(path: Path) -> tuple[int, int] | None:
    """Where the film begins and ends. Blocking."""
    if path.stat().st_size < _FIRST + _HEADER:
        return None
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        at = data.find(b"ftyp", _FIRST)
        while at >= 0:
            end = _end_of_film(data, at - 4)
            if end:
                return at - 4, end
            at = data.find(b"ftyp", at + 1)
    return None


def _end_of_film(data: mmap.mmap, start: int) -> int:
    """The end of the boxes from ``start`` on, if they are those of a film; else 0."""
    at, seen = start, set[bytes]()
    # In a HEIC other boxes follow the one that holds the film.
    held = data[start - _HEADER + 4 : start] == _HOLDER
    last = start - _HEADER + int.from_bytes(data[start - _HEADER : start - 4]) if held else len(data)
    while at + _HEADER <= min(last, len(data)):
        size, kind = int.from_bytes(data[at : at + 4]), data[at + 4 : at + 8]
        if size == 1 and at + _LONG_HEADER <= len(data):
            size = int.from_bytes(data[at + _HEADER : at + _LONG_HEADER])
        elif size == 0 and kind == b"mdat":
            size = len(data) - at
        if size < _HEADER or at + size > len(data) or not kind.isalnum():
            break
        seen.add(kind)
        at += size
    return at if seen >= _NEEDED else 0
