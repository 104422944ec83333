"""Just enough of MP4 to know whether a video has sound (https://developer.apple.com/documentation/quicktime-file-format)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

_HEADER = struct.Struct(">I4s")
_LARGE = struct.Struct(">Q")
_INSIDE = {b"moov", b"trak", b"mdia"}


def is_silent(path: Path) -> bool:
    """Blocking. True for an MP4 that has tracks and no sound track; False for whatever is not an MP4."""
    with path.open("rb") as file:
        kinds = set(_handlers(file, path.stat().st_size))
    return b"vide" in kinds and b"soun" not in kinds


def _handlers(file: BinaryIO, end: int) -> Iterator[bytes]:
    """The handler types of all tracks up to `end`, from where the file stands."""
    while file.tell() + _HEADER.size <= end:
        start = file.tell()
        size, kind = _HEADER.unpack(file.read(_HEADER.size))
        if size == 1:
            size = _LARGE.unpack(file.read(_LARGE.size).rjust(_LARGE.size, b"\0"))[0]
        stop = min(start + size, end) if size else end
        if stop < file.tell():
            return
        if kind in _INSIDE:
            yield from _handlers(file, stop)
        elif kind == b"hdlr":
            yield file.read(12)[8:12]
        file.seek(stop)
