"""Pictures that are made to take all memory, all time, or their decoder down; each from a few lines.

Used by the tests, a few at a time, and by ``python -m benchmarks attacks``, all of them.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path

import pillow_heif
from PIL import Image

MB = 1_000_000
#: Bytes of zeros behind a picture; they cost no disk, and next to nothing in an archive.
PADDING = 1_500 * MB

pillow_heif.register_heif_opener()


def saved(kind: str, size: tuple[int, int] = (64, 48), mode: str = "RGB", **options: object) -> bytes:
    """A small healthy picture."""
    data = io.BytesIO()
    Image.linear_gradient("L").resize(size).convert(mode).save(data, kind, **options)
    return data.getvalue()


# -- JPEG ----------------------------------------------------------------------------------------------------


def segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def jpeg_frame(width: int, height: int, *, marker: int = 0xC0, sampling: int = 0x11) -> bytes:
    """Up to the first scan, with the shortest tables that there are."""
    tables = segment(0xDB, b"\0" + b"\1" * 64)
    frame = struct.pack(">BHHB", 8, height, width, 3)
    frame += b"".join(bytes((number, sampling if number == 1 else 0x11, 0)) for number in (1, 2, 3))
    codes = b"".join(segment(0xC4, bytes((kind,)) + b"\1" + bytes(15) + b"\0") for kind in (0x00, 0x10))
    return b"\xff\xd8" + tables + segment(marker, frame) + codes


def scan(*components: int, first: int = 0, last: int = 63) -> bytes:
    chosen = b"".join(bytes((number, 0)) for number in components)
    return segment(0xDA, bytes((len(components),)) + chosen + bytes((first, last, 0)))


def scan_a_component(side: int = 22_300) -> bytes:
    """166 bytes that ask for three gigabytes: nothing can be shown before all scans have come."""
    return jpeg_frame(side, side) + b"".join(scan(number) + b"\0" for number in (1, 2, 3)) + b"\xff\xd9"


def progressive(side: int, scans: int) -> bytes:
    first = scan(1, 2, 3, first=0, last=0) + b"\0" * 16
    return jpeg_frame(side, side, marker=0xC2) + first + (scan(1, first=1) + b"\0\0") * scans + b"\xff\xd9"


def jpeg_with(*segments: bytes, healthy: bytes = b"") -> bytes:
    healthy = healthy or saved("JPEG")
    return healthy[:2] + b"".join(segments) + healthy[2:]


def jpeg_resized(width: int, height: int) -> bytes:
    """A healthy one whose header promises another size."""
    data = bytearray(saved("JPEG"))
    struct.pack_into(">HH", data, data.index(b"\xff\xc0") + 5, height, width)
    return bytes(data)


def icc(size: int) -> list[bytes]:
    parts = -(-size // 65_000)
    return [segment(0xE2, b"ICC_PROFILE\0" + bytes((n + 1, parts)) + bytes(65_000)) for n in range(parts)]


def exif_loop() -> bytes:
    """An IFD whose sub-IFDs are itself."""
    tags = b"".join(struct.pack("<HHLL", tag, 4, 1, 8) for tag in (0x8769, 0x8825, 0xA005))
    return segment(0xE1, b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<H", 3) + tags + struct.pack("<L", 8))


# -- PNG -----------------------------------------------------------------------------------------------------


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def zeros(count: int) -> bytes:
    """``count`` zeros, deflated."""
    packer = zlib.compressobj(9)
    block = bytes(10 * MB)
    whole = b"".join(packer.compress(block) for _ in range(count // len(block)))
    return whole + packer.compress(bytes(count % len(block))) + packer.flush()


def png(
    width: int, height: int, *more: bytes, depth: int = 8, colour: int = 2, laced: int = 0, data: bytes = b""
) -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, laced))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(more) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def png_bomb(width: int, height: int, *, depth: int = 8, colour: int = 2, laced: int = 0) -> bytes:
    bytes_a_pixel = {0: 1, 2: 3, 6: 4}[colour] * depth // 8
    data = zeros((width * bytes_a_pixel + 1) * height)
    return png(width, height, depth=depth, colour=colour, laced=laced, data=data)


def png_with(*chunks: bytes) -> bytes:
    return png(8, 8, *chunks, data=zlib.compress(bytes(25 * 8)))


def apng(side: int, frames: int, *, promised: int | None = None) -> bytes:
    """``frames`` pictures of that size, each as good as empty."""
    data, place = zeros((3 * side + 1) * side), 0
    body = []
    for number in range(frames):
        control = struct.pack(">IIIIIHHBB", place, side, side, 0, 0, 1, 30, 0, 0)
        place += 1
        body.append(chunk(b"fcTL", control))
        if number == 0:
            body.append(chunk(b"IDAT", data))
        else:
            body.append(chunk(b"fdAT", struct.pack(">I", place) + data))
            place += 1
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
    told = chunk(b"acTL", struct.pack(">II", promised or frames, 0))
    return b"\x89PNG\r\n\x1a\n" + header + told + b"".join(body) + chunk(b"IEND", b"")


# -- GIF, WebP -----------------------------------------------------------------------------------------------


def gif(side: int, frames: int) -> bytes:
    head = b"GIF89a" + struct.pack("<HHBBB", side, side, 0x80, 0, 0) + bytes(6)
    one = b"\x2c" + struct.pack("<HHHHB", 0, 0, side, side, 0) + b"\x02\x02\x44\x01\0"
    return head + one * frames + b";"


def riff(*chunks: tuple[bytes, bytes]) -> bytes:
    body = b"".join(
        kind + struct.pack("<I", len(one)) + one + one[:0] + b"\0" * (len(one) % 2) for kind, one in chunks
    )
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def webp_animation(side: int, frames: int) -> bytes:
    """Pictures of that size, each a few bytes: one colour."""
    still = saved("WEBP", (side, side), lossless=True) if side < 3000 else _flat_webp(side)
    picture = still[12:]
    three = (side - 1).to_bytes(3, "little")
    frame = (b"ANMF", bytes(6) + three + three + (20).to_bytes(3, "little") + b"\0" + picture)
    return riff((b"VP8X", b"\x02\0\0\0" + three + three), (b"ANIM", bytes(6)), *([frame] * frames))


def _flat_webp(side: int) -> bytes:
    data = io.BytesIO()
    Image.new("RGB", (side, side)).save(data, "WEBP", lossless=True, method=0, quality=0)
    return data.getvalue()


# -- HEIC, AVIF, TIFF and the rest ---------------------------------------------------------------------------


def resized_box(data: bytes, width: int, height: int) -> bytes:
    """An HEIC or AVIF whose ``ispe`` promises another size."""
    at = data.index(b"ispe") + 8
    return data[:at] + struct.pack(">II", width, height) + data[at + 8 :]


def tiff(tags: list[tuple[int, int, int, int]], following: int = 0, data: bytes = b"") -> bytes:
    """One IFD with these tags (number, type, count, value), the offset of the next one, then ``data``."""
    body = struct.pack("<H", len(tags) & 0xFFFF) + b"".join(struct.pack("<HHLL", *tag) for tag in tags)
    return b"II*\0\x08\0\0\0" + body + struct.pack("<L", following) + data


def tiff_picture(
    width: int, height: int, packed: bytes, *, compression: int = 8, loop: bool = False
) -> bytes:
    at = 8 + 2 + 12 * 9 + 4
    tags = [(256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, 8), (259, 3, 1, compression), (262, 3, 1, 1)]
    tags += [(273, 4, 1, at), (277, 3, 1, 1), (278, 4, 1, height), (279, 4, 1, len(packed))]
    return tiff(tags, 8 if loop else 0, packed)


def bmp(width: int, height: int, *, compression: int = 0, data: bytes = b"") -> bytes:
    bits = 8 if compression else 24
    info = struct.pack("<IiiHHIIiiII", 40, width, height, 1, bits, compression, len(data), 0, 0, 256, 0)
    colours = bytes(1024) if compression else b""
    return (
        b"BM"
        + struct.pack("<IHHI", 54 + len(colours) + len(data), 0, 0, 54 + len(colours))
        + info
        + colours
        + data
    )


def jp2_resized(width: int, height: int) -> bytes:
    data = bytearray(saved("JPEG2000"))
    at = data.index(b"\xff\x51") + 6
    struct.pack_into(">II", data, at, width, height)
    struct.pack_into(">II", data, at + 16, width, height)
    box = data.index(b"ihdr") + 4
    struct.pack_into(">II", data, box, height, width)
    return bytes(data)


#: Name of a file, and what is in it. What is behind the first ``PADDING`` mark is padded with zeros.
HOSTILE: Mapping[str, Callable[[], bytes]] = {
    "scan_a_component.jpg": scan_a_component,
    "scan_a_component_small.jpg": lambda: scan_a_component(6_000),
    "progressive_65500.jpg": lambda: progressive(65_500, 1),
    "progressive_11000.jpg": lambda: progressive(11_000, 1),
    "thousand_scans.jpg": lambda: progressive(4_000, 1_000),
    "scans_without_end.jpg": lambda: progressive(8_000, 20_000),
    "header_65500.jpg": lambda: jpeg_resized(65_500, 65_500),
    "header_20000.jpg": lambda: jpeg_resized(20_000, 20_000),
    "exif_64_mb.jpg": lambda: jpeg_with(*([segment(0xE1, b"Exif\0\0" + bytes(65_000))] * 1000)),
    "icc_16_mb.jpg": lambda: jpeg_with(*icc(16 * MB)),
    "exif_loop.jpg": lambda: jpeg_with(exif_loop()),
    "million_comments.jpg": lambda: jpeg_with(segment(0xFE, b"") * 1_000_000),
    "half.jpg": lambda: saved("JPEG", (3000, 2000))[:-2000],
    "bomb_1700_mb.png": lambda: png_bomb(23_000, 24_600),
    "bomb_within_limits.png": lambda: png_bomb(5_000, 5_000),
    "bomb_laced.png": lambda: png_bomb(11_000, 11_000, laced=1),
    "bomb_16_bits.png": lambda: png_bomb(11_000, 11_000, depth=16, colour=6),
    "bomb_strip.png": lambda: png_bomb(2_000_000, 60),
    "iccp_bomb.png": lambda: png_with(chunk(b"iCCP", b"a\0\0" + zeros(400 * MB))),
    "ztxt_bomb.png": lambda: png_with(*([chunk(b"zTXt", b"a\0\0" + zeros(100 * MB))] * 20)),
    "itxt_bomb.png": lambda: png_with(chunk(b"iTXt", b"a\0\1\0\0\0" + zeros(400 * MB))),
    "million_chunks.png": lambda: png_with(chunk(b"tEXt", b"a\0b") * 1_000_000),
    "half.png": lambda: saved("PNG", (3000, 2000))[:-9000],
    "frames_500_of_6000.png": lambda: apng(6_000, 500),
    "frames_promised.png": lambda: apng(64, 2, promised=(1 << 31) - 1),
    "screen_60000.gif": lambda: gif(60_000, 1),
    "frames_10000_of_3000.gif": lambda: gif(3_000, 10_000),
    "frames_100000.gif": lambda: gif(16, 100_000),
    "still_16383.webp": lambda: _flat_webp(16_383),
    "frames_5000_of_8192.webp": lambda: webp_animation(8_192, 5_000),
    "frames_3000_of_2000.webp": lambda: webp_animation(2_000, 3_000),
    "half.webp": lambda: saved("WEBP", (3000, 2000))[:-900],
    "header_100000.heic": lambda: resized_box(saved("HEIF"), 100_000, 100_000),
    "header_30000.heic": lambda: resized_box(saved("HEIF"), 30_000, 4_000),
    "half.heic": lambda: saved("HEIF", (1000, 800))[:-300],
    "header_60000.avif": lambda: resized_box(saved("AVIF"), 60_000, 60_000),
    "half.avif": lambda: saved("AVIF", (1000, 800))[:-200],
    "million_boxes.heic": lambda: b"\0\0\0\x18ftypheic\0\0\0\0heicmif1" + b"\0\0\0\x08free" * 1_000_000,
    "ifd_loop.tif": lambda: tiff_picture(64, 64, zlib.compress(bytes(4096)), loop=True),
    "tags_60000.tif": lambda: tiff([(40_000, 4, 1, 0)] * 60_000),
    "tag_of_4_gb.tif": lambda: tiff([(256, 4, 1, 8), (257, 4, 1, 8), (273, 4, 0xFFFFFFFF, 8)]),
    "bomb_50000.tif": lambda: tiff_picture(50_000, 50_000, zeros(2_500 * MB)),
    "bomb_11000.tif": lambda: tiff_picture(11_000, 11_000, zeros(121 * MB)),
    "header_30000.bmp": lambda: bmp(30_000, 30_000),
    "runs_11000.bmp": lambda: bmp(11_000, 11_000, compression=1, data=b"\xff\0" * 500_000),
    "header_60000.jp2": lambda: jp2_resized(60_000, 60_000),
    "header_10000.jp2": lambda: jp2_resized(10_000, 10_000),
    "half.jp2": lambda: saved("JPEG2000", (1000, 800))[:-2000],
    "recursion.heic": lambda: (
        b"\0\0\0\x18ftypheic\0\0\0\0heicmif1"
        + b"".join(struct.pack(">I", 8 * (50_000 - n)) + b"moov" for n in range(50_000))
    ),
}
#: Healthy ones, each with zeros behind it.
PADDED: Mapping[str, Callable[[], bytes]] = {
    "padded.gif": lambda: gif(64, 1)[:-1],
    "padded.webp": lambda: saved("WEBP"),
    "padded.heic": lambda: saved("HEIF"),
    "padded.avif": lambda: saved("AVIF"),
    "padded.jpg": lambda: saved("JPEG"),
    "padded.png": lambda: saved("PNG"),
}


def write_hostile(name: str, folder: Path, padding: int = PADDING) -> Path:
    """Make the file ``name`` in ``folder``. Zeros behind it take no disk."""
    path = folder / name
    if name in PADDED:
        path.write_bytes(PADDED[name]())
        with path.open("r+b") as file:
            file.truncate(padding)
    else:
        path.write_bytes(HOSTILE[name]())
    return path
