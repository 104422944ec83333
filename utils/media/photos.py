"""Pictures that Telegram takes as photos: JPEG or PNG, upright, sRGB, within its limits.

A picture that is fine already keeps its bytes. Everything here blocks, except :func:`prepare_photo`, and
only one picture is decoded at a time, so that memory stays bounded on small machines.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import struct
import threading
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pillow_heif
from PIL import Image, ImageCms, ImageFile, ImageOps

from utils.errors import NotMedia
from utils.media.photo_limits import (
    MAX_BYTES,
    Canvas,
    fit_canvas,
    is_within_limits,
    require_bearable,
)

pillow_heif.register_heif_opener()
Image.init()
# The limit is our own, checked after the header was read and before anything is decoded.
Image.MAX_IMAGE_PIXELS = None

_WANTED = ("JPEG", "MPO", "PNG", "GIF", "WEBP", "BMP", "DIB", "TIFF", "HEIF", "AVIF", "JPEG2000")
#: Those of them that this Pillow was built with.
FORMATS = tuple(name for name in _WANTED if name in Image.OPEN)
#: What Pillow raises for pictures that are not what they say.
DAMAGE = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    struct.error,
    IndexError,
    TypeError,
    KeyError,
    ZeroDivisionError,
    OverflowError,
    RuntimeError,
    MemoryError,
)
_ORIENTATION = 0x0112
_QUALITIES = (95, 90, 85, 75, 60)
_WHITE = (255, 255, 255)
_PNG_DEPTH_AT = 24


_lock = threading.Lock()


@contextlib.contextmanager
def one_at_a_time() -> Iterator[None]:
    """Held while a picture is decoded. What Pillow warns of then is not shown: it is the picture's fault."""
    with _lock, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@dataclass(frozen=True)
class PreparedPhoto:
    """A picture to send. ``note`` says in words what was done to it, or is empty."""

    path: Path
    width: int
    height: int
    changed: bool
    note: str


async def prepare_photo(path: Path, output: Path) -> PreparedPhoto:
    """The picture ``path`` within Telegram's rules: as it is, or written anew to ``output``.

    Raises :class:`NotMedia` when it cannot be decoded or is too large to be.
    """
    return await asyncio.to_thread(_prepare, path, output)


def _prepare(path: Path, output: Path) -> PreparedPhoto:
    with one_at_a_time():
        try:
            with Image.open(path, formats=FORMATS) as image:
                require_bearable(image)
                if _may_stay(image, path):
                    return _unchanged(image, path)
        except DAMAGE as error:
            return _rescue(path, output, error)
        try:
            return _rewrite(path, output, notes=[])
        except DAMAGE as error:
            return _rescue(path, output, error)


def _may_stay(image: Image.Image, path: Path) -> bool:
    """Is it a JPEG or PNG that Telegram takes and shows right?"""
    size = path.stat().st_size
    if not is_within_limits(image.width, image.height, size) or _orientation(image) != 1:
        return False
    if image.format in ("JPEG", "MPO"):
        return image.mode in ("RGB", "L")
    return image.format == "PNG" and _png_depth(path) <= 8


