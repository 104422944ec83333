"""From an open file to a picture whose decoder is chosen and whose cost is known; nothing is decoded yet.

Runs in a child. Only the decoder that the first bytes ask for is loaded: less memory, and less to attack.
"""

from __future__ import annotations

import errno
import io
import re
import struct
from typing import BinaryIO, NamedTuple

from PIL import Image

from utils.pictures.limits import READ_WHOLE, decoded_bytes, most_pixels
from utils.pictures.protocol import FEATURES, Trial, Undecoded, Why

# The limit is our own, checked after the header was read and before anything is decoded.
Image.MAX_IMAGE_PIXELS = None

#: First bytes, and the decoders to try then; each is a plug-in of Pillow of (nearly) that name.
_BY_START = (
    (b"\xff\xd8\xff", ("JPEG",)),
    (b"\x89PNG\r\n\x1a\n", ("PNG",)),
    (b"GIF8", ("GIF",)),
    (b"RIFF", ("WEBP",)),
    (b"BM", ("BMP",)),
    (b"II", ("TIFF",)),
    (b"MM", ("TIFF",)),
    (b"\x00\x00\x00\x0cjP", ("JPEG2000",)),
    (b"\xff\x4f\xff\x51", ("JPEG2000",)),
)
_PLUGINS = {"JPEG2000": "Jpeg2K", "WEBP": "WebP", "PNG": "Png", "BMP": "Bmp", "AVIF": "Avif"}
_AVIF_BRANDS = (b"avif", b"avis")
#: What a decoder says of a file that ends too early, and of memory that it did not get.
_CUT_OFF = re.compile(r"truncat|end of (file|data|stream)|unexpected eof|premature|too short", re.IGNORECASE)
_NO_MEMORY = re.compile(r"\bmemory\b|\balloc", re.IGNORECASE)
_NO_ROOM = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT)
#: Bytes from which format and size are known where they are read here.
_HEAD = 32
#: The share of the memory from which on a failure may well be for want of it.
_SUSPICIOUS = 0.6

#: JPEG's markers: pictures begin with the first kind; the others have no length.
_FRAMES = frozenset((*range(0xC0, 0xC4), *range(0xC5, 0xC8), *range(0xC9, 0xCC), *range(0xCD, 0xD0)))
_PROGRESSIVE = frozenset((0xC2, 0xC6, 0xCA, 0xCE))
_BARE = frozenset((0x01, *range(0xD0, 0xD9)))
_SCAN, _END = 0xDA, 0xD9


def formats_of(head: bytes) -> tuple[str, ...]:
    """The names of the decoders, now loaded, for a file that begins with ``head``; none that is not here."""
    if head[4:8] == b"ftyp":
        # Of a vague brand ("mif1") only trying tells.
        wanted: tuple[str, ...] = ("AVIF",) if head[8:12] in _AVIF_BRANDS else ("HEIF", "AVIF")
    else:
        wanted = next((names for start, names in _BY_START if head.startswith(start)), ())
    for name in wanted:
        _load(name)
    return tuple(name for name in wanted if name in Image.OPEN)


def _load(name: str) -> None:
    try:
        if name == "HEIF":
            import pillow_heif

            pillow_heif.register_heif_opener(decode_threads=1, depth_images=False, aux_images=False)
        else:
            plugin = __import__(f"PIL.{_PLUGINS.get(name, name.capitalize())}ImagePlugin", fromlist=("PIL",))
            if name == "AVIF":
                vars(plugin)["DEFAULT_MAX_THREADS"] = 1
    except ImportError:
        return


def open_picture(file: BinaryIO, memory: int) -> Image.Image:
    """The picture in ``file``, with its header read. Raises what its decoder does, and :class:`Undecoded`.

    ``memory`` is what may be used, in bytes.
    """
    file.seek(0)
    head = file.read(_HEAD)
    formats = formats_of(head)
    if not formats:
        raise Undecoded(Why.DAMAGED)
    size = size_of(file)
    if formats == ("WEBP",):
        # Its decoder takes its memory when it is opened, and only says that it failed.
        shown = webp_size(head)
        require_memory(shown, decoded_bytes("WEBP", "RGBA", *shown, size), memory)
    if READ_WHOLE & set(formats) and size > memory // 2:
        raise Undecoded(Why.MEMORY, 0, 0, min(2 * size, (1 << 31) - 1))
    image = Image.open(file, formats=formats)
    limit = most_pixels(streamed=image.format in ("JPEG", "MPO") and not image.info.get("progressive"))
    if image.width * image.height > limit:
        raise Undecoded(Why.PIXELS, image.width, image.height, limit)
    return image


def size_of(file: BinaryIO) -> int:
    """Bytes of it; it stands at its end afterwards."""
    return file.seek(0, io.SEEK_END)


def require_memory(size: tuple[int, int], needed: int, memory: int) -> None:
    """Raise :class:`Undecoded` unless the ``needed`` bytes are there for a picture of that ``size``."""
    if needed > memory:
        raise Undecoded(Why.MEMORY, *size, min(needed, (1 << 31) - 1))


def judged(error: BaseException, needed: int, memory: int) -> Undecoded:
    """What the ``error`` of a decoder means that needs about so many bytes (0: not known) and has ``memory``.

    Some only say that they failed: where it was a near thing, it is not the picture that is blamed.
    """
    if isinstance(error, Undecoded):
        return error
    if isinstance(error, OSError) and error.errno in _NO_ROOM:
        return Undecoded(Why.NO_ROOM)
    if isinstance(error, MemoryError) or _NO_MEMORY.search(str(error)) or needed > memory * _SUSPICIOUS:
        return Undecoded(Why.MEMORY, 0, 0, 0)
    return Undecoded(Why.CUT_OFF if _CUT_OFF.search(str(error)) else Why.DAMAGED)


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


def trial() -> Trial:
    """What Pillow was made with, and whether HEIC can be decoded, tried out on a picture of our own."""
    from PIL import features

    size, version = (0, 0), ""
    try:
        import pillow_heif

        written = io.BytesIO()
        pillow_heif.from_pillow(Image.new("RGB", (64, 64), "teal")).save(written)
        size = pillow_heif.open_heif(io.BytesIO(written.getvalue())).size
        version = pillow_heif.libheif_version()
    except (ImportError, OSError, ValueError, RuntimeError):
        pass
    return Trial(tuple(name for name in FEATURES if features.check(name)), size, version)
