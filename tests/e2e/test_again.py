"""The button that has a file handled again."""

from __future__ import annotations

import asyncio
from pathlib import Path

from telethon.tl.custom import Message

from sandbox.rpc import RpcError
from tests.files import photo, zip_of
from tests.world import BOT, BOT_ID, World, until

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


async def test_it_says_that_the_file_is_gone(world: World, tmp_path: Path) -> None:
    async with world.running():
        question = await asked(world, tmp_path)
        await world.person.client.delete_messages(BOT, [question.reply_to_msg_id])
        assert await world.person.press(question, AGAIN) == "That message is gone; send it again."
    assert len(world.media()) == 1


async def test_it_works_though_it_is_too_late_for_an_answer(world: World, tmp_path: Path) -> None:
    world.sandbox.faults.fail("messages.setBotCallbackAnswer", RpcError(400, "QUERY_ID_INVALID"), times=None)
    async with world.running():
        pressing = asyncio.create_task(world.person.press(await asked(world, tmp_path), AGAIN))
        await until(lambda: len(world.media()) == 2)
        pressing.cancel()
        await asyncio.wait([pressing])


async def test_a_file_of_which_a_part_came_is_not_said_to_have_come(world: World, tmp_path: Path) -> None:
    whole = zip_of(tmp_path / "whole.zip", {"a.jpg": photo(1), "b.jpg": photo(2)}).read_bytes()
    broken = bytearray(whole)
    broken[whole.index(photo(2)) + 500] ^= 1
    (tmp_path / "a.zip").write_bytes(broken)
    async with world.running():
        message = await world.send(tmp_path / "a.zip")
        assert "Skipped: b.jpg" in await world.summary()
        await until(lambda: not world.leftovers())
        await world.send(tmp_path / "a.zip")
        uploaded = await world.wait("I sent you a part of what is in a.zip on")
        await until(lambda: not world.leftovers())
        await world.person.client.forward_messages(BOT, [message], BOT)
        forwarded = await world.person.wait_for_text("I sent you a part of what is in a.zip on")
    assert uploaded.endswith("; 1 file could not be sent. Shall I do it again?")
    assert forwarded.raw_text == uploaded and forwarded.buttons
    assert not any("❌" in message.text for message in world.chat())
