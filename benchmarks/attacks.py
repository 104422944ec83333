"""``python -m benchmarks attacks``: pictures that are made to bring the bot down, each sent to the real bot.

While one person sends an attack (see tests/pictures/hostile.py), another sends 20 ordinary photos, half of
which are written anew. Printed are the peaks of the bot and of it with its children, the seconds until the
attack is dealt with, those that the other person's photos took just before and meanwhile, and what arrived.
Then, for those that take longest, the seconds until no child works after /cancel, and the bot is gone after
SIGTERM.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
import zipfile
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.pictures import archive_of, arrived
from benchmarks.watched import MB, Watch, is_busy, watched_bot
from sandbox import StoredMessage
from sandbox.person import Person
from tests.files import photo
from tests.pictures.hostile import HOSTILE, PADDED, write_hostile
from tests.world import BOT, BOT_ID, World, until, world_in

_OTHER = "+15550002"
#: Those that keep a decoder busy for longest.
_LONG = ("padded.gif", "thousand_scans.jpg", "exif_64_mb.jpg", "frames_3000_of_2000.webp")
_PATIENCE = 900.0
#: Bytes of zeros behind some: enough for what reads them, and they have to be sent back.
_PADDING = 400 * MB


@dataclass
class Sender:
    """Somebody who sends archives, and what came back to them."""

    world: World
    person: Person
    number: int

    def chat(self) -> list[StoredMessage]:
        """What the bot has sent, oldest first."""
        messages = self.world.sandbox.messages(self.number, BOT_ID)
        return [message for message in messages if message.sent_by == BOT_ID]

    def summaries(self) -> int:
        return sum(m.kind == "text" and (" sent." in m.text or "ancelled" in m.text) for m in self.chat())

    async def send(self, archive: Path) -> tuple[float, list[StoredMessage]]:
        """Send it and wait for its end; the seconds, and what came that is no text."""
        before, told = len(self.chat()), self.summaries()
        began = time.monotonic()
        await self.person.send_file(BOT, archive)
        await until(lambda: self.summaries() > told, _PATIENCE)
        seconds = time.monotonic() - began
        return seconds, [message for message in self.chat()[before:] if message.kind != "text"]


@asynccontextmanager
async def two_people(folder: Path) -> AsyncIterator[tuple[Sender, Sender]]:
    """Who attacks, and who has nothing to do with it; both may use the bot."""
    async with world_in(folder) as world:
        number = await world.sandbox.add_person(_OTHER, "Ben", "ben")
        async with world.sandbox.person(_OTHER) as other:
            await other.say(BOT, "/start")
            yield Sender(world, world.person, world.person_id), Sender(world, other, number)


def ordinary(path: Path, run: int) -> Path:
    """20 photos unlike those of other runs, every other one as WebP, which is written anew. Blocking."""
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(20):
            kind = "WEBP" if number % 2 else "JPEG"
            archive.writestr(f"{number}.{kind.lower()}", photo(1000 * run + number, (1600, 1200), kind))
    return path


async def alone(other: Sender, folder: Path, run: int) -> float:
    """Seconds for the ordinary photos when nothing else goes on."""
    archive = await asyncio.to_thread(ordinary, folder / "ordinary.zip", run)
    return (await other.send(archive))[0]


async def attack(
    name: str, hostile: Path, senders: tuple[Sender, Sender], watch: Watch, run: int, before: float
) -> None:
    """Send it and, at the same time, ordinary photos; print the row."""
    attacker, other = senders
    folder = attacker.world.folder
    archive = await asyncio.to_thread(archive_of, hostile, folder)
    photos = await asyncio.to_thread(ordinary, folder / "ordinary.zip", run)
    watch.reset()
    attacking = asyncio.create_task(attacker.send(archive))
    await asyncio.sleep(0.2)
    meanwhile, media = await other.send(photos)
    seconds, came = await attacking
    lost = "" if len(media) == 20 else f" OTHERS GOT {len(media)} OF 20"
    print(
        f"{name:<30} {watch.bot / MB:6.0f} {watch.all / MB:6.0f} {seconds:7.1f} "
        f"{before:6.1f} {meanwhile:9.1f} {meanwhile / before:5.1f}  {arrived(came)[:120]}{lost}",
        flush=True,
    )
    archive.unlink()


async def all_attacks(names: Iterable[str], folder: Path, memory: str) -> float:
    """Print the table; returns the highest peak of the bot, in bytes."""
    peak = 0.0
    async with two_people(folder) as senders:
        settings = {"AUTHORIZED_USERS": "ann,ben", "PICTURE_MEMORY_MB": memory}
        async with watched_bot(senders[0].world, settings) as (process, watch):
            for run, name in enumerate(names):
                hostile = await asyncio.to_thread(write_hostile, name, folder, _PADDING)
                before = await alone(senders[1], folder, 2 * run + 1)
                await attack(name, hostile, senders, watch, 2 * run + 2, before)
                hostile.unlink()
                peak = max(peak, watch.bot)
                if process.returncode is not None:
                    raise RuntimeError(f"the bot died ({process.returncode})")
    return peak


async def endings(name: str, folder: Path) -> None:
    """Print how long /cancel and SIGTERM take while that attack is on."""
    await asyncio.to_thread(folder.mkdir)
    async with two_people(folder) as (attacker, _):
        hostile = await asyncio.to_thread(write_hostile, name, folder, _PADDING)
        archive = await asyncio.to_thread(archive_of, hostile, folder)
        cancelled = 0.0
        async with watched_bot(attacker.world) as (process, _):
            for ending in ("/cancel", "SIGTERM"):
                await attacker.person.send_file(BOT, archive)
                await until(lambda: is_busy(process.pid), _PATIENCE)
                await asyncio.sleep(3)
                began = time.monotonic()
                if ending == "/cancel":
                    await attacker.person.say(BOT, "/cancel")
                    await until(lambda: not is_busy(process.pid), _PATIENCE)
                    cancelled = time.monotonic() - began
                else:
                    process.terminate()
                    await process.wait()
        print(f"{name:<30} /cancel {cancelled:.2f} s, SIGTERM {time.monotonic() - began:.2f} s", flush=True)


async def run(options: argparse.Namespace) -> int:
    """Print everything; 1 when the bot took too much memory."""
    names = options.names or [*HOSTILE, *PADDED]
    peak = 0.0
    with tempfile.TemporaryDirectory(prefix="attacks-", dir=options.scratch) as scratch:
        folder = Path(scratch)
        print(
            f"{'attack':<30} {'bot':>6} {'all MB':>6} {'seconds':>7} "
            f"{'before':>6} {'meanwhile':>9} {'times':>5}  what arrived"
        )
        (folder / "all").mkdir()
        if not options.only_endings:
            peak = await all_attacks(names, folder / "all", str(options.picture_memory))
        for name in (name for name in _LONG if name in names):
            await endings(name, folder / name)
    return int(peak > 110 * MB)


def main(arguments: list[str]) -> int:
    """The benchmark as a program."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks attacks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="ATTACK", help=f"of {', '.join([*HOSTILE, *PADDED])}")
    parser.add_argument("--picture-memory", type=int, default=512, metavar="MB", help="PICTURE_MEMORY_MB")
    parser.add_argument("--only-endings", action="store_true", help="measure /cancel and SIGTERM alone")
    parser.add_argument("--scratch", type=Path, default=None, help="folder for temporary files")
    return asyncio.run(run(parser.parse_args(arguments)))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
