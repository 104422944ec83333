"""Ranges, windows and parts: whatever is read, in whatever order the answers come."""

from __future__ import annotations

import asyncio
import random
import tempfile
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.telegram.test_transfer_ranges import Source
from tests.telegram.virtual_time import run
from utils.errors import TransferFailed
from utils.telegram.part_file import PartFile
from utils.telegram.read_ahead import CAPACITY, MB, SMALLEST, STEP, ReadAhead, cover
from utils.telegram.window import Window

offsets = st.one_of(
    st.integers(0, 5 * MB),
    st.integers(0, 5).map(lambda n: n * MB),
    st.integers(0, 1200).map(lambda n: n * STEP),
)
lengths = st.one_of(st.integers(1, 200_000), st.integers(1, 4 * MB))


@given(offsets, lengths)
def test_a_range_is_covered_by_what_telegram_allows_and_by_little_more(offset: int, length: int) -> None:
    end = offset + length
    ranges = cover(offset, end)
    assert ranges[0][0] <= offset < ranges[0][0] + STEP and sum(ranges[-1]) >= end
    assert ranges[-1][0] < end
    assert all(at + limit == after for (at, limit), (after, _) in pairwise(ranges))
    for at, limit in ranges:
        assert at % STEP == limit % STEP == 0 and MB % limit == 0 and at // MB == (at + limit - 1) // MB
    assert sum(limit for _, limit in ranges) <= max(2 * (length + STEP), SMALLEST + STEP)


@given(st.integers(0, 255), st.integers(1, 256))
def test_no_fewer_ranges_from_there_would_do(first: int, count: int) -> None:
    """In steps of 4 KB, against all ways there are."""
    end = min(first + count, 256)  # within one MB; beyond, each begins anew
    fewest = {end: 0}
    for at in range(end - 1, first - 1, -1):
        sizes = [1 << n for n in range(9) if at + (1 << n) <= 256]
        fewest[at] = 1 + min(fewest.get(at + size, 0) for size in sizes)
    if first < end:
        assert len(cover(first * STEP, end * STEP)) == fewest[first]


CONTENT = Source(6 * MB).content
reads = st.lists(
    st.tuples(st.integers(0, 6 * MB + 10), st.one_of(st.integers(0, 9000), st.integers(0, 2 * MB))),
    max_size=12,
)


@given(st.integers(0, 6 * MB), reads, st.booleans())
def test_any_reads_give_the_bytes_of_the_file(size: int, reads: list[tuple[int, int]], at_once: bool) -> None:
    async def main() -> None:
        source = Source(0)
        source.content = CONTENT[:size]
        source.delay = 0.01
        cache = ReadAhead(size, source.fetch)
        asked = [cache.read(offset, length) for offset, length in reads]
        found = await asyncio.gather(*asked) if at_once else [await each for each in asked]
        assert found == [source.content[offset : offset + length] for offset, length in reads]
        assert all(offset < size for offset, _ in source.asked)
        if not at_once:
            assert sum(s.end - s.start for s in cache._segments) <= CAPACITY + 2 * MB
        await cache.close()

    run(main())


part_writes = st.lists(st.integers(0, 400), min_size=0, max_size=12)


@given(st.integers(1, 60), st.integers(1, 9), st.lists(part_writes, min_size=1, max_size=3), st.randoms())
def test_parts_make_the_file_in_any_order_over_any_number_of_runs(
    size: int, part_size: int, runs: list[list[int]], draw: random.Random
) -> None:
    content = bytes(draw.randrange(256) for _ in range(size))

    async def main(path: Path) -> None:
        there: set[int] = set()
        for wanted in runs:
            parts = PartFile(path, identity="one", size=size, part_size=part_size)
            await parts.open()
            assert set(parts.missing()) == set(range(parts.parts)) - there
            for number in wanted:
                part = number % parts.parts
                start = part * part_size
                assert len(content[start : start + part_size]) == parts.length(part)
                await parts.write(part, content[start : start + part_size])
                there.add(part)
            assert parts.bytes_done == sum(parts.length(part) for part in there)
            if len(there) < parts.parts:
                with pytest.raises(TransferFailed):
                    await parts.finish()
            await parts.close()
        last = PartFile(path, identity="one", size=size, part_size=part_size)
        await last.open()
        for part in list(last.missing()):
            await last.write(part, content[part * part_size :][:part_size])
        await last.finish()
        await last.close()
        assert path.read_bytes() == content
        assert list(path.parent.iterdir()) == [path]

    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        # The power stays on here: many more examples can be tried.
        patch.setattr("os.fsync", lambda _: None)
        run_on_threads(main, Path(folder, "file"))


