"""Many people, many archives, and a start with many jobs that wait; server and senders are another process.

*people*: so many send three archives each at once: how long each waits for an album, and what the bot takes.
*behind*: others send ten photos each while three people send 800 each.
*restart*: the bot is killed with so many jobs in line and started again.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
import zipfile
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.probed import delay_words
from benchmarks.watched import MB, watched_bot
from sandbox import StoredMessage
from sandbox.person import Person
from tests.files import photo
from tests.world import BOT, BOT_ID, World, until, world_in


@dataclass
class Somebody:
    """Who sends; ``sent``: how many photos, ``since``: when the first archive was there (monotonic)."""

    person: Person
    number: int
    sent: int = 0
    since: float = 0.0
    names: list[str] = field(default_factory=list)

    async def send(self, folder: Path, photos: int) -> None:
        """An archive of so many photos."""
        name = f"{self.number}-{len(self.names)}.zip"
        await asyncio.to_thread(_archive, folder / name, self.number * 1000 + self.sent, photos)
        await self.person.send_file(BOT, folder / name)
        (folder / name).unlink()
        self.since = self.since or time.monotonic()
        self.names.append(name)
        self.sent += photos


def _archive(path: Path, first: int, photos: int) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(first, first + photos):
            archive.writestr(f"{number}.jpg", photo(number, (64, 48)))


@asynccontextmanager
async def crowd(world: World, count: int) -> AsyncIterator[list[Somebody]]:
    """So many people who have pressed Start."""
    async with AsyncExitStack() as stack:
        found = [Somebody(world.person, world.person_id)]
        for number in range(1, count):
            phone = f"99966{number:05d}"
            account = await world.sandbox.add_person(phone, f"Person {number}", f"person{number}")
            person = await stack.enter_async_context(world.sandbox.person(phone))
            await person.say(BOT, "/start")
            found.append(Somebody(person, account))
        yield found


def first_albums(world: World) -> dict[int, float]:
    """When the first album went to each person (monotonic)."""
    first: dict[int, float] = {}
    for call in world.sandbox.faults.called("messages.sendMultiMedia"):
        first.setdefault(getattr(call.request.peer, "user_id", 0), call.time)
    return first


def media_of(world: World, one: Somebody) -> list[StoredMessage]:
    """What somebody has from the bot."""
    messages = world.sandbox.messages(one.number, BOT_ID)
    return [message for message in messages if message.kind != "text" and message.sent_by == BOT_ID]


async def all_sent(world: World, people: list[Somebody], seconds: float) -> None:
    """Wait until everybody has all; raises RuntimeError when something came twice, or not at all."""
    total = sum(one.sent for one in people)
    calls = world.sandbox.faults

    def delivered() -> bool:
        return sum(len(call.request.multi_media) for call in calls.called("messages.sendMultiMedia")) >= total

    await until(delivered, seconds)
    await asyncio.sleep(1)
    for one in people:
        names = Counter(message.sha256 for message in media_of(world, one))
        if names.total() != one.sent:
            raise RuntimeError(f"{one.number}: {names.total()} files came of {one.sent}")


def settings(people: list[Somebody]) -> dict[str, str]:
    return {"AUTHORIZED_USERS": ",".join(str(one.number) for one in people)}


def verdict(value: float, bound: float, what: str) -> bool:
    """Print whether ``value`` keeps to ``bound``."""
    print(
        f"{'reached' if value <= bound else 'MISSED '}  {value:8.2f} {what} (at most {bound:g})", flush=True
    )
    return value <= bound


async def people(world: World, options: argparse.Namespace) -> bool:
    """Everybody sends three archives at once."""
    probe = world.folder / "probe.json"
    async with crowd(world, options.people) as everybody:
        async with watched_bot(world, settings(everybody), probe=probe) as (_, watch):
            idle = watch.bot
            await asyncio.gather(*(_three(one, world.folder, options.photos) for one in everybody))
            await all_sent(world, everybody, 3600)
            took = watch.bot - idle
        first = first_albums(world)
    waits = sorted(first[one.number] - one.since for one in everybody)
    print(f"people: {len(everybody)} with 3 archives of {options.photos} photos each, none lost or doubled")
    print(f"  first album after {statistics.median(waits):.1f} s (median), {delay_words(probe)}")
    good = verdict(took / MB, 100, "MB of memory above idle")
    return good & verdict(
        waits[int(0.95 * (len(waits) - 1))] / statistics.median(waits),
        3,
        "95th percentile against the median",
    )


async def _three(one: Somebody, folder: Path, photos: int) -> None:
    for _ in range(3):
        await one.send(folder, photos)


async def behind(world: World, options: argparse.Namespace) -> bool:
    """Three people send very much; the others come after them."""
    probe = world.folder / "probe.json"
    async with crowd(world, 3 + options.behind) as everybody:
        async with watched_bot(world, settings(everybody), probe=probe):
            many, few = everybody[:3], everybody[3:]
            await asyncio.gather(*(one.send(world.folder, options.much) for one in many))
            await until(lambda: len(first_albums(world)) == 3)
            await asyncio.gather(*(one.send(world.folder, 10) for one in few))
            await all_sent(world, everybody, 3600)
        first = first_albums(world)
    waits = [first[one.number] - one.since for one in few]
    print(f"behind: {len(few)} people behind 3 who send {options.much} photos each; {delay_words(probe)}")
    print(f"  first album after {statistics.median(waits):.1f} s (median)")
    return verdict(max(waits), 3, "s to the last one's first album")


async def restart(world: World, options: argparse.Namespace) -> bool:
    """The bot is killed while jobs wait."""
    probe = world.folder / "probe.json"
    async with crowd(world, options.chats) as everybody:
        gate = world.sandbox.faults.hold("messages.uploadMedia", times=None)
        began = time.monotonic()
        async with watched_bot(world, settings(everybody)) as (process, watch):
            alone, idle = time.monotonic() - began, watch.bot
            for _ in range(options.jobs // options.chats):
                await asyncio.gather(*(one.send(world.folder, 2) for one in everybody))
            total = sum(len(one.names) for one in everybody)
            await until(lambda: sum("📥 Received" in line for line in world.lines()) == total, 600)
            process.kill()
            await process.wait()
        world.log.unlink()  # noqa: ASYNC240
        gate.open()
        began = time.monotonic()
        async with watched_bot(world, settings(everybody), probe=probe) as (_, watch):
            ready = time.monotonic() - began - alone
            await until(lambda: first_albums(world))
            first = min(first_albums(world).values()) - began - alone
            took = watch.bot - idle
            await all_sent(world, everybody, 3600)
        kept = all(_in_order(world, one) for one in everybody)
    print(f"restart: {total} jobs of {len(everybody)} people wait; {delay_words(probe)}")
    good = verdict(ready, 2, "s until it is ready, more than without jobs")
    good &= verdict(first - ready, 1.5, "s from then to the first album")
    good &= verdict(took / MB, 35, "MB of memory above idle")
    return good & verdict(not kept, 0, "people whose archives came in another order")


def _in_order(world: World, one: Somebody) -> bool:
    captions = [message.caption for message in media_of(world, one)]
    places = defaultdict[str, int](int)
    for place, caption in enumerate(captions):
        for name in one.names:
            if name in caption:
                places[name] = place
    return [places[name] for name in one.names] == sorted(places[name] for name in one.names)


CASES: dict[str, Callable[[World, argparse.Namespace], Awaitable[bool]]] = {
    "people": people,
    "behind": behind,
    "restart": restart,
}


async def run(options: argparse.Namespace) -> int:
    good = True
    for case in options.cases:
        with tempfile.TemporaryDirectory(prefix="load-") as name:
            async with world_in(Path(name)) as world:
                good &= await CASES[case](world, options)
    return 0 if good else 1


def main(arguments: list[str]) -> int:
    """``python -m benchmarks load``."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks load", description=__doc__)
    parser.add_argument(
        "--cases", type=lambda text: text.split(","), default=list(CASES), help=",".join(CASES)
    )
    parser.add_argument("--people", type=int, default=200, help="who send three archives each")
    parser.add_argument("--photos", type=int, default=20, help="in each of these")
    parser.add_argument("--much", type=int, default=800, help="photos of those who send much")
    parser.add_argument("--behind", type=int, default=10, help="people who come behind these")
    parser.add_argument("--jobs", type=int, default=1000, help="that wait at the restart")
    parser.add_argument("--chats", type=int, default=5, help="of so many people")
    return asyncio.run(run(parser.parse_args(arguments)))
