"""Where conversions are cut, whatever the times of the frames are."""

from __future__ import annotations

from fractions import Fraction
from itertools import accumulate, pairwise

from hypothesis import given
from hypothesis import strategies as st

from utils.media.segments import FrameTimes, plan_segments

bases = st.sampled_from(
    [Fraction(1, 1000), Fraction(1, 90_000), Fraction(1001, 24_000), Fraction(1), Fraction(7)]
)


@st.composite
def frame_times(draw: st.DrawFn) -> FrameTimes:
    """Frames in order, each at another time, mostly about as far apart as in a video."""
    base = draw(bases)
    usual = max(1, round(Fraction(1, 25) / base))
    steps = draw(st.lists(st.one_of(st.just(usual), st.integers(1, 40 * usual)), max_size=120))
    times = list(accumulate(steps, initial=draw(st.integers(-1000, 1000))))
    keys = draw(st.frozensets(st.integers(0, len(times) - 1), max_size=12))
    return FrameTimes(times, keys, base, last=draw(st.integers(1, 3 * usual)))


lengths = st.one_of(st.integers(1, 60).map(float), st.floats(0.04, 20))


@given(frame_times(), lengths)
def test_the_segments_are_the_video_without_gap_or_overlap(frames: FrameTimes, seconds: float) -> None:
    segments = plan_segments(frames, seconds=seconds)
    assert segments[0].first == 0 and segments[0].start == frames.times[0]
    assert sum(segment.frames for segment in segments) == len(frames.times)
    assert segments[-1].end == frames.times[-1] + frames.last
    assert all(segment.frames > 0 and segment.start < segment.end for segment in segments)
    assert all(segment.start == frames.times[segment.first] for segment in segments)
    for segment, after in pairwise(segments):
        assert (segment.first + segment.frames, segment.end) == (after.first, after.start)


@given(frame_times(), lengths)
def test_a_segment_is_as_long_as_wanted_unless_a_key_frame_or_the_end_is_near(
    frames: FrameTimes, seconds: float
) -> None:
    wanted = round(Fraction(seconds).limit_denominator(1000) / frames.time_base)
    segments = plan_segments(frames, seconds=seconds)
    for segment in segments[:-1]:
        after = segment.first + segment.frames
        assert segment.end - segment.start >= wanted
        late = [n for n in range(segment.first + 1, after) if frames.times[n] - segment.start >= wanted]
        if late:
            # Longer than needed: it waited for a key frame, the first that came, and not for long.
            assert after in frames.keys and not any(number in frames.keys for number in late)
            assert segment.end - segment.start <= wanted * 1.5
    # The rest is neither a scrap by itself nor something that could have been cut.
    assert len(segments) == 1 or segments[-1].end - segments[-1].start >= wanted * 0.5
    assert (
        len(segments) > 1
        or frames.end - frames.times[0] < wanted * 2
        or len(frames.times) < 4
        or max(b - a for a, b in pairwise([*frames.times, frames.end])) > wanted * 0.25
    )


def test_no_frames_make_no_segments() -> None:
    assert plan_segments(FrameTimes([], frozenset(), Fraction(1, 1000), last=1), seconds=30) == ()