def run_on_threads(main: Callable[[Path], object], path: Path) -> None:
    asyncio.run(main(path))  # type: ignore[arg-type]


@given(
    st.integers(1, 8),
    st.integers(0, 8),
    st.lists(
        st.tuples(
            st.integers(0, 3),  # whose part it is
            st.integers(0, 50),  # when it comes, in tenths of a second
            st.integers(1, 30),  # how long it takes
            st.sampled_from(["answered", "answered", "answered", "refused", "cancelled"]),
        ),
        max_size=40,
    ),
)
def test_whatever_becomes_of_the_parts_the_window_is_kept_and_nobody_waits_for_ever(
    start: int, more: int, parts: list[tuple[int, int, int, str]]
) -> None:
    largest = start + more

    async def main() -> None:
        loop = asyncio.get_running_loop()
        window = Window(start=start, largest=largest, clock=loop.time)
        under_way = 0

        async def one(owner: int, comes: int, takes: int, becomes: str) -> None:
            nonlocal under_way
            await asyncio.sleep(comes / 10)
            async with window.slot(owner):
                under_way += 1
                assert under_way <= window.in_flight <= largest
                try:
                    await asyncio.sleep(takes / 10)
                    if becomes == "refused":
                        window.waited()
                    window.delivered(1000)
                finally:
                    under_way -= 1
                assert 1 <= window.limit <= largest

        tasks = [asyncio.create_task(one(*part)) for part in parts]
        for task, (_, comes, takes, becomes) in zip(tasks, parts, strict=True):
            if becomes == "cancelled":
                loop.call_later((comes + takes / 2) / 10, task.cancel)
        for task in tasks:
            await asyncio.wait([task], timeout=1000)
        assert all(task.done() for task in tasks)
        assert all(task.cancelled() or task.exception() is None for task in tasks)
        assert window.in_flight == 0
        for _ in range(window.limit):  # and whoever comes afterwards is let in at once
            await asyncio.wait_for(window._acquire("late"), 0.01)

    run(main())


@given(st.integers(1, 6), st.lists(st.integers(1, 12), min_size=2, max_size=5))
def test_owners_take_turns(limit: int, counts: list[int]) -> None:
    """While several have parts waiting, none gets two turns between two of another."""

    async def main() -> list[int]:
        window = Window(start=limit, largest=limit, clock=asyncio.get_running_loop().time)
        turns: list[int] = []

        async def one(owner: int) -> None:
            async with window.slot(owner):
                turns.append(owner)
                await asyncio.sleep(1)

        async with window.slot("before"):
            pass
        blockers = [asyncio.create_task(hold(window)) for _ in range(limit)]
        await asyncio.sleep(0.1)
        tasks = [asyncio.create_task(one(owner)) for owner, count in enumerate(counts) for _ in range(count)]
        await asyncio.gather(*blockers, *tasks)
        return turns

    async def hold(window: Window) -> None:
        async with window.slot("before"):
            await asyncio.sleep(1)

    turns = run(main())
    left = list(counts)
    for at in range(0, len(turns)):
        waiting = [owner for owner, count in enumerate(left) if count]
        round_ = turns[at : at + len(waiting)]
        if at == 0 or all(counts[o] - left[o] == counts[waiting[0]] - left[waiting[0]] for o in waiting):
            assert sorted(round_) == waiting
        left[turns[at]] -= 1
    assert left == [0] * len(counts)
