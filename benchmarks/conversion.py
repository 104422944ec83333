"""Conversions: is a killed one equal to an undisturbed one, and what does that cost.

Everything runs through ``extract-compressed-files.py convert`` as processes of their own, which are killed
with SIGKILL. Plain ffmpeg with the same settings is what speed, size and quality are compared with.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import os
import random
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.conversion_sources import SOURCES, make, make_long
from utils.constants import ROOT, Settings
from utils.media import Converter, EncodeSettings, MediaTools

KILLS = (1, 5, 20)
SETTINGS = {"VIDEO_CRF": "22", "VIDEO_PRESET": "veryfast", "CONVERSION_THREADS": "2"}


@dataclass(frozen=True)
class Cost:
    """What a run took: seconds on the clock and of CPU, that of its children included."""

    wall: float
    cpu: float


def measured(work: Callable[[], object]) -> Cost:
    """Do ``work``, which waits for its processes."""
    before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    work()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(time.monotonic() - begin, cpu)


def run(*command: str | Path) -> str:
    """Standard output of a command that must end well."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{command[0]} failed: {done.stderr[-2000:]}")
    return done.stdout


class Case:
    """One source, converted in a folder of its own."""

    def __init__(self, source: Path, folder: Path, *, segment: int) -> None:
        self.source = source
        self.folder = folder
        self.output = folder / "out.mp4"
        self._environment = {**os.environ, **SETTINGS, "CONVERSION_SEGMENT_SECONDS": str(segment)}
        folder.mkdir(parents=True, exist_ok=True)

    def start(self) -> subprocess.Popen[bytes]:
        """Start the conversion, or go on with it."""
        command = [sys.executable, str(ROOT / "extract-compressed-files.py"), "convert", str(self.source)]
        command += [str(self.output), "--json", "--state-file", str(self.folder / "state.json")]
        command += ["--recovery-dir", str(self.folder / "recovery")]
        quiet = subprocess.DEVNULL
        return subprocess.Popen(command, env=self._environment, stdout=quiet, stderr=quiet)

    def finish(self) -> None:
        """Convert to the end."""
        if self.start().wait():
            raise SystemExit(
                f"{self.source.name} could not be converted; {self.folder} shows how far it came"
            )

    def kill_after(self, seconds: float) -> bool:
        """Go on for ``seconds``, then SIGKILL; returns whether it was still at work."""
        process = self.start()
        try:
            process.wait(seconds)
            return False
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            return True

    def orphans(self) -> int:
        """Processes that still work in the folder two seconds later."""
        for _ in range(20):
            found = sum(str(self.folder) in line for line in command_lines())
            if not found:
                return 0
            time.sleep(0.1)
        return found

    def sha256(self) -> str:
        """Of the result."""
        return hashlib.sha256(self.output.read_bytes()).hexdigest()


