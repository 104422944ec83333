"""In what one server may differ from another: albums, answers, updates; groups, topics, reactions."""

from __future__ import annotations

import asyncio
from typing import Literal

import pytest
from telethon import TelegramClient, errors, events, functions, types, utils

from sandbox import RpcError, Sandbox, StoredMessage
from sandbox.person import Person
from tests.files import photo, video

from .conftest import BOT, BOT_ID
from .test_api_updates import Heard


async def uploaded(
    bot: TelegramClient, chat: types.InputPeerUser, count: int
) -> list[types.InputSingleMedia]:
    """So many photos, to be sent under the random_ids 1, 2 …"""
    items = []
    for number in range(1, count + 1):
        file = await bot.upload_file(photo(number), file_name="a.jpg")
        request = functions.messages.UploadMediaRequest(chat, types.InputMediaUploadedPhoto(file))
        medium = utils.get_input_media((await bot(request)).photo)
        items.append(types.InputSingleMedia(medium, "", random_id=number))
    return items


async def test_an_album_of_which_some_is_made_names_that(
    sandbox: Sandbox, person: Person, bot_client: TelegramClient, chat: types.InputPeerUser
) -> None:
    album = functions.messages.SendMultiMediaRequest(chat, await uploaded(bot_client, chat, 3))
    sandbox.faults.habits.albums.keep(lambda place: place != 1)
    answer = await bot_client(album)
    named = [update.random_id for update in answer.updates if isinstance(update, types.UpdateMessageID)]
    assert named == [1, 3]
    # The next is as it should be.
    assert len((await bot_client(album)).updates) == 6


async def test_an_album_that_fails_on_the_way_keeps_what_was_made(
    sandbox: Sandbox, person: Person, bot_client: TelegramClient, chat: types.InputPeerUser
) -> None:
    items = await uploaded(bot_client, chat, 3)
    album = functions.messages.SendMultiMediaRequest(chat, items)
    albums = sandbox.faults.habits.albums
    albums.once = True
    albums.fail_after(2, RpcError(400, "MEDIA_INVALID"))
    with pytest.raises(errors.MediaInvalidError):
        await bot_client(album)
    with pytest.raises(errors.RandomIdDuplicateError):
        await bot_client._sender.send(album)  # the client itself would try again and again
    # One that was made, and one that was not.
    for item in items[1:]:
        single = functions.messages.SendMediaRequest(chat, item.media, "", random_id=item.random_id)
        assert (await bot_client(single)).updates[0].random_id == item.random_id
    kept = [m for m in sandbox.messages(BOT_ID, chat.user_id) if m.kind == "photo"]
    assert [bool(message.album) for message in kept] == [True, True, False]


@pytest.mark.parametrize("form", ["combined", "too long"])
async def test_what_is_pushed_in_another_form_is_heard_all_the_same(
    sandbox: Sandbox, person: Person, bot_client: TelegramClient, form: Literal["combined", "too long"]
) -> None:
    heard = Heard(bot_client)
    sandbox.faults.habits.pushed = form
    before = len(sandbox.faults.called("updates.getDifference", BOT_ID))
    await person.say(BOT, "one")
    await person.say(BOT, "two")
    assert await heard.count(2) == ["one", "two"]
    asked = len(sandbox.faults.called("updates.getDifference", BOT_ID)) > before
    assert asked == (form == "too long")


async def test_a_channel_of_which_too_much_is_to_be_told_is_told_by_its_newest_post(
    sandbox: Sandbox, bot_client: TelegramClient
) -> None:
    channel = await sandbox.add_channel("Holidays")
    await sandbox.join(channel, BOT_ID, admin=True)
    peer = await bot_client.get_input_entity(int(f"-100{channel}"))
    for number in range(4):
        await bot_client.send_message(peer, f"number {number}")
    sandbox.difference_limit = 2
    request = functions.updates.GetChannelDifferenceRequest(peer, types.ChannelMessagesFilterEmpty(), 1, 100)
    long = await bot_client(request)
    assert isinstance(long, types.updates.ChannelDifferenceTooLong)
    assert [message.message for message in long.messages] == ["number 3"]
    assert (long.dialog.pts, long.dialog.top_message) == (5, 4)


@pytest.mark.parametrize("code", [400, 403])
async def test_a_closed_chat_is_named_with_either_code(
    sandbox: Sandbox, bot_client: TelegramClient, code: Literal[400, 403]
) -> None:
    channel = await sandbox.add_channel("Holidays")
    await sandbox.join(channel, BOT_ID)
    sandbox.faults.habits.closed_code = code
    peer = await bot_client.get_input_entity(int(f"-100{channel}"))
    with pytest.raises(errors.ChatAdminRequiredError):
        await bot_client.send_message(peer, "may I?")


