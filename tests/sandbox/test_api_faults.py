"""The sandbox behaves badly exactly as told."""

from __future__ import annotations

import asyncio
import time

import pytest
from telethon import TelegramClient, errors, functions, types

from sandbox import RpcError, Sandbox
from sandbox.person import Person

from .conftest import BOT, BOT_ID, jpeg
from .test_api_files import album, save, uploaded_photo

SEND = functions.messages.SendMessageRequest


async def test_flood_as_often_as_told(
    sandbox: Sandbox, bot_client: TelegramClient, chat: types.InputPeerUser
) -> None:
    sandbox.faults.flood("messages.sendMessage", 7, times=2)
    for _ in range(2):
        with pytest.raises(errors.FloodWaitError) as flood:
            await bot_client(SEND(chat, "a"))
        assert flood.value.seconds == 7
        bot_client._flood_waited_requests.clear()
    await bot_client(SEND(chat, "a"))


async def test_premium_flood_where_a_condition_holds(
    sandbox: Sandbox, person: Person, bot_client: TelegramClient
) -> None:
    part = functions.upload.SaveFilePartRequest
    sandbox.faults.flood(
        part, 3, times=None, premium=True, when=lambda c: c.user == BOT_ID and c.request.file_part == 1
    )
    await person.client(part(1, 1, b"a"))
    await bot_client(part(1, 0, b"a" * 1024))
    with pytest.raises(errors.FloodPremiumWaitError):
        await bot_client(part(1, 1, b"a"))


async def test_rate_tells_how_long_to_wait(
    sandbox: Sandbox, bot_client: TelegramClient, chat: types.InputPeerUser
) -> None:
    sandbox.faults.rate(SEND, 2, per=1.0)
    await bot_client(SEND(chat, "a"))
    await bot_client(SEND(chat, "b"))
    with pytest.raises(errors.FloodWaitError) as flood:
        await bot_client(SEND(chat, "c"))
    assert flood.value.seconds == 1
    bot_client._flood_waited_requests.clear()
    await asyncio.sleep(1.0)
    await bot_client(SEND(chat, "c"))


async def test_errors_of_any_kind(
    sandbox: Sandbox, bot_client: TelegramClient, chat: types.InputPeerUser
) -> None:
    sandbox.faults.fail(SEND, RpcError(400, "CHAT_WRITE_FORBIDDEN"))
    with pytest.raises(errors.ChatWriteForbiddenError):
        await bot_client(SEND(chat, "a"))
    sandbox.faults.fail(None, RpcError(400, "PEER_FLOOD"), when=lambda call: call.user == BOT_ID)
    with pytest.raises(errors.PeerFloodError):
        await bot_client.get_me()
    sandbox.faults.server_error(SEND, times=None)
    sandbox.faults.clear()
    await bot_client(SEND(chat, "a"))


async def test_lost_answer_leaves_the_act_done(
    sandbox: Sandbox, bot_client: TelegramClient, chat: types.InputPeerUser
) -> None:
    """The client sends the request again when it is connected again; the message is there once."""
    sandbox.faults.lose_answer(SEND)
    await bot_client.send_message(chat, "once")
    assert len(sandbox.faults.called(SEND, BOT_ID)) == 2
    assert [message.text for message in sandbox.messages(chat.user_id, BOT_ID)] == ["/start", "once"]


async def test_lost_answer_of_an_album(
    sandbox: Sandbox, bot_client: TelegramClient, chat: types.InputPeerUser
) -> None:
    media = [await uploaded_photo(bot_client, chat, jpeg(50 + n, 50)) for n in range(3)]
    request = functions.messages.SendMultiMediaRequest(chat, album(*media))
    sandbox.faults.lose_answer(request.__class__)
    await bot_client(request)
    assert len(sandbox.messages(chat.user_id, BOT_ID)) == 4


