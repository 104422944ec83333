"""``python -m benchmarks cluster``: films that other machines encode, which are processes of this one.

*speed*: a film with 1, 2 and 4 workers that have a quarter of a processor each (a cgroup's quota; as root on
Linux), what went to them and came back through a relay, and the most memory that each process had.
*sources*: films of many kinds with 0, 1, 2 and 4 workers: the SHA-256 of each result.
*kills*: `convert` with two workers, of which one, the farm, and `convert` itself are each killed at a random
instant, over and over: the SHA-256.
*faults*: seconds from the command to ready, and until what is killed, frozen or cancelled is gone or back.

The lanes here get on with nothing while others encode. Exit code 1 when something is missed.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import signal
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.cluster_kills import kills
from benchmarks.cluster_means import KINDS, MB, Quarter, Way, film, peak, peaks_anew, verdict
from tests.cluster.yard import HERE, THERE, Yard, convert, until, yard_in
from tests.media.makers import Memory
from tests.media.test_kill_and_resume import processes_about
from utils.media import Tools
from utils.processes.child import Child

#: Segments that the lanes here hold, and do not get on with.
_HELD = 2
#: Seconds that others get for theirs.
_PATIENCE = 600.0


@dataclass(frozen=True)
class Ran:
    """``there``: how many of the segments others encoded, in so many seconds."""

    digest: str
    seconds: float
    there: int
    of: int


async def abroad(yard: Yard, source: Path, name: str) -> Ran:
    """Convert ``source``; all that may be is encoded by others, from when the first of them may."""
    path, held = yard.held(name, HERE)
    memory, before = Memory(), yard.segments()
    home = Tools(f"{path.partition(':')[0]}/ffmpeg")
    converting = asyncio.ensure_future(yard.convert(source, tools=home, checkpoint=memory))
    await until(lambda: any(offer.room() for offer in yard.farm._offers.values()) or converting.done(), 60)
    began = time.monotonic()
    of = _segments(memory)
    await until(
        lambda: yard.segments() - before >= of - _HELD or converting.done() or not yard.farm.encodes,
        _PATIENCE,
    )
    seconds = time.monotonic() - began
    held.unlink()
    digest, _ = await converting
    return Ran(digest, seconds, yard.segments() - before, of)


def _segments(memory: Memory) -> int:
    recipe = (memory.data or {}).get("recipe")
    return len(recipe["segments"]) if isinstance(recipe, dict) else 0


async def speed(folder: Path, options: argparse.Namespace) -> bool:
    """One film, more and more workers."""
    source = await asyncio.to_thread(film, folder, "open.mkv", options.seconds, options.size)
    size = source.stat().st_size
    peaks_anew()
    alone, _ = await convert(source, folder / "alone", None)
    alone_peak, first, good = peak(), 0.0, True
    print(f"{size / MB:.1f} MB, {options.seconds:g} s of {options.size}")
    for number in options.workers:
        place = folder / str(number)
        place.mkdir()
        own = Path(shutil.copy2(source, place / source.name))
        async with yard_in(place) as yard:
            await yard.line()
            async with Way(yard.port) as way:
                way.lead(yard)
                ran = await _by_quarters(yard, own, number)
                first = first or ran.seconds
                print(f"{number} workers: {ran.seconds:.1f} s, {ran.there} of {ran.of} segments")
                good &= verdict(ran.digest != alone, 0, "other bytes")
                if number in _FASTER:
                    faster = f"of the time at {_FASTER[number]} x (it is {first / ran.seconds:.2f} x)"
                    good &= verdict(_FASTER[number] * ran.seconds / first, 1, faster)
                what = f"times the source went there; {way.back / MB:.1f} MB came back"
                good &= verdict(way.there / size, 1.15, what)
                good &= _memory(yard, peak() - alone_peak)
    return good


async def _by_quarters(yard: Yard, source: Path, number: int) -> Ran:
    """By so many workers with a quarter of a processor each."""
    with Quarter(number) as quarters:
        for quarter in quarters.each():
            quarter.take_in((await yard.worker()).process.pid)
        await until(lambda: len(yard.farm.machines) == number)
        peaks_anew()
        return await abroad(yard, source, "home")


def _memory(yard: Yard, more: int) -> bool:
    child = yard.farm._child
    assert isinstance(child, Child)
    worker = max(peak(labour.process.pid) for labour in yard.started)
    good = verdict(peak(child.number) / MB, 120, "MB: the farm")
    good &= verdict(worker / MB, 90, "MB: a worker without its ffmpeg")
    return good & verdict(more / MB, 20, "MB: the bot, more than alone")


#: How many times as fast so many workers are to be.
_FASTER = {2: 1.8, 4: 3.3}


async def sources(folder: Path, options: argparse.Namespace) -> bool:
    """All kinds of films."""
    good, alone = True, dict[str, str]()
    kinds = [*KINDS, "large.mkv"] if options.large else list(KINDS)
    async with yard_in(folder) as yard:
        yard.farm.local = False
        for kind in kinds:
            source = await asyncio.to_thread(film, folder, kind, 7.0, "320x240")
            alone[kind], _ = await convert(source, folder / "out", None)
        for number in options.workers:
            while len(yard.started) < number:
                await yard.worker()
            await until(lambda: len(yard.farm.machines) == len(yard.started))
            for kind in kinds:
                ran = await abroad(yard, folder / kind, f"{kind}-{number}")
                good &= verdict(
                    ran.digest != alone[kind],
                    0,
                    f"other bytes: {kind}, {number} workers, {ran.there} of {ran.of} segments there",
                )
    return good


async def faults(folder: Path, _: argparse.Namespace) -> bool:
    """How long it takes until what happened is known, and mended."""
    good = True
    source = await asyncio.to_thread(film, folder, "open.mkv", 7.0, "320x240")
    async with yard_in(folder) as yard:
        there, stuck = yard.held("there", THERE)
        await yard.line()
        began = time.monotonic()
        labour = await yard.worker(path=there)
        await until(lambda: "Ready" in labour.said())
        good &= verdict(time.monotonic() - began, 5, "s from the command to ready")
        stuck.unlink()
        home, _held = yard.held("home", HERE)
        converting = asyncio.ensure_future(
            yard.convert(source, tools=Tools(f"{home.partition(':')[0]}/ffmpeg"))
        )
        await until(lambda: yard.segments() >= 1)
        stuck.touch()
        await until(lambda: processes_about(folder / "workers"))
        child = yard.farm._child
        assert isinstance(child, Child)
        began = time.monotonic()
        child.end()
        await until(lambda: not yard.farm.machines)
        await until(lambda: yard.farm.machines)
        good &= verdict(time.monotonic() - began, 10, "s: the farm killed, its worker back")
        await until(lambda: processes_about(folder / "workers"))
        labour.signal(signal.SIGKILL)
        good &= verdict(await until(lambda: not yard.farm.machines), 2, "s: a worker killed, known")
        good &= verdict(
            await until(lambda: not processes_about(folder / "workers")), 2, "s more: its ffmpeg gone"
        )
        labour = await yard.worker(path=there)
        await until(lambda: processes_about(folder / "workers"))
        began = time.monotonic()
        converting.cancel()
        await asyncio.gather(converting, return_exceptions=True)
        await until(lambda: not processes_about(folder / "workers"))
        good &= verdict(time.monotonic() - began, 2, "s: cancelled, nothing runs there")
        labour.signal(signal.SIGSTOP)
        good &= verdict(await until(lambda: not yard.farm.machines, 120), 60, "s: a worker frozen, known")
    return good


CASES: dict[str, Callable[[Path, argparse.Namespace], Awaitable[bool]]] = {
    "speed": speed,
    "sources": sources,
    "kills": kills,
    "faults": faults,
}


async def run(options: argparse.Namespace) -> int:
    good = True
    for case in options.cases:
        with tempfile.TemporaryDirectory(prefix="cluster-") as folder:
            print(f"{case}:", flush=True)
            good &= await CASES[case](Path(folder), options)
    return 0 if good else 1


def main(arguments: Sequence[str]) -> int:
    """``python -m benchmarks cluster``."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks cluster", description=__doc__)
    parser.add_argument(
        "--cases", type=lambda text: text.split(","), default=list(CASES), help=",".join(CASES)
    )
    parser.add_argument(
        "--workers",
        type=lambda text: [int(number) for number in text.split(",")],
        default=[1, 2, 4],
        help="how many, with commas between",
    )
    parser.add_argument("--seconds", type=float, default=60, help="length of the film for the speed")
    parser.add_argument("--size", default="960x540", help="its picture")
    parser.add_argument("--large", action="store_true", help="a source of 2 GB among the kinds")
    parser.add_argument("--rounds", type=int, default=20, help="of kills")
    parser.add_argument("--seed", type=int, default=1, help="of their instants")
    return asyncio.run(run(parser.parse_args(arguments)))
