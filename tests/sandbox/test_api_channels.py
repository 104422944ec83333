"""Channels: one copy of each post for all, numbered by itself, and only admins post."""

from __future__ import annotations

import asyncio

import pytest
from telethon import TelegramClient, errors, events, functions, types, utils

from sandbox import Sandbox
from sandbox.person import Person

from .conftest import BOT_ID, jpeg


@pytest.fixture
async def channel(sandbox: Sandbox, person: Person, bot_client: TelegramClient) -> int:
    """A private channel in which the bot may post and Ann reads; its id."""
    number = await sandbox.add_channel("Holidays")
    await sandbox.join(number, BOT_ID, admin=True)
    await sandbox.join(number, (await person.client.get_me()).id)
    return number


async def test_a_post_reaches_the_members_and_is_everybodys_same(
    sandbox: Sandbox, person: Person, bot_client: TelegramClient, channel: int
) -> None:
    seen = asyncio.Queue[types.Message]()
    person.client.add_event_handler(seen.put, events.NewMessage())
    sent = await bot_client.send_message(int(f"-100{channel}"), "sunny")
    arrived = await asyncio.wait_for(seen.get(), 60)
    assert (arrived.id, arrived.raw_text, arrived.post, arrived.out) == (sent.id, "sunny", True, False)
    assert sent.out and sent.post and sent.peer_id == types.PeerChannel(channel)
    edited = await bot_client.edit_message(int(f"-100{channel}"), sent.id, "rainy")
    assert edited.raw_text == "rainy"
    history = await person.client.get_messages(await arrived.get_input_chat(), limit=5)
    assert [message.raw_text for message in history] == ["rainy"]
    assert [(post.text, post.sent_by) for post in sandbox.messages(channel, channel)] == [("rainy", BOT_ID)]
    (dialog,) = await person.client.get_dialogs()
    assert (dialog.title, dialog.message.raw_text) == ("Holidays", "rainy")


async def test_a_repeated_random_id_makes_no_second_post(
    sandbox: Sandbox, bot_client: TelegramClient, channel: int
) -> None:
    peer = await bot_client.get_input_entity(int(f"-100{channel}"))
    file = await bot_client.upload_file(jpeg(100, 80), file_name="a.jpg")
    photo = types.InputMediaUploadedPhoto(file)
    media = await bot_client(functions.messages.UploadMediaRequest(peer, photo))
    single = types.InputSingleMedia(utils.get_input_media(media.photo), "", random_id=77)
    request = functions.messages.SendMultiMediaRequest(peer, [single])
    first, again = await bot_client(request), await bot_client(request)
    assert first.updates[0].id == again.updates[0].id
    assert isinstance(first.updates[1], types.UpdateNewChannelMessage)
    assert [post.kind for post in sandbox.messages(channel, channel)] == ["photo"]


async def test_who_is_no_admin_or_not_even_a_member_is_refused(
    sandbox: Sandbox, person: Person, channel: int
) -> None:
    await sandbox.add_bot("77:other", "other_bot", "Other")
    client = sandbox.client()
    await client.start(bot_token="77:other")
    with pytest.raises(errors.ChannelPrivateError):
        await client.get_input_entity(int(f"-100{channel}"))
    await sandbox.join(channel, 77)
    peer = await client.get_input_entity(int(f"-100{channel}"))
    with pytest.raises(errors.ChatAdminRequiredError):
        await client.send_message(peer, "may I?")
    await client.disconnect()


async def test_what_happened_in_a_channel_can_be_asked_for(bot_client: TelegramClient, channel: int) -> None:
    peer = await bot_client.get_input_entity(int(f"-100{channel}"))
    first = await bot_client.send_message(peer, "one")
    await bot_client.send_message(peer, "two")
    await bot_client.edit_message(peer, first.id, "ONE")

    async def difference(pts: int) -> types.updates.ChannelDifference:
        messages = types.ChannelMessagesFilterEmpty()
        return await bot_client(functions.updates.GetChannelDifferenceRequest(peer, messages, pts, 100))

    told = await difference(2)
    assert [message.message for message in told.new_messages] == ["two"]
    (edit,) = told.other_updates
    assert isinstance(edit, types.UpdateEditChannelMessage) and edit.message.message == "ONE"
    assert isinstance(await difference(told.pts), types.updates.ChannelDifferenceEmpty)
