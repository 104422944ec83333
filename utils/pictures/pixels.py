"""Decoded pictures on their way to a photo: 8 bits, opaque, small, sRGB. Runs in a child.

A decoder's result is gone through in strips, so that a picture that is written anew is never held twice.
"""

from __future__ import annotations

import contextlib
import io
import math
from collections.abc import Callable
from typing import BinaryIO, NamedTuple

from PIL import Image, ImageCms

_WHITE = (255, 255, 255)
#: Pixels of a strip, about.
_STRIP = 1 << 19
#: Lines beyond a strip that its scaling looks at, in lines of the result: Lanczos has 3.
_BEYOND = 4


class Source(NamedTuple):
    """A decoded picture: its lines from one number to another, made 8 bits and opaque."""

    size: tuple[int, int]
    rows: Callable[[int, int], Image.Image]

    def slice(self, number: int, of: int) -> Source:
        """One of so many of its slices, from top to bottom."""
        (width, height), rows = self.size, self.rows
        top, bottom = height * number // of, height * (number + 1) // of
        return Source((width, bottom - top), lambda start, end: rows(top + start, top + end))


def decode(image: Image.Image, file: BinaryIO) -> Source:
    """The pixels of ``image``, which was opened from ``file``."""
    if image.format == "HEIF":
        return _decode_heif(file)
    image.load()
    top = image.getextrema()[1] if image.mode in ("I", "F") else 0
    width = image.width

    def rows(start: int, end: int) -> Image.Image:
        return _plain(
            image.crop((0, start, width, end)), float(top) if isinstance(top, (int, float)) else 0.0
        )

    return Source(image.size, rows)


def _decode_heif(file: BinaryIO) -> Source:
    """Past the plug-in, which would hold it twice, at seven bytes a pixel."""
    import pillow_heif

    file.seek(0)
    heif = pillow_heif.open_heif(file, convert_hdr_to_8bit=True)
    data, stride, mode = memoryview(heif.data), heif.stride, heif.mode
    width, height = heif.size

    def rows(start: int, end: int) -> Image.Image:
        strip = data[start * stride : end * stride]
        return _plain(Image.frombytes(mode, (width, end - start), strip, "raw", mode, stride), 0.0)

    return Source((width, height), rows)


def _plain(rows: Image.Image, top: float) -> Image.Image:
    """8 bits and no transparency. ``top`` is the brightest value of a picture that has no fixed one."""
    rows = _to_eight_bits(rows, top)
    if rows.mode in ("P", "PA", "LA", "RGBA", "La", "RGBa") or "transparency" in rows.info:
        rgba = rows.convert("RGBA")
        flat = Image.new("RGB", rgba.size, _WHITE)
        flat.paste(rgba, mask=rgba.getchannel("A"))
        return flat
    return rows if rows.mode in ("RGB", "CMYK", "L") else rows.convert("RGB")


def _to_eight_bits(image: Image.Image, top: float) -> Image.Image:
    """Deep pictures keep their upper bits; Pillow's own conversion would cut the bright ones off."""
    if image.mode.startswith("I;16"):
        return image.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    if image.mode not in ("I", "F"):
        return image
    if image.mode == "F":
        return image.point(lambda value: value * 255 / max(top, 1.0) + 0).convert("L")
    scale = 1 / 256 if top > 255 else 1.0
    return image.point(lambda value: value * scale).convert("L")


def shrunk(source: Source, size: tuple[int, int]) -> Image.Image:
    """``source`` at that size, strip by strip: the same as if it were scaled as a whole."""
    (width, height), scale = source.size, source.size[1] / size[1]
    lines = max(1, int(_STRIP / width / scale))
    beyond = 0 if size == source.size else math.ceil(_BEYOND * max(1.0, scale))
    whole: Image.Image | None = None
    for top in range(0, size[1], lines):
        bottom = min(size[1], top + lines)
        start = max(0, math.floor(top * scale) - beyond)
        strip = source.rows(start, min(height, math.ceil(bottom * scale) + beyond))
        if size != source.size:
            box = (0, top * scale - start, width, min(bottom * scale - start, strip.height))
            strip = strip.resize((size[0], bottom - top), Image.Resampling.LANCZOS, box=box, reducing_gap=3.0)
        if whole is None:
            whole = Image.new(strip.mode, size)
        whole.paste(strip, (0, top))
    assert whole is not None
    return whole


def to_srgb(image: Image.Image, profile: object) -> Image.Image:
    """In the colours that a viewer without colour management shows right."""
    # Some formats tell of a tag of that number, whatever is in it.
    if isinstance(profile, bytes):
        with contextlib.suppress(ImageCms.PyCMSError, OSError, ValueError):
            own = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            srgb = ImageCms.createProfile("sRGB")
            if image.mode == "RGB":
                ImageCms.profileToProfile(image, own, srgb, inPlace=True)
                return image
            converted = ImageCms.profileToProfile(image, own, srgb, outputMode="RGB")
            if converted is not None:
                return converted
    return image if image.mode == "RGB" else image.convert("RGB")
