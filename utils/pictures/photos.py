"""A picture as Telegram takes it: JPEG or PNG, upright, sRGB, within its limits. Runs in a child.

A picture that is fine already keeps its bytes. One that is written anew is never held twice: its decoder's
result is gone through in strips, each made 8 bits, opaque and small; colours and orientation come after that.
"""

from __future__ import annotations

import contextlib
import io
import math
from collections.abc import Callable
from typing import BinaryIO, NamedTuple

from PIL import Image, ImageCms, ImageFile

from utils.pictures.bare import bare_versions
from utils.pictures.limits import (
    KEPT_SIDE,
    LEAST_SIDE,
    MAX_BYTES,
    Canvas,
    decoded_bytes,
    is_within_limits,
    rewritten_bytes,
    rewritten_canvas,
)
from utils.pictures.metadata import orientation_of
from utils.pictures.opening import jpeg_header, judged, open_picture, require_memory, size_of
from utils.pictures.protocol import Photo, Undecoded, Why

_QUALITIES = (95, 90, 85, 75, 60)
_WHITE = (255, 255, 255)
_PNG_DEPTH_AT = 24
_JPEG = ("JPEG", "MPO")
#: The share of the memory that a picture's file may have to be held in it, twice.
_BARE_SHARE = 6
#: What JPEG can be made smaller by while it is decoded.
_FRACTIONS = (1, 2, 4, 8)
#: How much smaller than wanted a JPEG may be decoded: the rest is not worth four times the memory.
_NEARLY = 0.95
#: Pixels of a strip, about.
_STRIP = 1 << 19
#: Lines beyond a strip that its scaling looks at, in lines of the result: Lanczos has 3.
_BEYOND = 4
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def make_photo(file: BinaryIO, output: BinaryIO, memory: int) -> Photo:
    """See that the picture in ``file`` may stay as it is, or write it anew to ``output``.

    ``memory`` is what may be used, in bytes. Raises :class:`Undecoded`.
    """
    cost = _Cost(memory)
    try:
        image = _opened(file, cost)
        if _may_stay(image, file):
            return _unchanged(image, file, cost)
        del image
        return _rewrite(file, output, cost, cut_off=False)
    except Exception as error:  # noqa: BLE001 - whatever the decoder does is about the picture
        first = judged(error, cost.needed, memory)
    if first.why not in (Why.DAMAGED, Why.CUT_OFF):
        raise first
    return _rewrite_anyhow(file, output, cost, first)


def _rewrite_anyhow(file: BinaryIO, output: BinaryIO, cost: _Cost, first: Undecoded) -> Photo:
    """Of a picture that is not as it should be: all of it if that can be, else what is there of it."""
    bare = list(bare_versions(file)) if size_of(file) <= cost.memory // _BARE_SHARE else []
    tries = [(one, False) for one in bare] + [(one, True) for one in (file, *bare)]
    for source, cut_off in tries:
        ImageFile.LOAD_TRUNCATED_IMAGES = cut_off
        try:
            return _rewrite(source, output, cost, cut_off=cut_off)
        except Exception as error:  # noqa: BLE001
            found = judged(error, cost.needed, cost.memory)
        finally:
            ImageFile.LOAD_TRUNCATED_IMAGES = False
        if found.why not in (Why.DAMAGED, Why.CUT_OFF):
            raise found
        if found.why is Why.CUT_OFF:
            first = found
    raise first


class _Cost:
    """The bytes that the picture at hand ``needed``, and the ``memory`` that there is."""

    def __init__(self, memory: int) -> None:
        self.memory = memory
        self.needed = 0

    def require(self, size: tuple[int, int], needed: int) -> None:
        self.needed = needed
        require_memory(size, needed, self.memory)


def _opened(file: BinaryIO, cost: _Cost) -> Image.Image:
    """Its cost is known: even to ask a PNG for its orientation decodes it."""
    image = open_picture(file, cost.memory)
    if image.format not in _JPEG:
        cost.require(image.size, _decoded(image, file))
    return image


def _may_stay(image: Image.Image, file: BinaryIO) -> bool:
    """Is it a JPEG or PNG that Telegram takes and shows right?"""
    size = size_of(file)
    if not is_within_limits(image.width, image.height, size) or orientation_of(image) != 1:
        return False
    if image.format in _JPEG:
        return image.mode in ("RGB", "L")
    return image.format == "PNG" and _png_depth(file) <= 8


