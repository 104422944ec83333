"""Who is not, or no longer, named in the settings, and what one chat must not do to another."""

from __future__ import annotations

import asyncio
from pathlib import Path

from telethon.tl import functions

from tests.e2e.test_again import AGAIN, asked
from tests.files import encrypted, photo, zip_of
from tests.world import BOT, BOT_ID, World, until
from utils.chat.reception import UNKNOWN_BUTTON
from utils.storage import bindings


def ignored(world: World) -> int:
    return sum("🚫 Ignored" in line for line in world.lines())


async def test_the_button_of_somebody_who_may_no_longer_use_it_does_nothing(
    world: World, tmp_path: Path
) -> None:
    async with world.running():
        question = await asked(world, tmp_path)
        await until(lambda: not world.leftovers())
    before = world.chat()
    world.sandbox.button_patience = 0.5
    async with world.running(AUTHORIZED_USERS=("somebody_else",)):
        assert await world.person.press(question, AGAIN) is None
        await until(lambda: ignored(world) == 1)
        await world.person.say(BOT, "/status")
        await asyncio.sleep(0.5)
        assert ignored(world) == 1 and not world.leftovers()
    assert world.chat() == before
    assert world.sandbox.faults.called("messages.setBotCallbackAnswer") == []


async def test_only_a_button_that_is_there_does_anything(world: World, tmp_path: Path) -> None:
    """A client may send what it likes as what a button carries, for any message."""
    world.sandbox.pass_forged_presses_on()
    async with world.running():
        question = await asked(world, tmp_path)
        await until(lambda: not world.leftovers())
        there = question.buttons[0][0].data
        texts = [
            message for message in await world.person.history(BOT) if not message.out and not message.file
        ]
        plain = next(message for message in texts if message.id != question.id)
        for message, data in [
            (plain, there),
            (question, b"again:1"),
            (question, there + b"+1"),
            (question, b"again:" + b"9" * 50),
            (question, b"\xff\0"),
            (question, b""),
        ]:
            press = functions.messages.GetBotCallbackAnswerRequest(BOT, message.id, data=data)
            assert (await world.person.client(press)).message == UNKNOWN_BUTTON
        assert len(world.media()) == 1 and not world.leftovers()
        await world.person.press(question, AGAIN)
        await until(lambda: len(world.media()) == 2)
    assert not any("ERROR" in line for line in world.lines())


async def test_a_chat_sees_and_cancels_only_what_is_its_own(world: World, tmp_path: Path) -> None:
    await world.sandbox.add_person("+15550002", "Bob", "bob")
    async with (
        world.running(AUTHORIZED_USERS=("ann", "bob")),
        world.sandbox.person("+15550002") as bob,
    ):
        await bob.say(BOT, "/start")
        gate = world.sandbox.faults.hold("messages.uploadMedia", when=lambda call: call.user == BOT_ID)
        await world.send(zip_of(tmp_path / "a.zip", {"a.jpg": photo(1)}))
        await gate.reached()
        await bob.say(BOT, "/status")
        await bob.wait_for_text("I have nothing to do for you.")
        await bob.say(BOT, "/cancel")
        await bob.wait_for_text("There is nothing to cancel.")
        # From now on the names stand for these accounts alone.
        assert set(bindings.read(world.data / "usernames.json")) == {"ann", "bob"}
        await world.person.say(BOT, "/status")
        await world.wait("📦 a.zip")
        gate.open()
        assert "1 picture sent" in await world.summary()


async def test_a_password_is_taken_only_from_the_chat_that_was_asked(world: World, tmp_path: Path) -> None:
    await world.sandbox.add_person("+15550002", "Bob", "bob")
    async with (
        world.running(AUTHORIZED_USERS=("ann", "bob")),
        world.sandbox.person("+15550002") as bob,
    ):
        await bob.say(BOT, "/start")
        await world.send(encrypted(tmp_path / "secret.7z", "opensesame"))
        await world.wait("attempt 1 of 3")
        await bob.say(BOT, "opensesame")
        await bob.wait_for_text("Send me an archive", 20)
        assert world.media() == []
        await world.person.say(BOT, "opensesame")
        assert "1 picture sent" in await world.summary()
    assert not any("attempt 2" in message.text for message in world.chat())
