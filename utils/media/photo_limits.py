"""What Telegram and our memory allow of a picture. Pure.

Telegram: https://core.telegram.org/bots/api#sendphoto
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from PIL import Image

from utils.errors import NotMedia

MAX_BYTES = 10_000_000
#: Width and height together.
MAX_SUM = 10_000
#: The longer side over the shorter one.
MAX_RATIO = 20

#: Pixels of a picture that has to be decoded as a whole (512 MB at the worst).
MAX_PIXELS = 128_000_000
#: Pixels of a baseline JPEG, which is decoded line by line and at a fraction of its size.
MAX_JPEG_PIXELS = 500_000_000


@dataclass(frozen=True)
class Canvas:
    """The size of the picture itself, the size with its margins, and what that means in words."""

    picture: tuple[int, int]
    whole: tuple[int, int]
    notes: tuple[str, ...]


def is_within_limits(width: int, height: int, size: int) -> bool:
    """Does Telegram take a picture of these pixels and ``size`` bytes?"""
    return size <= MAX_BYTES and fit_canvas(width, height).whole == (width, height)


def fit_canvas(width: int, height: int) -> Canvas:
    """Scale down what is too large, put margins around what is too long; nothing is cut off."""
    notes = []
    margin_width = max(width, math.ceil(height / MAX_RATIO))
    margin_height = max(height, math.ceil(width / MAX_RATIO))
    scale = min(1.0, MAX_SUM / (margin_width + margin_height))
    if scale < 1:
        notes.append(f"Scaled down from {width}x{height}.")
    picture = (max(1, int(width * scale)), max(1, int(height * scale)))
    whole = (
        max(picture[0], math.ceil(picture[1] / MAX_RATIO)),
        max(picture[1], math.ceil(picture[0] / MAX_RATIO)),
    )
    if whole != picture:
        notes.append("Margins were added, since it is more than 20 times as long as wide.")
    return Canvas(picture, whole, tuple(notes))


def require_bearable(image: Image.Image) -> None:
    """Raise :class:`NotMedia`, with the figures, for a picture that would fill the memory."""
    streamed = image.format in ("JPEG", "MPO") and not image.info.get("progressive")
    limit = MAX_JPEG_PIXELS if streamed else MAX_PIXELS
    pixels = image.width * image.height
    if pixels > limit:
        raise NotMedia(
            f"The picture is {image.width}x{image.height}: {pixels / 1e6:,.0f} megapixels, "
            f"and no more than {limit / 1e6:,.0f} are decoded here."
        )
