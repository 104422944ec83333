"""The crash matrix: the bot is killed without warning, again and again, and each file still arrives once."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import random
import re
import signal
import tarfile
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

import pytest
from telethon.tl import TLRequest

from sandbox import StoredMessage
from sandbox.faults import Call
from tests.e2e.process import environment, power_fails, start
from tests.files import SEGMENT, ffmpeg_after, photo, video, zip_of
from tests.world import BOT_ID, World, until, world_in
from utils.storage.journal import Record, parse

PHOTOS = {f"{folder}/img{n}.jpg": photo(100 * k + n) for k, folder in enumerate("ab") for n in range(1, 13)}
READY = {f"a/clip{n}.mp4": video("mp4", seed=n) for n in range(2)}
DEFERRED = {
    "b/wrap.mkv": video("mkv"),
    "b/sound.mov": video("pcm"),
    "b/film.avi": video("avi"),
}
TRIP = {**PHOTOS, **READY, **DEFERRED}
CONVERTED = sorted(f"{Path(name).stem}_converted.mp4" for name in DEFERRED)

#: Waits until the bot is at one point of its work.
Point = Callable[[World], Awaitable[None]]


def request(name: str, nth: int = 1, *, after: bool = False, cut: bool = False) -> Point:
    """The bot's ``nth`` request of that name: before or ``after`` the act; ``cut``: it is never acted on."""

    async def point(world: World) -> None:
        seen = 0

        def of_the_bot(call: Call) -> bool:
            nonlocal seen
            seen += call.user == BOT_ID
            return call.user == BOT_ID and seen == nth

        def on_the_line(_: TLRequest) -> bool:
            nonlocal seen
            seen += 1
            return seen >= nth

        if cut:
            # Nobody but the bot sends such requests here.
            world.sandbox.faults.link.cut_before(name, times=None, when=on_the_line)
            await until(lambda: seen >= nth)
        else:
            gate = world.sandbox.faults.hold(name, after=after, when=of_the_bot)
            try:
                await gate.reached()
            finally:
                # The bot is killed first; what waits here goes on then, as on a real server.
                asyncio.get_running_loop().call_later(0.2, gate.open)

    point.__name__ = f"{name} {nth} {'cut' if cut else 'after' if after else 'before'}"
    return point


async def never(_: World) -> None:
    """No point at all."""
    await asyncio.Event().wait()


def logged(pattern: str) -> Point:
    """The log says so (again)."""

    async def point(world: World) -> None:
        known = len(world.lines())
        await until(lambda: any(re.search(pattern, line) for line in world.lines()[known:]))

    point.__name__ = pattern
    return point


def journaled(kind: str, count: int) -> Point:
    """The job's journal has so many lines of that kind."""

    async def point(world: World) -> None:
        def lines() -> int:
            records: list[Record] = []
            for path in world.data.glob("jobs/*/journal.jsonl"):
                with suppress(FileNotFoundError):  # the job has just ended
                    records += parse(path.read_bytes())[0]
            return sum(record["t"] == kind for record in records)

        await until(lambda: lines() >= count)

    point.__name__ = f"{count} {kind}"
    return point


def saved(tens: str) -> Point:
    """So many tens of percent are saved: at the first ones a segment is surely finished."""
    return logged(rf"💾 Conversion state saved: film.avi \([{tens}]\d%")


