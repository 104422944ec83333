"""The button that has a file handled again."""

from __future__ import annotations

from pathlib import Path

from telethon.tl.custom import Message

from tests.files import photo, zip_of
from tests.world import BOT_ID, World, until

AGAIN = "🔁 Again"


async def asked(world: World, folder: Path) -> Message:
    """The question whether a file, which was handled before, is to be handled again."""
    archive = zip_of(folder / "a.zip", {"a.jpg": photo(1)})
    await world.send(archive)
    await world.summary()
    await until(lambda: not world.leftovers())
    await world.send(archive)
    return await world.person.wait_for_text("I sent you what is in a.zip on")


async def test_pressed_twice_it_is_done_once(world: World, tmp_path: Path) -> None:
    async with world.running():
        question = await asked(world, tmp_path)
        gate = world.sandbox.faults.hold("messages.uploadMedia", when=lambda call: call.user == BOT_ID)
        await world.person.press(question, AGAIN)
        assert await world.person.press(question, AGAIN) == "I am at it already."
        await gate.reached()
        gate.open()
        await until(lambda: not world.leftovers())
        assert len(world.media()) == 2
        # Another time is another matter.
        await world.person.press(question, AGAIN)
        await until(lambda: len(world.media()) == 3)
