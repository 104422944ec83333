"""From an open file to a picture whose decoder is chosen and whose cost is known; nothing is decoded yet.

Runs in a child. Only the decoder that the first bytes ask for is loaded: less memory, and less to attack.
"""

from __future__ import annotations

import errno
import io
import re
from typing import BinaryIO

from PIL import Image

from utils.pictures.formats import format_of
from utils.pictures.headers import SIZE_OF, jxl_moves
from utils.pictures.limits import MAX_PIXELS, READ_WHOLE, decoded_bytes, most_pixels
from utils.pictures.metadata import exif_orientation
from utils.pictures.protocol import FEATURES, NOT_ELSEWHERE, Elsewhere, Trial, Undecoded, Why
from utils.pictures.tiff import ORIENTATION, Shown, is_known_to_ffmpeg, pages_of, shown_by

# The limit is our own, checked after the header was read and before anything is decoded.
Image.MAX_IMAGE_PIXELS = None

_PLUGINS = {"JPEG2000": "Jpeg2K", "WEBP": "WebP"}
#: What a decoder says of a file that ends too early, and of memory that it did not get.
_CUT_OFF = re.compile(r"truncat|end of (file|data|stream)|unexpected eof|premature|too short", re.IGNORECASE)
_NO_MEMORY = re.compile(r"\bmemory\b|\balloc", re.IGNORECASE)
#: What it says of a picture that it would have to be another decoder for.
_KIND = re.compile(r"unsupported (?!marker)|not supported|not implemented", re.IGNORECASE)
_NO_ROOM = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT)
#: Bytes from which format and size are known where they are read here.
_HEAD = 4096
#: The longest side that a picture can have; what says more was meant to be negative.
_LARGEST = (1 << 31) - 1
#: The share of the memory from which on a failure may well be for want of it.
_SUSPICIOUS = 0.6


def formats_of(head: bytes) -> tuple[str, ...]:
    """The names of the decoders, now loaded, for a file that begins with ``head``; none that is not here."""
    known = format_of(head)
    wanted = known.decoders if known else ()
    for name in wanted:
        _load(name)
    return tuple(name for name in wanted if name in Image.OPEN)


def _load(name: str) -> None:
    try:
        if name == "HEIF":
            import pillow_heif

            pillow_heif.register_heif_opener(decode_threads=1, depth_images=False, aux_images=False)
        elif name == "JXL":
            from pillow_jxl import JpegXLImagePlugin

            JpegXLImagePlugin.DECODE_THREADS = 0
        else:
            plugin = __import__(f"PIL.{_PLUGINS.get(name, name.capitalize())}ImagePlugin", fromlist=("PIL",))
            if name == "AVIF":
                vars(plugin)["DEFAULT_MAX_THREADS"] = 1
    except ImportError:
        return


def open_picture(file: BinaryIO, memory: int, page: int = 0) -> Image.Image:
    """The picture in ``file``, with its header read. Raises what its decoder does, and :class:`Undecoded`.

    ``memory`` is what may be used, in bytes; ``page`` counts from 0.
    """
    file.seek(0)
    head = file.read(_HEAD)
    formats = formats_of(head)
    if not formats:
        raise Undecoded(Why.KIND)
    size = size_of(file)
    if formats[0] in SIZE_OF:
        # Its decoder takes its memory when it is opened, and only says that it failed.
        shown = SIZE_OF[formats[0]](head)
        require_pixels(shown, MAX_PIXELS)
        require_memory(shown, decoded_bytes(formats[0], "RGBA", *shown, size), memory)
    if formats == ("JXL",) and jxl_moves(head):
        raise Undecoded(Why.KIND, *Elsewhere(0, 1, 0))  # its decoder shows the last of its pictures
    if READ_WHOLE & set(formats) and size > memory // 2:
        raise Undecoded(Why.MEMORY, 0, 0, min(2 * size, (1 << 31) - 1))
    place = _place_of(file, page) if formats == ("TIFF",) else 0
    image = Image.open(file, formats=formats)
    if place:
        image.seek(place)
    limit = most_pixels(streamed=image.format in ("JPEG", "MPO") and not image.info.get("progressive"))
    require_pixels(image.size, limit)
    return image


def _place_of(file: BinaryIO, number: int) -> int:
    """Where Pillow finds that page. Raises :class:`Undecoded` where it would not show it right."""
    pages = pages_of(file)
    if number >= len(pages):
        return 0  # it will say what is wrong
    place, tags = pages[number]
    file.seek(0)
    shown = shown_by(tags, big_endian=file.read(2) == b"MM")
    if shown is not Shown.PILLOW:
        other = place + 1 if shown is Shown.FFMPEG else 0
        raise Undecoded(Why.KIND, *Elsewhere(tags.get(ORIENTATION, (1,))[0], other, len(pages)))
    return place


def told_for_others(error: Undecoded, file: BinaryIO, page: int) -> Undecoded:
    """``error`` with the figures that another decoder needs, where one may see that ``page`` otherwise."""
    if error.why not in (Why.DAMAGED, Why.CUT_OFF, Why.KIND) or error.figures:
        return error
    file.seek(0)
    known = format_of(file.read(_HEAD))
    if known is None or not known.second:
        return Undecoded(error.why, *NOT_ELSEWHERE)
    if known.name == "TIFF":
        pages = pages_of(file)
        if page >= len(pages) or not is_known_to_ffmpeg(pages[page][1]):
            return Undecoded(error.why, *NOT_ELSEWHERE)
        place, tags = pages[page]
        return Undecoded(error.why, *Elsewhere(tags.get(ORIENTATION, (1,))[0], place + 1, len(pages)))
    # ISO media says it by turns of its own, which the other decoder follows.
    turn = 0 if known.second == "mov" else exif_orientation(file)
    return Undecoded(error.why, *Elsewhere(turn, 1, 1))


def require_pixels(size: tuple[int, int], limit: int) -> None:
    """Raise :class:`Undecoded` when a picture of that ``size`` has more than ``limit`` pixels."""
    if max(size) > _LARGEST:
        raise Undecoded(Why.DAMAGED)
    if size[0] * size[1] > limit:
        raise Undecoded(Why.PIXELS, *size, limit)


def size_of(file: BinaryIO) -> int:
    """Bytes of it; it stands where it stood: some decoders read on from there."""
    before = file.tell()
    size = file.seek(0, io.SEEK_END)
    file.seek(before)
    return size


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
    if _CUT_OFF.search(str(error)):
        return Undecoded(Why.CUT_OFF)
    return Undecoded(Why.KIND if _KIND.search(str(error)) else Why.DAMAGED)


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
