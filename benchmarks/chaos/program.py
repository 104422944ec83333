"""The rounds, some side by side; what fails is shrunk and said so that it can be done again."""

from __future__ import annotations

import argparse
import asyncio
import itertools
import logging
import resource
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.chaos import disk
from benchmarks.chaos.broken import BROKEN
from benchmarks.chaos.plan import Plan, draw
from benchmarks.chaos.rounds import calm_results, play_round
from benchmarks.chaos.shrink import fewest

#: How often fewer faults are tried before they count as harmless: the same faults need not meet again.
TRIES = 2


@dataclass
class Series:
    """All rounds of one call. ``keep`` is where the folders of those that failed stay."""

    folder: Path
    keep: Path | None
    results: Mapping[str, str]
    small_disks: bool
    broken: str
    shrink: bool
    stop: int | None
    number: Iterator[int] = field(default_factory=itertools.count)
    done: int = 0
    failed: int = 0
    violations: int = 0
    faults: int = 0

    async def play_all(self, plans: Iterator[Plan], verbose: bool) -> None:
        """Take plans until there are no more; ``verbose`` says each."""
        for plan in plans:
            if verbose:
                print(f"round {plan.number}: {plan}", flush=True)
            await self._one(plan)
            if self.stop is not None and self.failed >= self.stop:
                return

    async def _one(self, plan: Plan) -> None:
        wrong = await self._play(plan, f"round{plan.number}")
        self.done += 1
        self.faults += len(plan.faults)
        if not wrong:
            return
        self.failed += 1
        self.violations += len(wrong)
        listed = "".join(f"\n  ! {sentence}" for sentence in wrong)
        print(f"round {plan.number}: {plan}{listed}\n  {plan.replay}", flush=True)
        if self.shrink and plan.faults:
            smaller = plan.only(await fewest(len(plan.faults), lambda chosen: self._fails(plan, chosen)))
            print(f"round {plan.number} shrunk to {len(smaller.faults)} faults: {smaller.replay}", flush=True)

    async def _fails(self, plan: Plan, chosen: Sequence[int]) -> bool:
        for _ in range(TRIES):
            if await self._play(plan.only(chosen), f"try{next(self.number)}"):
                return True
        return False

    async def _play(self, plan: Plan, name: str) -> list[str]:
        folder = self.folder / name
        folder.mkdir()
        try:
            wrong = await play_round(
                plan, folder, self.results, small_disks=self.small_disks, broken=self.broken
            )
        except Exception as error:  # noqa: BLE001 - the other rounds go on
            wrong = [f"the round broke off: {error!r}"]
        if wrong and self.keep is not None:
            _keep(folder, self.keep / name)
        shutil.rmtree(folder)
        return wrong


async def run(options: argparse.Namespace, folder: Path) -> int:
    """Play the rounds, print what failed, then one line for all; returns the exit code."""
    started = time.monotonic()
    small_disks = disk.hide_mounts()
    if not small_disks:
        print("chaos: no disk is filled, since nothing can be mounted here")
    plans = list(_plans(options))
    series = Series(
        folder=folder,
        keep=options.keep,
        results=await calm_results(folder, plans),
        small_disks=small_disks,
        broken=options.broken,
        shrink=not options.no_shrink,
        stop=options.stop_after,
    )
    waiting = iter(plans)
    await asyncio.gather(*(series.play_all(waiting, options.verbose) for _ in range(options.jobs)))
    cpu = sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    seconds = time.monotonic() - started
    print(
        f"chaos: seed {options.seed}, {series.done} rounds, {series.faults} faults, {seconds:.0f} s"
        f" ({cpu:.0f} s of this process's CPU), {series.violations} violations in {series.failed} rounds"
    )
    return 1 if series.failed else 0


def _keep(folder: Path, kept: Path) -> None:
    shutil.rmtree(kept, ignore_errors=True)
    shutil.copytree(folder, kept)


def _plans(options: argparse.Namespace) -> Iterator[Plan]:
    numbers = (
        [options.only] if options.only is not None else range(options.first, options.first + options.rounds)
    )
    for number in numbers:
        plan = draw(options.seed, number)
        if options.faults is not None:
            plan = plan.only([int(n) for n in options.faults.split(",") if n.isdigit()])
        yield plan


def main(arguments: list[str]) -> int:
    """The benchmark as a program."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks chaos", description=__doc__)
    parser.add_argument("--rounds", type=int, default=20, help="how many (default: 20)")
    parser.add_argument("--first", type=int, default=0, help="number of the first one (default: 0)")
    parser.add_argument("--seed", type=int, default=1, help="what all is drawn from (default: 1)")
    parser.add_argument("--jobs", type=int, default=3, help="rounds at the same time (default: 3)")
    parser.add_argument("--only", type=int, help="the number of the only round to play")
    parser.add_argument("--faults", help="the places of the only faults to have in it, such as 0,2 or none")
    parser.add_argument("--no-shrink", action="store_true", help="leave failed rounds as they are")
    parser.add_argument("--stop-after", type=int, help="end after so many failed rounds")
    parser.add_argument("--keep", type=Path, help="keep the folders of failed rounds in this one")
    parser.add_argument("--broken", default="", choices=["", *BROKEN], help="a mistake for the bot to make")
    parser.add_argument("--verbose", action="store_true", help="say what each round is")
    options = parser.parse_args(arguments)
    # The person, too, is cut off now and then.
    logging.getLogger("telethon").setLevel(logging.CRITICAL)
    # Told to end, it ends the bots as well.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with tempfile.TemporaryDirectory(prefix="chaos-", dir=_in_memory()) as name:
        return asyncio.run(run(options, Path(name)))


def _in_memory() -> Path | None:
    """Where writing costs the least."""
    shared = Path("/dev/shm")
    return shared if shared.is_dir() else None
