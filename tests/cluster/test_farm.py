"""Segments that other machines encode: the bytes are those of one machine, whatever happens to the others."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path

from tests.cluster.yard import HERE, PATIENCE, THERE, Yard, convert, until
from tests.files import ffmpeg_after
from tests.media.makers import Memory
from tests.media.test_kill_and_resume import processes_about
from utils.media import Tools

SEGMENTS = 6
#: What a worker has in its folder while it has nothing to do.
KEPT = {"authority.pem", "machine.key", "machine.pem", "dask"}
#: The same picture, worse.
OTHER = 'for part do shift; [ "$part" = 28 ] && part=40; set -- "$@" "$part"; done'


def tools_of(path: str) -> Tools:
    return Tools(f"{path.partition(':')[0]}/ffmpeg")


def plan_in(saved: Memory) -> dict[str, object]:
    """What was saved, but for the folders that it was done in."""
    assert saved.data is not None
    recipe = saved.data["recipe"]
    assert isinstance(recipe, dict)
    return {**saved.data, "source": "", "folder": "", "recipe": {**recipe, "identity": ""}}


async def test_the_bytes_are_those_of_one_machine_whatever_happens_to_the_others(
    source: Path, here: Path, yard: Yard
) -> None:
    alone, saved_alone = await convert(source, yard.folder / "alone", None)
    there, stuck = yard.held("there", THERE)
    stuck.unlink()
    first = await yard.worker(path=there)
    await until(lambda: yard.farm.machines)
    # The two lanes here have one segment each, and do not get on with it.
    home, held = yard.held("here", HERE)
    converting = asyncio.ensure_future(yard.convert(here, tools=tools_of(home)))

    await until(lambda: yard.segments() >= 1)
    stuck.touch()
    await until(lambda: processes_about(yard.folder / "workers"))
    first.signal(signal.SIGKILL)
    assert await until(lambda: not yard.farm.machines) < PATIENCE / 4
    await until(lambda: not processes_about(yard.folder / "workers"))

    # Who makes other bytes gets nothing to do.
    other = await yard.worker(path=ffmpeg_after(yard.folder / "other", THERE, OTHER))
    await until(lambda: yard.farm.machines and "other bytes" in yard.farm.machines[0].refused)
    child = yard.farm._child
    assert child is not None
    child.end()
    await until(lambda: not yard.farm.machines)
    # It comes back by itself, and is known for what it is.
    await until(lambda: yard.farm.machines and "other bytes" in yard.farm.machines[0].refused)
    assert not yard.segments()
    other.signal(signal.SIGKILL)

    stuck.unlink()
    last = await yard.worker(path=there)
    await until(lambda: yard.segments() >= 2)
    held.unlink()
    digest, saved = await converting
    assert digest == alone
    assert plan_in(saved) == plan_in(saved_alone)
    await until(lambda: [kept_by(place) for place in folders_of(yard)] == [KEPT])

    await ends_there_when_it_is_cancelled(yard, lambda: yard.convert(here), stuck)
    assert last.process.poll() is None
    await until(lambda: [kept_by(place) for place in folders_of(yard)] == [KEPT])


def folders_of(yard: Yard) -> list[Path]:
    """Those of the workers that are not dead: each sweeps away what it finds of such."""
    return list((yard.folder / "workers").iterdir())


def kept_by(place: Path) -> set[str]:
    return {path.name for path in place.iterdir()}


async def ends_there_when_it_is_cancelled(
    yard: Yard, convert: Callable[[], Awaitable[object]], stuck: Path
) -> None:
    stuck.touch()
    converting = asyncio.ensure_future(convert())
    await until(lambda: processes_about(yard.folder / "workers"))
    converting.cancel()
    await asyncio.gather(converting, return_exceptions=True)
    await until(lambda: not processes_about(yard.folder / "workers"), PATIENCE / 4)
