"""Texts, edits, deletions and reading, with the real client on both sides."""

from __future__ import annotations

import pytest
from telethon import Button, TelegramClient, errors, events, functions, types

from sandbox import Sandbox
from sandbox.person import Person

from .conftest import BOT, BOT_ID


async def test_text_goes_both_ways_with_entities_and_reply(
    sandbox: Sandbox, person: Person, bot_client: TelegramClient
) -> None:
    async def echo(event: events.NewMessage.Event) -> None:
        await event.reply(f"**{event.raw_text}** back")

    bot_client.add_event_handler(echo, events.NewMessage(incoming=True))
    await person.client.send_message("me", "so that the two sides count differently")
    sent = await person.say(BOT, "hello")
    answer = await person.wait_for_text("hello back")
    assert answer.reply_to_msg_id == sent.id
    assert [type(entity) for entity in answer.entities] == [types.MessageEntityBold]
    me = (await person.client.get_me()).id
    stored = sandbox.messages(me, BOT_ID)
    assert [(message.text, message.sent_by) for message in stored] == [("hello", me), ("hello back", BOT_ID)]


async def test_each_side_counts_its_own_messages(
    sandbox: Sandbox, person: Person, bot_client: TelegramClient, chat: types.InputPeerUser
) -> None:
    await sandbox.add_person("+15550009", "Zoe")
    async with sandbox.person("+15550009") as zoe:
        await zoe.say(BOT, "one")
        mine = await zoe.say(BOT, "two")
        assert mine.id == 2
    newest = await bot_client.get_messages(None, ids=[1, 2, 3])
    assert [message.raw_text for message in newest] == ["/start", "one", "two"]


async def test_edit_reaches_the_other_side(
    person: Person, bot_client: TelegramClient, chat: types.InputPeerUser
) -> None:
    sent = await bot_client.send_message(chat, "first")
    await person.wait_for_text("first")
    edited = await bot_client.edit_message(chat, sent.id, "second")
    assert (edited.raw_text, edited.id) == ("second", sent.id)
    assert (await person.wait_for_text("second")).edit_date is not None
    with pytest.raises(errors.MessageNotModifiedError):
        await bot_client.edit_message(chat, sent.id, "second")
    with pytest.raises(errors.MessageIdInvalidError):
        await bot_client.edit_message(chat, 999, "third")
    with pytest.raises(errors.MessageAuthorRequiredError):
        await bot_client.edit_message(chat, 1, "not mine")


async def test_delete_takes_both_copies(
    sandbox: Sandbox, person: Person, bot_client: TelegramClient, chat: types.InputPeerUser
) -> None:
    gone: list[int] = []

    async def note(event: events.MessageDeleted.Event) -> None:
        gone.extend(event.deleted_ids)

    person.client.add_event_handler(note, events.MessageDeleted)
    sent = [await bot_client.send_message(chat, text) for text in ("a", "b", "c")]
    arrived = [await person.wait_for_text(text) for text in ("a", "b", "c")]
    await bot_client.delete_messages(chat, [sent[0].id, sent[1].id])
    await person.client.get_me()  # a round trip, so that what was pushed before has come
    assert sorted(gone) == [arrived[0].id, arrived[1].id]
    assert [message.text for message in sandbox.messages(chat.user_id, BOT_ID)] == ["/start", "c"]
    assert await bot_client.get_messages(chat, ids=sent[0].id) is None


async def test_history_pages_and_search(person: Person, chat: types.InputPeerUser) -> None:
    for number in range(7):
        await person.say(BOT, f"number {number}")
    texts = [message.raw_text async for message in person.client.iter_messages(BOT, limit=3)]
    assert texts == ["number 6", "number 5", "number 4"]
    assert [m.raw_text for m in await person.history(BOT)] == ["/start", *(f"number {n}" for n in range(7))]
    page = await person.client(
        functions.messages.GetHistoryRequest(BOT, 4, None, 0, 2, max_id=0, min_id=0, hash=0)
    )
    assert ([message.id for message in page.messages], page.count) == ([3, 2], 8)
    found = await person.client.get_messages(BOT, search="NUMBER 3")
    assert [message.raw_text for message in found] == ["number 3"]


async def test_dialogs(person: Person, bot_client: TelegramClient, chat: types.InputPeerUser) -> None:
    await bot_client.send_message(chat, "news")
    await person.wait_for_text("news")
    await person.client.send_message("me", "note to myself")
    dialogs = await person.client.get_dialogs()
    assert [(d.entity.id, d.message.raw_text) for d in dialogs] == [
        (chat.user_id, "note to myself"),
        (BOT_ID, "news"),
    ]
    assert dialogs[1].unread_count == 1
    await person.client.send_read_acknowledge(BOT)
    assert [d.unread_count for d in await person.client.get_dialogs()] == [0, 0]


async def test_bot_cannot_read_history(bot_client: TelegramClient, chat: types.InputPeerUser) -> None:
    with pytest.raises(errors.BotMethodInvalidError):
        await bot_client.get_messages(chat, limit=5)
    with pytest.raises(errors.BotMethodInvalidError):
        await bot_client.get_dialogs()


