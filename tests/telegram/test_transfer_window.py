"""The sliding window on a link that is made of arithmetic, with time that takes none."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest

from tests.telegram.virtual_time import run
from utils.telegram.transfers import WINDOWS, Direction, in_flight
from utils.telegram.window import Lanes, Window

MB = 1024 * 1024
PART = 512 * 1024


@dataclass
class Link:
    """A round trip, a bandwidth in all, and one for each connection (bytes a second)."""

    round_trip: float
    bandwidth: float
    each: float = float("inf")
    connections: int = 1
    most: int = 4
    busy_until: float = 0.0
    each_busy: dict[int, float] = field(default_factory=dict)

    def grow(self) -> bool:
        grew = self.connections < self.most
        self.connections = min(self.most, self.connections * 2)
        return grew

    async def move(self, size: int) -> None:
        clock = asyncio.get_running_loop().time
        arrives = clock() + self.round_trip / 2
        one = min(range(self.connections), key=lambda n: self.each_busy.get(n, 0.0))
        self.each_busy[one] = max(self.each_busy.get(one, 0.0), arrives) + size / self.each
        self.busy_until = max(self.busy_until, arrives) + size / self.bandwidth
        await asyncio.sleep(max(self.busy_until, self.each_busy[one]) + self.round_trip / 2 - clock())


def make_window(link: Link, start: int = 6, largest: int = 24) -> Window:
    clock = asyncio.get_running_loop().time
    return Window(start=start, largest=largest, on_flat=link.grow, clock=clock)


async def move_all(link: Link, window: Window, parts: int, owner: object = "file") -> float:
    """Move so many parts through ``window``; returns bytes a second."""
    clock = asyncio.get_running_loop().time
    began = clock()

    async def one() -> None:
        async with window.slot(owner):
            await link.move(PART)
            window.delivered(PART)

    await in_flight((one() for _ in range(parts)), window.largest)
    return parts * PART / (clock() - began)


@pytest.mark.parametrize("round_trip", [0.001, 0.02, 0.08, 0.2])
def test_most_of_the_link_is_used_whatever_the_round_trip(round_trip: float) -> None:
    async def main() -> float:
        link = Link(round_trip, bandwidth=25 * MB)
        return await move_all(link, make_window(link), 400)

    assert run(main()) > 0.93 * 25 * MB


def test_the_window_stays_small_where_a_small_one_is_enough() -> None:
    async def main() -> int:
        link = Link(0.02, bandwidth=1 * MB)
        window = make_window(link)
        await move_all(link, window, 60)
        return window.limit

    assert run(main()) <= 10


def test_connections_are_opened_where_each_of_them_is_limited() -> None:
    async def main() -> tuple[float, int]:
        link = Link(0.08, bandwidth=25 * MB, each=6 * MB)
        window = make_window(link)
        await move_all(link, window, 200)
        return await move_all(link, window, 200), link.connections

    rate, connections = run(main())
    assert connections == 4
    assert rate > 0.85 * 24 * MB


def test_connections_that_do_not_help_are_not_opened_on_and_on() -> None:
    async def main() -> int:
        link = Link(0.02, bandwidth=25 * MB, most=16)
        await move_all(link, make_window(link), 1000)
        return link.connections

    assert run(main()) == 2


def test_after_a_long_pause_the_window_learns_the_link_anew() -> None:
    async def main() -> tuple[int, float]:
        link = Link(0.02, bandwidth=1 * MB)
        window = make_window(link)
        await move_all(link, window, 100)
        link.round_trip, link.bandwidth, link.connections = 0.2, 25 * MB, 1
        await asyncio.sleep(100)
        rate = await move_all(link, window, 400)
        return window.limit, rate

    limit, rate = run(main())
    assert limit > 12
    assert rate > 0.9 * 25 * MB


def test_a_flood_wait_halves_the_window() -> None:
    async def main() -> tuple[int, int]:
        link = Link(0.2, bandwidth=25 * MB)
        window = make_window(link)
        await move_all(link, window, 200)
        before = window.limit
        window.waited()
        return before, window.limit

    before, after = run(main())
    assert after == before // 2


def test_after_a_flood_wait_the_window_grows_again_slowly() -> None:
    async def main() -> tuple[int, int, int]:
        link = Link(0.2, bandwidth=25 * MB)
        window = make_window(link)
        for _ in range(3):
            window.waited()
        smallest = window.limit
        await move_all(link, window, 10)
        soon = window.limit
        await move_all(link, window, 600)
        return smallest, soon, window.limit

    smallest, soon, late = run(main())
    assert smallest == 1
    assert soon <= 3
    assert late > soon


def test_a_small_file_does_not_wait_behind_all_parts_of_a_large_one() -> None:
    async def main() -> int:
        link = Link(0.02, bandwidth=5 * MB)
        window = make_window(link)
        large = asyncio.create_task(move_all(link, window, 400, "large"))
        await asyncio.sleep(15)
        began = asyncio.get_running_loop().time()
        await move_all(link, window, 1, "small")
        waited = asyncio.get_running_loop().time() - began
        large.cancel()
        await asyncio.gather(large, return_exceptions=True)
        return round(waited / (PART / link.bandwidth))

    parts_in_between = run(main())
    assert parts_in_between <= 12


def test_two_large_files_share_the_window_evenly() -> None:
    async def main() -> tuple[float, float]:
        link = Link(0.02, bandwidth=5 * MB)
        window = make_window(link)
        return await asyncio.gather(
            move_all(link, window, 200, "first"), move_all(link, window, 200, "second")
        )

    first, second = run(main())
    assert first == pytest.approx(second, rel=0.1)


def test_a_cancelled_waiter_takes_no_slot_with_it() -> None:
    async def main() -> None:
        window = Window(start=1, largest=1)
        async with window.slot("a"):
            waiting = asyncio.create_task(window._acquire("b"))
            await asyncio.sleep(0)
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
        async with asyncio.timeout(1), window.slot("c"):
            assert window.in_flight == 1

    run(main())


def test_two_large_and_five_small_files_move_at_once() -> None:
    lanes = Lanes()
    assert lanes.lane(10 * MB) is lanes.lane(500 * MB)
    assert lanes.lane(10 * MB)._value == 2
    assert lanes.lane(10 * MB - 1)._value == 5


async def test_the_first_job_that_fails_ends_the_others() -> None:
    ended: list[int] = []

    async def job(number: int) -> None:
        if number == 2:
            raise ValueError("no")
        try:
            await asyncio.sleep(60)
        finally:
            ended.append(number)

    with pytest.raises(ValueError):
        await in_flight((job(number) for number in range(1000)), 4)
    assert sorted(ended) == [0, 1, 3]


def test_windows_keep_the_memory_bounded() -> None:
    assert WINDOWS[Direction.UP][1] * PART <= 12 * MB
    assert WINDOWS[Direction.DOWN][1] * MB <= 16 * MB