#: Each row is one part of an archive's way. Its stories are told side by side, each by a bot of its own with
#: an archive of its own, and the bot is killed at each point of its story in turn.
STORIES: dict[str, Sequence[Sequence[Point]]] = {
    "download": [
        [
            journaled("origin", 1),
            request("messages.sendMessage"),
            # Between two deaths while it was being opened it is opened, or it would be given up after three.
            journaled("file", 1),
            request("messages.getMessages"),
            request("upload.getFile", cut=True),
        ],
        [
            request("upload.getFile"),
            request("upload.getFile", after=True),
            journaled("file", 1),
            request("upload.getFile", 2),
            journaled("run", 1),
        ],
    ],
    "extraction and part upload": [
        [
            journaled("file", 1),
            journaled("file", 5),
            request("upload.saveFilePart"),
            request("upload.saveFilePart", 4, after=True),
            request("upload.saveFilePart", 9, cut=True),
        ],
        [
            request("messages.uploadMedia"),
            request("messages.uploadMedia", 3, after=True),
            request("messages.uploadMedia", 7, cut=True),
            journaled("media", 12),
        ],
    ],
    "between intent, call and answer": [
        [
            journaled("announce", 1),
            request("messages.sendMultiMedia", cut=True),
            request("messages.sendMultiMedia"),
            request("messages.sendMultiMedia", after=True),
        ],
        [
            journaled("sent", 2),
            request("messages.sendMultiMedia", 2, after=True),
            request("messages.sendMultiMedia", cut=True),
            logged("✅ Uploaded 2 images"),
            request("messages.sendMedia"),
        ],
    ],
    "before and after a conversion": [
        [
            journaled("defer", 1),
            journaled("extracted", 1),
            logged("🎬 Starting deferred conversion"),
        ],
        [
            logged("✅ Conversion completed: wrap.mkv"),
            request("messages.sendMedia", after=True),
            logged("✅ Conversion completed: film.avi"),
            request("messages.sendMedia", cut=True),
        ],
    ],
    "conversion": [
        [
            saved("23"),
            logged("♻️ Resumed conversion after crash: film.avi"),
            # Each time it got on, or it would be given up after three.
            saved("45"),
            saved("6-9"),
        ],
    ],
    "clean-up": [
        [
            journaled("converted", 3),
            request("messages.sendMedia"),
            request("messages.sendMessage", cut=True),
        ],
        [
            request("messages.sendMessage"),
            request("messages.sendMessage", after=True),
            request("messages.editMessage", cut=True),
            request("messages.editMessage", after=True),
        ],
    ],
}


#: How often each of the bots loses its power, and the dice of each.
POWER_CUTS = 3
DICE = ((3, 4), (5, 6))
#: A line that no journal gets to.
NEVER = 1_000_000

#: Archives that are sent at most until every point of a story was reached.
MOST_ARCHIVES = 6


@asynccontextmanager
async def worlds(folder: Path, server_key: Path, count: int) -> AsyncIterator[list[World]]:
    """So many worlds that know nothing of each other, in each of which the bot ran once.

    A bot that never ran has no place among the updates from which to catch up.
    """
    async with AsyncExitStack() as stack:
        found = []
        for number in range(count):
            own = folder / str(number)
            own.mkdir()
            world = await stack.enter_async_context(world_in(own, server_key))
            async with world.running():
                pass
            found.append(world)
        yield found


async def tell(
    world: World,
    story: Sequence[Point],
    entries: Mapping[str, bytes],
    settings: Mapping[str, str] | None = None,
) -> int:
    """Send an archive of ``entries`` and kill the bot at every point of ``story``, then let it finish.

    Should an archive be finished before all points were reached, another one is sent for the rest.
    Returns the number of archives.
    """
    environ = environment(
        world, CONVERSION_STATE_SAVE_INTERVAL="0", CONVERSION_THREADS="1", **(settings or {})
    )
    points = list(story)
    for sent in range(1, MOST_ARCHIVES + 1):
        # The note makes each archive another file: the same one is not taken twice.
        content = {**entries, "notes.txt": b"%d" % sent}
        await world.send(zip_of(world.folder / f"trip{sent}.zip", content))
        while points and await killed_at(points[0], world, environ, sent):
            print("killed at:", points.pop(0).__name__)  # shown when a test fails
        await killed_at(never, world, environ, sent)
        if not points:
            return sent
    raise AssertionError(f"never reached: {[point.__name__ for point in points]}")


