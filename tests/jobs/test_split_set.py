"""How long the volumes of a split archive are waited for."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from tests.telegram.virtual_time import run
from utils.jobs.intake import Incoming, Peer
from utils.jobs.lines import Line, Origin
from utils.jobs.record import JobRecord
from utils.jobs.split_set import GRACE, SplitSet

FIRST = Incoming(Peer("user", 7), 7, 1, "a.7z.001", 10, 99, "", sender=7)
SECOND = replace(FIRST, message=2, name="a.7z.002", document=100)
WAIT = 600.0


class Set:
    """A set of which the first volume came ``ago`` seconds ago; the journal may be ``full``."""

    def __init__(self, *, ago: float = 0.0) -> None:
        self.record = JobRecord()
        self.record.apply(Origin.of(FIRST, date=-ago))
        self.full = False
        self.split = SplitSet(self.record, self._write, wait=WAIT, clock=asyncio.get_running_loop().time)

    async def _write(self, line: Line) -> None:
        if self.full:
            raise OSError(28, "No space left on device")
        self.record.apply(line)


async def waited(split: SplitSet) -> tuple[bool, float]:
    """Whether another volume came, and after how many seconds."""
    clock = asyncio.get_running_loop().time
    began = clock()
    came = await split.more()
    return came, round(clock() - began)


@pytest.mark.parametrize(
    ("ago", "seconds"), [(0, WAIT), (300, WAIT - 300), (WAIT - 10, GRACE), (10 * WAIT, GRACE)]
)
def test_it_waits_from_the_newest_volume_on_but_a_minute_at_least(ago: float, seconds: float) -> None:
    async def main() -> None:
        split = Set(ago=ago).split
        split.take()
        assert await waited(split) == (False, seconds)
        # Over is over: the volume is of another archive now.
        assert not split.wants(SECOND)

    run(main())
    assert GRACE == 60


def test_each_volume_begins_the_wait_anew() -> None:
    async def main() -> None:
        split = Set().split
        split.take()
        adding = asyncio.create_task(add_after(split, WAIT - 1))
        assert await waited(split) == (True, WAIT - 1)
        await adding
        assert [item.name for item in split.take()] == ["a.7z.001", "a.7z.002"]
        assert await waited(split) == (False, WAIT)

    run(main())


def test_what_came_before_it_was_waited_for_is_there() -> None:
    async def main() -> None:
        split = Set().split
        split.take()
        await split.add(SECOND)
        assert await waited(split) == (True, 0)

    run(main())


def test_a_volume_that_can_not_be_journaled_is_not_in_the_set() -> None:
    async def main() -> None:
        made = Set()
        made.full = True
        with pytest.raises(OSError, match="No space"):
            await made.split.add(SECOND)
        assert not made.split.has(SECOND) and made.split.wants(SECOND)
        made.full = False
        await made.split.add(SECOND)
        assert made.split.has(SECOND) and not made.split.wants(SECOND)
        assert made.record.messages() == [1, 2]

    run(main())


async def add_after(split: SplitSet, seconds: float) -> None:
    await asyncio.sleep(seconds)
    await split.add(SECOND)
