"""Asked first what of an archive is wanted: every button is pressed, over restarts; nobody is held up."""

from __future__ import annotations

import itertools
from pathlib import Path

from telethon.tl.custom import Message

from tests.e2e.process import environment, start
from tests.files import photo, video, zip_of
from tests.world import BOT, World, until

NUMBERS = itertools.count(1)


def archive(folder: Path, name: str) -> Path:
    """Two folders, and a text."""
    first, second = next(NUMBERS), next(NUMBERS)
    entries = {"a/1.jpg": photo(first), "a/film.mp4": video(), "b/2.jpg": photo(second), "notes.txt": b"text"}
    return zip_of(folder / name, entries)


def labels(message: Message) -> list[str]:
    return [button.text for row in message.buttons or [] for button in row]


async def question(world: World, name: str) -> Message:
    """The one about that archive, as it is now."""
    await world.wait(f"❓ {name}: what of it do you want?")
    texts = await world.person.history(BOT)
    return next(m for m in texts if (m.raw_text or "").startswith(f"❓ {name}"))


def questions(world: World) -> int:
    """How many there are."""
    return sum(f"{m.text}{m.caption}".startswith("❓") for m in world.chat())


async def test_what_is_chosen_comes_and_others_do_not_wait_meanwhile(world: World, tmp_path: Path) -> None:
    process = await start(environment(world))
    try:
        await until(lambda: any("✅ Ready" in line for line in world.lines()))
        await world.send(archive(tmp_path, "ticked.zip"), "?")
        asked = await question(world, "ticked.zip")
        assert asked.photo is not None
        assert [line.rpartition(", ")[0] for line in asked.raw_text.splitlines()[1:4]] == [
            "2 pictures, 1 video, 1 other file",
            "📁 (outside of folders): 1 other file",
            "📁 a: 1 picture, 1 video",
        ]
        assert labels(asked) == [
            *("📦 All", "🖼️ Pictures: 2", "🎬 Videos: 1", "📎 Other files: 1"),
            *("📁 Choose folders", "✖️ Cancel"),
        ]
        await world.wait("❓ Waiting for your choice")
        await world.send(archive(tmp_path, "other.zip"))
        await world.wait("other.zip: 2 pictures and 1 video sent")
        assert await world.person.press(asked, "📁 Choose folders") is None
        assert labels(await question(world, "ticked.zip"))[1:] == ["⬜ a: 2", "⬜ b: 1", "◀️ Back"]
        await world.person.press(asked, "⬜ a: 2")
        await world.person.press(asked, "⬜ b: 1")
        await world.person.press(asked, "☑️ a: 2")
    finally:
        process.kill()
        await process.communicate()
    async with world.running():
        # In the same state, and not asked twice.
        shown = await question(world, "ticked.zip")
        assert shown.id == asked.id and shown.photo is not None
        ticked = ["⬜ a: 2", "☑️ b: 1", "✅ Send 1 folder", "◀️ Back"]
        assert labels(shown)[1:] == ticked
        await world.person.press(shown, "◀️ Back")
        await world.person.press(shown, "📁 Choose folders")
        assert labels(await question(world, "ticked.zip"))[1:] == ticked
        before = len(world.media()) - questions(world)
        await world.person.press(shown, "✅ Send 1 folder")
        summary = await world.wait("ticked.zip: 1 picture sent")
        assert "Left out by choice: 3 files." in summary
        await until(lambda: not questions(world))
        assert len(world.media()) == before + 1
        chosen = {
            "📦 All": "2 pictures, 1 video and 1 file sent",
            "🖼️ Pictures: 2": "2 pictures sent",
            "🎬 Videos: 1": "1 video sent",
            "📎 Other files: 1": "1 file sent",
            "✖️ Cancel": "cancelled.",
        }
        await world.person.say(BOT, "/settings ask_first always")
        for number, (label, said) in enumerate(chosen.items()):
            await world.send(archive(tmp_path, f"{number}.zip"))
            await world.person.press(await question(world, f"{number}.zip"), label)
            await world.wait(f"{number}.zip: {said}")
        await until(lambda: not world.leftovers())
    assert not questions(world)
