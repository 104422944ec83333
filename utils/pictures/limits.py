"""What Telegram and our memory allow of a picture. Pure.

Telegram: https://core.telegram.org/bots/api#sendphoto
"""

from __future__ import annotations

import math
from typing import NamedTuple

MAX_BYTES = 10_000_000
#: Width and height together.
MAX_SUM = 10_000
#: The longer side over the shorter one.
MAX_RATIO = 20
#: The longer side of what Telegram keeps of a photo, whatever it is sent.
KEPT_SIDE = 2560
#: Pixels of a picture that is written anew: a larger one is made as small as Telegram makes it anyway.
MAX_REWRITTEN = KEPT_SIDE * KEPT_SIDE
#: The longer side at least of a JPEG that is made smaller because there is little memory.
LEAST_SIDE = 1280

#: Pictures that are sent of one file at most.
MAX_PARTS = 50
#: Height over width from which on a picture is a strip, and the share of its width that makes it readable.
_STRIP_RATIO, _READABLE = 5, 0.6
#: Height over width of its slices: of a few, and of many.
_SLICE_RATIO, _FEW_SLICES, _LONG_SLICE_RATIO = 2, 10, 3.5

#: Pixels of a picture that has to be decoded as a whole.
MAX_PIXELS = 128_000_000
#: Pixels of a baseline JPEG, which is decoded line by line and at a fraction of its size.
MAX_JPEG_PIXELS = 500_000_000

#: Bytes that a pixel takes while its decoder is at it, where that is more than Pillow's own 4, 2 or 1: the
#: decoder's planes, its result, and Pillow's copy of that.
_WHILE_DECODED = {"WEBP": 20, "AVIF": 10, "HEIF": 5, "JPEG2000": 20, "JXL": 28}
#: Formats that are read into the memory as a whole.
READ_WHOLE = frozenset(("WEBP", "AVIF", "HEIF", "JXL"))
_ONE_BYTE, _TWO_BYTES = ("1", "L", "P"), ("I;16", "I;16B", "I;16L")


class Canvas(NamedTuple):
    """The size of the picture itself, and the size with its margins."""

    picture: tuple[int, int]
    whole: tuple[int, int]


def is_within_limits(width: int, height: int, size: int) -> bool:
    """Does Telegram take a picture of these pixels and ``size`` bytes?"""
    return size <= MAX_BYTES and fit_canvas(width, height).whole == (width, height)


def fit_canvas(width: int, height: int) -> Canvas:
    """Scale down what is too large, put margins around what is too long; nothing is cut off."""
    margin_width = max(width, math.ceil(height / MAX_RATIO))
    margin_height = max(height, math.ceil(width / MAX_RATIO))
    scale = min(1.0, MAX_SUM / (margin_width + margin_height))
    return _with_margins(width * scale, height * scale)


def slices_of(width: int, height: int) -> int:
    """In how many slices, from top to bottom, a long strip is sent so that it can be read; 1: as it is.

    Telegram shows no more than :data:`KEPT_SIDE` of its length, and its width then as what is left of it.
    """
    if height < _STRIP_RATIO * width or height * _READABLE <= KEPT_SIDE:
        return 1
    few = math.ceil(height / (_SLICE_RATIO * width))
    return few if few <= _FEW_SLICES else min(MAX_PARTS, math.ceil(height / (_LONG_SLICE_RATIO * width)))


def rewritten_canvas(width: int, height: int, side: int = KEPT_SIDE) -> Canvas:
    """The same for a picture that is written anew: no larger than Telegram keeps it.

    ``side`` is what its longer side may have if it has to be smaller than it is.
    """
    canvas = fit_canvas(width, height)
    longer = max(canvas.picture)
    if canvas.picture[0] * canvas.picture[1] <= MAX_REWRITTEN * (side / KEPT_SIDE) ** 2 or longer <= side:
        return canvas
    return _with_margins(width * side / max(width, height), height * side / max(width, height))


def _with_margins(width: float, height: float) -> Canvas:
    picture = (max(1, int(width)), max(1, int(height)))
    whole = (
        max(picture[0], math.ceil(picture[1] / MAX_RATIO)),
        max(picture[1], math.ceil(picture[0] / MAX_RATIO)),
    )
    return Canvas(picture, whole)


def most_pixels(*, streamed: bool) -> int:
    """Pixels of a picture that is decoded at most; ``streamed``: line by line, at a fraction of its size."""
    return MAX_JPEG_PIXELS if streamed else MAX_PIXELS


def decoded_bytes(format_: str, mode: str, width: int, height: int, file_bytes: int) -> int:
    """Memory that decoding a picture takes, in bytes; of a JPEG, at the size that it is decoded to.

    ``mode`` is Pillow's. A rule of thumb, on the safe side; what is really taken has a limit of its own.
    """
    pixels = width * height
    held = 1 if mode in _ONE_BYTE else 2 if mode in _TWO_BYTES else 4
    whole_file = file_bytes if format_ in READ_WHOLE else 0
    return pixels * max(held, _WHILE_DECODED.get(format_, 0)) + whole_file


def rewritten_bytes(canvas: Canvas) -> int:
    """Memory that writing a picture anew takes beside its source, in bytes."""
    return 4 * canvas.whole[0] * canvas.whole[1]