async def test_bot_cannot_write_first_nor_when_blocked(person: Person, bot_client: TelegramClient) -> None:
    ann = await bot_client.get_input_entity("@ann")
    with pytest.raises(errors.PeerIdInvalidError):
        await bot_client.send_message(ann, "buy this")
    await person.say(BOT, "/start")
    await bot_client.send_message(ann, "hello")
    await person.client(functions.contacts.BlockRequest(BOT))
    with pytest.raises(errors.UserIsBlockedError):
        await bot_client.send_message(ann, "hello?")
    await person.client(functions.contacts.UnblockRequest(BOT))
    await bot_client.send_message(ann, "hello again")


async def test_text_limits(bot_client: TelegramClient, chat: types.InputPeerUser) -> None:
    send = functions.messages.SendMessageRequest
    await bot_client(send(chat, "a" * 4096))
    with pytest.raises(errors.MessageTooLongError):
        await bot_client(send(chat, "a" * 4097))
    with pytest.raises(errors.MessageEmptyError):
        await bot_client(send(chat, " "))
    with pytest.raises(errors.RandomIdEmptyError):
        request = send(chat, "a")
        request.random_id = 0
        await bot_client(request)


async def test_a_random_id_makes_one_message(
    sandbox: Sandbox, person: Person, bot_client: TelegramClient, chat: types.InputPeerUser
) -> None:
    request = functions.messages.SendMessageRequest(chat, "once", random_id=77)
    first, again = await bot_client(request), await bot_client(request)
    assert first.updates[0].id == again.updates[0].id
    assert again.updates[1].message.message == "once"
    assert [m.text for m in sandbox.messages(chat.user_id, BOT_ID)] == ["/start", "once"]
    await bot_client.delete_messages(chat, [first.updates[0].id])
    assert (await bot_client(request)).updates[0].id == first.updates[0].id
    # The same number toward another peer is another message.
    here = functions.messages.SendMessageRequest(BOT, "elsewhere", random_id=77)
    there = functions.messages.SendMessageRequest("me", "elsewhere", random_id=77)
    assert (await person.client(here)).updates[0].id != (await person.client(there)).updates[0].id


async def test_keyboard_and_callback(
    person: Person, bot_client: TelegramClient, chat: types.InputPeerUser
) -> None:
    pressed: list[bytes] = []
    await person.client.send_message("me", "so that the two sides count differently")

    async def answer(event: events.CallbackQuery.Event) -> None:
        pressed.append(event.data)
        await event.answer("as you wish", alert=True)
        await event.edit("done")

    bot_client.add_event_handler(answer, events.CallbackQuery)
    await bot_client.send_message(
        chat, "sure?", buttons=[[Button.inline("Yes", b"yes"), Button.inline("No", b"no")]]
    )
    question = await person.wait_for_text("sure?")
    assert await person.press(question, "Yes") == "as you wish"
    assert pressed == [b"yes"]
    assert (await person.wait_for_text("done")).reply_markup is None
    with pytest.raises(errors.DataInvalidError):
        await person.client(functions.messages.GetBotCallbackAnswerRequest(BOT, question.id, data=b"forged"))
    with pytest.raises(errors.QueryIdInvalidError):
        await bot_client(functions.messages.SetBotCallbackAnswerRequest(123, 0))


async def test_a_bot_that_does_not_answer_times_out(
    sandbox: Sandbox, person: Person, bot_client: TelegramClient, chat: types.InputPeerUser
) -> None:
    sandbox.button_patience = 0.2
    await bot_client.send_message(chat, "hm?", buttons=Button.inline("Go", b"go"))
    message = await person.wait_for_text("hm?")
    assert await person.press(message, "Go") is None


async def test_too_long_button_data(bot_client: TelegramClient, chat: types.InputPeerUser) -> None:
    button = types.KeyboardInlineButton("Go", types.InlineButtonTypeCallback(b"x" * 65))
    markup = types.ReplyInlineMarkup([types.KeyboardInlineButtonRow([button])])
    with pytest.raises(errors.ButtonDataInvalidError):
        await bot_client(functions.messages.SendMessageRequest(chat, "a", reply_markup=markup))


async def test_typing_is_seen(person: Person, bot_client: TelegramClient, chat: types.InputPeerUser) -> None:
    seen: list[int] = []

    async def note(event: events.UserUpdate.Event) -> None:
        seen.append(event.user_id)

    person.client.add_event_handler(note, events.UserUpdate)
    async with bot_client.action(chat, "typing"):
        await person.client.get_me()
    await person.client.get_me()
    assert BOT_ID in seen


async def test_forward_keeps_text_and_origin(
    person: Person, bot_client: TelegramClient, chat: types.InputPeerUser
) -> None:
    noted = await person.client.send_message("me", "keep this")
    forwarded = await person.client.forward_messages(BOT, noted)
    seen = await bot_client.get_messages(chat, ids=2)
    assert (forwarded.raw_text, seen.raw_text) == ("keep this", "keep this")
    assert seen.fwd_from.from_id.user_id == chat.user_id