async def test_a_reaction_is_seen_by_both_and_there_is_one_at_most(
    sandbox: Sandbox, person: Person, bot_client: TelegramClient, chat: types.InputPeerUser
) -> None:
    heard = asyncio.Queue[types.UpdateMessageReactions]()
    person.client.add_event_handler(heard.put, events.Raw([types.UpdateMessageReactions]))
    said = await person.say(BOT, "look")
    (arrived,) = [m for m in sandbox.messages(BOT_ID, chat.user_id) if m.text == "look"]

    async def react(*emoji: str) -> types.Updates:
        reactions = [types.ReactionEmoji(each) for each in emoji]
        return await bot_client(functions.messages.SendReactionRequest(chat, arrived.id, reaction=reactions))

    await react("👀")
    assert (await asyncio.wait_for(heard.get(), 60)).msg_id == said.id
    await react("👍")
    fresh = await person.client.get_messages(BOT, ids=said.id)
    assert [result.reaction.emoticon for result in fresh.reactions.results] == ["👍"]
    assert sandbox.messages(BOT_ID, chat.user_id)[-1].reactions == ("👍",)
    await react()
    assert sandbox.messages(BOT_ID, chat.user_id)[-1].reactions == ()
    with pytest.raises(errors.ReactionsTooManyError):
        await react("👀", "👍")
    with pytest.raises(errors.ReactionInvalidError):
        await react("🛸")


async def test_a_live_photo_has_its_film(
    sandbox: Sandbox, person: Person, bot_client: TelegramClient, chat: types.InputPeerUser
) -> None:
    async def medium(content: bytes, name: str, **facts: object) -> types.TypeMessageMedia:
        file = await bot_client.upload_file(content, file_name=name)
        kind = types.InputMediaUploadedPhoto if name.endswith("jpg") else types.InputMediaUploadedDocument
        return await bot_client(functions.messages.UploadMediaRequest(chat, kind(file, **facts)))

    shown = [types.DocumentAttributeVideo(duration=2, w=320, h=240)]
    film = await medium(video(), "film.mp4", mime_type="video/mp4", attributes=shown)
    named = utils.get_input_document(film.document)
    still = await medium(photo(1), "still.jpg", live_photo=True, video=named)
    assert still.live_photo and still.video.id == film.document.id
    photo_ = utils.get_input_photo(still.photo)

    async def sent(**facts: object) -> StoredMessage:
        media = types.InputMediaPhoto(photo_, **facts)
        await bot_client(functions.messages.SendMediaRequest(chat, media, ""))
        return [m for m in sandbox.messages(chat.user_id, BOT_ID) if m.kind == "photo"][-1]

    live = (await sent(live_photo=True, video=named)).live
    assert live is not None and live.read_bytes() == video()
    assert (await sent()).live is None
    sandbox.faults.make_plain_photos()
    assert (await sent(live_photo=True, video=named)).live is None


async def test_in_a_forum_messages_stand_in_topics_which_can_be_closed_and_deleted(
    sandbox: Sandbox, person: Person, bot_client: TelegramClient
) -> None:
    me = await person.client.get_me()
    forum = await sandbox.add_group("Club", forum=True)
    for member in (BOT_ID, me.id):
        await sandbox.join(forum, member)
    topic = await sandbox.add_topic(forum, me.id, "Trips")
    (dialog,) = await person.client.get_dialogs()
    peer = dialog.input_entity
    heard = asyncio.Queue[events.NewMessage.Event]()
    bot_client.add_event_handler(heard.put, events.NewMessage(incoming=True))
    asked = await person.client.send_message(peer, "who comes?", reply_to=topic)
    arrived = (await asyncio.wait_for(heard.get(), 60)).message
    assert arrived.reply_to.forum_topic and arrived.reply_to.reply_to_msg_id == topic
    assert (await arrived.get_sender()).id == me.id and not arrived.post and arrived.is_group
    chat = await bot_client.get_input_entity(int(f"-100{forum}"))
    # An answer to what is in a topic is in it; what answers nothing is in General.
    answer = await bot_client.send_message(chat, "I do", reply_to=arrived.id)
    assert (answer.reply_to.reply_to_msg_id, answer.reply_to.reply_to_top_id) == (asked.id, topic)
    await bot_client.send_message(chat, "hello")
    found = {message.text: message.topic for message in sandbox.messages(forum, forum)}
    assert found == {"": None, "who comes?": topic, "I do": topic, "hello": None}
    # What is answered is gone, but not the topic that it was in.
    gone = types.InputReplyToMessage(10_000, top_msg_id=topic)
    await bot_client(functions.messages.SendMessageRequest(chat, "late", reply_to=gone))
    assert sandbox.messages(forum, forum)[-1].topic == topic
    await sandbox.close_topic(forum, topic)
    with pytest.raises(errors.RPCError, match="TOPIC_CLOSED"):
        await bot_client.send_message(chat, "too late", reply_to=topic)
    await sandbox.delete_topic(forum, topic)
    with pytest.raises(errors.TopicDeletedError):
        await bot_client.send_message(chat, "much too late", reply_to=topic)
