"""What becomes of pictures that are too large, too long, or too much."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from utils.errors import NotMedia
from utils.media.photo_limits import Canvas, fit_canvas, is_within_limits, require_bearable

MARGINS = "Margins were added, since it is more than 20 times as long as wide."


@pytest.mark.parametrize(
    ("size", "canvas"),
    [
        ((640, 480), Canvas((640, 480), (640, 480), ())),
        ((5000, 5000), Canvas((5000, 5000), (5000, 5000), ())),
        ((9500, 500), Canvas((9500, 500), (9500, 500), ())),
        ((2000, 100), Canvas((2000, 100), (2000, 100), ())),
        ((2001, 100), Canvas((2001, 100), (2001, 101), (MARGINS,))),
        ((100, 2001), Canvas((100, 2001), (101, 2001), (MARGINS,))),
        ((8000, 4000), Canvas((6666, 3333), (6666, 3333), ("Scaled down from 8000x4000.",))),
        ((1, 1), Canvas((1, 1), (1, 1), ())),
        (
            (20_000, 10),
            Canvas((9523, 4), (9523, 477), ("Scaled down from 20000x10.", MARGINS)),
        ),
    ],
)
def test_nothing_is_changed_that_need_not_be(size: tuple[int, int], canvas: Canvas) -> None:
    assert fit_canvas(*size) == canvas


def test_a_file_of_ten_megabytes_is_taken_and_one_byte_more_is_not() -> None:
    assert is_within_limits(640, 480, 10_000_000)
    assert not is_within_limits(640, 480, 10_000_001)
    assert not is_within_limits(8000, 4000, 1000)
    assert not is_within_limits(2001, 100, 1000)


def picture(width: int, height: int, format_: str = "PNG", **info: Any) -> Any:
    """Stands in for one that would fill the memory."""
    return SimpleNamespace(width=width, height=height, format=format_, info=info)


@pytest.mark.parametrize(
    "image",
    [
        picture(16_000, 8000),
        picture(25_000, 20_000, "JPEG"),
        picture(25_000, 20_000, "MPO"),
        picture(16_000, 8000, "JPEG", progressive=1),
    ],
)
def test_a_picture_that_fits_into_the_memory_is_decoded(image: Any) -> None:
    require_bearable(image)


@pytest.mark.parametrize(
    ("image", "told"),
    [
        (
            picture(16_000, 8001),
            "The picture is 16000x8001: 128 megapixels, and no more than 128 are decoded here.",
        ),
        (
            picture(25_000, 20_001, "JPEG"),
            "The picture is 25000x20001: 500 megapixels, and no more than 500 are",
        ),
        (picture(25_000, 20_001, "MPO"), "no more than 500 are decoded here."),
        (picture(40_000, 40_000, "JPEG"), "1,600 megapixels"),
        (picture(16_000, 8001, "JPEG", progressive=1), "no more than 128 are decoded here."),
    ],
)
def test_a_picture_that_would_fill_the_memory_is_refused_with_the_figures(image: Any, told: str) -> None:
    with pytest.raises(NotMedia) as error:
        require_bearable(image)
    assert told in str(error.value)
