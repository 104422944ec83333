"""``python -m benchmarks crash --kills N --seed S``: the bot is killed at random instants, over and over.

Each round sends one mixed archive and ends the bot with SIGKILL some 0.2 to 6 s after each of its starts,
or, one time in five, by a loss of power: a line of its journal stays half written, and files that were not
synced are cut. Then it may finish, and what the person has is compared with what was in the archive. A file
in one of whose steps the bot happened to die three times may come as it is, and is counted. Exit code 1 when
anything is lost, doubled, out of order or left behind.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import hashlib
import json
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sandbox import StoredMessage
from tests.e2e.process import environment, power_fails, start
from tests.files import photo, video, zip_of
from tests.world import BOT_ID, World, until, world_in
from utils.storage.journal import parse

#: Seconds after a start at which the bot is killed, and kills of one archive at most.
EARLIEST, LATEST = 0.2, 6.0
KILLS_EACH = 8
#: Round trips, in seconds; one is drawn for each archive. The longer, the more kills come between a call and
#: its answer.
ROUND_TRIPS = (0.0, 0.1, 0.3)
#: Share of the kills that wait for the next message to be sent, and the seconds that they wait at most. Most
#: of a bot's time is spent elsewhere, so that purely random instants rarely fall before an answer.
AT_A_CALL, CALL_WAIT = 0.5, 4.0
#: Share of the kills that are losses of power, and up to which line of the journals.
POWER_CUTS, LATEST_LINE = 0.2, 60
#: Seconds in which the bot must be done when nobody kills it.
PATIENCE = 180.0


@dataclass(frozen=True)
class Sent:
    """One archive: photos and ready videos by their check sums, and the names of what is converted."""

    name: str
    entries: Mapping[str, bytes]
    converted: tuple[str, ...]

    def untouched(self) -> dict[str, str]:
        """Check sum to name, of what must arrive bit for bit."""
        kept = (".jpg", ".mp4")
        return {
            hashlib.sha256(content).hexdigest(): name
            for name, content in self.entries.items()
            if name.endswith(kept)
        }


def archive_of(number: int, dice: random.Random) -> Sent:
    """An archive unlike the others: two folders of photos, two ready videos, three to convert."""
    base = 1000 * (number + 1)
    entries: dict[str, bytes] = {}
    for place, folder in enumerate("ab"):
        for n in range(dice.randint(3, 14)):
            entries[f"{folder}/img{n:02d}.jpg"] = unlike(photo(n), base + 100 * place + n)
    for n in range(2):
        entries[f"a/clip{n}.mp4"] = unlike_video(video("mp4", seed=n), base + n)
    entries |= {
        "b/wrap.mkv": video("mkv"),
        "b/sound.mov": video("pcm"),
        "b/film.avi": video("avi", seconds=40),
    }
    names = ("film_converted.mp4", "sound_converted.mp4", "wrap_converted.mp4")
    return Sent(f"trip{number}.zip", entries, names)


def unlike(jpeg: bytes, number: int) -> bytes:
    """The same picture under another check sum: a comment is put behind its first marker."""
    text = str(number).encode()
    return jpeg[:2] + b"\xff\xfe" + (len(text) + 2).to_bytes(2, "big") + text + jpeg[2:]


def unlike_video(mp4: bytes, number: int) -> bytes:
    """The same video under another check sum: an empty box with a number comes at its end."""
    return mp4 + (16).to_bytes(4, "big") + b"free" + number.to_bytes(8, "big")


@dataclass(frozen=True)
class Round:
    """How one archive fared."""

    kills: int
    seconds: float
    passed_over: int
    wrong: tuple[str, ...]


async def one_round(world: World, sent: Sent, kills: int, dice: random.Random) -> Round:
    """Send the archive, kill the bot ``kills`` times (fewer if it is done before), compare."""
    started = time.monotonic()
    before = len(world.chat())
    environ = environment(
        world, CONVERSION_STATE_SAVE_INTERVAL="0", CONVERSION_SEGMENT_SECONDS="4", CONVERSION_THREADS="1"
    )
    await world.send(zip_of(world.folder / sent.name, sent.entries))
    killed = 0
    wrong: list[str] = []
    while killed < kills:
        if dice.random() < POWER_CUTS:
            killed += await power_fails(
                environ,
                line=dice.randint(1, LATEST_LINE),
                share=dice.random(),
                over=lambda: is_done(world, sent),
                seconds=PATIENCE,
            )
        else:
            await kill(world, environ, dice)
            killed += 1
        wrong += unreadable(world)
        if is_done(world, sent):
            break
    process = await start(environ)
    try:
        await until(lambda: is_done(world, sent) and not world.leftovers(), PATIENCE)
    except TimeoutError:
        wrong.append(f"not done after {PATIENCE:.0f} s, left: {[str(p) for p in world.leftovers()][:5]}")
    finally:
        process.terminate()
        await process.communicate()
    over = len(passed_over(world.chat()[before:]))
    return Round(killed, time.monotonic() - started, over, (*wrong, *differences(world, sent, before)))


async def kill(world: World, environ: Mapping[str, str], dice: random.Random) -> None:
    """Start the bot and kill it at a random instant."""
    process = await start(environ)
    try:
        await asyncio.sleep(dice.uniform(EARLIEST, LATEST))
        if dice.random() < AT_A_CALL:
            await next_message(world)
    finally:
        process.send_signal(signal.SIGKILL)
        await process.communicate()


async def next_message(world: World) -> None:
    """Return when the bot's next medium or album is in the chat; its answer is on the way then."""

    def sent() -> int:
        faults = world.sandbox.faults
        return sum(len(faults.called(f"messages.{name}", BOT_ID)) for name in ("sendMedia", "sendMultiMedia"))

    before = sent()
    with contextlib.suppress(TimeoutError):
        await until(lambda: sent() > before, CALL_WAIT)


