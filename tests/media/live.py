"""Live Photos and motion photos as phones write them, made of any picture and any film.

Used by the tests, a few at a time, and by ``python -m benchmarks pairs``.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Callable, Mapping

from PIL import Image

from tests.pictures.hostile import segment
from utils.media.boxes import children

_MAKER_NOTE, _CAMERA = 0x927C, 0x8769
#: Samsung's: what stands in front of each thing behind the JPEG, and the directory of them at the end.
MARKER = b"\0\0\x30\x0a\x10\0\0\0MotionPhoto_Data"
_DATE = b"\0\0\x01\x0a\x0e\0\0\0Image_UTC_Data1718187305000"
DIRECTORY = b"SEFH\x6b\0\0\0\x01\0\0\0\0\0\x30\x0a" + struct.pack("<II", 99, 99) + b"\x18\0\0\0SEFT"
_XMP = "http://ns.adobe.com/xap/1.0/\0<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:Description {}/></x:xmpmeta>"


def _with_xmp(picture: bytes, said: str) -> bytes:
    return picture[:2] + segment(0xE1, _XMP.format(said).encode()) + picture[2:]


def _small() -> bytes:
    data = io.BytesIO()
    Image.new("L", (16, 16), 90).save(data, "JPEG")
    return data.getvalue()


def _box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", 8 + len(content)) + kind + content


#: What is in front of the film (the picture as it stays), and what is behind it.
JPEG_LAYOUTS: Mapping[str, Callable[[bytes, bytes], tuple[bytes, bytes]]] = {
    "Pixel, micro video": lambda picture, film: (
        _with_xmp(picture, f"GCamera:MicroVideo='1' GCamera:MicroVideoOffset='{len(film)}'"),
        b"",
    ),
    "Pixel, motion photo": lambda picture, film: (
        _with_xmp(picture, f"GCamera:MotionPhoto='1' Item:Semantic='MotionPhoto' Item:Length='{len(film)}'"),
        b"",
    ),
    "Pixel, with a gain map": lambda picture, _: (_with_xmp(picture, "hdrgm:Version='1.0'") + _small(), b""),
    "Samsung": lambda picture, _: (picture + MARKER, DIRECTORY),
    "Samsung, with a date": lambda picture, _: (picture + _DATE + MARKER, _DATE + DIRECTORY),
    "Huawei": lambda picture, _: (picture, b"v3_f40\0\0".ljust(20) + b"LIVE_3031405".ljust(20)),
    "Xiaomi": lambda picture, film: (
        _with_xmp(picture, f"GCamera:MicroVideoOffset='{len(film)}'") + bytes(40),
        b'{"watermark":{"name":"phone"}}',
    ),
    "others": lambda picture, _: (picture + bytes(100), b"\xff\xd8\xff trailer"),
}
#: Behind the boxes of a HEIC.
HEIC_LAYOUTS: Mapping[str, Callable[[bytes, bytes], bytes]] = {
    "Pixel, HEIC": lambda picture, film: picture + _box(b"mpvd", film),
    "Samsung, HEIC": lambda picture, film: picture + _box(b"mpvd", film) + _box(b"sefd", DIRECTORY),
}


def apple_picture(picture: bytes, identifier: str, kind: str = "JPEG") -> bytes:
    """``picture`` written anew as one half of a Live Photo."""
    text = identifier.encode() + b"\0"
    tags = struct.pack(">H", 2) + struct.pack(">HHII", 1, 9, 1, 14)
    tags += struct.pack(">HHII", 0x11, 2, len(text), 14 + 2 + 2 * 12 + 4) + bytes(4)
    exif = Image.Exif()
    exif.get_ifd(_CAMERA)[_MAKER_NOTE] = b"Apple iOS\0\0\1MM" + tags + text
    data = io.BytesIO()
    with Image.open(io.BytesIO(picture)) as image:
        image.save(data, kind, exif=exif, quality=95)
    return data.getvalue()


def apple_film(film: bytes, identifier: str, *, versioned: bool = False) -> bytes:
    """``film``, whose index comes last, as the other half; ``versioned`` as ISO has it, and not QuickTime."""
    names = (b"com.apple.quicktime.make", b"com.apple.quicktime.content.identifier")
    values = (b"Apple", identifier.encode())
    keys = _box(b"keys", struct.pack(">II", 0, 2) + b"".join(_box(b"mdta", name) for name in names))
    items = [
        _box(struct.pack(">I", place), _box(b"data", struct.pack(">II", 1, 0) + value))
        for place, value in enumerate(values, 1)
    ]
    meta = _box(b"meta", (bytes(4) if versioned else b"") + keys + _box(b"ilst", b"".join(items)))
    at = film.rindex(b"moov") - 4
    index = next(body for kind, body in children(film[at:]) if kind == b"moov")
    return film[:at] + _box(b"moov", index + meta)


def numbered(film: bytes, number: int) -> bytes:
    """``film`` with bytes of its own, which nobody sees."""
    return film + _box(b"free", struct.pack(">I", number))
