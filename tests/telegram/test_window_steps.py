"""The window, a round at a time, on a clock that is set by hand."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from tests.telegram.virtual_time import run
from utils.telegram.window import FLAT_ROUNDS, IDLE_SECONDS, PROBE_ROUNDS, Window

MB = 1024 * 1024


class Busy:
    """A window that always has more parts waiting than fit into it."""

    def __init__(
        self, *, start: int, largest: int = 1000, on_flat: Callable[[], bool] = lambda: False
    ) -> None:
        self.now = 0.0
        self.window = Window(start=start, largest=largest, on_flat=on_flat, clock=lambda: self.now)
        self.tasks = [asyncio.ensure_future(self.window._acquire("file")) for _ in range(1200)]

    async def answered(self, parts: int, rate: float) -> None:
        """So many parts of 1 MB come at ``rate`` MB a second; others take their places."""
        for _ in range(parts):
            self.now += 1 / rate
            self.window.delivered(MB)
            await asyncio.sleep(0)

    async def rounds(self, count: int, rate: float) -> None:
        """As many parts as the window has when each round begins."""
        for _ in range(count):
            await self.answered(self.window._round_parts, rate)

    async def end(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


def busy(test: Callable[[Busy], object], **how: object) -> None:
    async def main() -> None:
        one = Busy(**how)  # type: ignore[arg-type]
        await asyncio.sleep(0)
        await test(one)  # type: ignore[misc]
        await one.end()

    run(main())


def test_it_doubles_while_that_helps_and_keeps_a_quarter_more_than_was_enough() -> None:
    async def test(one: Busy) -> None:
        await one.answered(7, 8)
        assert one.window.limit == 15
        await one.answered(1, 8)
        assert one.window.limit == 16
        await one.rounds(1, 16)
        assert one.window.limit == 32
        await one.answered(31, 16)
        assert one.window.limit == 63  # the round is not over: it grows on
        await one.answered(1, 16)
        assert repr(one.window.limit) == "21"  # 16 were enough

    busy(test, start=8)


def test_it_never_gets_larger_than_it_may() -> None:
    async def test(one: Busy) -> None:
        for rate in (8, 16, 32, 64, 128):
            await one.rounds(1, rate)
        assert one.window.limit == one.window.in_flight == 40

    busy(test, start=8, largest=40)


def test_another_connection_is_opened_once_and_judged_by_what_it_brings() -> None:
    asked: list[bool] = []

    def on_flat() -> bool:
        asked.append(True)
        return True

    async def test(one: Busy) -> None:
        await one.rounds(2, 8)
        assert len(asked) == 1 and one.window.limit == 32
        await one.rounds(1, 8)  # it brought nothing: settled, and no further one is asked for
        assert len(asked) == 1 and one.window.limit == 11

    busy(test, start=8, on_flat=on_flat)
    asked.clear()

    async def helped(one: Busy) -> None:
        await one.rounds(2, 8)
        await one.rounds(1, 16)
        assert one.window.limit == 32  # what it had while the other connection was being judged
        await one.rounds(1, 16)
        assert len(asked) == 2

    busy(helped, start=8, on_flat=on_flat)


def test_on_the_plateau_a_larger_window_is_tried_now_and_then_and_given_up_soon() -> None:
    async def test(one: Busy) -> None:
        await one.rounds(2, 8)
        assert one.window.limit == 11
        await one.rounds(PROBE_ROUNDS - 1, 8)
        assert one.window.limit == 11
        await one.rounds(1, 8)
        assert repr(one.window.limit) == "13"
        await one.rounds(FLAT_ROUNDS - 1, 8)
        assert one.window.limit == 13
        await one.rounds(1, 8)
        assert one.window.limit == 11
        await one.rounds(PROBE_ROUNDS, 8)
        assert one.window.limit == 13
        await one.rounds(1, 16)  # the link has become faster
        assert one.window.limit == 16

    busy(test, start=8)


@pytest.mark.parametrize(
    ("start", "after"), [(2, [1, 2]), (6, [3, 4]), (8, [4, 5]), (16, [8, 10]), (40, [20, 25])]
)
def test_after_a_pause_half_as_much_and_then_more_step_by_step(start: int, after: list[int]) -> None:
    async def test(one: Busy) -> None:
        one.window.waited()
        assert repr(one.window.limit) == repr(after[0])
        await one.rounds(PROBE_ROUNDS, 8)
        assert one.window.limit == after[0]
        await one.rounds(1, 8)
        assert repr(one.window.limit) == repr(after[1])

    busy(test, start=start)


def test_a_little_faster_is_not_faster() -> None:
    async def test(one: Busy) -> None:
        await one.rounds(1, 8)
        await one.rounds(1, 9)
        assert one.window.limit == 11

    busy(test, start=8)


def test_what_came_while_nobody_was_in_a_hurry_says_nothing_about_the_link() -> None:
    async def main() -> None:
        now = 0.0
        window = Window(start=4, largest=100, clock=lambda: now)
        async with window.slot("slow"):
            for _ in range(7):
                now += 30
                window.delivered(MB)
            assert window.limit == 4
            tasks = [asyncio.ensure_future(window._acquire("fast")) for _ in range(200)]
            await asyncio.sleep(0)
            for _ in range(12):  # a round of four, and one of eight as fast: four were enough
                now += 1
                window.delivered(MB)
                await asyncio.sleep(0)
            assert window.limit == 6
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    run(main())


@pytest.mark.parametrize(("pause", "limit"), [(IDLE_SECONDS, 2), (IDLE_SECONDS + 1, 4)])
def test_after_a_minute_without_any_part_all_is_forgotten(pause: float, limit: int) -> None:
    async def main() -> None:
        now = 1000.0
        window = Window(start=4, largest=100, clock=lambda: now)
        async with window.slot("one"):
            window.waited()
        now += pause
        async with window.slot("one"):
            assert window.limit == limit

    run(main())


def test_a_window_that_was_filled_once_was_full_in_that_round() -> None:
    async def main() -> None:
        now = 0.0
        window = Window(start=4, largest=100, clock=lambda: now)
        for _ in range(3):
            await window._acquire("file")
        async with window.slot("file"):  # and nobody waits for another
            pass
        async with window.slot("file"):
            now += 1
            window.delivered(MB)
        assert window.limit == 5

    run(main())


def test_a_window_that_was_never_filled_does_not_grow() -> None:
    async def main() -> None:
        now = 0.0
        window = Window(start=4, largest=100, clock=lambda: now)
        for _ in range(3):
            await window._acquire("file")
        for _ in range(100):
            now += 1
            window.delivered(MB)
        assert window.limit == 4

    run(main())


def test_whoever_is_cancelled_on_their_turn_leaves_it_to_the_next() -> None:
    async def main() -> None:
        window = Window(start=2, largest=2)
        await window._acquire("a")
        async with window.slot("a"):
            first = asyncio.ensure_future(window._acquire("b"))
            second = asyncio.ensure_future(window._acquire("c"))
            await asyncio.sleep(0)
        first.cancel()  # it was its turn already, but it has not heard
        await asyncio.wait([first, second], timeout=1)
        assert first.cancelled() and second.done() and not second.cancelled()
        assert window.in_flight == 2

    run(main())