def _unchanged(image: Image.Image, path: Path) -> PreparedPhoto:
    """Keep its bytes, if they can be decoded to the end; raises one of DAMAGE when not."""
    width, height = image.size
    # An eighth of the size decodes fast and still reads the file to its end.
    image.draft(image.mode, (max(1, width // 8), max(1, height // 8)))
    image.load()
    return PreparedPhoto(path, width, height, changed=False, note="")


def _rescue(path: Path, output: Path, error: BaseException) -> PreparedPhoto:
    """What is there of a picture that is cut off, or :class:`NotMedia`."""
    try:
        with _lenient():
            return _rewrite(path, output, notes=["It is cut off; what was there is shown."])
    except DAMAGE:
        raise NotMedia("The picture cannot be decoded; it is damaged or empty.") from error


@contextlib.contextmanager
def _lenient() -> Iterator[None]:
    # A switch for the whole process, which is why it is only touched under the lock.
    ImageFile.LOAD_TRUNCATED_IMAGES = True
    try:
        yield
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = False


def _rewrite(path: Path, output: Path, *, notes: list[str]) -> PreparedPhoto:
    with Image.open(path, formats=FORMATS) as image:
        require_bearable(image)
        source = image.format or ""
        turned = _orientation(image) > 4
        shown = (image.height, image.width) if turned else (image.width, image.height)
        canvas = fit_canvas(*shown)
        wanted = canvas.picture[::-1] if turned else canvas.picture
        if image.format in ("JPEG", "MPO"):
            image.draft(image.mode, wanted)
        upright = ImageOps.exif_transpose(image)
        picture = _on_canvas(_to_srgb(upright, image.info.get("icc_profile")), canvas)
    if source not in ("JPEG", "MPO", "PNG"):
        notes.append(f"Converted from {source}.")
    notes += canvas.notes
    if not notes and path.stat().st_size > MAX_BYTES:
        notes.append(f"Compressed: it had {path.stat().st_size / 1_000_000:.0f} MB.")
    data = _encode(picture)
    part = output.with_name(f"{output.name}.part")
    part.write_bytes(data)
    part.replace(output)
    return PreparedPhoto(output, picture.width, picture.height, changed=True, note=" ".join(notes))


def _to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """8 bits, RGB, no transparency, in the colours that a viewer without colour management shows right."""
    image = _to_eight_bits(image)
    if image.mode in ("P", "PA", "LA", "RGBA", "La", "RGBa") or "transparency" in image.info:
        rgba = image.convert("RGBA")
        flat = Image.new("RGB", rgba.size, _WHITE)
        flat.paste(rgba, mask=rgba.getchannel("A"))
        image = flat
    if profile and image.mode in ("RGB", "CMYK", "L"):
        with contextlib.suppress(ImageCms.PyCMSError, OSError):
            converted = ImageCms.profileToProfile(
                image,
                ImageCms.ImageCmsProfile(io.BytesIO(profile)),
                ImageCms.createProfile("sRGB"),
                outputMode="RGB",
            )
            if converted is not None:
                return converted
    return image.convert("RGB")


def _to_eight_bits(image: Image.Image) -> Image.Image:
    """Deep pictures keep their upper bits; Pillow's own conversion would cut the bright ones off."""
    if image.mode.startswith("I;16"):
        return image.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    if image.mode not in ("I", "F"):
        return image
    _, high = image.getextrema()
    top = float(high) if isinstance(high, (int, float)) else 255.0
    if image.mode == "F":
        return image.point(lambda value: value * 255 / max(top, 1e-9) + 0).convert("L")
    scale = 1 / 256 if top > 255 else 1.0
    return image.point(lambda value: value * scale).convert("L")


def _on_canvas(picture: Image.Image, canvas: Canvas) -> Image.Image:
    if picture.size != canvas.picture:
        picture = picture.resize(canvas.picture, Image.Resampling.LANCZOS, reducing_gap=3.0)
    if canvas.picture == canvas.whole:
        return picture
    whole = Image.new("RGB", canvas.whole, _WHITE)
    left, top = (canvas.whole[0] - picture.width) // 2, (canvas.whole[1] - picture.height) // 2
    whole.paste(picture, (left, top))
    return whole


def _encode(picture: Image.Image) -> bytes:
    """A JPEG of the best quality that Telegram takes."""
    for quality in _QUALITIES:
        buffer = io.BytesIO()
        picture.save(buffer, "JPEG", quality=quality, subsampling=0 if quality > 90 else 2, optimize=False)
        if buffer.tell() <= MAX_BYTES:
            return buffer.getvalue()
    raise NotMedia("The picture stays above 10 MB, however it is compressed.")


def _orientation(image: Image.Image) -> int:
    value = image.getexif().get(_ORIENTATION, 1)
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _png_depth(path: Path) -> int:
    """Bits a channel, from the header."""
    with path.open("rb") as file:
        header = file.read(_PNG_DEPTH_AT + 1)
    return header[_PNG_DEPTH_AT] if len(header) > _PNG_DEPTH_AT else 0
