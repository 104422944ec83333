"""Healthy pictures of every format with damaged metadata, drawn by a seed.

Used by the tests, a few at a time, and by ``python -m benchmarks metadata``, by the thousand.
"""

from __future__ import annotations

import io
import random
import struct
from collections.abc import Callable, Mapping

import pillow_heif
from PIL import Image

from tests.pictures.hostile import chunk, jpeg_with, segment, tiff
from tests.pictures.makers import psd
from tests.pictures.scene import scene

pillow_heif.register_heif_opener()

#: What stands for the EXIF while a picture is saved by a library that insists on a healthy one.
_EXIF = Image.Exif()
_EXIF[0x010F] = "A maker of cameras, " * 8
_EXIF[0x0132] = "2024:06:12 10:15:00"
HEALTHY = _EXIF.tobytes()
_TIFF_HEADER = 6


def _nothing(exif: bytes, _: random.Random) -> bytes:
    return bytes(len(exif))


def _noise(exif: bytes, draw: random.Random) -> bytes:
    return draw.randbytes(len(exif))


def _no_header(exif: bytes, _: random.Random) -> bytes:
    return exif[14:] + bytes(14)


def _cut_off(exif: bytes, draw: random.Random) -> bytes:
    return exif[: draw.randrange(len(exif))].ljust(len(exif), b"\0")


def _flipped(exif: bytes, draw: random.Random) -> bytes:
    data = bytearray(exif)
    for _ in range(draw.randint(1, 12)):
        data[draw.randrange(_TIFF_HEADER, len(data))] = draw.randrange(256)
    return bytes(data)


def _entries(exif: bytes, draw: random.Random) -> bytes:
    """Tags of odd kinds and counts, with values far outside; the orientation among them."""
    count = draw.randint(1, 12)
    tags = [_odd_tag(draw, draw.choice((0x0112, 0x8769, 0x8825, 0x011A, 0x9286))) for _ in range(count)]
    body = b"Exif\0\0" + tiff(tags, draw.choice((0, 8, 1 << 31)))
    return body[: len(exif)].ljust(len(exif), b"\xff")


def _odd_tag(draw: random.Random, number: int) -> tuple[int, int, int, int]:
    count = draw.choice((0, 1, 2, 70_000, (1 << 32) - 1))
    return number, draw.randint(0, 20), count, draw.choice((0, 8, 9, 77, 1 << 31))


DAMAGES: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    *(_nothing, _noise, _no_header, _cut_off, _flipped, _entries),
)


def _saved(kind: str, **options: object) -> bytes:
    data = io.BytesIO()
    scene(96, 64).save(data, kind, **options)
    return data.getvalue()


def _replaced(kind: str, exif: bytes) -> bytes:
    """In the place of a healthy one."""
    data = _saved(kind, exif=HEALTHY, quality=95, lossless=kind == "WEBP")
    whole, without = data.count(HEALTHY), data.count(HEALTHY[_TIFF_HEADER:])
    assert whole == 1 or without == 1
    return data.replace(HEALTHY, exif) if whole else data.replace(HEALTHY[6:], exif[_TIFF_HEADER:])


def _jpeg(exif: bytes, draw: random.Random) -> bytes:
    odd = [
        segment(0xE1, exif),
        segment(0xE0, b"JFIF\0"[: draw.randint(0, 5)]),
        segment(0xEE, b"Adobe" + bytes(draw.randint(0, 4))),
        segment(0xE2, b"ICC_PROFILE\0" + draw.randbytes(draw.randint(0, 90))),
        segment(0xE2, b"MPF\0" + draw.randbytes(40)),
        segment(0xED, b"Photoshop 3.0\0" + b"8BIM" + draw.randbytes(9)),
        segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + draw.randbytes(50)),
        segment(0xFE, draw.randbytes(20)),
    ]
    return jpeg_with(*draw.sample(odd, draw.randint(1, 3)), healthy=_saved("JPEG", quality=95))


def _png(exif: bytes, draw: random.Random) -> bytes:
    import zlib

    odd = [
        chunk(b"eXIf", exif[_TIFF_HEADER:]),
        chunk(b"eXIf", exif),
        chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(3 << 20))),
        chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(b"\nexif\n  99\nzz not hex\n")),
        chunk(b"iTXt", draw.randbytes(30)),
        chunk(b"pHYs", draw.randbytes(draw.randint(0, 8))),
        chunk(b"gAMA", b""),
        chunk(b"cHRM", draw.randbytes(5)),
        chunk(b"sRGB", b""),
        chunk(b"iCCP", draw.randbytes(draw.randint(0, 40))),
        chunk(b"tIME", b""),
        chunk(b"teXt", b""),
    ]
    data = _saved("PNG")
    at = data.index(b"IDAT") - 4
    return data[:at] + b"".join(draw.sample(odd, draw.randint(1, 3))) + data[at:]


