"""The bot as the process that an owner starts."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tests.e2e.nursery import Forked, fork, suits
from tests.e2e.power_loss import LOST
from tests.world import PATIENCE, World, until
from utils.constants import ROOT, SETTINGS


def environment(world: World, **changes: str) -> dict[str, str]:
    """The test's settings as environment variables; an empty value leaves a setting out."""
    values = {
        info.name: ",".join(value) if isinstance(value, tuple) else str(value)
        for info in SETTINGS
        if (value := getattr(world.settings, info.name)) != info.default
    }
    values |= {"SECRETS_FILE": str(world.folder / "none"), **changes}
    inherited = {name: text for name, text in os.environ.items() if name not in {i.name for i in SETTINGS}}
    return {**inherited, **{name: text for name, text in values.items() if text}}


@dataclass(frozen=True)
class Ended:
    """How a process ended."""

    code: int
    out: str
    err: str


#: A process that tests start.
Process = asyncio.subprocess.Process | Forked


async def start(
    environ: Mapping[str, str],
    *arguments: str,
    program: Sequence[str] = (str(ROOT / "extract-compressed-files.py"),),
) -> Process:
    """Start the program, or what stands in its place, in a process of its own that is loaded already."""
    if suits(environ):
        return await fork([*program, *arguments], environ, ROOT)
    return await start_anew(environ, *arguments, program=program)


async def start_anew(
    environ: Mapping[str, str],
    *arguments: str,
    program: Sequence[str] = (str(ROOT / "extract-compressed-files.py"),),
) -> Process:
    """Start it as its owner does."""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *program,
        *arguments,
        cwd=ROOT,
        env=dict(environ),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def run(environ: Mapping[str, str], *arguments: str, seconds: float = PATIENCE) -> Ended:
    """Run the program to its end."""
    return await to_its_end(await start(environ, *arguments), seconds)


async def to_its_end(process: Process, seconds: float = PATIENCE) -> Ended:
    """Wait for the end of ``process``, which is killed when it does not come."""
    try:
        out, err = await asyncio.wait_for(process.communicate(), seconds)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return Ended(process.returncode or 0, out.decode(), err.decode())


async def power_fails(
    environ: Mapping[str, str],
    *,
    line: int,
    share: float,
    over: Callable[[], bool],
    seconds: float = PATIENCE,
) -> bool:
    """Run the bot until its power fails in the ``line``th line of its journals (see ``power_loss``).

    False when it was ``over`` before; then it was stopped. Raises TimeoutError.
    """
    program = ("-m", "tests.e2e.power_loss")
    process = await start(environ, str(line), str(share), program=program)
    dead = asyncio.create_task(process.communicate())
    try:
        await until(lambda: dead.done() or over(), seconds)
    finally:
        if not dead.done():
            process.terminate()
        await dead
    return process.returncode == LOST
