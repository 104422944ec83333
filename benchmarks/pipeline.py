"""From an archive in the chat to its pictures in the chat: this program against the plain way.

Server, bots and the person who sends are separate; the sandbox delays and limits what passes. The clock
starts when the archive's message is there. Peak disk is what lies in the bot's data folder; memory is the
peak of the bot's own process. The plain way downloads all, unpacks all, and sends one by one with stock
calls. At a scale below 1 the archives are smaller, and the limits that follow from their size with them.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from telethon import events
from telethon.tl import types

from benchmarks import pipeline_archives as archives
from benchmarks.onlookers import PORT, looked_at
from benchmarks.pipeline_archives import MB, Made
from benchmarks.server import Server, running
from sandbox.clients import new_client
from sandbox.person import Person
from utils.constants import ROOT, SETTINGS

PHONE = "+15550001"
BOTS = {"ours": "this program", "plain": "the plain way"}
SAMPLE_SECONDS = 0.05
SPOOL = 64 * MB
TICKS = os.sysconf("SC_CLK_TCK")
CASES = ("zip", "tar", "7z", "small")


@dataclass(frozen=True)
class Case:
    """One archive, and what is to be reached with it (seconds, bytes)."""

    name: str
    make: Callable[[Path], Made]
    limits: Callable[[Made, float], Mapping[str, float]]


@dataclass
class Result:
    """What was measured (seconds, bytes)."""

    way: str
    arrivals: list[float] = field(default_factory=list)
    disk: int = 0
    memory: int = 0
    cpu: float = 0.0
    files: int = 0

    @property
    def figures(self) -> Mapping[str, float]:
        return {
            "first": self.arrivals[0],
            "all": self.arrivals[-1],
            "disk": self.disk / MB,
            "memory": self.memory / MB,
        }


UNITS = {
    "first": "s to the first media",
    "all": "s to all media",
    "disk": "MB of disk",
    "memory": "MB of memory",
}


def cases(scale: float, wanted: list[str]) -> list[Case]:
    """What is measured, the archives ``scale`` times as large as in earnest."""

    def ready(first: float, made: Made, link: float) -> Mapping[str, float]:
        return {
            "first": first,
            "all": 1.15 * made.media / link + 3,
            "disk": (SPOOL + made.largest) / MB,
            "memory": 150,
        }

    def spooled(made: Made, link: float) -> Mapping[str, float]:
        return {
            "first": made.size / link + 5,
            "all": made.size / link + 1.15 * made.media / link + 3,
            "disk": (made.size + SPOOL + made.largest) / MB,
            "memory": 150,
        }

    def many(made: Made, _: float) -> Mapping[str, float]:
        return {"first": 5, "disk": (SPOOL + made.largest) / MB, "memory": 150}

    few, lots = max(20, round(1000 * scale)), max(200, round(10_000 * scale))
    made = {
        "zip": [Case("ZIP", partial(archives.mixed_zip, scale=scale), partial(ready, 3))],
        "tar": [Case("tar.gz", partial(archives.photo_tar, scale=scale), partial(ready, 5))],
        "7z": [Case("7z, solid", partial(archives.solid_7z, scale=scale), spooled)],
        "small": [
            Case(f"ZIP of {count} small", partial(archives.small_zip, count=count), many)
            for count in (few, lots)
        ],
    }
    return [case for name in wanted for case in made[name]]


class Watch:
    """Peak disk of a folder, and what the kernel tells of a process."""

    def __init__(self, process: int, folder: Path) -> None:
        self._process = process
        self._folder = folder
        self._cpu = self.cpu()
        self.disk = 0

    async def sample(self) -> None:
        """Look every few milliseconds, until cancelled."""
        while True:
            self.disk = max(self.disk, await asyncio.to_thread(_used, self._folder))
            await asyncio.sleep(SAMPLE_SECONDS)

    def cpu(self) -> float:
        """Seconds of the process so far."""
        fields = Path(f"/proc/{self._process}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def spent(self) -> float:
        """Seconds of the process since the watch began."""
        return self.cpu() - self._cpu

    def memory(self) -> int:
        """Peak of the process, in bytes."""
        for line in Path(f"/proc/{self._process}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
        return 0


def _used(folder: Path) -> int:
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                total += Path(parent, name).lstat().st_blocks * 512
            except FileNotFoundError:
                continue
    return total


class Bench:
    """One server and one person, who sends archives to both bots."""

    def __init__(self, server: Server, person: Person, folder: Path, options: argparse.Namespace) -> None:
        self._server = server
        self._person = person
        self._folder = folder
        self._options = options

    async def link(self, *, shaped: bool) -> None:
        """As slow as the options say, or as fast as this machine is."""
        await self._server.do("rtt", seconds=self._options.rtt / 1000 if shaped else 0)
        total = self._options.bandwidth * MB if shaped else None
        await self._server.do("bandwidth", total=total, connection=None)

    async def measure(self, way: str, made: Made) -> Result:
        """Send the archive to a bot that was just started, and watch what comes back."""
        await self.link(shaped=False)
        data = Path(tempfile.mkdtemp(prefix=f"{way}-", dir=self._folder))
        username = f"{way}_bot"
        process = await self._start(way, data)
        try:
            await self._person.say(username, "/start")
            handle = await self._person.client.upload_file(made.path, file_name=made.path.name)
            await self.link(shaped=True)
            async with looked_at(self._options.browsers if way == "ours" else 0):
                return await self._watched(way, username, handle, Watch(process.pid, data), made)
        finally:
            process.terminate()
            await process.wait()
            if self._options.log:
                print(_text(data))

    async def _watched(
        self, way: str, username: str, handle: types.InputFileBig, watch: Watch, made: Made
    ) -> Result:
        client = self._person.client
        result = Result(way)
        done = asyncio.Event()
        began = time.perf_counter()

        async def on_message(event: events.NewMessage.Event) -> None:
            if event.message.media is not None and not isinstance(event, events.MessageEdited.Event):
                result.arrivals.append(time.perf_counter() - began)
            elif "sent." in event.raw_text:
                done.set()

        # The summary is what the status message becomes.
        client.add_event_handler(on_message, events.NewMessage(incoming=True, from_users=username))
        client.add_event_handler(on_message, events.MessageEdited(incoming=True, from_users=username))
        sampling = asyncio.create_task(watch.sample())
        try:
            name = types.DocumentAttributeFilename(made.path.name)
            await client.send_file(username, handle, force_document=True, attributes=[name])
            began = time.perf_counter()
            await asyncio.wait_for(done.wait(), self._options.patience)
        finally:
            sampling.cancel()
            client.remove_event_handler(on_message)
        result.files = len(result.arrivals)
        result.disk, result.memory, result.cpu = watch.disk, watch.memory(), watch.spent()
        if result.files != made.files:
            raise RuntimeError(f"{BOTS[way]}: {result.files} files came of {made.files}")
        return result

    async def _start(self, way: str, data: Path) -> asyncio.subprocess.Process:
        """A bot as a process; returns when it has logged in."""
        known = {info.name for info in SETTINGS}
        environment = {name: text for name, text in os.environ.items() if name not in known}
        environment |= self._server.environment | {
            "API_ID": "1",
            "API_HASH": "0" * 32,
            "BOT_TOKEN": token(way),
            "AUTHORIZED_USERS": "reader",
            "DATA_DIR": str(data),
            "LOG_FILE": str(data / "bot.log"),
            "SECRETS_FILE": str(data / "none"),
            "DISK_RESERVE_MB": "1",
            "LOG_TIMES": "1",
            "STATUS_PORT": str(PORT if self._options.browsers else 0),
        }
        ours = [str(ROOT / "extract-compressed-files.py")]
        command = ours if way == "ours" else ["-m", "benchmarks.plain_bot", str(data)]
        with (data / "output").open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                sys.executable, *command, cwd=ROOT, env=environment, stdout=output, stderr=output
            )
        async with asyncio.timeout(60):
            while not any(word in _text(data) for word in ("✅ Ready", "ready\n")):
                if process.returncode is not None:
                    raise RuntimeError(f"{BOTS[way]} ended: {_text(data)}")
                await asyncio.sleep(0.05)
        return process


def _text(data: Path) -> str:
    paths = [data / "output", data / "bot.log"]
    return "".join(path.read_text() for path in paths if path.exists())


def token(way: str) -> str:
    """Of the bot that goes that way."""
    return f"{7000000001 + list(BOTS).index(way)}:benchmark-benchmark-benchmark-0000"


HEAD = (
    f"{'archive':<20} {'MB':>6} {'media':>6} {'files':>6}  {'way':<14} {'first s':>8} {'all s':>8} "
    f"{'disk MB':>8} {'mem MB':>7} {'CPU ms/file':>12}"
)


def line(case: Case, made: Made, result: Result) -> str:
    """One row of the table."""
    figures = result.figures
    return (
        f"{case.name:<20} {made.size / MB:6.0f} {made.media / MB:6.0f} {made.files:6d}  "
        f"{BOTS[result.way]:<14} {figures['first']:8.2f} {figures['all']:8.2f} {figures['disk']:8.1f} "
        f"{figures['memory']:7.1f} {1000 * result.cpu / result.files:12.2f}"
    )


def limit_line(limits: Mapping[str, float]) -> str:
    """The row of what is to be reached."""
    texts = [f"{limits[key]:.2f}" if key in limits else "-" for key in UNITS]
    return f"{'':<20} {'':>6} {'':>6} {'':>6}  {'at most':<14} " + " ".join(
        f"{text:>{width}}" for text, width in zip(texts, (8, 8, 8, 7), strict=True)
    )


def verdict(value: float, bound: float, what: str) -> str:
    """Whether ``value`` keeps to ``bound``, as a line."""
    return f"{'reached' if value <= bound else 'MISSED '}  {value:8.2f} {what} (at most {bound:.2f})"


def verdicts(case: Case, result: Result, limits: Mapping[str, float]) -> list[str]:
    return [verdict(result.figures[key], limits[key], f"{UNITS[key]}, {case.name}") for key in limits]


async def measure_all(bench: Bench, folder: Path, options: argparse.Namespace) -> list[str]:
    """Print the table; returns the verdicts."""
    link = options.bandwidth * MB
    found: list[str] = []
    costs: list[float] = []
    for case in cases(options.scale, options.cases):
        made = await asyncio.to_thread(case.make, folder)
        limits = case.limits(made, link)
        for way in options.ways:
            result = await bench.measure(way, made)
            print(line(case, made, result), flush=True)
            if way == "ours":
                print(limit_line(limits), flush=True)
                found += verdicts(case, result, limits)
                if "small" in case.name:
                    costs.append(result.cpu / result.files)
        made.path.unlink()
    if len(costs) == 2:
        found.append(verdict(costs[1] / costs[0], 1.3, "times the CPU for each file, of ten times as many"))
    return found


async def run(options: argparse.Namespace) -> int:
    with tempfile.TemporaryDirectory(prefix="pipeline-", dir=options.scratch) as name:
        folder = Path(name)
        bots = [word for way in BOTS for word in ("--bot", f"{token(way)}:{way}_bot")]
        async with running(folder / "server", *bots) as server:
            await server.do("add_person", phone=PHONE, name="Reader", username="reader")

            async def code() -> str:
                return str(await server.do("login_code", phone=PHONE))

            client = new_client(server.address, server.key_file, dc_id=server.dc_id)
            async with Person(client, PHONE, code) as person:
                print(
                    f"scale {options.scale:g}, link of {options.bandwidth:g} MB/s, {options.rtt} ms\n{HEAD}"
                )
                found = await measure_all(Bench(server, person, folder, options), folder, options)
            print("", *found, sep="\n")
    return 1 if any(line.startswith("MISSED") for line in found) else 0


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks pipeline", description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="of the archives' sizes")
    parser.add_argument("--bandwidth", type=float, default=10, help="of the link in MB/s, each way")
    parser.add_argument("--rtt", type=int, default=80, help="round trip in ms")
    parser.add_argument(
        "--cases", type=lambda text: text.split(","), default=list(CASES), help=",".join(CASES)
    )
    parser.add_argument("--ways", type=lambda text: text.split(","), default=list(BOTS), help=",".join(BOTS))
    parser.add_argument("--browsers", type=int, default=0, help="so many have our status page open")
    parser.add_argument("--log", action="store_true", help="print the bots' logs")
    parser.add_argument("--patience", type=float, default=3600, help="seconds for one measurement")
    parser.add_argument("--scratch", type=Path, default=None, help="folder for temporary files")
    return asyncio.run(run(parser.parse_args(arguments)))
