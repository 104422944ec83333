"""What is shown and encoded of pictures and videos of any size."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from hypothesis import example, given
from hypothesis import strategies as st

from tests.media.test_plan import described, video
from utils.media.geometry import MAX_SIDE, display_size, encode_size, has_square_samples
from utils.media.probe import VideoStream
from utils.pictures.limits import (
    MAX_BYTES,
    MAX_RATIO,
    MAX_SUM,
    fit_canvas,
    is_within_limits,
)

sides = st.one_of(st.integers(1, 40), st.integers(1, 10_100), st.integers(1, 2_000_000))


def stream(width: int, height: int, aspect: Fraction, turn: int) -> VideoStream:
    plain = described(video()).video
    assert plain is not None
    return replace(plain, width=width, height=height, sample_aspect=aspect, rotation=turn)


streams = st.builds(
    stream,
    st.integers(1, 16_384),
    st.integers(1, 16_384),
    st.one_of(st.just(Fraction(1)), st.fractions(Fraction(1, 50), 50, max_denominator=1000)),
    st.sampled_from([0, 90, 180, 270]),
)
heights = st.sampled_from([2, 240, 720, 1080, 2160])


@given(sides, sides)
@example(1, 21)
@example(9_520, 477)
@example(200_000, 1)
def test_a_picture_is_sent_whole_in_a_size_that_telegram_takes(width: int, height: int) -> None:
    canvas = fit_canvas(width, height)
    (shown_width, shown_height), (whole_width, whole_height) = canvas.picture, canvas.whole
    assert 1 <= shown_width <= whole_width and 1 <= shown_height <= whole_height
    assert whole_width + whole_height <= MAX_SUM
    assert max(canvas.whole) <= MAX_RATIO * min(canvas.whole)
    assert is_within_limits(*canvas.whole, MAX_BYTES) and not is_within_limits(*canvas.whole, MAX_BYTES + 1)
    # Nothing is enlarged, nothing is made smaller than it must be, and the shape stays, but for roundings.
    assert shown_width <= width and shown_height <= height
    if canvas.picture != (width, height):
        assert whole_width + whole_height > MAX_SUM - 2 * MAX_RATIO
    assert abs(shown_width * height - shown_height * width) <= max(width, height) * 1.01


@given(sides, sides)
def test_a_picture_that_lies_is_treated_as_one_that_stands(width: int, height: int) -> None:
    lying, standing = fit_canvas(width, height), fit_canvas(height, width)
    assert (lying.picture, lying.whole) == (standing.picture[::-1], standing.whole[::-1])


@given(streams, heights)
def test_a_video_is_encoded_no_larger_than_it_is_shown(stream: VideoStream, height: int) -> None:
    shown, size = display_size(stream), encode_size(stream, max_height=height)
    assert size.width % 2 == size.height % 2 == 0
    assert 2 <= size.width <= max(2, min(MAX_SIDE, shown.width))
    assert 2 <= size.height <= max(2, min(MAX_SIDE, shown.height))
    assert min(size.width, size.height) <= height
    # Not smaller than it must be, and of the same shape, but for what makes the sides even.
    if min(shown.width, shown.height) <= height and max(shown.width, shown.height) <= MAX_SIDE:
        assert max(2, shown.width - 1) <= size.width and max(2, shown.height - 1) <= size.height
    if min(size.width, size.height) > 2:
        assert abs(size.width / shown.width - size.height / shown.height) <= 2 / min(
            shown.width, shown.height
        )


@given(streams, heights)
def test_turning_a_video_turns_its_size(stream: VideoStream, height: int) -> None:
    turned = replace(stream, rotation=(stream.rotation + 90) % 360)
    for one, other in (
        (display_size(stream), display_size(turned)),
        (encode_size(stream, max_height=height), encode_size(turned, max_height=height)),
    ):
        assert (one.width, one.height) == (other.height, other.width)


@given(streams)
def test_a_video_is_shown_as_high_as_it_is_coded(stream: VideoStream) -> None:
    shown = display_size(stream)
    width, height = (shown.height, shown.width) if stream.rotation % 180 else (shown.width, shown.height)
    assert height == stream.height
    assert width == stream.width or not has_square_samples(stream)
    assert abs(Fraction(width) / stream.width - stream.sample_aspect) <= Fraction(1, 100) + Fraction(
        1, stream.width
    )
