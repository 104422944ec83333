"""The crash matrix: the bot is killed without warning, again and again, and each file still arrives once."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import signal
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from telethon.tl import TLRequest

from sandbox.faults import Call
from tests.e2e.process import environment, start
from tests.files import photo, video, zip_of
from tests.world import BOT_ID, World, until
from utils.storage.journal import parse

PHOTOS = {f"{folder}/img{n}.jpg": photo(100 * k + n) for k, folder in enumerate("ab") for n in range(1, 13)}
READY = {f"a/clip{n}.mp4": video("mp4", seed=n) for n in range(2)}
DEFERRED = {
    "b/wrap.mkv": video("mkv"),
    "b/sound.mov": video("pcm"),
    "b/film.avi": video("avi", seconds=40),
}
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
                await gate.reached(20)
            finally:
                # The bot is killed first; what waits here goes on then, as on a real server.
                asyncio.get_running_loop().call_later(0.2, gate.open)

    point.__name__ = f"{name} {nth} {'cut' if cut else 'after' if after else 'before'}"
    return point


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
            records = [
                r for path in world.data.glob("jobs/*/journal.jsonl") for r in parse(path.read_bytes())[0]
            ]
            return sum(record["t"] == kind for record in records)

        await until(lambda: lines() >= count)

    point.__name__ = f"{count} {kind}"
    return point


def after_seconds(seconds: float) -> Point:
    """So long after the start of the process."""

    async def point(world: World) -> None:
        await asyncio.sleep(seconds)

    point.__name__ = f"{seconds} s"
    return point


#: Far enough that a segment is surely finished.
SAVED = r"💾 Conversion state saved: film.avi \([2-9]\d%"

#: Each row is one archive's story; the bot is killed at each of its points in turn.
STORIES: dict[str, Sequence[Point]] = {
    "download": [
        after_seconds(0.3),
        request("messages.sendMessage"),
        request("messages.getMessages"),
        request("upload.getFile", cut=True),
        request("upload.getFile"),
        request("upload.getFile", after=True),
        request("upload.getFile", 2),
        after_seconds(0.8),
    ],
    "extraction and part upload": [
        journaled("file", 1),
        journaled("file", 5),
        request("upload.saveFilePart"),
        request("upload.saveFilePart", 4, after=True),
        request("upload.saveFilePart", 9, cut=True),
        request("messages.uploadMedia"),
        request("messages.uploadMedia", 3, after=True),
        request("messages.uploadMedia", 7, cut=True),
        journaled("media", 12),
    ],
    "between intent, call and answer": [
        journaled("announce", 1),
        request("messages.sendMultiMedia", cut=True),
        request("messages.sendMultiMedia"),
        request("messages.sendMultiMedia", after=True),
        journaled("sent", 2),
        request("messages.sendMultiMedia", 2, after=True),
        request("messages.sendMultiMedia", cut=True),
        logged("✅ Uploaded 2 images"),
        request("messages.sendMedia"),
    ],
    "conversion": [
        journaled("defer", 1),
        journaled("extracted", 1),
        logged("🎬 Starting deferred conversion"),
        logged("✅ Conversion completed: wrap.mkv"),
        request("messages.sendMedia", after=True),
        logged(SAVED),
        logged("♻️ Resumed conversion after crash: film.avi"),
        logged(SAVED),
        logged(SAVED),
        logged("✅ Conversion completed: film.avi"),
        request("messages.sendMedia", cut=True),
    ],
    "clean-up": [
        journaled("converted", 3),
        request("messages.sendMedia"),
        request("messages.sendMessage", cut=True),
        request("messages.sendMessage"),
        request("messages.sendMessage", after=True),
        request("messages.editMessage", cut=True),
        request("messages.editMessage", after=True),
    ],
}


@dataclass(frozen=True)
class Told:
    """How one story went: the points at which the bot really was killed."""

    kills: list[str]


async def tell(world: World, story: Sequence[Point], archive: Path) -> Told:
    """Send ``archive``, kill the bot at every point of ``story``, then let it finish."""
    environ = environment(
        world,
        CONVERSION_STATE_SAVE_INTERVAL="0",
        CONVERSION_SEGMENT_SECONDS="4",
        # Slow enough that a kill comes in the middle.
        VIDEO_PRESET="veryslow",
        CONVERSION_THREADS="1",
    )
    # A bot that never ran has no place among the updates from which to catch up.
    async with world.running():
        pass
    await world.send(archive)
    kills: list[str] = []
    for point in story:
        process = await start(environ)
        arrived = asyncio.create_task(point(world))
        done = asyncio.create_task(finished(world))
        try:
            await asyncio.wait([arrived, done], return_when=asyncio.FIRST_COMPLETED)
            if arrived.done():
                arrived.result()
                kills.append(point.__name__)
                print("killed at:", point.__name__)  # shown when a test fails
        finally:
            process.send_signal(signal.SIGKILL)
            await process.communicate()
            arrived.cancel()
            done.cancel()
            await asyncio.gather(arrived, done, return_exceptions=True)
            world.sandbox.faults.clear()
            world.sandbox.faults.link.clear()
        check_state_files(world)
    process = await start(environ)
    try:
        await finished(world)
    finally:
        process.terminate()
        await process.communicate()
    return Told(kills)


async def finished(world: World) -> None:
    """The summary is in the chat, and the job's folder is gone."""
    await world.summary(120)
    await until(lambda: not world.leftovers())


def check_state_files(world: World) -> None:
    """Every state file parses, whatever instant the kill came at."""
    state = world.data / "conversion_state.json"
    if state.exists():
        json.loads(state.read_text())
    for journal in world.data.glob("jobs/*/journal.jsonl"):
        content = journal.read_bytes()
        assert parse(content)[1] >= len(content) - len(content.rpartition(b"\n")[2])


def check_chat(world: World) -> None:
    """Each file exactly once, in order inside its folder, one summary, nothing left."""
    media = world.media()
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
    assert len(media) == len(PHOTOS) + len(READY) + len(DEFERRED)
    texts = [message.text for message in world.chat() if message.kind == "text"]
    assert sum(" sent." in text for text in texts) == 1
    assert len(texts) == 2, texts
    assert world.leftovers() == []
    assert not list((world.data / "quarantine").iterdir())


@pytest.mark.timeout(240)
@pytest.mark.parametrize("name", STORIES)
async def test_however_often_it_is_killed_each_file_arrives_once(
    world: World, tmp_path: Path, name: str
) -> None:
    archive = zip_of(tmp_path / "trip.zip", {**PHOTOS, **READY, **DEFERRED, "notes.txt": b"none"})
    told = await tell(world, STORIES[name], archive)
    check_chat(world)
    # A point that never comes because its work was done already would prove nothing.
    assert len(told.kills) == len(STORIES[name]), told.kills


def test_there_are_at_least_forty_kill_points() -> None:
    assert sum(len(story) for story in STORIES.values()) >= 40