async def side_by_side(tellings: Iterable[Coroutine[None, None, None]]) -> None:
    """All at once; the first that fails ends the others."""
    async with asyncio.TaskGroup() as group:
        for telling in tellings:
            group.create_task(telling)


async def killed_at(point: Point, world: World, environ: dict[str, str], archives: int) -> bool:
    """Run the bot until ``point`` and kill it there; False when it had finished before, and was stopped."""
    process = await start(environ)
    ended = asyncio.create_task(process.communicate())
    arrived = asyncio.ensure_future(point(world))
    done = asyncio.create_task(until(lambda: finished(world, archives)))
    try:
        await asyncio.wait([arrived, done, ended], return_when=asyncio.FIRST_COMPLETED)
        assert not ended.done(), f"the bot ended by itself: {ended.result()}"
        for task in (arrived, done):
            if task.done():
                task.result()
        return arrived.done()
    except TimeoutError:
        print("the end of its log:", *world.lines()[-40:], sep="\n")
        raise
    finally:
        if not ended.done():
            process.send_signal(signal.SIGTERM if done.done() and not arrived.done() else signal.SIGKILL)
        await ended
        arrived.cancel()
        done.cancel()
        await asyncio.gather(arrived, done, return_exceptions=True)
        world.sandbox.faults.clear()
        world.sandbox.faults.link.clear()
        check_state_files(world)


def finished(world: World, archives: int) -> bool:
    """No job's folder is left, and so many summaries are in the chat."""
    return not world.leftovers() and len(summaries(world)) >= archives


def summaries(world: World) -> list[str]:
    return [m.text for m in world.chat() if m.kind == "text" and " sent." in m.text]


def check_state_files(world: World) -> None:
    """Every state file parses, whatever instant the kill came at."""
    state = world.data / "conversion_state.json"
    if state.exists():
        json.loads(state.read_text())
    for journal in world.data.glob("jobs/*/journal.jsonl"):
        content = journal.read_bytes()
        assert parse(content)[1] >= len(content) - len(content.rpartition(b"\n")[2])


def check_chat(world: World, archives: int) -> None:
    """Each file exactly once, in order inside its folder, one summary an archive, nothing left."""
    media = world.media()
    size = len(PHOTOS) + len(READY) + len(DEFERRED)
    assert len(media) == size * archives
    for number in range(archives):
        check_archive(media[number * size : (number + 1) * size])
    texts = [message.text for message in world.chat() if message.kind == "text"]
    assert len(summaries(world)) == archives
    assert len(texts) == archives, texts
    assert world.leftovers() == []
    assert not list((world.data / "quarantine").iterdir())


def check_archive(media: Sequence[StoredMessage]) -> None:
    """What came of one archive."""
    photos = [message.sha256 for message in media if message.kind == "photo"]
    names = {hashlib.sha256(content).hexdigest(): name for name, content in PHOTOS.items()}
    assert sorted(names[sha or ""] for sha in photos) == sorted(PHOTOS)
    for folder in "ab":
        numbers = [int(names[sha or ""][5:-4]) for sha in photos if names[sha or ""].startswith(folder)]
        assert numbers == sorted(numbers)
    videos = [message for message in media if message.kind == "video"]
    ready = sorted(hashlib.sha256(content).hexdigest() for content in READY.values())
    assert sorted(m.sha256 or "" for m in videos if m.name in ("clip0.mp4", "clip1.mp4")) == ready
    assert sorted(m.name or "" for m in videos if m.name not in ("clip0.mp4", "clip1.mp4")) == CONVERTED


