"""How fast files move, and what that costs: this program against stock Telethon and against eight senders.

Server, link and clients are processes of this machine; the sandbox delays and limits what passes. Each
measurement is a client process of its own. Figures: MB/s (10^6 bytes), share of the link, CPU seconds of the
client per 10^9 bytes, peak memory of the client above idle, requests that arrived at the server.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from benchmarks.server import Server, running
from sandbox.clients import new_client
from sandbox.person import Person
from utils.constants import ROOT, Settings

TOKEN = "7000000001:benchmark-benchmark-benchmark-0000"
BOT, PHONE = "benchmark_bot", "+15550001"
MB, MIB = 10**6, 1024 * 1024
WAYS = {"ours": "this program", "stock": "stock Telethon", "eight": "eight senders"}
REQUESTS = ("upload.saveBigFilePart", "upload.saveFilePart", "upload.getFile")
PICTURES, PICTURE_BYTES = 10, 200_000


@dataclass(frozen=True)
class Result:
    """One measurement."""

    rtt: int
    direction: str
    way: str
    size: int
    seconds: float
    cpu: float
    memory: float
    requests: int

    @property
    def rate(self) -> float:
        """Bytes a second."""
        return self.size / self.seconds

    def line(self, bandwidth: float) -> str:
        """One row of the table."""
        share = f"{100 * self.rate / bandwidth:5.1f} %" if bandwidth else "      -"
        return (
            f"{self.rtt:6d} ms  {self.direction:<9} {WAYS[self.way]:<15} {self.rate / MB:7.2f}  {share}  "
            f"{self.cpu / self.size * 1e9:8.2f}  {self.memory / MIB:9.1f}  {self.requests:8d}"
        )


HEAD = (
    f"{'round trip':>9}  {'direction':<9} {'way':<15} {'MB/s':>7}  {'of link':>7}  "
    f"{'CPU s/GB':>8}  {'memory MB':>9}  {'requests':>8}"
)


class Bench:
    """One server and everything that is measured against it."""

    def __init__(self, server: Server, folder: Path, options: argparse.Namespace) -> None:
        self._server = server
        self._folder = folder
        self._options = options
        self._peer = 0

    async def link(self, rtt: int, bandwidth: float) -> None:
        """``rtt`` in ms, ``bandwidth`` in bytes a second each way, 0 for no limit."""
        await self._server.do("rtt", seconds=rtt / 1000)
        each = self._options.per_connection * MB if bandwidth else 0
        await self._server.do("bandwidth", total=bandwidth or None, connection=each or None)

    async def client(self, way: str, direction: str, **arguments: object) -> dict[str, float | str]:
        """Run one client process; what it prints."""
        command = [sys.executable, "-m", "benchmarks.transfer_client", "--way", way, "--direction", direction]
        command += ["--session", str(self._folder / f"{way}.session")]
        command += ["--connections", str(self._options.connections), "--peer", str(self._peer)]
        for name, argument in arguments.items():
            command += [f"--{name}", str(argument)]
        environment = {**os.environ, **self._server.environment}
        environment |= {"API_ID": "1", "API_HASH": "0", "BOT_TOKEN": TOKEN, "AUTHORIZED_USERS": "1"}
        process = await asyncio.create_subprocess_exec(
            *command, cwd=ROOT, env=environment, stdout=asyncio.subprocess.PIPE
        )
        output, _ = await process.communicate()
        if process.returncode:
            raise RuntimeError(f"the client of {way} {direction} ended with {process.returncode}")
        value: dict[str, float | str] = json.loads(output)
        return value

    async def requests(self) -> int:
        """How many requests for parts the server has had."""
        counts = [await self._server.do("calls", request=name) for name in REQUESTS]
        return sum(int(str(count)) for count in counts)

    async def reader(self) -> None:
        """Someone who starts the bot, so that it has somebody to send to."""
        server = self._server
        self._peer = int(str(await server.do("add_person", phone=PHONE, name="Reader", username="reader")))

        async def code() -> str:
            return str(await server.do("login_code", phone=PHONE))

        client = new_client(server.address, server.key_file, dc_id=server.dc_id)
        async with Person(client, PHONE, code) as person:
            await person.say(BOT, "/start")

    async def large(self) -> list[Result]:
        """Every way at every round trip, in both directions."""
        options = self._options
        size = int(options.size_mb * MB)
        source = await asyncio.to_thread(_random_file, self._folder / "random.bin", size)
        await self.link(0, 0)
        document = (await self.client("ours", "up", file=source))["document"]
        results = []
        for rtt in options.rtt:
            for direction in options.directions:
                for way in options.ways:
                    result = await self._one(rtt, direction, way, source, str(document))
                    print(result.line(options.bandwidth * MB), flush=True)
                    results.append(result)
        return results

    async def _one(self, rtt: int, direction: str, way: str, source: Path, document: str) -> Result:
        await self.link(rtt, self._options.bandwidth * MB)
        before = await self.requests()
        target = source if direction == "up" else self._folder / "fetched.bin"
        got = await self.client(way, direction, file=target, document=document)
        requests = await self.requests() - before
        if direction == "down":
            await asyncio.to_thread(_compare, source, target)
        size = int(self._options.size_mb * MB)
        return Result(
            rtt,
            direction,
            way,
            size,
            float(got["seconds"]),
            float(got["cpu"]),
            float(got["memory"]),
            requests,
        )

    async def albums(self, rtt: int) -> list[str]:
        """Ten pictures as an album, all of it in flight together, against one after another: verdicts."""
        folder = self._folder / "pictures"
        total = await asyncio.to_thread(_pictures, folder)
        await self.link(rtt, self._options.bandwidth * MB)
        verdicts = []
        for way, name in (("ours", "in flight together"), ("stock", "one after another")):
            got = await self.client(way, "album", file=folder)
            seconds, first = float(got["later"]), float(got["first"])
            trips = [(s - total / (self._options.bandwidth * MB)) / rtt * 1000 for s in (first, seconds)]
            print(
                f"{name:<20} first {first:6.3f} s ({trips[0]:5.1f} round trips beyond its bytes), "
                f"later {seconds:6.3f} s ({trips[1]:5.1f}), {60 / seconds:6.1f} albums a minute"
            )
            if way == "ours":
                what = f"round trips beyond its bytes for an album at {rtt} ms"
                verdicts = [_verdict(max(trips), 5, what, least=False)]
        return verdicts


def _random_file(path: Path, size: int) -> Path:
    with path.open("wb") as file:
        for at in range(0, size, MIB):
            file.write(os.urandom(min(MIB, size - at)))
    return path


def _compare(one: Path, other: Path) -> None:
    if not all(a == b for a, b in zip(_chunks(one), _chunks(other), strict=True)):
        raise RuntimeError("what was fetched is not what was sent")
    other.unlink()


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(MIB):
            yield chunk


def _pictures(folder: Path) -> int:
    """Ten JPEGs of about 200 KB; returns their bytes together."""
    folder.mkdir()
    draw = random.Random(1)
    for number in range(PICTURES):
        noise = Image.frombytes("RGB", (532, 532), draw.randbytes(532 * 532 * 3))
        noise.save(folder / f"{number}.jpg", quality=82)
    return sum(path.stat().st_size for path in folder.iterdir())


def verdicts(results: list[Result], bandwidth: float) -> Iterator[str]:
    """What the figures to reach say about the results."""
    found = {(r.rtt, r.direction, r.way): r for r in results}
    for (rtt, direction, way), ours in found.items():
        if way != "ours":
            continue
        where = f"{direction} at {rtt} ms"
        yield _verdict(ours.rate / bandwidth, 0.90, f"share of the link, {where}", least=True)
        yield _verdict(ours.memory / MIB, 40, f"MB of memory above idle, {where}", least=False)
        stock = found.get((rtt, direction, "stock"))
        if stock is None:
            continue
        most = 0.25 if direction == "up" else 1.0
        yield _verdict(ours.cpu / stock.cpu, most, f"of stock Telethon's CPU, {where}", least=False)
        if rtt == 80:
            yield _verdict(ours.rate / stock.rate, 7, f"times stock Telethon, {where}", least=True)


def _verdict(value: float, bound: float, what: str, *, least: bool) -> str:
    good = value >= bound if least else value <= bound
    return (
        f"{'reached' if good else 'MISSED '}  {value:7.2f} {what} (at {'least' if least else 'most'} {bound})"
    )


async def run(options: argparse.Namespace) -> int:
    with tempfile.TemporaryDirectory(prefix="transfer-", dir=options.scratch) as name:
        folder = Path(name)
        async with running(folder / "server", "--bot", f"{TOKEN}:{BOT}") as server:
            bench = Bench(server, folder, options)
            await bench.reader()
            print(
                f"{options.size_mb:g} MB each way, link of {options.bandwidth:g} MB/s, "
                f"at most {options.connections} connections"
            )
            print(HEAD)
            results = await bench.large()
            lines = list(verdicts(results, options.bandwidth * MB)) if options.bandwidth else []
            if options.albums and options.bandwidth:
                print(f"\nAn album of {PICTURES} pictures of {PICTURE_BYTES // 1000} KB at 80 ms")
                lines += await bench.albums(80)
            print("", *lines, sep="\n")
    return 1 if any(line.startswith("MISSED") for line in lines) else 0


def _numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks transfer", description=__doc__)
    parser.add_argument("--size-mb", type=float, default=200)
    parser.add_argument("--rtt", type=_numbers, default=[20, 80, 200], help="round trips in ms")
    parser.add_argument("--bandwidth", type=float, default=25, help="of the link in MB/s, 0 for no limit")
    parser.add_argument("--per-connection", type=float, default=0, help="of each connection in MB/s")
    parser.add_argument("--ways", type=lambda text: text.split(","), default=list(WAYS))
    parser.add_argument("--directions", type=lambda text: text.split(","), default=["up", "down"])
    parser.add_argument("--connections", type=int, default=Settings().TRANSFER_CONNECTIONS)
    parser.add_argument("--no-albums", dest="albums", action="store_false")
    parser.add_argument("--scratch", type=Path, default=None, help="folder for temporary files")
    return asyncio.run(run(parser.parse_args(arguments)))
