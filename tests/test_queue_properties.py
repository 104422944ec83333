"""In which order conversions run."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.telegram.virtual_time import run
from utils.queue_manager import RESULTS, ConversionTask, QueueManager

#: Job, cost, and seconds after which it may start.
added = st.lists(
    st.tuples(st.sampled_from("abc"), st.floats(0, 1e12), st.sampled_from([0.0, 0.0, 5.0, 50.0])), max_size=20
)


@given(
    added.map(lambda tasks: [(f"7_{job}", *rest) for job, *rest in tasks]), st.sampled_from(["7_a", "7_b"])
)
def test_of_a_chat_the_cheapest_runs_first_and_of_equals_the_one_that_came_first(
    tasks: list[tuple[str, float, float]], dropped: str
) -> None:
    async def main() -> None:
        ran: list[ConversionTask] = []

        async def convert(task: ConversionTask) -> None:
            assert queue.running == [task]
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
        assert queue.running == [] and queue.waiting() == []
        runner.cancel()
        await asyncio.wait([runner])

    run(main())


@given(added)
def test_chats_have_their_conversions_run_in_turns(tasks: list[tuple[str, float, float]]) -> None:
    async def main() -> None:
        ran: list[ConversionTask] = []

        async def convert(task: ConversionTask) -> None:
            ran.append(task)

        queue = QueueManager(convert)
        for number, (chat, cost, _) in enumerate(tasks):
            queue.add_conversion(f"{chat}_{number % 2}", number, cost)
        said = queue.waiting()
        for job in {task.job for task in said}:
            places = [(task.number, place) for place, task in enumerate(said) if task.job == job]
            assert queue.first_conversions(job, 3) == places[:3]
        runner = asyncio.create_task(queue.run())
        await asyncio.sleep(1)
        assert ran == said and len(ran) == len(tasks)
        for place, task in enumerate(ran):
            behind = ran[place + 1 :]
            same = [other for other in behind if other.chat == task.chat]
            assert same == sorted(same) and all(task < other for other in same)
            # Before the chat's next one comes one of each other chat that has any left.
            until = behind.index(same[0]) if same else len(behind)
            between = [other.chat for other in behind[:until]]
            assert {other.chat for other in behind[until:]} - {task.chat} <= set(between)
        runner.cancel()
        await asyncio.wait([runner])

    run(main())


def test_the_uploads_of_others_are_waited_for_but_not_for_ever() -> None:
    async def main() -> None:
        now = asyncio.get_running_loop().time
        began: dict[str, float] = {}

        async def convert(task: ConversionTask) -> None:
            began[task.job] = now()

        async def upload(chat: int, seconds: float) -> None:
            async with queue.upload(chat):
                await asyncio.sleep(seconds)

        queue = QueueManager(convert)
        runner = asyncio.create_task(queue.run())
        uploads = [asyncio.create_task(upload(1, 1000)), asyncio.create_task(upload(2, 20))]
        await asyncio.sleep(10)
        for job in ("1_5", "2_5", "3_5"):
            queue.add_conversion(job, 1, 1.0)
        await asyncio.gather(*uploads)
        await asyncio.sleep(1)
        assert began == {job: pytest.approx(at) for job, at in (("2_5", 70), ("3_5", 70), ("1_5", 1000))}
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


def test_a_conversion_that_runs_can_be_dropped_and_the_next_one_starts(
    caplog: pytest.LogCaptureFixture,
) -> None:
    ended: list[str] = []

    async def convert(task: ConversionTask) -> None:
        try:
            await asyncio.sleep(10)
            ended.append(f"{task.job} done")
        except asyncio.CancelledError:
            ended.append(f"{task.job} cut off")
            raise

    async def main() -> None:
        queue = QueueManager(convert)
        runner = asyncio.create_task(queue.run())
        queue.add_conversion("a", 1, 1.0)
        queue.add_conversion("b", 2, 2.0)
        await asyncio.sleep(5)
        assert [task.job for task in queue.running] == ["a"]
        await queue.drop_conversions("c")
        assert ended == []
        await queue.drop_conversions("a")
        assert ended == ["a cut off"]  # when the call returns, and not later
        await asyncio.sleep(20)
        assert ended == ["a cut off", "b done"]
        queue.add_conversion("d", 4, 1.0)
        await asyncio.sleep(1)
        runner.cancel()
        await asyncio.wait([runner])
        assert ended == ["a cut off", "b done", "d cut off"] and runner.cancelled()
        assert queue.running == []

    run(main())
    assert not caplog.records


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 9), st.integers(0, 30)), min_size=1, max_size=15))
def test_the_next_one_runs_while_results_are_sent_and_what_copies_runs_beside(
    tasks: list[tuple[bool, int, int]],
) -> None:
    """Each kind is as fast as the slower of its two halves lets it be, and few results wait."""

    async def main() -> None:
        computing: Counter[bool] = Counter()
        waiting: Counter[bool] = Counter()
        ended: dict[bool, float] = {}

        async def convert(task: ConversionTask) -> None:
            _, computes, sends = tasks[task.number]
            computing[task.light] += 1
            assert computing[task.light] == 1 and task in queue.running
            await asyncio.sleep(computes)
            computing[task.light] -= 1
            waiting[task.light] += 1
            assert waiting[task.light] <= RESULTS
            queue.let_next(task)
            queue.let_next(task)
            assert task not in queue.running
            await asyncio.sleep(sends)
            waiting[task.light] -= 1
            ended[task.light] = asyncio.get_running_loop().time()

        queue = QueueManager(convert)
        for number, (light, _, _) in enumerate(tasks):
            queue.add_conversion("7_1", number, float(number), light=light)
        runner = asyncio.create_task(queue.run())
        await asyncio.sleep(1000)
        for light in {light for light, *_ in tasks}:
            of_kind = [(computes, sends) for kind, computes, sends in tasks if kind is light]
            assert ended[light] == pytest.approx(_as_a_pipeline(of_kind))
        runner.cancel()
        await asyncio.wait([runner])

    run(main())


def _as_a_pipeline(tasks: list[tuple[int, int]]) -> float:
    """When the last result is sent: one is computed at a time, and RESULTS are sent at a time."""
    now, sent = 0.0, list[float]()
    for computes, sends in tasks:
        under_way = sorted(at for at in sent if at > now)
        if len(under_way) >= RESULTS:
            now = under_way[-RESULTS]
        now += computes
        sent.append(now + sends)
    return max(sent)


def test_what_is_dropped_is_cut_off_also_while_its_result_is_sent() -> None:
    async def main() -> None:
        cut_off: list[int] = []

        async def convert(task: ConversionTask) -> None:
            queue.let_next(task)
            try:
                await asyncio.sleep(100)
            except asyncio.CancelledError:
                cut_off.append(task.number)
                raise

        queue = QueueManager(convert)
        runner = asyncio.create_task(queue.run())
        for number, job in enumerate(("7_1", "7_2", "7_1")):
            queue.add_conversion(job, number, 1.0)
        await asyncio.sleep(1)
        await queue.drop_conversions("7_1")
        assert cut_off == [0, 2]
        runner.cancel()
        await asyncio.wait([runner])
        assert cut_off == [0, 2, 1]

    run(main())


def test_a_conversion_may_drop_those_of_its_own_job() -> None:
    async def main() -> None:
        ran: list[int] = []

        async def convert(task: ConversionTask) -> None:
            await queue.drop_conversions(task.job)
            ran.append(task.number)

        queue = QueueManager(convert)
        queue.add_conversion("a", 1, 1.0)
        queue.add_conversion("a", 2, 2.0)
        queue.add_conversion("b", 3, 3.0)
        runner = asyncio.create_task(queue.run())
        await asyncio.sleep(5)
        assert ran == [1, 3]
        runner.cancel()
        await asyncio.wait([runner])

    run(main())


def test_what_was_to_start_later_ends_with_the_queue() -> None:
    async def main() -> None:
        async def convert(task: ConversionTask) -> None:
            raise AssertionError

        queue = QueueManager(convert)
        runner = asyncio.create_task(queue.run())
        queue.add_conversion("a", 1, 1.0, after=5)
        await asyncio.sleep(1)
        runner.cancel()
        await asyncio.wait([runner])
        await asyncio.sleep(100)
        assert queue.waiting() == [] and asyncio.all_tasks() == {asyncio.current_task()}

    run(main())


def test_a_conversion_that_ends_badly_is_logged_with_its_job(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async def convert(task: ConversionTask) -> None:
            raise ValueError("why")

        queue = QueueManager(convert)
        runner = asyncio.create_task(queue.run())
        queue.add_conversion("7_8", 1, 1.0)
        await asyncio.sleep(1)
        runner.cancel()
        await asyncio.wait([runner])

    run(main())
    (record,) = caplog.records
    assert record.getMessage() == "❌ Conversion task of job 7_8 ended badly"
    assert record.exc_info is not None and str(record.exc_info[1]) == "why"


def test_three_uploads_at_once_unless_told_otherwise() -> None:
    async def main() -> None:
        async def convert(task: ConversionTask) -> None:
            raise AssertionError

        queue, busy = QueueManager(convert), 0

        async def upload(chat: int) -> None:
            nonlocal busy
            async with queue.upload(chat):
                busy += 1
                await asyncio.sleep(10)
                busy -= 1

        uploads = [asyncio.create_task(upload(chat)) for chat in range(5)]
        await asyncio.sleep(5)
        assert busy == 3
        await asyncio.wait(uploads)

    run(main())
