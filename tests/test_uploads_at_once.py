"""Archives of different chats side by side, those of one chat in a row, and conversions after them."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence

import pytest

from tests.telegram.virtual_time import run
from utils.queue_manager import ConversionTask, QueueManager


async def nothing(_: ConversionTask) -> None:
    return None


@pytest.mark.parametrize(
    ("chats", "at_once", "lasted"),
    [
        ([1, 2, 3], 3, 10),
        ([1, 2, 3, 4, 5, 6], 3, 20),
        ([1, 1, 1], 1, 30),
        ([1, 1, 2], 2, 20),
    ],
)
def test_three_chats_at_once_and_one_archive_of_each(
    chats: Sequence[int], at_once: int, lasted: float
) -> None:
    async def main() -> None:
        queue = QueueManager(nothing)
        now: Counter[int] = Counter()
        most = 0

        async def archive(chat: int) -> None:
            nonlocal most
            async with queue.upload(chat):
                now[chat] += 1
                assert now[chat] == 1
                most = max(most, now.total())
                await asyncio.sleep(10)
                now[chat] -= 1

        await asyncio.gather(*map(archive, chats))
        assert most == at_once
        assert asyncio.get_running_loop().time() == pytest.approx(lasted)

    run(main())


def test_a_turn_is_given_back_when_others_want_it_and_while_there_is_something_else_to_wait_for() -> None:
    async def main() -> None:
        queue, story = QueueManager(nothing, uploads_at_once=1), list[str]()
        clock = asyncio.get_running_loop().time

        async def archive(chat: int, albums: int, rests: float = 0) -> None:
            async with queue.upload(chat) as turn:
                for album in range(albums):
                    await turn.take()
                    await asyncio.sleep(1)
                    story.append(f"{chat}.{album} {clock():.0f}")
                    if rests:
                        turn.rest(rests)
                        await asyncio.sleep(rests / 2)
                    elif turn.is_wanted:
                        turn.give_back()

        await asyncio.gather(archive(1, 3), archive(2, 2, rests=10), archive(3, 1))
        # Chat 2 has to wait for something else from 2 to 12, and holds nobody up meanwhile.
        assert story == ["1.0 1", "2.0 2", "3.0 3", "1.1 4", "1.2 5", "2.1 13"]

    run(main())


def test_archives_of_a_chat_come_in_the_order_in_which_they_were_sent() -> None:
    async def main() -> None:
        queue, order = QueueManager(nothing), list[int]()

        async def archive(number: int) -> None:
            async with queue.upload(1):
                order.append(number)
                await asyncio.sleep(1)

        await asyncio.gather(*map(archive, range(5)))
        assert order == [0, 1, 2, 3, 4]

    run(main())


def test_no_conversion_starts_while_an_archive_waits_and_a_failed_one_holds_up_nothing() -> None:
    async def main() -> None:
        began: list[float] = []
        clock = asyncio.get_running_loop().time

        async def convert(_: ConversionTask) -> None:
            began.append(clock())

        async def archive() -> None:
            async with queue.upload(1):
                await asyncio.sleep(10)
                raise ValueError("it broke off")

        queue = QueueManager(convert)
        runner = asyncio.create_task(queue.run())
        archives = [asyncio.create_task(archive()) for _ in range(3)]
        await asyncio.sleep(1)
        queue.add_conversion("7_1", 1, 1.0)
        await asyncio.sleep(100)
        assert began == [pytest.approx(30)]
        await asyncio.gather(*archives, return_exceptions=True)
        runner.cancel()
        await asyncio.wait([runner])

    run(main())


def test_an_archive_that_is_cancelled_while_it_waits_leaves_its_place() -> None:
    async def main() -> None:
        queue = QueueManager(nothing, uploads_at_once=1)

        async def archive(chat: int) -> None:
            async with queue.upload(chat):
                await asyncio.sleep(10)

        first, second, third = (asyncio.create_task(archive(chat)) for chat in (1, 2, 3))
        await asyncio.sleep(1)
        second.cancel()
        await asyncio.gather(first, third)
        assert asyncio.get_running_loop().time() == pytest.approx(20)
        assert second.cancelled()

    run(main())
