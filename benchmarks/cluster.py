"""``python -m benchmarks cluster``: one film with 0, 1, 2 and 4 workers on this machine, and what kills cost.

Each worker takes ``--pause`` seconds for a segment before it encodes it, doing nothing, so that several of
them can be compared on few processors; the lanes here take part only without workers. Bytes are those that
went over the loopback device meanwhile, memory is the most that a process had. Exit code 1 when a result has
other bytes.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import signal
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.cluster.yard import THERE, Yard, convert, until, yard_in
from tests.files import ffmpeg_after
from tests.media.makers import clip
from utils.processes.child import Child

MB = 1_000_000
_HEVC = ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "open-gop=1:keyint=50:log-level=none")


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks cluster", description=__doc__)
    parser.add_argument("--workers", default="1,2,4", help="how many, with commas between")
    parser.add_argument("--seconds", type=float, default=48, help="length of the film")
    parser.add_argument("--pause", type=float, default=3, help="seconds that a worker takes for a segment")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(_run(Path(folder), options))


async def _run(folder: Path, options: argparse.Namespace) -> int:
    source = clip(folder / "film.mkv", *_HEVC, "-c:a", "libmp3lame", seconds=options.seconds)
    began = time.monotonic()
    alone, _ = await convert(source, folder / "alone", None)
    print(
        f"{source.stat().st_size / MB:.1f} MB; alone {time.monotonic() - began:.1f} s, SHA-256 {alone[:16]}"
    )
    wrong, first = 0, 0.0
    for number in map(int, options.workers.split(",")):
        place = folder / str(number)
        place.mkdir()
        film = Path(shutil.copy2(source, place / source.name))
        async with yard_in(place) as yard:
            seconds, sent, digest = await _with_workers(yard, film, number, options.pause)
            first = first or seconds
            wrong += digest != alone
            memory = ", ".join(f"{name} {size / MB:.0f} MB" for name, size in _memory(yard))
            same = "equal" if digest == alone else "OTHER BYTES"
            print(
                f"{number} workers: {seconds:.1f} s ({first / seconds:.2f} x), {sent / MB:.1f} MB sent, "
                f"{same}; {yard.segments()} segments there; {memory}"
            )
            if number == 1:
                await _kills(yard)
    return 1 if wrong else 0


async def _with_workers(yard: Yard, film: Path, number: int, pause: float) -> tuple[float, int, str]:
    path = ffmpeg_after(yard.folder / "slow", THERE, f"sleep {pause}")
    yard.farm.local = False
    for _ in range(number):
        await yard.worker(path=path)
    await until(lambda: len(yard.farm.machines) == number)
    before, began = _over_loopback(), time.monotonic()
    digest, _ = await yard.convert(film)
    return time.monotonic() - began, _over_loopback() - before, digest


async def _kills(yard: Yard) -> None:
    """How long it takes until what was killed is known to be gone, and is back."""
    child = yard.farm._child
    assert isinstance(child, Child)
    began = time.monotonic()
    child.end()
    await until(lambda: not yard.farm.machines)
    await until(lambda: yard.farm.machines)
    back = time.monotonic() - began
    yard.started[0].signal(signal.SIGKILL)
    gone = await until(lambda: not yard.farm.machines)
    print(f"farm killed: the worker is back after {back:.1f} s; worker killed: known after {gone:.1f} s")


def _memory(yard: Yard) -> list[tuple[str, int]]:
    child = yard.farm._child
    assert isinstance(child, Child)
    processes = [("farm", child.number), *(("worker", one.process.pid) for one in yard.started[:1])]
    return [(name, _peak(process)) for name, process in processes]


def _peak(process: int) -> int:
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


def _over_loopback() -> int:
    for line in Path("/proc/net/dev").read_text().splitlines():
        name, _, figures = line.partition(":")
        if name.strip() == "lo":
            return int(figures.split()[0])
    return 0
