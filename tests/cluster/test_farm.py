"""Segments that other machines encode: the bytes are those of one machine, whatever happens to the others."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.cluster.yard import HERE, Yard, convert, until
from tests.media.makers import Memory
from utils.media import Tools

SEGMENTS = 6
#: What a worker has in its folder while it has nothing to do.
KEPT = {"authority.pem", "machine.key", "machine.pem", "dask"}


@pytest.fixture
async def alone(source: Path, tmp_path: Path) -> tuple[str, Memory]:
    """What becomes of it on one machine."""
    return await convert(source, tmp_path / "alone", None)


def plan_in(saved: Memory) -> dict[str, object]:
    """What was saved, but for the folders that it was done in."""
    assert saved.data is not None
    recipe = saved.data["recipe"]
    assert isinstance(recipe, dict)
    return {**saved.data, "source": "", "folder": "", "recipe": {**recipe, "identity": ""}}


async def test_a_worker_encodes_and_the_bytes_are_those_of_one_machine(
    alone: tuple[str, Memory], here: Path, yard: Yard
) -> None:
    await yard.worker()
    await until(lambda: yard.farm.machines)
    path, held = yard.held("here", HERE)
    converting = asyncio.ensure_future(yard.convert(here, tools=Tools(f"{path.partition(':')[0]}/ffmpeg")))
    # The two lanes here have one segment each, and do not get on with it.
    await until(lambda: yard.segments() == SEGMENTS - 2)
    held.unlink()
    digest, saved = await converting
    assert digest == alone[0]
    assert plan_in(saved) == plan_in(alone[1])
    (place,) = (yard.folder / "workers").iterdir()
    await until(lambda: {path.name for path in place.iterdir()} == KEPT)
