"""Reading any range of a remote file through ranges that Telegram allows."""

from __future__ import annotations

import asyncio
import gc
import random

import pytest

from utils.telegram.read_ahead import CAPACITY, MB, ReadAhead, cover

KB = 1024


class Source:
    """Bytes that are asked for in ranges; refuses what Telegram would refuse."""

    def __init__(self, size: int, *, seed: int = 1) -> None:
        self.content = random.Random(seed).randbytes(size)
        self.asked: list[tuple[int, int]] = []
        self.fail = 0
        self.delay = 0.0
        self.under_way = self.most_under_way = 0

    async def fetch(self, offset: int, limit: int) -> bytes:
        assert offset % (4 * KB) == 0 and limit % (4 * KB) == 0
        assert MB % limit == 0
        assert offset // MB == (offset + limit - 1) // MB
        self.asked.append((offset, limit))
        self.under_way += 1
        self.most_under_way = max(self.under_way, self.most_under_way)
        await asyncio.sleep(self.delay)
        self.under_way -= 1
        if self.fail:
            self.fail -= 1
            raise ConnectionError("no")
        return self.content[offset : offset + limit]

    @property
    def fetched(self) -> int:
        return sum(limit for _, limit in self.asked)


@pytest.mark.parametrize(
    ("offset", "end", "ranges"),
    [
        (0, 1, [(0, 64 * KB)]),
        (5000, 5001, [(4096, 64 * KB)]),
        (0, MB, [(0, MB)]),
        (0, MB + 1, [(0, MB), (MB, 64 * KB)]),
        (MB - 1, MB + 1, [(MB - 4096, 4096), (MB, 64 * KB)]),
        (MB - 4096, 3 * MB, [(MB - 4096, 4096), (MB, MB), (2 * MB, MB)]),
        (0, 300 * KB, [(0, 512 * KB)]),
    ],
)
def test_ranges_keep_to_telegrams_rules(offset: int, end: int, ranges: list[tuple[int, int]]) -> None:
    assert cover(offset, end) == ranges


def test_any_range_is_covered_without_a_gap() -> None:
    draw = random.Random(2)
    for _ in range(2000):
        offset = draw.randrange(5 * MB)
        end = offset + draw.randrange(1, 3 * MB)
        ranges = cover(offset, end)
        assert ranges[0][0] <= offset and sum(ranges[-1]) >= end
        assert all(a + limit == b for (a, limit), (b, _) in zip(ranges, ranges[1:], strict=False))
        for at, limit in ranges:
            assert at % 4096 == 0 and MB % limit == 0 and at // MB == (at + limit - 1) // MB


@pytest.mark.parametrize("size", [1, 4095, 4096, 4097, MB - 1, MB, MB + 1, 5 * MB + 77])
async def test_the_whole_file_comes_in_any_step(size: int) -> None:
    source = Source(size)
    for step in (size, 1000 * KB, 64 * KB + 1):
        cache = ReadAhead(size, source.fetch)
        read = b"".join([await cache.read(at, step) for at in range(0, size, step)])
        assert read == source.content
        assert await cache.read(size, 10) == b""
        assert await cache.read(max(0, size - 1), 10) == source.content[-1:]
        await cache.close()


async def test_random_reads_are_right_and_memory_stays_bounded() -> None:
    source = Source(30 * MB)
    cache = ReadAhead(30 * MB, source.fetch)
    draw = random.Random(3)
    for _ in range(300):
        offset, size = draw.randrange(30 * MB), draw.randrange(1, 700 * KB)
        assert await cache.read(offset, size) == source.content[offset : offset + size]
        held = sum(s.end - s.start for s in cache._segments)
        assert held <= CAPACITY + 2 * MB
    await cache.close()


async def test_concurrent_reads_are_right() -> None:
    source = Source(20 * MB)
    source.delay = 0.001
    cache = ReadAhead(20 * MB, source.fetch)
    draw = random.Random(4)
    places = [(draw.randrange(20 * MB), draw.randrange(1, 2 * MB)) for _ in range(50)]
    results = await asyncio.gather(*(cache.read(offset, size) for offset, size in places))
    assert results == [source.content[offset : offset + size] for offset, size in places]
    await cache.close()


async def test_whoever_reads_on_finds_the_next_megabytes_there() -> None:
    source = Source(40 * MB)
    source.delay = 0.005
    cache = ReadAhead(40 * MB, source.fetch)
    for at in range(0, 40 * MB, 256 * KB):
        await cache.read(at, 256 * KB)
    assert source.most_under_way >= 6
    assert source.fetched <= 41 * MB
    await cache.close()


async def test_the_tail_of_an_archive_costs_little() -> None:
    source = Source(40 * MB)
    cache = ReadAhead(40 * MB, source.fetch)
    await cache.read(40 * MB - 22, 22)
    await cache.read(40 * MB - 64 * KB, 64 * KB)
    assert source.fetched <= 192 * KB
    await cache.close()


async def test_small_reads_side_by_side_are_fetched_once() -> None:
    source = Source(MB)
    cache = ReadAhead(MB, source.fetch)
    await cache.read(100, 30)
    await cache.read(130, 30)
    await cache.read(50_000, 100)
    assert len([1 for offset, _ in source.asked if offset == 0]) == 1
    await cache.close()


async def test_a_range_that_failed_is_fetched_again_when_it_is_read_again() -> None:
    source = Source(MB)
    source.fail = 1
    cache = ReadAhead(MB, source.fetch)
    with pytest.raises(ConnectionError):
        await cache.read(0, 10)
    assert await cache.read(0, 10) == source.content[:10]
    await cache.close()


async def test_the_first_range_that_fails_ends_a_read_and_the_others_leave_nothing_behind() -> None:
    source = Source(3 * MB)
    source.fail = 1
    cache = ReadAhead(3 * MB, source.fetch)
    with pytest.raises(ConnectionError):
        await cache.read(0, 3 * MB)
    gc.collect()  # what was never awaited is told now, and a warning is an error
    assert await cache.read(MB, 2 * MB) == source.content[MB:]
    assert len(source.asked) == 3
    await cache.close()


async def test_a_cancelled_reader_does_not_take_the_range_from_another() -> None:
    source = Source(MB)
    source.delay = 0.02
    cache = ReadAhead(MB, source.fetch)
    first = asyncio.create_task(cache.read(0, 10))
    second = asyncio.create_task(cache.read(5, 10))
    await asyncio.sleep(0.005)
    first.cancel()
    assert await second == source.content[5:15]
    assert len(source.asked) == 1
    await cache.close()
