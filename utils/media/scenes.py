"""How much a picture of a video says about it: what is black, even, blurred or a title says little. Pure."""

from __future__ import annotations

import math
import operator
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice

#: Pictures are looked at in this size, whatever their shape, a byte of brightness a pixel.
WIDTH, HEIGHT = 256, 144

#: Mean brightness (0 to 255), and spread of it, below which a picture is black.
_DARK, _FLAT = 16, 6
#: The mean step from one pixel to the next from which on a picture is sharp; noise is no better than that.
_SHARP = 3.0
#: An earlier picture is preferred to one that says so little more.
_AS_GOOD = 0.85


def interest(grey: bytes) -> float:
    """0 for a picture with nothing in it, about 5 for a scene, below 0 for one that is black.

    It is what its brightness tells, in bits, and less where it is blurred. Of a title most pixels are alike.
    """
    count = max(1, len(grey))
    levels = Counter(grey)
    mean = sum(value * times for value, times in levels.items()) / count
    spread = sum((value - mean) ** 2 * times for value, times in levels.items()) / count
    if mean < _DARK and spread < _FLAT**2:
        return mean - 256
    shares = [times / count for times in Counter(value >> 2 for value in grey).values()]
    bits = -sum(share * math.log2(share) for share in shares)
    return bits * min(1.0, _step(grey) / _SHARP)


def most_interesting(scores: Sequence[float]) -> int:
    """The place of the picture to show among those with these ``scores``, which come in their order."""
    best = max(scores)
    enough = best * _AS_GOOD if best > 0 else best
    return next(place for place, score in enumerate(scores) if score >= enough)


def _step(grey: bytes) -> float:
    """How far brightness goes from a pixel to the next ones, on average."""
    total = 0.0
    for offset in (1, WIDTH):
        steps: Iterator[int] = map(operator.sub, grey, islice(grey, offset, None))
        total += sum(map(abs, steps)) / max(1, len(grey) - offset)
    return total / 2