def is_done(world: World, sent: Sent) -> bool:
    """The archive's summary is in the chat."""
    return any(m.kind == "text" and f"{sent.name}: " in m.text and " sent." in m.text for m in world.chat())


def unreadable(world: World) -> list[str]:
    """State files that do not parse, but for a journal's torn last line."""
    wrong: list[str] = []
    state = world.data / "conversion_state.json"
    try:
        if state.exists():
            json.loads(state.read_text())
    except ValueError as error:
        wrong.append(f"{state.name}: {error}")
    for journal in world.data.glob("jobs/*/journal.jsonl"):
        content = journal.read_bytes()
        if parse(content)[1] < len(content) - len(content.rpartition(b"\n")[2]):
            wrong.append(f"{journal} does not parse")
    return wrong


def differences(world: World, sent: Sent, before: int) -> list[str]:
    """What the person has of this archive that is not as it should be, in sentences."""
    fresh = world.chat()[before:]
    media = [message for message in fresh if message.kind != "text"]
    wrong: list[str] = []
    names = sent.untouched()
    arrived = [names[m.sha256] for m in media if m.sha256 in names]
    converted = Counter(m.name or "" for m in media if m.sha256 not in names)
    for name in passed_over(media):
        converted[f"{Path(name).stem}_converted.mp4"] += converted.pop(name, 0)
    wrong += [f"{name} is lost" for name in sorted(names.values()) if name not in arrived]
    wrong += [f"{name} came {count} times" for name, count in Counter(arrived).items() if count > 1]
    wrong += [f"{name} is lost" for name in sent.converted if not converted[name]]
    wrong += [f"{name} came {count} times" for name, count in converted.items() if count > 1]
    wrong += [f"{name or 'something'} was not sent" for name in converted if name not in sent.converted]
    for folder in "ab":
        photos = [name for name in arrived if name.startswith(f"{folder}/") and name.endswith(".jpg")]
        if photos != sorted(photos):
            wrong.append(f"out of order: {photos}")
    summaries = sum(m.kind == "text" and " sent." in m.text for m in fresh)
    if summaries != 1:
        wrong.append(f"{summaries} summaries")
    kept = world.data / "quarantine"
    wrong += [f"in quarantine: {path.name}" for path in (kept.iterdir() if kept.exists() else ())]
    wrong += [f"left behind: {path}" for path in world.leftovers()]
    return wrong


def passed_over(media: Sequence[StoredMessage]) -> list[str]:
    """The files that came as they are because the bot died too often in one step of theirs, as it says."""
    return [m.name or "" for m in media if m.kind == "document" and "The bot died" in m.caption]


async def series(name: str, kills: int, seed: int, folder: Path) -> list[Round]:
    """Archives one after another, until the bot was killed so often; prints a line for each."""
    dice = random.Random(seed)  # noqa: S311
    rounds: list[Round] = []
    await asyncio.to_thread(folder.mkdir, exist_ok=True)
    async with world_in(folder) as world:
        async with world.running():
            pass  # a bot that never ran has no place among the updates from which to catch up
        while (left := kills - sum(fared.kills for fared in rounds)) > 0:
            sent = archive_of(len(rounds), dice)
            world.sandbox.faults.link.rtt = dice.choice(ROUND_TRIPS)
            fared = await one_round(world, sent, min(dice.randint(1, KILLS_EACH), left), dice)
            rounds.append(fared)
            verdict = "; ".join(fared.wrong) or "each file once"
            story = f"{len(sent.entries)} files, {fared.kills} kills, {fared.seconds:.0f} s"
            print(f"{name} {sent.name}: {story}: {verdict}", flush=True)
    return rounds


async def run(kills: int, seed: int, folder: Path, at_once: int) -> int:
    """Print a line for each archive, then one for all; returns the exit code."""
    started = time.monotonic()
    shares = [kills // at_once + (number < kills % at_once) for number in range(at_once)]
    several = await asyncio.gather(
        *(
            series(f"bot {number}", share, seed * at_once + number, folder / str(number))
            for number, share in enumerate(shares)
        )
    )
    rounds = [fared for one in several for fared in one]
    done, wrong = sum(fared.kills for fared in rounds), sum(len(fared.wrong) for fared in rounds)
    seconds = time.monotonic() - started
    over = sum(fared.passed_over for fared in rounds)
    print(
        f"crash: seed {seed}, {done} kills, {len(rounds)} archives, {seconds:.0f} s, "
        f"{over} files passed over, {wrong} violations"
    )
    return 1 if wrong else 0


def main(arguments: list[str]) -> int:
    """The benchmark as a program."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks crash", description=__doc__)
    parser.add_argument("--kills", type=int, default=20, help="how often the bot is killed (default: 20)")
    parser.add_argument("--seed", type=int, default=1, help="of the instants and archives (default: 1)")
    parser.add_argument("--keep", type=Path, help="folder for everything, kept (default: a temporary one)")
    parser.add_argument("--at-once", type=int, default=4, help="bots at the same time (default: 4)")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name:
        folder = options.keep or Path(name)
        folder.mkdir(parents=True, exist_ok=True)
        return asyncio.run(run(options.kills, options.seed, folder, options.at_once))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
