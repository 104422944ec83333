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
from utils.jobs.marks import CONVERSION, STRIDE, Marks
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


async def test_what_one_process_got_past_did_not_kill_another(tmp_path: Path) -> None:
    """Whoever stops the bot in the middle of a long download does so at another place each time."""

    def death_after(*strides: int, step: str = "entry 1") -> int:
        marks = reopened(tmp_path)
        marks.begin(step)
        for count in strides:
            marks.came(count * STRIDE)
        return reopened(tmp_path).deaths[step]

    assert death_after(9) == 1
    assert death_after(3) == 1 and death_after(2, 5) == 1, "it had survived that"
    assert death_after(4, 8) == 1, "it had not been so far before"
    assert death_after(12) == 2 and death_after(11) == 2 and death_after(12) == 3
    marks = reopened(tmp_path)
    marks.begin("entry 1")
    marks.end("entry 1", done=True)
    assert death_after(0) == 1 and death_after() == 2, "of what is done nothing is kept"
    assert [death_after(n, step="convert 1") for n in (5, 1, 3)] == [1, 2, 3], "it does not read"


async def test_who_is_killed_while_it_waits_for_telegram_died_of_no_file(tmp_path: Path) -> None:
    (tmp_path / "steps").write_text("2 opening\n")
    marks = reopened(tmp_path)
    steps = Steps(marks, Gate(), "a.zip")
    for step in ("opening", "reading", "entry 1", "upload 2", "convert 3"):
        steps.begin(step)
    steps.wait()
    assert reopened(tmp_path).deaths == {"opening": 2, "convert 3": 1}
    marks.begin("upload 2")
    marks.rest("upload 2")
    marks.end("opening", done=True)
    assert marks.deaths == {}


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
