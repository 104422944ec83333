"""What becomes of pictures that are too large, too long, or too much."""

from __future__ import annotations

import pytest

from utils.pictures.limits import (
    Canvas,
    decoded_bytes,
    fit_canvas,
    is_within_limits,
    most_pixels,
    rewritten_bytes,
    rewritten_canvas,
)


@pytest.mark.parametrize(
    ("size", "canvas"),
    [
        ((640, 480), Canvas((640, 480), (640, 480))),
        ((5000, 5000), Canvas((5000, 5000), (5000, 5000))),
        ((9500, 500), Canvas((9500, 500), (9500, 500))),
        ((2000, 100), Canvas((2000, 100), (2000, 100))),
        ((2001, 100), Canvas((2001, 100), (2001, 101))),
        ((100, 2001), Canvas((100, 2001), (101, 2001))),
        ((8000, 4000), Canvas((6666, 3333), (6666, 3333))),
        ((1, 1), Canvas((1, 1), (1, 1))),
        (
            (20_000, 10),
            Canvas((9523, 4), (9523, 477)),
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


@pytest.mark.parametrize(
    ("size", "picture"),
    [
        ((640, 480), (640, 480)),
        ((2600, 2000), (2600, 2000)),  # as many pixels as Telegram keeps
        ((4000, 3000), (2560, 1920)),
        ((3000, 4000), (1920, 2560)),
        ((12_000, 9000), (2560, 1920)),
        ((8000, 500), (8000, 500)),
        ((30_000, 20_000), (2560, 1706)),
    ],
)
def test_what_is_written_anew_is_no_larger_than_telegram_keeps_it(
    size: tuple[int, int], picture: tuple[int, int]
) -> None:
    canvas = rewritten_canvas(*size)
    assert canvas.picture == canvas.whole == picture
    smaller = rewritten_canvas(*size, 1280).picture
    assert max(smaller) <= 1280 or smaller[0] * smaller[1] <= 1280 * 1280


def test_how_much_is_decoded_depends_on_whether_it_must_be_held_as_a_whole() -> None:
    assert most_pixels(streamed=True) > most_pixels(streamed=False)
    assert decoded_bytes("PNG", "RGB", 1000, 1000, 5000) == 4_000_000
    assert decoded_bytes("PNG", "L", 1000, 1000, 5000) == 1_000_000
    assert decoded_bytes("TIFF", "I;16", 1000, 1000, 5000) == 2_000_000
    assert decoded_bytes("WEBP", "RGB", 1000, 1000, 3 << 30) > 3 << 30
    assert rewritten_bytes(Canvas((10, 10), (20, 10))) == 800


@pytest.mark.parametrize(
    ("size", "picture", "whole"),
    [
        ((600, 400), (600, 400), (600, 400)),
        ((8000, 2000), (8000, 2000), (8000, 2000)),
        ((8000, 4000), (6666, 3333), (6666, 3333)),
        ((2000, 100), (2000, 100), (2000, 100)),
        ((2001, 100), (2001, 100), (2001, 101)),
        ((100, 2100), (100, 2100), (105, 2100)),
        ((1, 1), (1, 1), (1, 1)),
        ((1, 9000), (1, 9000), (450, 9000)),
        ((60_000, 10), (9523, 1), (9523, 477)),
    ],
)
def test_canvases(size: tuple[int, int], picture: tuple[int, int], whole: tuple[int, int]) -> None:
    canvas = fit_canvas(*size)
    assert (canvas.picture, canvas.whole) == (picture, whole)
    assert sum(canvas.whole) <= 10_000
    assert max(canvas.whole) <= 20 * min(canvas.whole)
