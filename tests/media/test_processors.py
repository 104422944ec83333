"""The end of one video and the beginning of the next, on the same processors."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from tests.media.makers import SIDE_BY_SIDE, TOOLS, Memory, clip
from tests.telegram.virtual_time import run
from utils.media import Converter, Inspection, inspect
from utils.media.processors import Processors


@given(st.integers(1, 4), st.lists(st.tuples(st.integers(1, 6), st.integers(1, 9)), max_size=12))
def test_no_more_is_given_than_there_is_and_in_the_order_of_asking(
    threads: int, wanted: list[tuple[int, int]]
) -> None:
    async def main() -> None:
        processors, begun, used = Processors(threads), list[int](), 0

        async def work(number: int, want: int, seconds: int) -> None:
            nonlocal used
            async with processors.share(want):
                begun.append(number)
                used += min(want, threads)
                assert used <= threads
                await asyncio.sleep(seconds)
                used -= min(want, threads)

        await asyncio.gather(*(work(n, *one) for n, one in enumerate(wanted)))
        assert begun == list(range(len(wanted)))

    run(main())


async def test_the_next_video_is_let_in_when_a_processor_is_idle_and_not_before(tmp_path: Path) -> None:
    """Three segments on two lanes: while the last one is encoded, the other lane has nothing to do."""
    converter = Converter(SIDE_BY_SIDE, TOOLS)
    source = clip(tmp_path / "film.avi", "-c:v", "mpeg4", "-q:v", "5", seconds=3, sound=False)
    seen = await inspect(source, source.name, tools=TOOLS)
    finished: dict[str, int] = {}

    async def convert(name: str, on_idle: Callable[[], None], memory: Memory) -> Inspection:
        async def on_progress(_: float) -> None:
            return None

        return await converter.convert(
            source,
            tmp_path / name,
            inspection=seen,
            checkpoint=memory,
            work_dir=tmp_path / f"{name}.work",
            on_progress=on_progress,
            on_idle=on_idle,
        )

    memory, idle = Memory(), asyncio.Event()

    def on_idle() -> None:
        finished.setdefault("first", len(list((tmp_path / "first.mp4.work").glob("segment-*.mp4"))))
        idle.set()

    first = asyncio.create_task(convert("first.mp4", on_idle, memory))
    await asyncio.wait_for(idle.wait(), 60)
    assert not first.done() and 0 < finished["first"] < 3
    await asyncio.gather(first, convert("second.mp4", lambda: None, Memory()))
    assert (tmp_path / "first.mp4").read_bytes() == (tmp_path / "second.mp4").read_bytes()