def _tiff(_: bytes, draw: random.Random) -> bytes:
    numbers = draw.sample((269, 270, 271, 272, 282, 283, 296, 305, 306, 315, 700), draw.randint(1, 6))
    # Which of them come last in the list matters to nobody: they only have to be in their order.
    numbers += draw.sample((33432, 33723, 34377, 34665, 34675, 34853, 37724, 50341), draw.randint(1, 4))
    picture = scene(96, 64).tobytes()
    needed = [(256, 4, 1, 96), (257, 4, 1, 64), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 2)]
    needed += [(274, 3, 1, 1), (277, 3, 1, 3), (278, 4, 1, 64), (279, 4, 1, len(picture))]
    tags = [*needed, *(_odd_tag(draw, number) for number in numbers)]
    at = 8 + 2 + 12 * (len(tags) + 1) + 4
    return tiff(sorted([*tags, (273, 4, 1, at)]), 0, picture)


def _jpeg_xl(exif: bytes, draw: random.Random) -> bytes:
    """In boxes, among which others may be."""
    from pillow_jxl import JpegXLImagePlugin

    assert JpegXLImagePlugin
    data = _saved("JXL", lossless=True, exif=HEALTHY, use_container=True)
    assert data.count(HEALTHY[_TIFF_HEADER:]) == 1
    data = data.replace(HEALTHY[_TIFF_HEADER:], exif[_TIFF_HEADER:])
    odd = [
        _box(b"xml ", draw.randbytes(30)),
        _box(b"jumb", draw.randbytes(draw.randint(0, 9))),
        _box(b"zzzz", b""),
    ]
    return data + b"".join(draw.sample(odd, draw.randint(0, 3)))


def _jpeg_2000(exif: bytes, draw: random.Random) -> bytes:
    """In front of the picture's own box."""
    data = _saved("JPEG2000")
    at = data.index(b"jp2c") - 4
    odd = [_box(b"uuid", b"JpgTiffExif->JP2" + exif), _box(b"xml ", draw.randbytes(40)), _box(b"uinf", b"")]
    return data[:at] + b"".join(draw.sample(odd, draw.randint(1, 3))) + data[at:]


def _box(kind: bytes, content: bytes) -> bytes:
    return (8 + len(content)).to_bytes(4) + kind + content


def _gif(exif: bytes, draw: random.Random) -> bytes:
    data = _saved("GIF")
    at = 13 + 3 * (2 << (data[10] & 7)) if data[10] & 0x80 else 13
    cut = exif[: draw.randint(1, 200)]
    odd = [
        b"!\xfe" + bytes([len(cut)]) + cut + b"\0",
        b"!\xff\x0bXMP DataXMP" + bytes([len(cut)]) + cut + b"\0",
        b"!\xff\x0bNETSCAPE2.0\1\7\0",
        b"!\x01\x0c" + draw.randbytes(12) + b"\0",
    ]
    return data[:at] + b"".join(draw.sample(odd, draw.randint(1, 3))) + data[at:]


def _psd(exif: bytes, draw: random.Random) -> bytes:
    """In its resources, which come behind its colours."""
    whole = psd(scene(96, 64))
    (colours,) = struct.unpack_from(">L", whole, 26)
    at = 30 + colours
    (length,) = struct.unpack_from(">L", whole, at)
    body = exif + b"\0" * (len(exif) % 2)
    odd = b"8BIM" + struct.pack(">HHL", draw.choice((1058, 1060, 1039, 9)), 0, len(body)) + body
    return whole[:at] + struct.pack(">L", length + len(odd)) + odd + whole[at + 4 :]


PICTURES: Mapping[str, Callable[[bytes, random.Random], bytes]] = {
    "JPEG": _jpeg,
    "PNG": _png,
    "WEBP": lambda exif, _: _replaced("WEBP", exif),
    "AVIF": lambda exif, _: _replaced("AVIF", exif),
    "HEIF": lambda exif, _: _replaced("HEIF", exif),
    "TIFF": _tiff,
    "JXL": _jpeg_xl,
    "JP2": _jpeg_2000,
    "GIF": _gif,
    "PSD": _psd,
}


def drawn(seed: int) -> tuple[str, bytes]:
    """Name of the format and of the damage, and the picture: a :func:`scene` of 96 x 64, perhaps turned."""
    draw = random.Random(seed)
    kind = list(PICTURES)[seed % len(PICTURES)]
    damage = draw.choice(DAMAGES)
    return f"{kind}, {damage.__name__.strip('_')}", PICTURES[kind](damage(HEALTHY, draw), draw)
