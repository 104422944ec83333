"""The box structure of an MP4 or MOV file, read by ourselves: ffprobe does not tell where the index is.

https://developer.apple.com/documentation/quicktime-file-format describes the boxes: 4 bytes size, 4 bytes
type; size 1 means that 8 bytes of size follow, size 0 that the box goes on to the end of the file.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

#: Top-level boxes that are looked at; a fragmented file may have one pair a second.
_MAX_BOXES = 100_000


#: An index of this size describes hundreds of hours; a larger one is not read.
_MAX_INDEX = 256 << 20
_CONTAINERS = (b"trak", b"mdia", b"minf", b"stbl")


@dataclass(frozen=True)
class Track:
    """One track of the index: its handler ("vide", "soun", "text" ...), its samples and their times.

    ``duration`` is the sum of the samples' durations, in units of 1/``timescale`` s.
    """

    handler: str
    samples: int
    timescale: int
    duration: int


@dataclass(frozen=True)
class Layout:
    """Where things are: the index in front of the pictures, in fragments; whether the file ends early.

    ``brand`` is the major one of ``ftyp``, empty in files from before there was one.
    """

    index_found: bool = True
    index_first: bool = True
    fragmented: bool = False
    cut_off: bool = False
    encrypted: bool = False
    brand: str = ""
    tracks: tuple[Track, ...] = ()


def read_layout(path: Path) -> Layout | None:
    """The layout of ``path``, or None when it is not of this family. Blocking."""
    size = path.stat().st_size
    with path.open("rb") as file:
        boxes = top_boxes(file, size)
        kinds = [kind for kind, _, _ in boxes]
        if not {b"ftyp", b"moov", b"mdat"} & set(kinds):
            return None
        moov = next((box for box in boxes if box[0] == b"moov"), None)
        mark = b"mdat" if b"mdat" in kinds else b"moof"
        index = _read_index(file, moov) if moov else b""
        return Layout(
            index_found=moov is not None,
            index_first=moov is not None and (mark not in kinds or kinds.index(b"moov") < kinds.index(mark)),
            fragmented=b"moof" in kinds or any(kind == b"mvex" for kind, _ in children(index)),
            cut_off=any(start + length > size for _, start, length in boxes),
            encrypted=b"encv" in index and b"schm" in index,
            brand=_brand(file, boxes),
            tracks=tuple(_track(body) for kind, body in children(index) if kind == b"trak"),
        )


def read_index(path: Path) -> bytes:
    """The content of the index (``moov``) of ``path``; empty when it has none. Blocking."""
    with path.open("rb") as file:
        boxes = top_boxes(file, path.stat().st_size)
        moov = next((box for box in boxes if box[0] == b"moov"), None)
        return _read_index(file, moov) if moov else b""


def top_boxes(file: BinaryIO, size: int) -> list[tuple[bytes, int, int]]:
    """(type, offset, length) of each box at the top level."""
    boxes: list[tuple[bytes, int, int]] = []
    offset = 0
    while offset + 8 <= size and len(boxes) < _MAX_BOXES:
        file.seek(offset)
        header = file.read(16)
        length, kind = int.from_bytes(header[:4], "big"), header[4:8]
        if length == 1:
            length = int.from_bytes(header[8:16], "big")
        elif length == 0:
            length = size - offset
        if length < 8 or not kind.isascii():
            break
        boxes.append((kind, offset, length))
        offset += length
    return boxes


def _brand(file: BinaryIO, boxes: list[tuple[bytes, int, int]]) -> str:
    if boxes[0][0] != b"ftyp":
        return ""
    file.seek(boxes[0][1] + 8)
    return file.read(4).decode("latin-1")


def _read_index(file: BinaryIO, moov: tuple[bytes, int, int]) -> bytes:
    _, offset, length = moov
    if length > _MAX_INDEX:
        return b""
    file.seek(offset)
    header = 16 if file.read(4) == b"\x00\x00\x00\x01" else 8
    file.seek(offset + header)
    return file.read(length - header)


def children(body: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The boxes in the content ``body`` of another: the type and the content of each."""
    offset = 0
    while offset + 8 <= len(body):
        length, kind = struct.unpack_from(">I4s", body, offset)
        if length < 8:
            return
        yield kind, body[offset + 8 : offset + length]
        offset += length


def _leaves(body: bytes, found: dict[bytes, bytes]) -> dict[bytes, bytes]:
    for kind, inner in children(body):
        if kind in _CONTAINERS:
            _leaves(inner, found)
        else:
            found.setdefault(kind, inner)
    return found


def _track(body: bytes) -> Track:
    """A track as its tables tell it; all zero where they are damaged."""
    leaves = _leaves(body, {})
    header = leaves.get(b"mdhd", b"").ljust(24, b"\0")
    times = leaves.get(b"stts", b"").ljust(8, b"\0")
    count = min(int.from_bytes(times[4:8], "big"), (len(times) - 8) // 8)
    runs = list(struct.iter_unpack(">II", times[8 : 8 + 8 * count]))
    return Track(
        handler=leaves.get(b"hdlr", b"").ljust(12, b"\0")[8:12].decode("latin-1"),
        samples=sum(run[0] for run in runs),
        timescale=int.from_bytes(header[20:24] if header[0] == 1 else header[12:16], "big"),
        duration=sum(run[0] * run[1] for run in runs),
    )
