"""Which steps killed, and how carefully they are done again."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from utils.errors import PassedOver
from utils.jobs.gate import Gate
from utils.jobs.marks import CONVERSION, Marks
from utils.jobs.steps import Steps


def reopened(folder: Path) -> Marks:
    """As the next process reads them."""
    marks = Marks(folder / "steps")
    marks.open()
    return marks


async def test_only_a_death_inside_counts(tmp_path: Path) -> None:
    for count in (1, 2):
        marks = reopened(tmp_path)
        for step in ("done", "stopped", "deadly"):
            marks.begin(step)
        marks.end("done", done=True)
        marks.end("stopped", done=False)
        assert reopened(tmp_path).deaths == {"deadly": count}
    # Neither a stop in order nor the next start is a death, and a stop forgives none.
    marks = reopened(tmp_path)
    assert marks.deaths == {"deadly": 2} and marks.died_in == frozenset()
    marks.begin("deadly")
    marks.end("deadly", done=False)
    assert reopened(tmp_path).deaths == {"deadly": 2}
    marks.begin("deadly")
    marks.end("deadly", done=True)
    assert reopened(tmp_path).deaths == {} and not (tmp_path / "steps").exists()


async def test_reading_is_not_to_blame_for_an_entry_nor_a_conversion_for_what_was_beside_it(
    tmp_path: Path,
) -> None:
    marks = Marks(tmp_path / "steps")
    for step in ("reading", "entry 3", f"{CONVERSION}7"):
        marks.begin(step)
    marks = reopened(tmp_path)
    assert marks.deaths == {"entry 3": 1, f"{CONVERSION}7": 1}
    marks.acquit(CONVERSION)
    assert reopened(tmp_path).deaths == {"entry 3": 1}


async def test_without_a_place_for_marks_nothing_fails(tmp_path: Path) -> None:
    marks = Marks(tmp_path / "gone" / "steps")
    marks.begin("a")
    marks.end("a", done=True)


@given(st.binary(max_size=60))
def test_any_bytes_at_all_are_marks_of_something(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "steps").write_bytes(data)
        reopened(Path(folder))


async def test_the_more_often_it_killed_the_more_alone_it_is_done(tmp_path: Path) -> None:
    (tmp_path / "steps").write_text("1 once\n2 twice\n3 thrice\n")
    everybody = Gate()
    mine = Steps(reopened(tmp_path), everybody, "a.zip")
    theirs = Steps(Marks(tmp_path / "others"), everybody, "b.zip")
    going, over = asyncio.Event(), asyncio.Event()
    order: list[str] = []

    async def do(steps: Steps, step: str) -> None:
        async with steps.of(step, "trying it"):
            order.append(step)
            if step in ("other", "alone"):
                going.set()
                await over.wait()
                order.append(f"{step} over")

    async def begun(*works: tuple[Steps, str]) -> list[asyncio.Task[None]]:
        tasks = []
        for steps, step in works:
            tasks.append(asyncio.create_task(do(steps, step)))
            await asyncio.sleep(0.01)
        return tasks

    tasks = await begun((theirs, "other"), (mine, "once"), (mine, "new"))
    assert order == ["other", "once", "new"]
    tasks += await begun((mine, "twice"), (mine, "newer"), (theirs, "behind"))
    assert order == ["other", "once", "new"]
    over.set()
    await asyncio.gather(*tasks)
    assert order[3:5] == ["other over", "twice"]
    with pytest.raises(PassedOver, match="died 3 times while trying it"):
        await do(mine, "thrice")
