"""The layout of albums."""

from __future__ import annotations

import pytest

from demo.mosaic import HIGHEST_ROW, LOWEST_ROW, MOST_IN_A_ROW, NARROWEST, WIDEST, mosaic


def test_every_picture_has_a_tile_in_order() -> None:
    ratios = [1.5, 0.75, 1.0, 1.78, 1.33, 0.66, 2.0, 1.5, 1.2, 0.8]
    assert [tile for row in mosaic(ratios) for tile in row] == ratios


@pytest.mark.parametrize("count", range(1, 11))
@pytest.mark.parametrize("ratio", [0.75, 1.0, 4 / 3, 16 / 9])
def test_blocks_are_neither_flat_nor_towers(count: int, ratio: float) -> None:
    rows = mosaic([ratio] * count)
    heights = [1 / sum(row) for row in rows]
    assert all(len(row) <= MOST_IN_A_ROW for row in rows)
    assert 0.3 <= sum(heights) <= 1.8
    if count > 1:
        assert min(heights) >= LOWEST_ROW - 0.1
        assert max(heights) <= HIGHEST_ROW + 0.1


def test_extreme_pictures_are_cropped() -> None:
    assert [tile for row in mosaic([21.0, 0.05]) for tile in row] == [WIDEST, NARROWEST]


def test_two_wide_pictures_stand_above_each_other_and_two_tall_ones_beside() -> None:
    assert [len(row) for row in mosaic([16 / 9, 16 / 9])] == [1, 1]
    assert [len(row) for row in mosaic([0.7, 0.7])] == [2]
