"""Sizes: what a viewer should see, and what the encoder is to make. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from utils.media.probe import VideoStream

#: Longer than this on a side, H.264 decoders of telephones give up.
MAX_SIDE = 4096
#: Sample aspects this near to 1 are square: nobody sees one per cent.
_SQUARE = Fraction(1, 100)


@dataclass(frozen=True)
class Size:
    """Width and height in pixels."""

    width: int
    height: int


def has_square_samples(video: VideoStream) -> bool:
    """Are its samples as wide as they are high, as far as anybody can see?"""
    return abs(video.sample_aspect - 1) <= _SQUARE


def display_size(video: VideoStream) -> Size:
    """What a player shows: sample aspect first, then rotation."""
    width = video.width
    if not has_square_samples(video):
        width = max(1, round(video.width * video.sample_aspect))
    if video.rotation % 180:
        return Size(video.height, width)
    return Size(width, video.height)


def encode_size(video: VideoStream, *, max_height: int) -> Size:
    """The size to encode: never larger than what is shown, both sides even, within the limits.

    ``max_height`` is for a video that lies; one that stands may be that wide, so that turning the telephone
    costs nothing.
    """
    shown = display_size(video)
    short, long = sorted((shown.width, shown.height))
    scale = min(Fraction(1), Fraction(max_height, short), Fraction(MAX_SIDE, long))
    return Size(_even(shown.width * scale), _even(shown.height * scale))


def _even(length: Fraction) -> int:
    return max(2, int(length) // 2 * 2)
