"""Pictures of kinds that no library here writes: deep TIFF, raw files of cameras, odd BMP."""

from __future__ import annotations

import io
import struct
from collections.abc import Sequence

import pillow_heif
from PIL import Image

from tests.pictures.scene import scene, stored

Tag = tuple[int, int, bytes]


def short(number: int, *values: int, order: str = "<") -> Tag:
    return number, 3, struct.pack(f"{order}{len(values)}H", *values)


def long(number: int, *values: int, order: str = "<") -> Tag:
    return number, 4, struct.pack(f"{order}{len(values)}L", *values)


def directory(tags: Sequence[Tag], at: int, *, order: str = "<", following: int = 0) -> bytes:
    """The directory that stands at the offset ``at``, with the values that do not fit into it behind it."""
    behind = at + 2 + 12 * len(tags) + 4
    body, values = struct.pack(f"{order}H", len(tags)), b""
    for number, kind, value in sorted(tags):
        count = len(value) // {1: 1, 2: 1, 3: 2, 4: 4, 10: 8}[kind]
        body += struct.pack(f"{order}HHL", number, kind, count)
        if len(value) <= 4:
            body += value.ljust(4, b"\0")
        else:
            body += struct.pack(f"{order}L", behind + len(values))
            values += value
    return body + struct.pack(f"{order}L", following) + values


def deep_tiff(
    image: Image.Image,
    *,
    unit: str = "H",
    apart: bool = False,
    white_is_zero: bool = False,
    order: str = "<",
    sample: int = 1,
    orientation: int = 1,
) -> bytes:
    """``image`` (RGB or L) in numbers of the kind ``unit`` of :mod:`struct`, its planes ``apart`` or not."""
    full = 1 if unit in "fd" else (1 << 8 * struct.calcsize(f"={unit}")) - 1
    values = [255 - v if white_is_zero else v for v in image.tobytes()]
    bands = len(image.getbands())
    if apart:
        values = [v for band in range(bands) for v in values[band::bands]]
    numbers = [v / 255 * full if unit in "fd" else v * full // 255 for v in values]
    packed = struct.pack(f"{order}{len(numbers)}{unit}", *numbers)
    strips = bands if apart else 1
    size = len(packed) // strips
    meaning = 2 if bands == 3 else 0 if white_is_zero else 1
    tags = [
        long(256, image.width, order=order),
        long(257, image.height, order=order),
        short(258, *[8 * struct.calcsize(f"={unit}")] * bands, order=order),
        short(259, 1, order=order),
        short(262, meaning, order=order),
        long(273, *[8 + n * size for n in range(strips)], order=order),
        short(274, orientation, order=order),
        short(277, bands, order=order),
        long(278, image.height, order=order),
        long(279, *[size] * strips, order=order),
        short(284, 2 if apart else 1, order=order),
        short(339, *[sample] * bands, order=order),
    ]
    start = 8 + len(packed) + len(packed) % 2
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}L", start)
    return head + packed.ljust(start - 8, b"\0") + directory(tags, start, order=order)


def pages_of_which_one_is_unreadable() -> bytes:
    """A TIFF of two, the second packed in a way that nobody knows."""
    data = io.BytesIO()
    scene().save(data, "TIFF", save_all=True, append_images=[scene(48, 32)], compression="tiff_lzw")
    whole = data.getvalue()
    at = whole.rindex(struct.pack("<HHLL", 259, 3, 1, 5))
    return whole[:at] + struct.pack("<HHLL", 259, 3, 1, 50002) + whole[at + 12 :]


def preview(width: int = 960, height: int = 640, orientation: int = 1) -> bytes:
    """A JPEG without EXIF, with the scene as a file of that orientation holds it."""
    data = io.BytesIO()
    stored(scene(width, height), orientation).save(data, "JPEG", quality=90)
    return data.getvalue()


def raw_file(
    *,
    start: bytes = b"II*\0",
    jpeg: bytes = b"",
    orientation: int = 1,
    tags: Sequence[Tag] = (),
    is_small: bool = True,
) -> bytes:
    """A small first picture of 96 x 64 as in raw files, a directory below it for the sensor's, the JPEG.

    ``is_small``: the first says of itself that it is a smaller version of another.
    """
    stamp = scene(96, 64).tobytes()
    lossless = b"\xff\xd8\xff\xc3" + struct.pack(">HBHHB", 11, 14, 4000, 6000, 1) + b"\1\x11\0" + b"\xff\xda"
    at = 8 + len(stamp)
    below = [long(256, 6000), long(257, 4000), short(259, 7), short(262, 32803)]
    sensor = directory(below, at)
    first = at + len(sensor)
    shown = [
        *(
            long(254, int(is_small)),
            long(256, 96),
            long(257, 64),
            short(258, 8, 8, 8),
            short(259, 1),
            short(262, 2),
        ),
        *(long(273, 8), short(274, orientation), short(277, 3), long(278, 64), long(279, len(stamp))),
        *(long(330, at), *tags),
    ]
    body = start + struct.pack("<L", first) + stamp + sensor + directory(shown, first)
    return body + lossless + bytes(500) + jpeg


def cr3(jpeg: bytes, orientation: int) -> bytes:
    """Canon's: boxes, in one of them a TIFF with the orientation."""
    told = b"II*\0\x08\0\0\0" + directory([short(274, orientation)], 8)
    box = struct.pack(">L", 8 + len(told)) + b"CMT1" + told
    return b"\0\0\0\x18ftypcrx \0\0\0\1crx isom" + struct.pack(">L", 8 + len(box)) + b"moov" + box + jpeg


def bmp_of_four_bits_a_colour(image: Image.Image) -> bytes:
    """16 bits a pixel: 4 of each colour, and 4 of none."""
    lines = []
    for y in reversed(range(image.height)):
        row = image.crop((0, y, image.width, y + 1)).tobytes()
        pixels = [
            (row[n] >> 4) << 8 | (row[n + 1] >> 4) << 4 | row[n + 2] >> 4 for n in range(0, len(row), 3)
        ]
        lines.append(struct.pack(f"<{len(pixels)}H", *pixels))
    data = b"".join(lines)
    masks = struct.pack("<LLL", 0xF00, 0xF0, 0xF)
    info = struct.pack("<IiiHHIIiiII", 40, image.width, image.height, 1, 16, 3, len(data), 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 66 + len(data), 0, 0, 66) + info + masks + data


def psd(image: Image.Image, version: int = 1) -> bytes:
    """Photoshop's, without layers: the picture as a whole, plane by plane."""
    head = b"8BPS" + struct.pack(">H6xHLLHH", version, 3, image.height, image.width, 8, 3)
    planes = b"".join(band.tobytes() for band in image.split())
    return head + bytes(4) + bytes(4) + bytes(4 if version == 1 else 8) + b"\0\0" + planes


def half_heic() -> bytes:
    pillow_heif.register_heif_opener()
    data = io.BytesIO()
    Image.effect_noise((400, 300), 90).convert("RGB").save(data, "HEIF")
    return data.getvalue()[: data.tell() // 2]


def bmp_header(width: int, height: int, *, compression: int = 0) -> bytes:
    return struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, compression, 0, 0, 0, 0, 0)
