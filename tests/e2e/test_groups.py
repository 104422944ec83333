"""In a group: to what the bot listens, who may steer, and how fast it sends."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from telethon.tl import TLObject, types
from telethon.tl.custom import Message

from sandbox import StoredMessage
from sandbox.person import Person
from tests.files import photo, zip_of
from tests.world import BOT, BOT_ID, World, until
from utils.chat.conversation import WORDS
from utils.chat.groups import NOT_RUN, NOT_YOURS
from utils.telegram import group_pace

PEOPLE = ((2, "bob"), (3, "carl"))
CANCEL, PAUSE = "✖️ Cancel", "⏸️ Pause"


class Group:
    """A supergroup with the bot and some people in it."""

    def __init__(self, world: World, number: int) -> None:
        self.world, self.number = world, number

    @classmethod
    async def of(cls, world: World, **members: bool) -> Group:
        """With Ann and ``members``: name -> whether they are administrators."""
        group = cls(world, await world.sandbox.add_group("Family", forum=True))
        for member in (BOT_ID, world.person_id):
            await world.sandbox.join(group.number, member)
        for n, (name, admin) in enumerate(members.items(), 2):
            known = await world.sandbox.add_person(f"+1555000{n}", name.title(), name)
            await world.sandbox.join(group.number, known, admin=admin)
        # Of a group in which nothing was ever said nobody would know.
        await world.sandbox.add_topic(group.number, world.person_id, "Trips")
        return group

    def said(self) -> list[StoredMessage]:
        """What the bot has sent there."""
        messages = self.world.sandbox.messages(self.number, self.number)
        return [message for message in messages if message.sent_by == BOT_ID]

    def photos(self) -> int:
        return sum(message.kind == "photo" for message in self.said())

    async def seen_by(self, person: Person) -> TLObject:
        return next(d for d in await person.client.get_dialogs() if d.is_channel).input_entity

    async def text(self, words: str) -> StoredMessage:
        """The newest that the bot says there, once it says that."""
        await until(lambda: any(words in message.text for message in self.said()))
        return [message for message in self.said() if words in message.text][-1]

    async def press(self, person: Person, message: StoredMessage, label: str) -> str:
        chat = await self.seen_by(person)
        shown: Message = await person.client.get_messages(chat, ids=message.id)
        return str((await shown.click(text=label)).message)


async def test_it_hears_what_is_meant_for_it_and_obeys_whose_archive_it_is(
    world: World, tmp_path: Path
) -> None:
    """One bot for all of it."""
    group = await Group.of(world, bob=False, carl=True, eve=False)
    ann, chat = world.person.client, await group.seen_by(world.person)
    archive, other = (
        zip_of(tmp_path / f"{name}.zip", {"a.jpg": photo(n)}) for n, name in enumerate(("a", "b"))
    )
    gate = world.sandbox.faults.hold("messages.uploadMedia", when=lambda call: call.user == BOT_ID)
    async with (
        world.running(AUTHORIZED_USERS=("ann", "bob", "carl"), OWNER=world.person_id),
        world.sandbox.person("+15550002") as bob,
        world.sandbox.person("+15550003") as carl,
        world.sandbox.person("+15550004") as eve,
    ):
        # Small talk, files for others, and commands to other bots are none of its business.
        passed_over = await ann.send_file(chat, other, force_document=True)
        await ann.send_message(chat, "/status@other_bot")
        await eve.say(await group.seen_by(eve), "hello")
        await ann.send_file(chat, archive, caption=f"for @{BOT.upper()}", force_document=True)
        await gate.reached()
        status = await group.text("📦 a.zip")
        assert [message.text for message in group.said()] == [status.text]
        assert not any("🚫" in line for line in world.lines())

        # It is Ann's, and Carl is an administrator.
        assert await group.press(bob, status, CANCEL) == NOT_YOURS
        await bob.say(await group.seen_by(bob), "/cancel")
        await group.text(NOT_YOURS)
        assert await group.press(carl, status, PAUSE) == "⏸️ Paused: a.zip"
        await ann.send_message(chat, f"/resume@{BOT}", reply_to=status.id)
        await group.text("▶️ Going on: a.zip")
        gate.open()
        summary = await group.text("a.zip: 1 picture sent.")

        # What all get is for those who run the group, and for the bot's owner.
        await bob.say(await group.seen_by(bob), f"/settings@{BOT} silent yes")
        await group.text(NOT_RUN)
        await bob.say(await group.seen_by(bob), f"/settings@{BOT}")
        menu = await group.text("⚙️")
        await group.press(bob, menu, "Silent")
        menu = await group.text("⚙️")
        assert await group.press(bob, menu, "Yes") == NOT_RUN
        assert await group.press(carl, menu, "Yes") == "Silent: Yes"
        await ann.send_message(chat, f"/settings@{BOT} silent no")
        await group.text("Silent: No")

        # A reply to what it said is for it, and its name alone means the file that is replied to.
        await ann.send_message(chat, "Thanks!", reply_to=summary.id)
        await group.text(WORDS)
        await ann.send_message(chat, f"@{BOT}", reply_to=passed_over.id)
        await group.text("b.zip: 1 picture sent.")
        # A stranger gets a line in the log, and silence.
        await eve.say(await group.seen_by(eve), f"@{BOT} hello")
        await until(lambda: any("🚫 Ignored" in line for line in world.lines()))
        await until(lambda: not world.leftovers())
    assert group.photos() == 2 and world.chat() == []


class Basic(Group):
    """A basic group: no channel, and each member counts its messages anew."""

    def said(self) -> list[StoredMessage]:
        messages = self.world.sandbox.messages(self.world.person_id, self.number)
        return [message for message in messages if message.sent_by == BOT_ID]

    async def seen_by(self, person: Person) -> TLObject:
        return types.InputPeerChat(self.number)

    async def press(self, person: Person, message: StoredMessage, label: str) -> str:
        """Who presses knows the message by another number."""
        chat = await self.seen_by(person)
        async for shown in person.client.iter_messages(chat):
            if shown.raw_text == message.text and shown.reply_markup:
                return str((await shown.click(text=label)).message)
        raise AssertionError(label)


async def test_a_basic_group_is_as_good_as_any_other(world: World, tmp_path: Path) -> None:
    group = Basic(world, await world.sandbox.add_chat("Old friends"))
    bob_id, carl_id = [await world.sandbox.add_person(f"+1555000{n}", name, name) for n, name in PEOPLE]
    for member in (BOT_ID, world.person_id, bob_id):
        await world.sandbox.join(group.number, member)
    await world.sandbox.join(group.number, carl_id, admin=True)
    ann, chat = world.person.client, await group.seen_by(world.person)
    gate = world.sandbox.faults.hold("messages.uploadMedia", when=lambda call: call.user == BOT_ID)
    await ann.send_message("me", "so that all count differently")
    archive = zip_of(tmp_path / "a.zip", {f"{n}.jpg": photo(n) for n in range(2)})
    async with (
        world.running(AUTHORIZED_USERS=("ann", "bob", "carl")),
        world.sandbox.person("+15550002") as bob,
        world.sandbox.person("+15550003") as carl,
    ):
        sent = await ann.send_file(chat, archive, caption=f"@{BOT}", force_document=True)
        await gate.reached()
        status = await group.text("📦 a.zip")
        assert await group.press(bob, status, CANCEL) == NOT_YOURS
        assert await group.press(carl, status, PAUSE) == "⏸️ Paused: a.zip"
        await ann.send_message(chat, "/resume", reply_to=status.id)
        await group.text("▶️ Going on: a.zip")
        await bob.client.send_message(chat, f"/settings@{BOT} silent yes")
        await group.text(NOT_RUN)
        await carl.client.send_message(chat, f"/settings@{BOT} silent yes")
        await group.text("Silent: Yes")
        gate.open()
        await group.text("a.zip: 2 pictures sent.")
        assert group.photos() == 2
        assert {message.reply_to for message in group.said() if message.kind == "photo"} == {sent.id}
        await until(lambda: not world.leftovers())
    (kept,) = [m for m in world.sandbox.messages(world.person_id, group.number) if m.id == sent.id]
    assert kept.reactions == ("👍",)


async def test_it_may_hear_all_that_its_people_say_and_sends_as_fast_as_a_group_takes(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_pace, "MESSAGES", 12)
    monkeypatch.setattr(group_pace, "SECONDS", 7.0)
    group = await Group.of(world)
    archive = zip_of(tmp_path / "a.zip", {f"{n:02d}.jpg": photo(n) for n in range(25)})
    async with world.running(TARGET_CHAT=f"-100{group.number}"):
        # What is sent elsewhere, and comes there.
        await world.send(zip_of(tmp_path / "b.zip", {f"{n:02d}.jpg": photo(n) for n in range(13)}))
        assert "a group takes 20 messages a minute" in await world.wait("⏳ Waiting")
        await world.wait("b.zip: 13 pictures sent.")
        assert group.photos() == 13
    async with world.running(GROUP_MODE="all"):
        chat = await group.seen_by(world.person)
        await world.person.client.send_file(chat, archive, force_document=True)
        await group.text("⏳ Waiting")
        assert "a group takes 20 messages a minute" in (await group.text("⏳ Waiting")).text
        await group.text("a.zip: 25 pictures sent.")
        await until(lambda: not world.leftovers())
        await asyncio.sleep(0)
    calls = world.sandbox.faults.called("messages.sendMultiMedia")
    first, second, third = (call.time for call in calls[-3:])
    # The status was the first message.
    assert second - first > 6 and third - second > 6 and group.photos() == 13 + 25
