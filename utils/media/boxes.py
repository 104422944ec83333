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


#: Boxes inside of the index that are looked at, and bytes of one of which the content is read.
_MAX_INNER, _MAX_CONTENT = 50_000, 1 << 20
#: Runs of samples of the same duration that are counted in one track: a day of film, each another.
_MAX_RUNS = 4_000_000
#: Bytes of the times of samples that are read at once.
_STEP = 8 << 13
_CONTAINERS = (b"trak", b"mdia", b"minf", b"stbl")
#: What the index tells of the whole: not the tables of its tracks, which grow with the film.
_OF_THE_WHOLE = (b"mvhd", b"meta", b"udta")


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
        inner = _Inner(file, size)
        index = list(inner.boxes(*_content(file, moov))) if moov else []
        tracks = [inner.track(start, end) for kind, start, end in index if kind == b"trak"]
        return Layout(
            index_found=moov is not None,
            index_first=moov is not None and (mark not in kinds or kinds.index(b"moov") < kinds.index(mark)),
            fragmented=b"moof" in kinds or any(kind == b"mvex" for kind, _, _ in index),
            cut_off=any(start + length > size for _, start, length in boxes),
            encrypted=any(encrypted for _, encrypted in tracks),
            brand=_brand(file, boxes),
            tracks=tuple(track for track, _ in tracks),
        )


def read_index(path: Path) -> bytes:
    """What the index (``moov``) of ``path`` tells of the whole, as boxes; empty: it has none. Blocking."""
    size = path.stat().st_size
    with path.open("rb") as file:
        moov = next((box for box in top_boxes(file, size) if box[0] == b"moov"), None)
        inner = _Inner(file, size)
        return b"".join(
            struct.pack(">I4s", 8 + end - start, kind) + inner.content(start, end)
            for kind, start, end in (inner.boxes(*_content(file, moov)) if moov else ())
            if kind in _OF_THE_WHOLE and end - start <= _MAX_CONTENT
        )


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


def _content(file: BinaryIO, box: tuple[bytes, int, int]) -> tuple[int, int]:
    """Where the content of a box at the top level begins and ends."""
    _, offset, length = box
    file.seek(offset)
    header = 16 if file.read(4) == b"\x00\x00\x00\x01" else 8
    return offset + header, offset + length


class _Inner:
    """Boxes inside of others, read from ``file`` as far as they are needed: an index may be of any size."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file = file
        self._size = size
        self._seen = 0

    def boxes(self, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
        """(type, start, end) of the content of each box between two places."""
        end = min(end, self._size)
        while start + 8 <= end and self._seen < _MAX_INNER:
            self._seen += 1
            length, kind = struct.unpack(">I4s", self.content(start, start + 8))
            if length < 8:
                return
            yield kind, start + 8, min(start + length, end)
            start += length

    def content(self, start: int, end: int) -> bytes:
        self._file.seek(start)
        return self._file.read(min(end - start, _MAX_CONTENT))

    def track(self, start: int, end: int) -> tuple[Track, bool]:
        """A track as its tables tell it, all zero where they are damaged; and whether it is encrypted."""
        leaves = self._leaves(start, end, {})
        header = self.content(*leaves.get(b"mdhd", (0, 0))).ljust(24, b"\0")
        samples, duration = self._times(*leaves.get(b"stts", (0, 0)))
        entries = self.content(*leaves.get(b"stsd", (0, 0)))
        track = Track(
            handler=self.content(*leaves.get(b"hdlr", (0, 0)))[8:12].ljust(4, b"\0").decode("latin-1"),
            samples=samples,
            timescale=int.from_bytes(header[20:24] if header[0] == 1 else header[12:16]),
            duration=duration,
        )
        return track, b"encv" in entries and b"schm" in entries

    def _leaves(
        self, start: int, end: int, found: dict[bytes, tuple[int, int]], depth: int = 0
    ) -> dict[bytes, tuple[int, int]]:
        for kind, inner, last in self.boxes(start, end):
            if kind in _CONTAINERS and depth < len(_CONTAINERS):
                self._leaves(inner, last, found, depth + 1)
            else:
                found.setdefault(kind, (inner, last))
        return found

    def _times(self, start: int, end: int) -> tuple[int, int]:
        """Samples, and the sum of their durations."""
        count = int.from_bytes(self.content(start, min(start + 8, end))[4:8])
        count = min(count, max(0, end - start - 8) // 8)
        if count > _MAX_RUNS:
            return 0, 0
        samples = duration = 0
        last = start + 8 + 8 * count
        for at in range(start + 8, last, _STEP):
            part = self.content(at, min(at + _STEP, last))
            for number, each in struct.iter_unpack(">II", part[: len(part) // 8 * 8]):
                samples, duration = samples + number, duration + number * each
        return samples, duration


def children(body: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The boxes in the content ``body`` of another: the type and the content of each."""
    offset = 0
    while offset + 8 <= len(body):
        length, kind = struct.unpack_from(">I4s", body, offset)
        if length < 8:
            return
        yield kind, body[offset + 8 : offset + length]
        offset += length
