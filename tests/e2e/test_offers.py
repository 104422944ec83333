"""What the summary offers: what failed again, all as files, and the names that it does not show."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

from telethon.tl import types
from telethon.tl.custom import Message

from sandbox.faults import Call
from tests.files import photo, zip_of
from tests.world import BOT, BOT_ID, World, until
from utils.chat.reception import OLD_BUTTON

FAILED, FILES, OTHERS = "🔁 Retry what failed", "📄 Send as files", "📎 Send the other files"
#: Each has a height of its own, by which Telegram knows it.
PHOTOS = {f"{n}.jpg": photo(n, (640, 480 + n)) for n in range(3)}


def labels(message: Message) -> list[str]:
    return [button.text for row in message.buttons or [] for button in row]


def summaries(world: World) -> list[str]:
    return [message.text for message in world.chat() if " sent." in message.text]


async def test_what_failed_is_tried_again_alone_and_all_comes_as_files_when_asked_for(
    world: World, tmp_path: Path
) -> None:
    refusing = True
    world.sandbox.faults.refuse_media(
        lambda media: refusing and (media.height == 481 or media.size == len(PHOTOS["1.jpg"]))
    )
    async with world.running():
        await world.person.say(BOT, "/stats")
        await world.wait("Nothing came here yet.")
        await world.send(zip_of(tmp_path / "a.zip", {**PHOTOS, "notes.txt": b"words"}))
        first = await world.person.wait_for_text("a.zip: 2 pictures sent.")
        assert labels(first) == [FAILED, OTHERS, FILES]
        # It is old only when there is nothing to try.
        await world.person.press(first, FAILED)
        await until(lambda: len(summaries(world)) == 2)
        await until(lambda: not world.leftovers())
        assert len(world.media()) == 2
    refusing = False
    async with world.running():
        said = await asyncio.gather(*(world.person.press(first, FAILED) for _ in range(2)))
        assert sorted(map(str, said)) == ["I am at it already.", "None"]
        await world.wait("a.zip: 1 picture sent.")
        await until(lambda: not world.leftovers())
        assert [m.sha256 for m in world.media()[2:]] == [hashlib.sha256(PHOTOS["1.jpg"]).hexdigest()]
        assert await world.person.press(first, FAILED) == OLD_BUTTON
        await world.person.press(first, FILES)
        await world.wait("a.zip: 3 files sent.")
        await until(lambda: not world.leftovers())
        # The first, its two repeats, and all of it as files.
        await world.person.say(BOT, "/stats")
        assert "\n4 archives · 6 files · " in await world.wait("📊 In this chat, since")
    came = world.media()[3:]
    assert [message.kind for message in came] == ["document"] * 3
    assert [m.sha256 for m in came] == [hashlib.sha256(content).hexdigest() for content in PHOTOS.values()]


async def test_the_names_come_as_a_file_once_though_its_answer_is_lost_and_the_bot_is_stopped(
    world: World, tmp_path: Path
) -> None:
    def is_listing(call: Call) -> bool:
        return isinstance(call.request.media, types.InputMediaDocument)

    def is_summary(call: Call) -> bool:
        return " sent." in call.request.message

    names = [f"Notes/{n:02d}.txt" for n in range(11)]
    world.sandbox.faults.lose_answer("messages.sendMedia", when=is_listing)
    gate = world.sandbox.faults.hold("messages.editMessage", when=is_summary)
    async with world.running():
        await world.send(zip_of(tmp_path / "a.zip", {"a.jpg": photo(1), **dict.fromkeys(names, b"words")}))
        await gate.reached()
    gate.open()
    async with world.running():
        await world.summary()
        await until(lambda: not world.leftovers())
    listing = await world.person.wait_for(lambda m: m.file is not None and m.file.name == "a.zip.txt")
    text = (await world.person.client.download_media(listing, bytes)).decode()
    assert text.splitlines() == ["📄 Left out, neither picture nor video", *(f"  {name}" for name in names)]
    assert [m.kind for m in world.chat() if m.sent_by == BOT_ID] == ["text", "photo", "document"]
    assert [m.name for m in await _documents(world)] == ["a.zip.txt"]


async def _documents(world: World) -> list[types.DocumentAttributeFilename]:
    history = await world.person.history(BOT)
    return [m.file for m in history if not m.out and m.file and (m.file.name or "").endswith(".txt")]
