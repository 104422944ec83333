"""Basic groups: each member has a copy under a number of their own; what is done to one is done to all."""

from __future__ import annotations

import asyncio

import pytest
from telethon import Button, TelegramClient, errors, events, functions, types

from sandbox import Sandbox
from sandbox.person import Person

from .conftest import BOT_ID


async def test_each_has_a_copy_and_all_change_at_once(
    sandbox: Sandbox, person: Person, bot_client: TelegramClient
) -> None:
    group = await sandbox.add_chat("Old friends")
    ann = (await person.client.get_me()).id
    eve = await sandbox.add_person("+15550009", "Eve")
    await sandbox.join(group, ann, admin=True)
    await sandbox.join(group, BOT_ID)
    chat, heard = types.InputPeerChat(group), asyncio.Queue[types.Message]()
    bot_client.add_event_handler(heard.put, events.NewMessage(incoming=True))
    await person.client.send_message("me", "so that they count differently")
    asked = await person.client.send_message(chat, "who is there?")
    arrived = await asyncio.wait_for(heard.get(), 60)
    assert arrived.is_group and arrived.chat_id == -group and arrived.sender_id == ann
    assert arrived.id != asked.id

    answer = await arrived.reply("me", buttons=[[Button.inline("Who?", b"who")]])
    (mine,) = [m for m in sandbox.messages(ann, group) if m.sent_by == BOT_ID]
    assert (mine.text, mine.reply_to) == ("me", asked.id)
    pressed = asyncio.Queue[events.CallbackQuery.Event]()
    bot_client.add_event_handler(pressed.put, events.CallbackQuery())
    shown = await person.client.get_messages(chat, ids=mine.id)
    pressing = asyncio.create_task(shown.click(0))
    press = await asyncio.wait_for(pressed.get(), 60)
    assert (press.message_id, press.chat_id) == (answer.id, -group)
    await press.answer("the bot")
    assert (await pressing).message == "the bot"

    await answer.edit("me, the bot")
    assert [m.text for m in sandbox.messages(ann, group)] == ["who is there?", "me, the bot"]
    await answer.delete()
    assert [m.text for m in sandbox.messages(ann, group)] == ["who is there?"]
    full = await bot_client(functions.messages.GetFullChatRequest(group))
    kinds = {type(one): one.user_id for one in full.full_chat.participants.participants}
    assert kinds == {types.ChatParticipantAdmin: ann, types.ChatParticipant: BOT_ID}
    async with sandbox.person("+15550009") as stranger:
        with pytest.raises(errors.PeerIdInvalidError):
            await stranger.client.send_message(chat, "me, too")
    assert eve not in {m.sent_by for m in sandbox.messages(ann, group)}