@pytest.mark.parametrize("name", STORIES)
async def test_however_often_it_is_killed_each_file_arrives_once(
    tmp_path: Path, server_key: Path, name: str
) -> None:
    async def one(world: World, story: Sequence[Point]) -> None:
        if name == "conversion":
            # Each segment takes a while, so that a kill comes in the middle.
            slow = {
                "CONVERSION_SEGMENT_SECONDS": "4",
                "PATH": ffmpeg_after(world.folder / "tools", SEGMENT, "sleep 0.5"),
            }
            sent = await tell(world, story, {**TRIP, "b/film.avi": video("avi", seconds=40)}, slow)
        else:
            sent = await tell(world, story, TRIP)
        check_chat(world, sent)

    stories = STORIES[name]
    async with worlds(tmp_path, server_key, len(stories)) as found:
        await side_by_side(one(world, story) for world, story in zip(found, stories, strict=True))


def test_there_are_at_least_forty_kill_points() -> None:
    assert sum(len(story) for stories in STORIES.values() for story in stories) >= 40


def test_the_power_fails_at_least_twelve_times() -> None:
    assert sum(len(dice) for dice in DICE) * POWER_CUTS >= 12


@pytest.mark.parametrize("dice", DICE)
async def test_a_power_cut_in_the_middle_of_any_line_loses_nothing_and_doubles_nothing(
    tmp_path: Path, server_key: Path, dice: Sequence[int]
) -> None:
    """Each run dies in a line of a journal, cut at a random byte, and loses what it had not synced."""
    async with worlds(tmp_path, server_key, len(dice)) as found:
        await side_by_side(
            cut_off(world, random.Random(seed))  # noqa: S311
            for world, seed in zip(found, dice, strict=True)
        )


async def cut_off(world: World, dice: random.Random) -> None:
    """Send archives and let the power fail until it failed often enough."""
    environ = environment(world)
    entries = {**PHOTOS, **READY, "b/wrap.mkv": DEFERRED["b/wrap.mkv"]}
    names = {hashlib.sha256(content).hexdigest(): name for name, content in entries.items()}
    cuts = sent = 0
    while cuts < POWER_CUTS:
        sent += 1
        before = len(world.media())
        await world.send(zip_of(world.folder / f"trip{sent}.zip", {**entries, "notes.txt": b"%d" % sent}))
        # What was not synced is taken out again, so that an album needs a run of some thirty lines.
        while await power_fails(
            environ,
            line=dice.randint(2, 40) if cuts < POWER_CUTS else NEVER,
            share=dice.random(),
            over=lambda: finished(world, sent),  # noqa: B023 - awaited right here
        ):
            cuts += 1
            check_state_files(world)
        arrived = [names.get(message.sha256 or "", message.name) for message in world.media()[before:]]
        assert sorted(map(str, arrived)) == sorted([*PHOTOS, *READY, "wrap_converted.mp4"])
        assert len(summaries(world)) == sent
        assert not world.leftovers()
        assert not list((world.data / "quarantine").iterdir())


@pytest.mark.parametrize("damaged", [False, True], ids=["whole", "damaged archive"])
async def test_what_a_power_cut_took_is_taken_out_again_though_all_was_taken_out_before(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damaged: bool
) -> None:
    photos = dict(list(PHOTOS.items())[:9])
    archive = tmp_path / "trip.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        for name, content in photos.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    if damaged:
        archive.write_bytes(archive.read_bytes()[:-5000])
    gate = world.sandbox.faults.hold("upload.saveFilePart", times=None, when=lambda call: call.user == BOT_ID)
    async with world.running():
        await world.send(archive)
        await journaled("failed" if damaged else "extracted", 1)(world)
    files = list(world.data.glob("jobs/*/files/*"))
    assert len(files) >= 5
    for path in files:
        path.write_bytes(b"\0" * path.stat().st_size)
    gate.open()
    monkeypatch.setattr("utils.bot.boot_id", lambda: "another run of the machine")
    async with world.running():
        await until(lambda: not world.leftovers())
    names = {hashlib.sha256(content).hexdigest(): name for name, content in photos.items()}
    arrived = [names.get(message.sha256 or "", "something else") for message in world.media()]
    assert arrived == list(photos)[: len(files)]
    assert damaged == any("❌ trip.tar.gz: " in message.text for message in world.chat())
