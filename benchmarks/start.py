"""What it costs to start a program as the bot does, against starting it barely.

Rounds of one start each way, one after the other, so that whatever else the machine does falls on all alike.
Figures: milliseconds from the start to the end of the program, and of CPU for it and what stands before it
(medians), each also as a ratio to bare.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import statistics
import time
from asyncio.subprocess import DEVNULL
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from utils.media.commands import files_of
from utils.processes import child
from utils.processes.confinement import Confinement
from utils.processes.forkserver import ForkServer, fork_server
from utils.processes.supervisor import run
from utils.processes.system import Isolation, isolation

MEMORY = 8 << 30


class _Never(ForkServer):
    def ready(self) -> bool:
        return False


_NEVER = _Never()


async def _bare(command: Sequence[str]) -> None:
    process = await asyncio.create_subprocess_exec(*command, stdin=DEVNULL, stdout=DEVNULL, stderr=DEVNULL)
    await process.wait()


async def _confined(command: Sequence[str], system: Isolation, *, copied: bool = True) -> None:
    setattr(child, "isolation", lambda: system)  # noqa: B010
    setattr(child, "fork_server", fork_server if copied else _NEVER)  # noqa: B010
    await run(command, confinement=Confinement(MEMORY, reads=files_of(command[1:]).reads), within=60)


def _cpu() -> float:
    """Seconds that programs took, and the fork server for them."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    of_server = 0
    if fork_server.number:
        of_server = int(Path(f"/proc/{fork_server.number}/schedstat").read_text().split()[0])
    return used.ru_utime + used.ru_stime + of_server / 1e9


async def _measure(start: Callable[[], Awaitable[None]]) -> tuple[float, float]:
    """Milliseconds by the clock and of CPU."""
    began, used = time.perf_counter(), _cpu()
    await start()
    return 1000 * (time.perf_counter() - began), 1000 * (_cpu() - used)


async def compare(command: Sequence[str], rounds: int) -> None:
    """Print the table."""
    ways: dict[str, Callable[[], Awaitable[None]]] = {
        "bare": lambda: _bare(command),
        "limits only": lambda: _confined(command, Isolation()),
        "no fork server": lambda: _confined(command, isolation(), copied=False),
        "as the bot does": lambda: _confined(command, isolation()),
    }
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for number in range(rounds + 1):
        for name, start in ways.items():
            measured = await _measure(start)
            if number:  # the first fills the caches
                found[name].append(measured)
    print(f"{' '.join(command)}, {rounds} rounds, {isolation()}")
    print(f"{'':<16}{'ms':>8}{'ratio':>8}{'CPU ms':>10}{'ratio':>8}")
    medians = {
        name: [statistics.median(column) for column in zip(*rows, strict=True)]
        for name, rows in found.items()
    }
    for name, (wall, cpu) in medians.items():
        bare_wall, bare_cpu = medians["bare"]
        print(f"{name:<16}{wall:8.1f}{wall / bare_wall:8.2f}{cpu:10.1f}{cpu / bare_cpu:8.2f}")


def main(arguments: list[str]) -> int:
    """``python -m benchmarks start``."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks start", description=__doc__)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument(
        "command", nargs="*", default=["ffprobe", "-v", "error", "-version"], help="program and arguments"
    )
    options = parser.parse_args(arguments)
    asyncio.run(compare(options.command, options.rounds))
    return 0