async def test_hold_before_and_after_the_act(
    sandbox: Sandbox, bot_client: TelegramClient, chat: types.InputPeerUser
) -> None:
    before = sandbox.faults.hold(SEND)
    task = asyncio.create_task(bot_client.send_message(chat, "a"))
    call = await before.reached()
    assert (call.user, call.request.message) == (BOT_ID, "a")
    assert len(sandbox.messages(chat.user_id, BOT_ID)) == 1
    before.open()
    await task
    after = sandbox.faults.hold("messages.sendMessage", after=True)
    task = asyncio.create_task(bot_client.send_message(chat, "b"))
    await after.reached()
    assert len(sandbox.messages(chat.user_id, BOT_ID)) == 3
    assert not task.done()
    after.open()
    await task


async def test_the_same_random_id_while_the_first_call_runs(
    sandbox: Sandbox, bot_client: TelegramClient, chat: types.InputPeerUser
) -> None:
    gate = sandbox.faults.hold(SEND, after=True)
    request = SEND(chat, "once", random_id=5)
    first = asyncio.create_task(bot_client(request))
    await gate.reached()
    twin = await bot_client.get_me()
    assert twin is not None
    with pytest.raises(errors.RandomIdDuplicateError):
        await bot_client._sender.send(SEND(chat, "once", random_id=5))
    gate.open()
    await first
    assert len(sandbox.messages(chat.user_id, BOT_ID)) == 2


async def test_refused_media(sandbox: Sandbox, bot_client: TelegramClient, chat: types.InputPeerUser) -> None:
    good, bad = [await uploaded_photo(bot_client, chat, jpeg(side, 50)) for side in (50, 66)]
    sandbox.faults.refuse_media(lambda media: media.width == 66, "PHOTO_INVALID_DIMENSIONS")
    with pytest.raises(errors.PhotoInvalidDimensionsError):
        await bot_client(functions.messages.SendMultiMediaRequest(chat, album(good, bad)))
    with pytest.raises(errors.PhotoInvalidDimensionsError):
        await bot_client(functions.messages.SendMediaRequest(chat, bad, ""))
    await bot_client(functions.messages.SendMultiMediaRequest(chat, album(good, good)))


async def test_forgotten_parts(
    sandbox: Sandbox, bot_client: TelegramClient, chat: types.InputPeerUser
) -> None:
    file = await save(bot_client, b"x" * 3000, part=1024)
    assert sandbox.faults.forget_parts(BOT_ID, 1) == 1
    media = types.InputMediaUploadedDocument(file, "application/zip", [])
    upload_media = functions.messages.UploadMediaRequest(chat, media)
    with pytest.raises(errors.FilePart0MissingError):
        await bot_client(upload_media)
    await bot_client(functions.upload.SaveFilePartRequest(file.id, 0, b"x" * 1024))
    assert (await bot_client(upload_media)).document.size == 3000


async def test_unregistered_key(sandbox: Sandbox, bot_client: TelegramClient) -> None:
    await bot_client.get_me()
    sandbox.faults.unregister(BOT_ID)
    with pytest.raises(errors.AuthKeyUnregisteredError):
        await bot_client(functions.updates.GetStateRequest())


async def test_disconnected_client_comes_back(sandbox: Sandbox, bot_client: TelegramClient) -> None:
    await bot_client.get_me()
    sandbox.faults.disconnect(BOT_ID)
    assert (await bot_client.get_me()).id == BOT_ID


async def test_everything_that_was_asked_is_written_down(
    sandbox: Sandbox, person: Person, bot_client: TelegramClient
) -> None:
    before = time.monotonic()
    await bot_client(functions.upload.SaveFilePartRequest(1, 0, b"a" * 2048))
    (call,) = sandbox.faults.called("upload.saveFilePart")
    assert (call.user, call.size, call.request.bytes) == (BOT_ID, 2048, b"")
    assert before <= call.time <= time.monotonic()
    await person.say(BOT, "hi")
    assert len(sandbox.faults.called("SendMessageRequest", BOT_ID)) == 0
    assert len(sandbox.faults.called("SendMessageRequest")) == 1


async def test_distance(sandbox: Sandbox, bot_client: TelegramClient) -> None:
    await bot_client.get_me()
    sandbox.faults.link.rtt = 0.2
    begin = time.monotonic()
    await bot_client.get_me()
    assert time.monotonic() - begin >= 0.2
