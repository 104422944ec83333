"""Archives made byte by byte: a gzip file that unpacks to itself, a 7z with any number of empty entries."""

from __future__ import annotations

import struct
import zlib

#: Bytes of one command; the header of the file takes three such units, its end as well.
UNIT = 10
_EMPTY = b"\x00\x00\x00\xff\xff"


def _copy_literally(units: int) -> bytes:
    """Deflate: what follows, ``units`` long, is content. A stored block behind an empty one."""
    size = units * UNIT
    return _EMPTY + struct.pack("<BHH", 0, size, size ^ 0xFFFF)


def _repeat_four() -> bytes:
    """Deflate: the last 40 bytes once more, in one unit.

    A fixed block with one match (length 40: symbol 273, 3 more bits; distance 40: code 10, 4 more bits),
    a fixed block with nothing, a stored block with nothing.
    """
    header, end = "010", "0000000"  # not the last block, fixed codes; bits in the order in which they come
    match = f"{273 - 256:07b}" + f"{40 - 35:03b}"[::-1] + f"{10:05b}" + f"{40 - 33:04b}"[::-1]
    bits = header + match + end + header + end + "000"
    bits += "0" * (-len(bits) % 8)
    packed = bytes(int(bits[at : at + 8][::-1], 2) for at in range(0, len(bits), 8))
    return packed + b"\x00\x00\xff\xff"


def gzip_quine() -> bytes:
    """A gzip file whose content is the file itself, check sum and all.

    The check sum of the file is an affine function of the check sum written in it; the one that is the same
    is found by elimination.
    """
    for stamp in range(100):
        zero = zlib.crc32(_build(0, stamp))
        # Row by row: which bits of the check sum written turn which bits of (real ^ written).
        columns = [zlib.crc32(_build(1 << bit, stamp)) ^ zero ^ 1 << bit for bit in range(32)]
        crc = _solve(columns, zero)
        if crc is not None:
            return _build(crc, stamp)
    raise AssertionError("no time stamp gives a solution")


def _solve(columns: list[int], wanted: int) -> int | None:
    """Which of ``columns`` make ``wanted`` together, as bits; None when none do."""
    basis: list[tuple[int, int]] = []
    for bit, column in enumerate(columns):
        made = 1 << bit
        for value, how in basis:
            if column ^ value < column:
                column, made = column ^ value, made ^ how
        if column:
            basis.append((column, made))
            basis.sort(reverse=True)
    found = 0
    for value, how in basis:
        if wanted ^ value < wanted:
            wanted, found = wanted ^ value, found ^ how
    return None if wanted else found


def _build(crc: int, stamp: int) -> bytes:
    """See https://research.swtch.com/zip for the idea: each command prints what is needed of the others."""
    extra = 3 * UNIT - 12
    prefix = struct.pack("<3sBIBBH", b"\x1f\x8b\x08", 4, stamp, 0, 255, extra) + bytes(extra)
    four, again = _copy_literally(4), _repeat_four()
    size = 24 * UNIT
    suffix = 3 * _EMPTY + b"\x01\x00\x00\xff\xff" + struct.pack("<II", crc, size) + bytes(2)
    assert len(prefix) == len(suffix) == 3 * UNIT and len(four) == len(again) == UNIT
    return b"".join(
        (
            *(prefix, four, prefix, four),
            *(again, four, again, four, again, four, again, four),
            *(again, suffix, again, suffix),
        )
    )


# -- 7z ------------------------------------------------------------------------------------------------------


def empty_7z(count: int) -> bytes:
    """A 7z archive with ``count`` empty files, its table of contents not compressed."""
    bits = ((1 << count) - 1 << (-count % 8)).to_bytes(-(-count // 8), "big")
    names = b"\0" + "".join(f"{number:x}.jpg\0" for number in range(count)).encode("utf-16-le")
    files = [b"\x05", _number(count)]
    for kind, content in ((0x0E, bits), (0x0F, bits), (0x11, names)):
        files += [bytes([kind]), _number(len(content)), content]
    header = b"".join((b"\x01", *files, b"\0\0"))
    start = struct.pack("<QQI", 0, len(header), zlib.crc32(header))
    return b"7z\xbc\xaf\x27\x1c\0\4" + struct.pack("<I", zlib.crc32(start)) + start + header


def _number(value: int) -> bytes:
    """7z's way of writing numbers: as many leading one bits as bytes follow."""
    for more in range(8):
        if value < 1 << 7 * (more + 1):
            first = 0xFF00 >> more & 0xFF | value >> 8 * more
            return bytes([first]) + (value & (1 << 8 * more) - 1).to_bytes(more, "little")
    return b"\xff" + value.to_bytes(8, "little")
