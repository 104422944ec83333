"""Conversions over a link so slow that uploading takes as long as converting.

First the videos go over a link without limits, to see how long all take to convert; then over one on which
their results take as long (``--link``: so many times as long). Done side by side, all takes little longer
than the larger of the two. What only copies the picture is sent over a link on which the bytes take
``--copies-seconds``. Counted from the first conversion on.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import subprocess
import tempfile
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path

from benchmarks.probed import delay_words
from benchmarks.watched import MB, watched_bot
from tests.world import World, until, world_in

_TOOK = re.compile(r"⏱️ .* took ([\d.]+) s")
_AVI = ("-c:v", "mpeg4", "-q:v", "6", "-c:a", "libmp3lame")
_MKV = ("-c:v", "libx264", "-preset", "ultrafast", "-crf", "32", "-pix_fmt", "yuv420p", "-c:a", "aac")


@dataclass(frozen=True)
class Ran:
    """Seconds from the first conversion to the last arrival, and of all conversions.

    ``bytes`` went up meanwhile: the results, their covers and the rest.
    """

    seconds: float
    converting: float
    bytes: int
    delay: str


def make_archive(path: Path, count: int, ending: str, options: tuple[str, ...], seconds: float) -> Path:
    """``count`` videos that are alike but for their titles. Blocking."""
    base = path.with_suffix(f".base{ending}")
    picture = f"testsrc2=size=640x360:rate=25:duration={seconds:g},noise=alls=12:allf=t"
    inputs = ["-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", f"sine=duration={seconds:g}"]
    _ffmpeg(*inputs, *options, base)
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(count):
            one = path.with_suffix(f".one{ending}")
            _ffmpeg("-i", base, "-c", "copy", "-metadata", f"title=Video {number}", one)
            archive.write(one, f"video{number}{ending}")
    return path


def _ffmpeg(*arguments: str | Path) -> None:
    subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-y", *map(str, arguments)], check=True)


async def convert(folder: Path, archive: Path, count: int, rate: float | None, *, log: bool) -> Ran:
    """Send ``archive`` to a bot; from the first conversion on ``rate`` bytes a second go up.

    With ``log`` its log is printed.
    """
    folder.mkdir()  # noqa: ASYNC240
    probe = folder / "probe.json"
    async with world_in(folder) as world:
        async with watched_bot(world, {"LOG_TIMES": "1"}, probe=probe):
            await world.send(archive)
            await until(lambda: any("🎬 Starting" in line for line in world.lines()), 600)
            world.sandbox.faults.link.up = rate
            began, before = time.monotonic(), world.sandbox.faults.link.bytes_in
            await until(lambda: len(world.media()) >= count, 3600)
            seconds = time.monotonic() - began
            sent = world.sandbox.faults.link.bytes_in - before
            world.sandbox.faults.link.up = None
        if log:
            print("\n".join(world.lines()))
        came = world.media()
        if len(came) != count:
            raise RuntimeError(f"{len(came)} files came of {count}")
        return Ran(seconds, _converting(world), sent, delay_words(probe))


def _converting(world: World) -> float:
    return sum(float(found[1]) for line in world.lines() if (found := _TOOK.search(line)))


async def encodes(folder: Path, options: argparse.Namespace) -> bool:
    """Videos to encode."""
    count = options.videos
    archive = folder / "encodes.zip"
    await asyncio.to_thread(make_archive, archive, count, ".avi", _AVI, options.seconds)
    free = await convert(folder / "free", archive, count, None, log=options.log)
    rate = free.bytes / (free.converting * options.link)
    slow = await convert(folder / "slow", archive, count, rate, log=options.log)
    bound = max(slow.converting, slow.bytes / rate)
    print(
        f"{count} videos to encode: {slow.seconds:.1f} s; converting {slow.converting:.1f} s, "
        f"{slow.bytes / MB:.1f} MB at {rate / MB:.2f} MB/s {slow.bytes / rate:.1f} s\n  {slow.delay}"
    )
    return _verdict(slow.seconds / bound, 1.15, "times the larger of both")


async def copies(folder: Path, options: argparse.Namespace) -> bool:
    """Videos that are only re-wrapped."""
    count = options.copies
    archive = folder / "copies.zip"
    await asyncio.to_thread(make_archive, archive, count, ".mkv", _MKV, options.seconds)
    size = archive.stat().st_size  # noqa: ASYNC240
    rate = size / options.copies_seconds
    ran = await convert(folder / "copied", archive, count, rate, log=options.log)
    print(
        f"{count} videos to re-wrap: {ran.seconds:.1f} s; {ran.bytes / MB:.1f} MB at {rate / MB:.2f} MB/s "
        f"{ran.bytes / rate:.1f} s; converting {ran.converting:.1f} s\n  {ran.delay}"
    )
    return _verdict(ran.seconds / (ran.bytes / rate), 1.1, "times the bytes' time")


def _verdict(value: float, bound: float, what: str) -> bool:
    print(f"{'reached' if value <= bound else 'MISSED '}  {value:.2f} {what} (at most {bound})", flush=True)
    return value <= bound


async def run(options: argparse.Namespace) -> int:
    good = True
    with tempfile.TemporaryDirectory(prefix="queue-") as name:
        if options.videos:
            good &= await encodes(Path(name), options)
        if options.copies:
            good &= await copies(Path(name), options)
    return 0 if good else 1


def main(arguments: list[str]) -> int:
    """``python -m benchmarks queue``."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks queue", description=__doc__)
    parser.add_argument("--videos", type=int, default=12, help="to encode; 0: none")
    parser.add_argument("--copies", type=int, default=40, help="to re-wrap; 0: none")
    parser.add_argument("--seconds", type=float, default=20, help="that each video lasts")
    parser.add_argument(
        "--link", type=float, default=1.0, help="uploads take so many times as long as encoding"
    )
    parser.add_argument(
        "--copies-seconds", type=float, default=160, help="that the bytes of all re-wraps take"
    )
    parser.add_argument("--log", action="store_true", help="print the bot's log")
    return asyncio.run(run(parser.parse_args(arguments)))
