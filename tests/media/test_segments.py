"""Where conversions are cut: always on real frames, at key frames where there are any."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from itertools import accumulate, pairwise
from pathlib import Path

import pytest

from utils.media.checkpoint import Segment
from utils.media.recipe import Reading
from utils.media.segments import FrameTimes, plan_segments


def frames(times: Iterable[int], keys: Iterable[int] = (), base: Fraction = Fraction(1, 1000)) -> FrameTimes:
    return FrameTimes(list(times), frozenset(keys), base, last=40)


BASE = Fraction(1, 1000)
CASES = {
    "no keys": (frames(range(0, 10_000, 40)), 1.0),
    "keys every second": (frames(range(0, 10_000, 40), range(0, 250, 25)), 1.0),
    "keys too rare": (frames(range(0, 10_000, 40), [0, 200]), 1.0),
    "one frame": (frames([0]), 30.0),
    "two frames far apart": (frames([0, 100_000]), 30.0),
    "starts late": (frames(range(5_000, 15_000, 40)), 3.0),
    "starts before zero": (frames(range(-500, 9_500, 40)), 3.0),
    "variable": (frames(accumulate([40, 33, 67, 500, 20] * 60)), 2.0),
    "a freeze longer than a segment": (frames([*range(0, 2_000, 40), *range(60_000, 62_000, 40)]), 10.0),
    "shorter than a segment": (frames(range(0, 900, 40)), 1.0),
    "a base that is no whole part": (frames(range(0, 500), base=Fraction(1001, 24_000)), 3.0),
}


@pytest.mark.parametrize("name", CASES)
def test_every_frame_is_in_exactly_one_segment(name: str) -> None:
    times, seconds = CASES[name]
    segments = plan_segments(times, seconds=seconds)
    assert segments[0].first == 0
    assert sum(segment.frames for segment in segments) == len(times.times)
    for segment, after in pairwise(segments):
        assert segment.frames > 0
        assert segment.first + segment.frames == after.first
        assert segment.end == after.start
    assert all(segment.start == times.times[segment.first] for segment in segments)
    assert segments[-1].end == times.times[-1] + 40


def test_cuts_are_at_key_frames_that_come_in_time() -> None:
    keys = range(0, 250, 30)
    segments = plan_segments(frames(range(0, 10_000, 40), keys), seconds=1.0)
    assert [segment.first for segment in segments] == [0, 30, 60, 90, 120, 150, 180, 210]


def test_without_key_frames_in_time_it_cuts_at_any_frame() -> None:
    segments = plan_segments(frames(range(0, 10_000, 40), [0, 249]), seconds=2.0)
    assert [segment.first for segment in segments] == [0, 50, 100, 150, 200]


def test_a_short_rest_is_no_segment_of_its_own() -> None:
    segments = plan_segments(frames(range(0, 2_400, 40)), seconds=1.0)
    assert [segment.frames for segment in segments] == [25, 35]


def test_a_rest_of_half_a_segment_is_one_of_its_own_and_a_shorter_one_is_not() -> None:
    assert len(plan_segments(FrameTimes(range(0, 1500, 100), frozenset(), BASE, last=100), seconds=1.0)) == 2
    assert len(plan_segments(FrameTimes(range(0, 1500, 100), frozenset(), BASE, last=99), seconds=1.0)) == 1


def test_a_segment_waits_for_a_key_frame_half_its_length_and_no_longer() -> None:
    for key, second in ((9, 10), (10, 10), (11, 11), (15, 15), (16, 10)):
        frames = FrameTimes(range(0, 4000, 100), frozenset({key}), BASE, last=100)
        assert plan_segments(frames, seconds=1.0)[1].first == second


def test_no_segment_is_much_longer_than_wanted() -> None:
    segments = plan_segments(frames(range(0, 60_000, 40), range(0, 1500, 70)), seconds=5.0)
    assert all(segment.end - segment.start <= 7_600 for segment in segments)


def test_durations_in_microseconds_do_not_drift() -> None:
    times = FrameTimes(list(range(0, 100_000)), frozenset(), Fraction(1, 30_000), last=1)
    reading = read(times, Fraction(1, 30_000))
    segments = [Segment(n, 7, n, n + 7) for n in range(0, 99_995, 7)]
    total = sum(reading.microseconds(segment) for segment in segments)
    assert abs(total - segments[-1].end * 1_000_000 / 30_000) <= 1


def read(times: FrameTimes, base: Fraction, *, start: str = "0", clock_jumps: bool = False) -> Reading:
    return Reading(
        path=Path("a"),
        stream=0,
        start=Fraction(start),
        offset=Fraction(0),
        frames=times,
        output_time_base=base,
        rewrapped=False,
        clock_jumps=clock_jumps,
    )


@pytest.mark.parametrize("base", [Fraction(1, 1000), Fraction(1, 90_000), Fraction(1001, 24_000)])
def test_a_seek_is_at_its_frame_and_after_the_one_before(base: Fraction) -> None:
    times = FrameTimes([n * 37 for n in range(1000)], frozenset(), base, last=37)
    reading = read(times, base)
    assert reading.seek_to(0) == {}
    for number in range(1, 1000):
        exact = times.times[number] * base
        assert float(exact) - 1.1e-6 <= float(str(reading.seek_to(number)["ss"])) <= float(exact)


def test_a_seek_in_a_base_finer_than_ffmpegs_is_between_two_frames() -> None:
    base = Fraction(1, 10_000_000)
    times = FrameTimes([n * 333_333 for n in range(100)], frozenset(), base, last=333_333)
    reading = read(times, base)
    assert 49 * 0.0333333 < float(str(reading.seek_to(50)["ss"])) < 50 * 0.0333333


def test_a_seek_is_by_the_times_in_the_file_except_where_clocks_jump() -> None:
    times = FrameTimes([500, 540, 580], frozenset(), Fraction(1, 1000), last=40)
    assert read(times, Fraction(1, 1000), start="0.5").seek_to(2) == {"ss": "0.580000", "seek_timestamp": 1}
    jumping = read(times, Fraction(1, 1000), start="0.5", clock_jumps=True)
    assert jumping.seek_to(2) == {"ss": "0.080000"}