def _unchanged(image: Image.Image, file: BinaryIO, cost: _Cost) -> Photo:
    """Its bytes stay, if they can be decoded to the end."""
    width, height = image.size
    held = 0
    if image.format in _JPEG:
        held = jpeg_header(file).held
        # An eighth of the size decodes fast and still reads the file to its end.
        image.draft(image.mode, (max(1, width // 8), max(1, height // 8)))
    cost.require((width, height), held + _decoded(image, file))
    image.load()
    return Photo(str(image.format), width, height, (width, height), changed=False, cut_off=False)


def _rewrite(file: BinaryIO, output: BinaryIO, cost: _Cost, *, cut_off: bool) -> Photo:
    image = _opened(file, cost)
    format_, size = str(image.format), image.size
    shown = _upright(size, orientation_of(image))
    held = jpeg_header(file).held if format_ in _JPEG else 0
    canvas = rewritten_canvas(*shown)
    if format_ in _JPEG:
        canvas = _draft(image, held, cost.memory)
    cost.require(size, held + _decoded(image, file) + rewritten_bytes(canvas))
    profile = image.info.get("icc_profile")
    source = _decode(image, file)
    # Asked again: some decoders turn a picture upright themselves.
    turn = orientation_of(image) if format_ != "HEIF" else 1
    now = _upright(source.size, turn)
    if now[0] < canvas.picture[0] or format_ == "TIFF":
        canvas = rewritten_canvas(*now)
    picture = _shrunk(source, _upright(canvas.picture, turn))
    del image, source  # their memory is needed
    picture = _to_srgb(picture, profile)
    if turn in _TURNS:
        picture = picture.transpose(_TURNS[turn])
    picture = _with_margins(picture, canvas)
    _write(picture, output)
    return Photo(format_, picture.width, picture.height, shown, changed=True, cut_off=cut_off)


def _draft(image: Image.Image, held: int, memory: int) -> Canvas:
    """Have a JPEG decoded no larger than it need be, or than there is memory for; returns its canvas."""
    orientation = orientation_of(image)
    for side in (KEPT_SIDE, LEAST_SIDE):
        canvas = rewritten_canvas(*_upright(image.size, orientation), side)
        wanted = _upright(canvas.picture, orientation)
        fraction = max(n for n in _FRACTIONS if n == 1 or image.width / n >= wanted[0] * _NEARLY)
        size = (max(1, image.width // fraction), max(1, image.height // fraction))
        if held + decoded_bytes("JPEG", image.mode, *size, 0) + rewritten_bytes(canvas) <= memory:
            break
    if fraction > 1:
        image.draft(image.mode, size)
    return canvas


class _Source(NamedTuple):
    """A decoded picture: its lines from one number to another, made 8 bits and opaque."""

    size: tuple[int, int]
    rows: Callable[[int, int], Image.Image]


def _decode(image: Image.Image, file: BinaryIO) -> _Source:
    if image.format == "HEIF":
        return _decode_heif(file)
    image.load()
    top = image.getextrema()[1] if image.mode in ("I", "F") else 0
    width = image.width

    def rows(start: int, end: int) -> Image.Image:
        return _plain(
            image.crop((0, start, width, end)), float(top) if isinstance(top, (int, float)) else 0.0
        )

    return _Source(image.size, rows)


def _decode_heif(file: BinaryIO) -> _Source:
    """Past the plug-in, which would hold it twice, at seven bytes a pixel."""
    import pillow_heif

    file.seek(0)
    heif = pillow_heif.open_heif(file, convert_hdr_to_8bit=True)
    data, stride, mode = memoryview(heif.data), heif.stride, heif.mode
    width, height = heif.size

    def rows(start: int, end: int) -> Image.Image:
        strip = data[start * stride : end * stride]
        return _plain(Image.frombytes(mode, (width, end - start), strip, "raw", mode, stride), 0.0)

    return _Source((width, height), rows)


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
        return image.point(lambda value: value * 255 / max(top, 1e-9) + 0).convert("L")
    scale = 1 / 256 if top > 255 else 1.0
    return image.point(lambda value: value * scale).convert("L")


def _shrunk(source: _Source, size: tuple[int, int]) -> Image.Image:
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


def _to_srgb(image: Image.Image, profile: object) -> Image.Image:
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


def _with_margins(picture: Image.Image, canvas: Canvas) -> Image.Image:
    if canvas.picture == canvas.whole:
        return picture
    whole = Image.new("RGB", canvas.whole, _WHITE)
    left, top = (canvas.whole[0] - picture.width) // 2, (canvas.whole[1] - picture.height) // 2
    whole.paste(picture, (left, top))
    return whole


def _write(picture: Image.Image, output: BinaryIO) -> None:
    """A JPEG of the best quality that Telegram takes."""
    for quality in _QUALITIES:
        output.seek(0)
        output.truncate()
        picture.save(output, "JPEG", quality=quality, subsampling=0 if quality > 90 else 2, optimize=False)
        if output.tell() <= MAX_BYTES:
            output.flush()
            return
    raise Undecoded(Why.STAYS_LARGE)


def _decoded(image: Image.Image, file: BinaryIO) -> int:
    return decoded_bytes(str(image.format), image.mode, *image.size, size_of(file))


def _upright(size: tuple[int, int], orientation: int) -> tuple[int, int]:
    """``size`` of a picture with that orientation, when it is turned upright; or the other way round."""
    return size[::-1] if orientation > 4 else size


def _png_depth(file: BinaryIO) -> int:
    """Bits a channel, from the header."""
    file.seek(0)
    header = file.read(_PNG_DEPTH_AT + 1)
    return header[_PNG_DEPTH_AT] if len(header) > _PNG_DEPTH_AT else 0
