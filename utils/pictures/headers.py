"""What the headers of pictures tell before their decoders are asked: sizes, and what it will cost. Pure."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable, Mapping
from typing import BinaryIO, NamedTuple

#: Of how many bits a side of a JPEG XL may be, chosen by two bits; and its width as a share of its height.
_JXL_BITS = (9, 13, 18, 30)
_JXL_RATIOS = ((1, 1), (6, 5), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))
#: JPEG's markers: pictures begin with the first kind; the others have no length.
_FRAMES = frozenset((*range(0xC0, 0xC4), *range(0xC5, 0xC8), *range(0xC9, 0xCC), *range(0xCD, 0xD0)))
_PROGRESSIVE = frozenset((0xC2, 0xC6, 0xCA, 0xCE))
_BARE = frozenset((0x01, *range(0xD0, 0xD9)))
_SCAN, _END = 0xDA, 0xD9


def webp_size(head: bytes) -> tuple[int, int]:
    """Width and height of the WebP that begins with ``head``; (0, 0) where that makes no sense."""
    kind, body = head[12:16], head[20:]
    if kind == b"VP8X" and len(body) >= 10:
        return 1 + int.from_bytes(body[4:7], "little"), 1 + int.from_bytes(body[7:10], "little")
    if kind == b"VP8 " and len(body) >= 10:
        return int.from_bytes(body[6:8], "little") & 0x3FFF, int.from_bytes(body[8:10], "little") & 0x3FFF
    if kind == b"VP8L" and len(body) >= 5:
        bits = int.from_bytes(body[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    return 0, 0


class _JxlBits:
    """The header of the JPEG XL that begins with ``head``, bit by bit; nothing where it comes later."""

    def __init__(self, head: bytes) -> None:
        at = head.find(b"\xff\x0a")
        known = at == 0 or (at > 0 and (head[at - 4 : at] == b"jxlc" or head[at - 8 : at - 4] == b"jxlp"))
        self.found = known
        self._bits = int.from_bytes(head[at + 2 : at + 34], "little") if known else 0

    def read(self, count: int = 1) -> int:
        value, self._bits = self._bits & ((1 << count) - 1), self._bits >> count
        return value

    def size(self) -> tuple[int, int]:
        small = self.read()

        def side() -> int:
            return 8 * (self.read(5) + 1) if small else self.read(_JXL_BITS[self.read(2)]) + 1

        height, ratio = side(), self.read(3)
        if ratio:
            across, down = _JXL_RATIOS[ratio - 1]
            return height * across // down, height
        return side(), height


def jxl_size(head: bytes) -> tuple[int, int]:
    """Width and height of the JPEG XL that begins with ``head``; (0, 0) where they come later, or never."""
    bits = _JxlBits(head)
    return bits.size() if bits.found else (0, 0)


def jxl_moves(head: bytes) -> bool:
    """Whether the JPEG XL that begins with ``head`` has several pictures."""
    bits = _JxlBits(head)
    if not bits.found:
        return False
    bits.size()
    if bits.read() or not bits.read():  # all as usual, or only what is of no interest here is not
        return False
    bits.read(3)
    if bits.read():
        bits.size()
    return not bits.read() and bool(bits.read())  # one with a stamp in front is taken not to move


#: Of formats whose decoders take their memory when they are opened.
SIZE_OF: Mapping[str, Callable[[bytes], tuple[int, int]]] = {"WEBP": webp_size, "JXL": jxl_size}


class JpegHeader(NamedTuple):
    """How a JPEG is decoded. ``held`` is what libjpeg keeps in memory for the whole of it, in bytes."""

    progressive: bool
    held: int


def jpeg_header(file: BinaryIO) -> JpegHeader:
    """Read up to the first scan. What makes no sense is left to the decoder.

    A progressive JPEG, and one with a scan for each component, is kept as a whole, as 16-bit numbers, before
    the first line is known: a few bytes may ask for gigabytes.
    """
    frame: tuple[bool, int, int] = (False, 0, 0)
    file.seek(2)
    while len(start := file.read(2)) == 2 and start[0] == 0xFF:
        marker = start[1]
        if marker == 0xFF:
            file.seek(-1, io.SEEK_CUR)
            continue
        if marker in _BARE:
            continue
        length = int.from_bytes(file.read(2), "big")
        if marker == _END or length < 2:
            break
        if marker in _FRAMES:
            frame = _frame(marker, file.read(length - 2))
        elif marker == _SCAN:
            progressive, components, held = frame
            whole = progressive or file.read(1) != bytes((components,))
            return JpegHeader(progressive, held if whole else 0)
        else:
            file.seek(length - 2, io.SEEK_CUR)
    return JpegHeader(frame[0], frame[2] if frame[0] else 0)


def _frame(marker: int, body: bytes) -> tuple[bool, int, int]:
    """Progressive or not, how many components, and their coefficients in bytes."""
    if len(body) < 6:
        return marker in _PROGRESSIVE, 0, 0
    _, height, width, count = struct.unpack(">BHHB", body[:6])
    sampling = [(body[at] >> 4, body[at] & 15) for at in range(7, min(len(body), 6 + 3 * count), 3)]
    across, down = (
        max((h for h, _ in sampling), default=1) or 1,
        max((v for _, v in sampling), default=1) or 1,
    )
    held = sum(2 * width * h // across * (height * v // down) for h, v in sampling)
    return marker in _PROGRESSIVE, count, held
