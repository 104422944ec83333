"""What the server does with pictures: checks them, and makes a photo's smaller sizes. All of it blocks."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from PIL import Image, ImageOps, UnidentifiedImageError

from .limits import MAX_PHOTO, MAX_THUMB, MAX_THUMB_SIDE, check_photo_sides
from .rpc import RpcError

#: Decoded as photos. TIFF and HEIC are not, whatever decoders this process has loaded.
FORMATS: Final = ("JPEG", "PNG", "GIF", "BMP", "WEBP")
EXTENSIONS: Final = frozenset({"jpg", "jpeg", "png", "gif", "bmp", "tif", "tiff", "webp"})
#: Size letters and their longer side (https://core.telegram.org/api/files#image-thumbnail-types).
SIDES: Final = (("m", 320), ("x", 800), ("y", 1280), ("w", 2560))


@dataclass(frozen=True)
class Rendition:
    """One size of a photo; `data` is None where the uploaded bytes serve as they are."""

    letter: str
    width: int
    height: int
    data: bytes | None


def check_photo_file(name: str, size: int) -> None:
    """What is refused before it is looked at. Raises PHOTO_SAVE_FILE_INVALID or PHOTO_EXT_INVALID."""
    if size > MAX_PHOTO:
        raise RpcError(400, "PHOTO_SAVE_FILE_INVALID")
    if name.rpartition(".")[2].lower() not in EXTENSIONS or "." not in name:
        raise RpcError(400, "PHOTO_EXT_INVALID")


def photo_sizes(path: Path) -> list[Rendition]:
    """The sizes of a photo, smallest first. Raises PHOTO_INVALID_DIMENSIONS or IMAGE_PROCESS_FAILED."""
    try:
        with Image.open(path, formats=FORMATS) as picture:
            check_photo_sides(*picture.size)
            return _renditions(picture)
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise RpcError(400, "IMAGE_PROCESS_FAILED") from error


def _renditions(picture: Image.Image) -> list[Rendition]:
    upright = ImageOps.exif_transpose(picture)
    as_it_is = picture.format == "JPEG" and upright.size == picture.size
    flat = upright.convert("RGB")
    longer = max(flat.size)
    sizes: list[Rendition] = []
    if longer <= SIDES[-1][1]:
        letter = next(letter for letter, side in SIDES if longer <= side)
        sizes.append(Rendition(letter, *flat.size, None) if as_it_is else _saved(flat, letter))
    for letter, side in reversed(SIDES):
        if side < longer:
            flat.thumbnail((side, side), reducing_gap=2.0)  # each from the next larger one
            sizes.append(_saved(flat, letter))
    return sizes[::-1]


def _saved(picture: Image.Image, letter: str) -> Rendition:
    data = io.BytesIO()
    picture.save(data, "JPEG", quality=87)
    return Rendition(letter, *picture.size, data.getvalue())


def thumbnail(path: Path, size: int) -> tuple[int, int] | None:
    """Width and height of a document's thumbnail; None for one that Telegram would silently drop."""
    if size > MAX_THUMB:
        return None
    try:
        with Image.open(path, formats=("JPEG",)) as picture:
            picture.load()
            return picture.size if max(picture.size) <= MAX_THUMB_SIDE else None
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError):
        return None
