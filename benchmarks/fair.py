"""One person sends a hundred archives; how long does another one's single archive take to its first album?

That is compared with the same when nobody else is served. Server, bot and the people are separate; the link
is shaped. The hundred come while the bot is away, so that all of them are in line when it is back.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from telethon.tl import types

from benchmarks.chat import BOT, TOKEN, archive_of, bot
from benchmarks.pipeline import verdict
from benchmarks.pipeline_archives import MB
from benchmarks.server import Server, running
from sandbox.clients import new_client
from sandbox.person import Person

PHONES = {"reader": "+15550001", "crowd0": "+15550002"}


@asynccontextmanager
async def person_of(server: Server, name: str) -> AsyncIterator[Person]:
    """Somebody with a client."""
    phone = PHONES[name]
    await server.do("add_person", phone=phone, name=name, username=name)

    async def code() -> str:
        return str(await server.do("login_code", phone=phone))

    async with Person(new_client(server.address, server.key_file, dc_id=server.dc_id), phone, code) as person:
        await person.say(BOT, "/start")
        yield person


class Bench:
    """``many`` sends much, ``one`` little."""

    def __init__(self, folder: Path, many: Person, one: Person, options: argparse.Namespace) -> None:
        self._folder, self._many, self._one, self._options = folder, many, one, options

    async def one_more(self, number: int) -> float:
        """Seconds from the message with an archive to the first picture out of it."""
        archive = self._made(f"one{number}.zip")
        handle = await self._one.client.upload_file(archive, file_name=archive.name)
        name = [types.DocumentAttributeFilename(archive.name)]
        sent = await self._one.client.send_file(BOT, handle, force_document=True, attributes=name)
        began = time.perf_counter()
        await self._one.wait_for(
            lambda message: bool(message.photo) and message.reply_to_msg_id == sent.id, 600
        )
        took = time.perf_counter() - began
        await self._one.wait_for_text(f"{archive.name}: {self._options.photos} pictures sent.", 600)
        return took

    async def send_many(self) -> None:
        """All of the other's archives."""
        for number in range(self._options.archives):
            archive = self._made(f"many{number}.zip")
            await self._many.send_file(BOT, archive)
            archive.unlink()

    async def are_served(self) -> None:
        """Until the first of them is under way."""
        await self._many.wait_for(lambda message: bool(message.photo), 600)

    def _made(self, name: str) -> Path:
        return archive_of(self._folder / name, self._options.photos)


async def run(options: argparse.Namespace) -> int:
    """Alone, and beside the hundred."""
    with tempfile.TemporaryDirectory(prefix="fair-", dir=options.scratch) as name:
        folder = Path(name)
        async with (
            running(folder / "server", "--bot", f"{TOKEN}:{BOT}") as server,
            person_of(server, "reader") as many,
            person_of(server, "crowd0") as one,
        ):
            bench = Bench(folder, many, one, options)

            async def shaped(on: bool) -> None:
                await server.do("rtt", seconds=options.rtt / 1000 if on else 0)
                await server.do("bandwidth", total=options.bandwidth * MB if on else None, connection=None)

            async with bot(server, folder, 1):
                await shaped(True)
                alone = [await bench.one_more(number) for number in range(options.tries)]
            await shaped(False)
            await bench.send_many()
            (folder / "output").unlink()
            await shaped(True)
            async with bot(server, folder, 1):
                await bench.are_served()
                beside = [await bench.one_more(options.tries + number) for number in range(options.tries)]
    print(f"alone {' '.join(f'{s:.2f}' for s in alone)} s; beside {' '.join(f'{s:.2f}' for s in beside)} s")
    ratio = statistics.median(beside) / statistics.median(alone)
    print(verdict(ratio, 2, f"times as long beside {options.archives} archives of another person (medians)"))
    return 0


def main(arguments: list[str]) -> int:
    """``python -m benchmarks fair``."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks fair", description=__doc__)
    parser.add_argument("--archives", type=int, default=100, help="of the other person")
    parser.add_argument("--photos", type=int, default=50, help="in each archive")
    parser.add_argument("--tries", type=int, default=3)
    parser.add_argument("--rtt", type=float, default=40, help="ms")
    parser.add_argument("--bandwidth", type=float, default=20, help="MB/s, of all together")
    parser.add_argument("--scratch", type=Path, help="folder for what it makes")
    return asyncio.run(run(parser.parse_args(arguments)))
