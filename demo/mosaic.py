"""How an album is laid out as one block: rows of pictures, each row as wide as the block. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

#: Width to height of a tile is kept within these; what is beyond is cropped.
NARROWEST, WIDEST = 0.62, 2.4

MOST_IN_A_ROW = 4

#: Heights of one row that look well, as shares of the block's width.
LOWEST_ROW, HIGHEST_ROW = 0.24, 0.72

Row = tuple[float, ...]


def mosaic(ratios: Sequence[float]) -> list[Row]:
    """Rows of tiles (width to height, clamped), in order, for pictures of these ratios."""
    clamped = [min(WIDEST, max(NARROWEST, ratio)) for ratio in ratios]
    wanted = min(1.3, 0.5 + 0.12 * len(clamped))
    return min(_splits(clamped), key=lambda rows: _ugliness(rows, wanted))


def _splits(ratios: Sequence[float]) -> Iterator[list[Row]]:
    """Every way to cut the pictures into rows; at most 512 for an album of ten."""
    places = range(1, len(ratios))
    for count in range(len(ratios)):
        for cuts in combinations(places, count):
            edges = (0, *cuts, len(ratios))
            rows = [tuple(ratios[a:b]) for a, b in zip(edges, edges[1:], strict=False)]
            if all(len(row) <= MOST_IN_A_ROW for row in rows):
                yield rows


def _ugliness(rows: Sequence[Row], wanted: float) -> float:
    heights = [1 / sum(row) for row in rows]
    low = sum(max(0.0, LOWEST_ROW - height) for height in heights)
    high = sum(max(0.0, height - HIGHEST_ROW) for height in heights)
    return (sum(heights) - wanted) ** 2 + 6 * low + 3 * high
