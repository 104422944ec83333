"""How right the status is about the time that is left.

Archives of several kinds and sizes go through a link that is shaped, one after the other. Of each status from
a fifth of the way on, the seconds that it gives are compared with those that it took until the summary. The
figure of a run is the median of these differences, as a share of what was left at the first of them.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import re
import statistics
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Awaitable, Callable
from pathlib import Path

from telethon import events
from telethon.tl import types

from benchmarks.chat import BOT, PHONE, TOKEN, bot
from benchmarks.pipeline import verdict
from benchmarks.pipeline_archives import KB, MB, photo
from benchmarks.server import running
from sandbox.clients import new_client
from sandbox.person import Person

KINDS = ("few large.zip", "many small.zip", "mixed.zip", "mixed.tar")
#: Bytes of the photos of each kind, in turns.
SIZES = {"few": [6 * MB], "many": [150 * KB], "mixed": [200 * KB, 3 * MB, 900 * KB]}
_LEFT = re.compile(r"(\d+) %.*about (\d+) (second|minute)", re.DOTALL)
#: The share of the way from which on it is to be right.
FROM = 20


def archive_of(path: Path, size: int, dice: random.Random) -> Path:
    """Of about ``size`` bytes, of the kind that its name says."""
    sizes, made, number = SIZES[path.name.split()[0].split(".")[0]], 0, 0
    with tarfile.open(path, "w") if path.suffix == ".tar" else zipfile.ZipFile(path, "w") as archive:
        while made < size:
            content = photo(dice.getrandbits(20), int(sizes[number % len(sizes)] * dice.uniform(0.7, 1.3)))
            file = path.with_name(f"{number:04}.jpg")
            file.write_bytes(content)
            (archive.add if isinstance(archive, tarfile.TarFile) else archive.write)(file, file.name)
            file.unlink()
            made, number = made + len(content), number + 1
    return path


class Run:
    """One archive: what the status said, and when."""

    def __init__(self, person: Person) -> None:
        self._person = person
        self._said: list[tuple[float, int, int]] = []

    async def measure(self, archive: Path, shape: Callable[[], Awaitable[None]]) -> tuple[float, float]:
        """The median difference as a share, and that of the first word. The link is shaped by ``shape``."""

        async def on_edit(event: events.MessageEdited.Event) -> None:
            found = _LEFT.search(event.raw_text)
            if found and int(found[1]) >= FROM:
                seconds = int(found[2]) * (60 if found[3] == "minute" else 1)
                self._said.append((time.perf_counter(), int(found[1]), seconds))

        name = [types.DocumentAttributeFilename(archive.name)]
        handle = await self._person.client.upload_file(archive, file_name=archive.name)
        await shape()
        self._person.client.add_event_handler(on_edit, events.MessageEdited(incoming=True))
        await self._person.client.send_file(BOT, handle, force_document=True, attributes=name)
        await self._person.wait_for(lambda m: archive.name in m.raw_text and " sent." in m.raw_text, 900)
        end = time.perf_counter()
        self._person.client.remove_event_handler(on_edit)
        if not self._said:
            raise RuntimeError(f"{archive.name} was too fast for any word about the time that is left")
        first = end - self._said[0][0]
        off = [abs(at + left - end) / first for at, _, left in self._said]
        print(
            f"  {archive.name:<16} {first:5.1f} s left at first,"
            f" off by {100 * off[0]:3.0f} % then, {100 * statistics.median(off):3.0f} % in the middle of"
            f" {len(off)}, {100 * max(off):3.0f} % at most",
            flush=True,
        )
        return statistics.median(off), off[0]


async def run(options: argparse.Namespace) -> int:
    """All runs."""
    dice = random.Random(options.seed)
    with tempfile.TemporaryDirectory(prefix="left-", dir=options.scratch) as name:
        folder = Path(name)
        async with running(folder / "server", "--bot", f"{TOKEN}:{BOT}") as server:
            await server.do("add_person", phone=PHONE, name="Reader", username="reader")

            async def code() -> str:
                return str(await server.do("login_code", phone=PHONE))

            async def shape() -> None:
                await server.do("rtt", seconds=options.rtt / 1000)
                await server.do("bandwidth", total=options.bandwidth * MB, connection=None)

            client = new_client(server.address, server.key_file, dc_id=server.dc_id)
            async with Person(client, PHONE, code) as person:
                await person.say(BOT, "/start")
                async with bot(server, folder, 0):
                    found = []
                    for number in range(options.runs):
                        size = int(options.size * MB * dice.uniform(0.6, 1.4))
                        made = await asyncio.to_thread(
                            archive_of, folder / f"{KINDS[number % len(KINDS)]}", size, dice
                        )
                        named = made.rename(made.with_name(f"{made.stem} {number}{made.suffix}"))
                        await server.do("rtt", seconds=0)
                        await server.do("bandwidth", total=None, connection=None)
                        found.append(await Run(person).measure(named, shape))
                        named.unlink()
    middle, first = zip(*found, strict=True)
    print(verdict(max(middle), 0.25, f"of what was left, the worst of {len(found)} runs"))
    print(verdict(max(first), 0.25, "the same at the first word after a fifth"))
    return 0


def main(arguments: list[str]) -> int:
    """``python -m benchmarks left``."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks left", description=__doc__)
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--size", type=float, default=200, help="MB of an archive, about")
    parser.add_argument("--rtt", type=float, default=80, help="ms")
    parser.add_argument("--bandwidth", type=float, default=10, help="MB/s, of all together")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--scratch", type=Path, help="folder for what it makes")
    return asyncio.run(run(parser.parse_args(arguments)))
