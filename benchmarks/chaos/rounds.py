"""One round from its plan to the verdict."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path

from benchmarks.chaos import disk
from benchmarks.chaos.acts import play
from benchmarks.chaos.archive import CLIPS, PASSWORD, Archive, clip, make
from benchmarks.chaos.check import is_over, violations
from benchmarks.chaos.plan import Plan
from benchmarks.chaos.stage import Stage
from sandbox.mtproto.keys import ServerKey
from tests.e2e.process import environment, run
from tests.shared import made_once
from tests.world import world_in
from utils.constants import SETTINGS as ALL_SETTINGS

#: Seconds after the archive was sent from which on nothing goes wrong any more.
RECOVERY = 7.0
#: Seconds that the bot then has to be done.
PATIENCE = 90.0
#: Seconds in which the bot has to be there at first.
READY = 60.0

#: Settings that make more happen in less time.
SETTINGS = {
    "CONVERSION_SEGMENT_SECONDS": "2",
    "CONVERSION_STATE_SAVE_INTERVAL": "0",
    "CONVERSION_THREADS": "1",
    "VIDEO_PRESET": "ultrafast",
    "ARCHIVE_PASSWORDS": PASSWORD,
}


async def play_round(
    plan: Plan, folder: Path, results: Mapping[str, str], *, small_disks: bool, broken: str = ""
) -> list[str]:
    """Play ``plan`` in ``folder``, which is new; returns what was wrong, in sentences.

    ``results`` are those of :func:`calm_results`. Without ``small_disks`` no disk is filled.
    """
    archive = await asyncio.to_thread(make, plan, _new(folder / "archive"))
    with disk.small_disk(folder / "data", wanted=small_disks and plan.has("full")) as small:
        if plan.has("full") and not small:
            plan = plan.only([n for n, fault in enumerate(plan.faults) if fault.kind != "full"])
        async with world_in(folder, made_once("server-key", ServerKey)) as world:
            stage = Stage(
                world,
                environment(world, **SETTINGS, **plan.settings),
                power=plan.has("power"),
                broken=broken,
            )
            late = await _on_stage(stage, plan, archive)
            return [*late, *stage.wrong, *violations(world, plan, archive, results)]


async def _on_stage(stage: Stage, plan: Plan, archive: Archive) -> list[str]:
    """Send the archive, let the faults come, and wait until all is done; says what never got done."""
    world = stage.world
    stage.open()
    playing: list[asyncio.Task[None]] = []
    try:
        if not await _within(READY, lambda: any("Ready" in line for line in world.lines())):
            return [f"not ready after {READY:.0f} s"]
        for path in archive.messages:
            await world.send(path)
        playing = [asyncio.create_task(play(stage, fault)) for fault in plan.faults]
        await _within(RECOVERY, lambda: is_done(stage, archive) and all(t.done() for t in playing))
        failed = [task.exception() for task in playing if task.done() and not task.cancelled()]
        await recover(stage, playing)
        if not await _within(PATIENCE, lambda: is_done(stage, archive)):
            stage.signal(signal.SIGUSR2)
            left = [str(path.relative_to(world.data)) for path in world.leftovers()][:4]
            return [f"not done after {PATIENCE:.0f} s; left: {left}; log: {world.lines()[-3:]}"]
        return [f"the fault itself failed: {error!r}" for error in failed if error is not None]
    finally:
        await recover(stage, playing)
        await stage.close()


def is_done(stage: Stage, archive: Archive) -> bool:
    """Whether the round is over."""
    return stage.serving.is_set() and is_over(stage.world, archive)


async def recover(stage: Stage, playing: list[asyncio.Task[None]]) -> None:
    """From now on everything behaves."""
    stage.over.set()
    for task in playing:
        task.cancel()
    await asyncio.gather(*playing, return_exceptions=True)
    await stage.serving.wait()
    stage.sandbox.faults.clear()
    stage.signal(signal.SIGCONT)


async def _within(seconds: float, condition: Callable[[], object]) -> bool:
    """Whether ``condition`` holds before so many seconds are over."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        await asyncio.sleep(0.1)
    return True


def _new(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


async def calm_results(folder: Path, plans: Sequence[Plan]) -> dict[str, str]:
    """Check sum of what becomes of each video in ``plans`` when nothing goes wrong, by its ending."""
    if not any("convert" in kinds for plan in plans for kinds in plan.folders):
        return {}
    inherited = {
        name: text for name, text in os.environ.items() if name not in {i.name for i in ALL_SETTINGS}
    }
    found = {}
    for ending in CLIPS:
        source, output = folder / f"calm.{ending}", folder / f"calm-{ending}.mp4"
        source.write_bytes(await asyncio.to_thread(clip, ending))
        environ = {**inherited, **SETTINGS, "SECRETS_FILE": str(folder / "none")}
        ended = await run(environ, "convert", str(source), str(output))
        if ended.code:
            raise RuntimeError(f"{source.name} cannot be converted: {ended.err}")
        found[ending] = sha256(output.read_bytes()).hexdigest()
    return found
