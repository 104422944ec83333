"""A JPEG, PNG, TIFF, BMP, HEIC or AVIF without what is not the picture, which its decoder may trip over.

Runs in a child. What says how the pixels are meant (orientation, colours) is kept, unless it is the trouble.
"""

from __future__ import annotations

import io
import re
import struct
from collections.abc import Iterator
from typing import BinaryIO

from utils.pictures.bmp import plain_bmp
from utils.pictures.formats import format_of

#: JPEG's markers without a length, and those after which something else begins.
_BARE = frozenset((0x01, *range(0xD0, 0xD9)))
_SCAN, _END = 0xDA, 0xD9
_APPLICATION = range(0xE0, 0xF0)
_COMMENT = 0xFE
#: What is kept of the application's segments: how each begins, and its bytes at least.
_KEPT = {0xE1: (b"Exif\0\0", 14), 0xE2: (b"ICC_PROFILE\0", 14), 0xEE: (b"Adobe", 12)}

_PNG = b"\x89PNG\r\n\x1a\n"
_PIXELS = frozenset((b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"))
_MEANING = frozenset((b"eXIf", b"iCCP", b"cICP"))

_TIFF = {b"II*\0": "<", b"MM\0*": ">"}
_TIFF_ENTRY = 12
_ORIENTATION, _PROFILE = 274, 34675
#: The numbers of the tags that tell where the pixels are, and how they are packed.
_TIFF_PIXELS = frozenset(
    (
        *(254, 255, 256, 257, 258, 259, 262, 266, 273, 277, 278, 279, 284, 292, 293, 317, 320),
        *(322, 323, 324, 325, 330, 332, 334, 336, 338, 339, 340, 341, 347, 529, 530, 531, 532),
    )
)

#: The entry of an item that is EXIF: version 2 or 3, its number of 2 or 4 bytes, its protection, its type.
_EXIF_ITEM = re.compile(rb"(infe(?:\x02.{3}.{2}|\x03.{3}.{4}).{2})Exif", re.DOTALL)
#: What decoders know for sure.
_BRANDS = {"AVIF": b"avif", "HEIC": b"heic"}
_HEAD = 4096
#: Bytes in which the entries are looked for.
_ENTRIES = 1 << 20


def bare_versions(file: BinaryIO) -> Iterator[BinaryIO]:
    """The picture in ``file`` with less and less beside it, held in memory; none for another format."""
    file.seek(0)
    data = file.read()
    if data.startswith(b"\xff\xd8\xff"):
        yield io.BytesIO(_bare_jpeg(data, _KEPT))
        yield io.BytesIO(_bare_jpeg(data, {}))
    elif data.startswith(_PNG):
        yield io.BytesIO(_bare_png(data, _PIXELS | _MEANING))
        yield io.BytesIO(_bare_png(data, _PIXELS))
    elif data[:4] in _TIFF:
        yield io.BytesIO(_bare_tiff(data, _TIFF_PIXELS | {_ORIENTATION, _PROFILE}))
        yield io.BytesIO(_bare_tiff(data, _TIFF_PIXELS))
    elif data.startswith(b"BM"):
        yield from plain_bmp(data)
    elif data[4:8] == b"ftyp":
        known = format_of(data[:_HEAD])
        # Decoders go by what it says to be, and not by what it says to be readable as.
        data = data[:8] + _BRANDS.get(known.name if known else "", data[8:12]) + data[12:]
        # Of a kind that nobody knows, it is passed over.
        yield io.BytesIO(_EXIF_ITEM.sub(rb"\1free", data[:_ENTRIES]) + data[_ENTRIES:])


def _bare_jpeg(data: bytes, kept: dict[int, tuple[bytes, int]]) -> bytes:
    parts, at = [data[:2]], 2
    while data[at : at + 1] == b"\xff" and at + 4 <= len(data):
        marker = data[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        if marker in (_SCAN, _END):
            break
        length = 0 if marker in _BARE else int.from_bytes(data[at + 2 : at + 4], "big")
        body = data[at + 4 : at + 2 + length]
        start, least = kept.get(marker, (b"", 1 << 16))
        dropped = marker == _COMMENT or marker in _APPLICATION
        if not dropped or (body.startswith(start) and len(body) >= least):
            parts.append(data[at : at + 2 + length])
        at += 2 + length
    return b"".join((*parts, data[at:]))


def _bare_png(data: bytes, kept: frozenset[bytes]) -> bytes:
    parts, at = [_PNG], len(_PNG)
    while at + 8 <= len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        if data[at + 4 : at + 8] in kept:
            parts.append(data[at : at + 12 + length])
        at += 12 + length
    return b"".join(parts)


def _bare_tiff(data: bytes, kept: frozenset[int]) -> bytes:
    """Its first page has fewer tags, in the place of all of them."""
    order = _TIFF[data[:4]]
    (start,) = struct.unpack_from(f"{order}L", data.ljust(8, b"\0"), 4)
    (count,) = struct.unpack(f"{order}H", data[start : start + 2].ljust(2, b"\0"))
    end = start + 2 + count * _TIFF_ENTRY
    entries = [data[at : at + _TIFF_ENTRY] for at in range(start + 2, end, _TIFF_ENTRY)]
    left = [
        one for one in entries if len(one) == _TIFF_ENTRY and struct.unpack(f"{order}H", one[:2])[0] in kept
    ]
    fewer = struct.pack(f"{order}H", len(left)) + b"".join(left) + data[end : end + 4]
    return data[:start] + fewer + data[start + len(fewer) :]
