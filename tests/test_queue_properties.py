"""In which order conversions run."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from tests.telegram.virtual_time import run
from utils.queue_manager import ConversionTask, QueueManager

#: Job, cost, and seconds after which it may start.
added = st.lists(
    st.tuples(st.sampled_from("abc"), st.floats(0, 1e12), st.sampled_from([0.0, 0.0, 5.0, 50.0])), max_size=20
)


@given(added, st.sampled_from("abc"))
def test_the_cheapest_runs_first_and_of_equals_the_one_that_came_first(
    tasks: list[tuple[str, float, float]], dropped: str
) -> None:
    async def main() -> None:
        ran: list[ConversionTask] = []

        async def convert(task: ConversionTask) -> None:
            assert queue.running is task
            ran.append(task)
            await asyncio.sleep(1)

        queue = QueueManager(convert)
        queue.hold()
        for number, (job, cost, _) in enumerate(tasks):
            queue.add_conversion(job, number, cost)
        await queue.drop_conversions(dropped)
        kept = [(cost, number) for number, (job, cost, _) in enumerate(tasks) if job != dropped]
        assert [(task.cost, task.number) for task in queue.waiting()] == sorted(kept)
        runner = asyncio.create_task(queue.run())
        await asyncio.sleep(100)
        assert not ran  # something is being uploaded
        queue.release()
        await asyncio.sleep(1000)
        assert [(task.cost, task.number) for task in ran] == sorted(kept)
        assert queue.running is None and queue.waiting() == []
        runner.cancel()
        await asyncio.wait([runner])

    run(main())


@given(added)
def test_each_conversion_runs_once_by_itself_and_not_before_its_time(
    tasks: list[tuple[str, float, float]],
) -> None:
    async def main() -> None:
        now = asyncio.get_running_loop().time
        began: dict[int, float] = {}

        async def convert(task: ConversionTask) -> None:
            assert task.number not in began
            began[task.number] = now()
            await asyncio.sleep(3)
            if task.number % 3 == 0:
                raise ValueError("it ends badly")

        queue = QueueManager(convert)
        runner = asyncio.create_task(queue.run())
        for number, (job, cost, after) in enumerate(tasks):
            queue.add_conversion(job, number, cost, after=after)
        await asyncio.sleep(1000)
        assert began.keys() == set(range(len(tasks)))
        starts = sorted(began.values())
        assert all(later - earlier >= 3 for earlier, later in zip(starts, starts[1:], strict=False))
        assert all(began[number] >= after for number, (_, _, after) in enumerate(tasks))
        runner.cancel()
        await asyncio.wait([runner])

    run(main())


@given(
    st.lists(st.tuples(st.integers(1, 3), st.integers(0, 20), st.integers(1, 9)), max_size=15),
    st.integers(1, 3),
)
def test_one_chat_is_served_in_a_row_and_few_at_once(
    uploads: list[tuple[int, int, int]], at_once: int
) -> None:
    async def main() -> None:
        now = asyncio.get_running_loop().time
        busy: list[int] = []
        converted_at: list[float] = []
        last_end = 0.0

        async def convert(task: ConversionTask) -> None:
            assert not busy
            converted_at.append(now())

        queue = QueueManager(convert, uploads_at_once=at_once)
        runner = asyncio.create_task(queue.run())

        async def upload(chat: int, comes: int, takes: int) -> None:
            nonlocal last_end
            await asyncio.sleep(comes)
            async with queue.upload(chat):
                assert chat not in busy
                busy.append(chat)
                assert len(busy) <= at_once
                await asyncio.sleep(takes)
                busy.remove(chat)
                last_end = now()

        queue.hold()
        works = [asyncio.create_task(upload(*each)) for each in uploads]
        queue.add_conversion("a", 1, 1.0)
        for work in works:
            await work
        queue.release()
        await asyncio.sleep(10)
        assert len(converted_at) == 1 and converted_at[0] >= last_end
        runner.cancel()
        await asyncio.wait([runner])

    run(main())