def command_lines() -> list[str]:
    """Of all processes but this one."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                found.append((entry / "cmdline").read_bytes().decode(errors="replace"))
            except OSError:
                continue
    return found


def times(path: Path) -> list[float]:
    """When each picture is shown, from the first one on; empty when the file does not say."""
    text = run(
        *("ffprobe", "-v", "error", "-select_streams", "v:0", "-of", "csv=p=0"),
        *("-show_entries", "frame=best_effort_timestamp_time", path),
    )
    try:
        found = [float(line.split(",")[0]) for line in text.splitlines() if line.strip(",")]
    except ValueError:
        return []
    return [at - found[0] for at in found]


def equality(folder: Path, kills: Sequence[int], only: str, chance: random.Random) -> bool:
    """Kill conversions of every kind of source; prints a row for each."""
    print(f"{'source':<22} {'frames':>11} {'time error':>11} {'kills':>14} {'bytes':>10} {'orphans':>8}")
    good = True
    for name in SOURCES:
        if only not in name:
            continue
        source = make(name, folder)
        whole = Case(source, folder / f"{name}-whole", segment=1)
        taken = measured(whole.finish).wall
        before, after = times(source), times(whole.output)
        error = max((abs(a - b) for a, b in zip(before, after, strict=False)), default=0.0)
        hits, same, orphans = [], True, 0
        for count in kills:
            case = Case(source, folder / f"{name}-{count}", segment=1)
            hit = 0
            for _ in range(count):
                hit += case.kill_after(chance.uniform(0.05, taken))
                orphans += case.orphans()
            case.finish()
            hits.append(hit)
            same = same and case.sha256() == whole.sha256()
        counts = f"{len(before) or '?'}/{len(after)}"
        shown = f"{1000 * error:.1f} ms" if before else "not told"
        equal = "equal" if same else "DIFFERENT"
        print(
            f"{name:<22} {counts:>11} {shown:>11} {'+'.join(map(str, hits)):>14} {equal:>10} {orphans:>8}",
            flush=True,
        )
        good = good and same and not orphans and (not before or len(before) == len(after))
    return good


def speed(folder: Path, seconds: int, source: Path | None) -> None:
    """Against plain ffmpeg: time, size, quality; and what a kill at 90 % costs."""
    source = source or make_long(folder, seconds)
    plain = folder / "plain.mp4"
    command = ["ffmpeg", "-nostdin", "-v", "error", "-y", "-i", str(source), "-c:v", "libx264"]
    command += ["-preset", SETTINGS["VIDEO_PRESET"], "-crf", SETTINGS["VIDEO_CRF"], "-pix_fmt", "yuv420p"]
    command += ["-threads", SETTINGS["CONVERSION_THREADS"], "-c:a", "aac", "-b:a", "160k"]
    # Else ffmpeg shows the first picture twice where the file does not begin at 0.
    command += ["-fps_mode", "passthrough", "-movflags", "+faststart", str(plain)]
    theirs = measured(lambda: run(*command))
    case = Case(source, folder / "long", segment=30)
    ours = measured(case.finish)
    for what, a, b in (("wall", ours.wall, theirs.wall), ("CPU", ours.cpu, theirs.cpu)):
        row(f"{what} time, ours / plain ffmpeg", f"{a:.1f} / {b:.1f} s = {a / b:.3f}")
    size, plain_size = case.output.stat().st_size, plain.stat().st_size
    row("bytes, ours / plain ffmpeg", f"{size} / {plain_size} = {size / plain_size:.4f}")
    a, b = ssim(case.output, source), ssim(plain, source)
    row("SSIM to the source, ours / plain", f"{a:.5f} / {b:.5f}, difference {a - b:+.5f}")
    again = Case(source, folder / "killed", segment=30)
    killed_at = again.kill_after(0.9 * ours.wall)
    rest = measured(again.finish)
    same = "equal" if again.sha256() == case.sha256() else "DIFFERENT"
    hit = "hit" if killed_at else "too late"
    row(f"killed at 90 % ({hit})", f"the rest took {rest.wall:.1f} s, bytes {same}")


def row(what: str, figures: str) -> None:
    """One line of the table."""
    print(f"{what:<38} {figures}", flush=True)


def ssim(path: Path, source: Path) -> float:
    """Mean structural similarity, picture by picture."""
    # Compared by number: containers count time in different units.
    ours, theirs = "settb=1/25,setpts=N", "format=yuv420p,settb=1/25,setpts=N"
    done = subprocess.run(
        ["ffmpeg", "-nostdin", "-i", str(path), "-i", str(source)]
        + ["-lavfi", f"[0:v]{ours}[a];[1:v]{theirs}[b];[a][b]ssim", "-f", "null", "-"],
        capture_output=True,
        text=True,
        check=True,
    )
    found = re.search(r"SSIM .*All:([0-9.]+)", done.stderr)
    return float(found[1]) if found else 0.0


def rewrap(folder: Path, seconds: int) -> None:
    """How much quicker copying is than encoding the same H.264."""
    source = make_long(folder, seconds, h264=True)
    quick = measured(Case(source, folder / "rewrap", segment=30).finish)
    full = measured(
        lambda: run(
            "ffmpeg", "-nostdin", "-v", "error", "-y", "-i", source, "-preset", "veryfast", folder / "f.mp4"
        )
    )
    row("re-wrap / encode", f"{quick.wall:.2f} / {full.wall:.1f} s = 1/{full.wall / quick.wall:.0f}")


async def loop_delay(folder: Path, seconds: int) -> None:
    """How late the event loop is while it converts, as the bot does."""
    source = make_long(folder, seconds)
    settings = Settings()
    media = MediaTools.from_settings(settings)
    late: list[float] = []

    async def heart() -> None:
        while True:
            asked = time.perf_counter()
            await asyncio.sleep(0.005)
            late.append(time.perf_counter() - asked - 0.005)

    async def nothing(_: float) -> None:
        return None

    class Nowhere:
        def load(self) -> None:
            return None

        async def save(self, data: object, progress: float) -> None:
            await asyncio.to_thread((folder / "loop.json").write_text, json.dumps(data))

    inspection = await media.inspect(source, source.name)
    beating = asyncio.create_task(heart())
    await Converter(EncodeSettings.from_settings(settings), media.tools).convert(
        source,
        folder / "loop.mp4",
        inspection=inspection,
        checkpoint=Nowhere(),
        work_dir=folder / "loop-work",
        on_progress=nothing,
    )
    beating.cancel()
    late.sort()
    at = late[min(len(late) - 1, int(0.999 * len(late)))]
    row("event-loop delay, 99.9th percentile", f"{1000 * at:.1f} ms, worst {1000 * late[-1]:.1f} ms")


def main(arguments: list[str]) -> int:
    """Run what is asked for; 0 when every killed conversion came out equal."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks conversion", description=__doc__)
    parser.add_argument("--kills", type=int, nargs="*", default=list(KILLS), help="how often each is killed")
    parser.add_argument("--only", default="", help="only sources with this in their name")
    parser.add_argument("--seconds", type=int, default=300, help="length of the clip for speed")
    parser.add_argument("--source", type=Path, help="a real video to measure speed with")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--part", choices=("all", "equality", "speed"), default="all")
    options = parser.parse_args(arguments)
    good = True
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if options.part != "speed":
            good = equality(folder, options.kills, options.only, random.Random(options.seed))
        if options.part != "equality":
            speed(folder, options.seconds, options.source)
            rewrap(folder, options.seconds)
            asyncio.run(loop_delay(folder, min(60, options.seconds)))
    return 0 if good else 1
