"""Logging in with the real client."""

from __future__ import annotations

from pathlib import Path

import pytest
from telethon import TelegramClient, errors, functions, types

from sandbox import Sandbox
from sandbox.person import Person

from .conftest import BOT, BOT_ID, PASSWORD, PHONE, TOKEN, kept


async def test_bot_logs_in_by_token(bot_client: TelegramClient) -> None:
    me = await bot_client.get_me()
    assert (me.id, me.bot, me.username) == (BOT_ID, True, BOT)


async def test_wrong_token_is_refused(sandbox: Sandbox) -> None:
    client = sandbox.client()
    with pytest.raises(errors.AccessTokenInvalidError):
        await client.start(bot_token="1234:wrong")
    await client.disconnect()


async def test_bot_that_begins_at_the_other_data_centre_is_sent_home(sandbox: Sandbox) -> None:
    client = sandbox.client(dc_id=2)
    await client.start(bot_token=TOKEN)
    assert client.session.dc_id == 1
    assert (await client.get_me()).id == BOT_ID
    await client.disconnect()


async def test_person_logs_in_by_code_and_is_sent_home(sandbox: Sandbox) -> None:
    client = sandbox.client(dc_id=1)
    await client.start(PHONE, code_callback=lambda: sandbox.login_code(PHONE))
    me = await client.get_me()
    assert (me.first_name, me.phone, client.session.dc_id) == ("Ann", "15550001", 2)
    await client.disconnect()


async def test_person_with_a_password(sandbox: Sandbox) -> None:
    await sandbox.add_person("+15550002", "Bob", password=PASSWORD)
    client = sandbox.client(dc_id=2)
    await client.connect()
    await client.send_code_request("+15550002")
    with pytest.raises(errors.PhoneCodeInvalidError):
        await client.sign_in("+15550002", "x")
    with pytest.raises(errors.SessionPasswordNeededError):
        await client.sign_in("+15550002", sandbox.login_code("+15550002"))
    assert not await client.is_user_authorized()
    with pytest.raises(errors.PasswordHashInvalidError):
        await client.sign_in(password="guess")
    assert (await client.sign_in(password=PASSWORD)).first_name == "Bob"
    await client.disconnect()


async def test_a_code_serves_once(sandbox: Sandbox, person: Person) -> None:
    client = sandbox.client(dc_id=2)
    await client.connect()
    sent = await client.send_code_request(PHONE)
    code = sandbox.login_code(PHONE)
    await client.sign_in(PHONE, code)
    with pytest.raises(errors.PhoneCodeExpiredError):
        await person.client(functions.auth.SignInRequest(PHONE, sent.phone_code_hash, code))
    await client.disconnect()


async def test_unknown_phone(sandbox: Sandbox) -> None:
    client = sandbox.client()
    await client.connect()
    with pytest.raises(errors.PhoneNumberInvalidError):
        await client.send_code_request("+999")
    await client.disconnect()


async def test_nobody_is_logged_in_at_first_and_after_logging_out(sandbox: Sandbox, tmp_path: Path) -> None:
    client = sandbox.client(dc_id=2, session=tmp_path / "session")
    await client.connect()
    assert await client.get_me() is None
    with pytest.raises(errors.AuthKeyUnregisteredError):
        await client(functions.updates.GetStateRequest())
    await client.send_code_request(PHONE)
    await client.sign_in(PHONE, sandbox.login_code(PHONE))
    await client(functions.auth.LogOutRequest())
    assert await client.get_me() is None
    await client.disconnect()


async def test_session_survives_reconnect_and_server_restart(sandbox_dir: Path, tmp_path: Path) -> None:
    data, session = sandbox_dir, tmp_path / "session"
    async with Sandbox(data) as sandbox:
        await sandbox.add_bot(TOKEN, BOT, "Archive bot")
        client = sandbox.client(session=session)
        await client.start(bot_token=TOKEN)
        await client.disconnect()
        ports = [int(address.rpartition(":")[2]) for address in sandbox.addresses.values()]
    with kept(ports):
        async with Sandbox(data, port=ports[0]) as sandbox:
            assert await sandbox.add_bot(TOKEN, BOT, "again") == BOT_ID
            client = sandbox.client(session=session)
            await client.connect()
            assert (await client.get_me()).first_name == "Archive bot"
            await client.disconnect()


async def test_authorization_goes_to_the_other_data_centre_once(sandbox: Sandbox, person: Person) -> None:
    with pytest.raises(errors.DcIdInvalidError):
        await person.client(functions.auth.ExportAuthorizationRequest(2))
    exported = await person.client(functions.auth.ExportAuthorizationRequest(1))
    request = functions.auth.ImportAuthorizationRequest(exported.id, exported.bytes)
    abroad, late = sandbox.client(dc_id=1), sandbox.client(dc_id=1)
    await abroad.connect()
    await late.connect()
    assert (await abroad(request)).user.first_name == "Ann"
    with pytest.raises(errors.AuthBytesInvalidError):
        await late(request)
    with pytest.raises(errors.UserMigrateError) as home:
        await abroad._sender.send(functions.updates.GetStateRequest())
    assert home.value.new_dc == 2
    await abroad.disconnect()
    await late.disconnect()


async def test_people_find_each_other_by_name_and_number(
    sandbox: Sandbox, person: Person, bot_client: TelegramClient
) -> None:
    found = await person.client.get_entity(BOT)
    assert (found.id, found.bot, found.phone) == (BOT_ID, True, None)
    assert (await person.client.get_entity(BOT_ID)).username == BOT
    ann = await bot_client.get_entity("@ann")
    seen = await bot_client.get_entity(ann.id)
    assert (seen.first_name, seen.phone) == ("Ann", None)
    with pytest.raises(ValueError, match="nobody"):
        await person.client.get_entity("@nobody")
    stranger = types.InputUser(ann.id, 12345)
    assert isinstance((await person.client(functions.users.GetUsersRequest([stranger])))[0], types.User)
    wrong = types.InputUser(BOT_ID, 12345)
    assert isinstance((await person.client(functions.users.GetUsersRequest([wrong])))[0], types.UserEmpty)


async def test_bot_commands_are_seen_by_people(person: Person, bot_client: TelegramClient) -> None:
    commands = [types.BotCommand("start", "Begin"), types.BotCommand("queue", "What waits")]
    scope = types.BotCommandScopeDefault()
    assert await bot_client(functions.bots.SetBotCommandsRequest(scope, "", commands))
    full = await person.client(functions.users.GetFullUserRequest(BOT))
    assert [item.command for item in full.full_user.bot_info.commands] == ["start", "queue"]
    with pytest.raises(errors.UserBotRequiredError):
        await person.client(functions.bots.SetBotCommandsRequest(scope, "", commands))


async def test_unknown_request_is_refused_and_logged(
    person: Person, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(errors.MethodInvalidError):
        await person.client(functions.messages.GetAllDraftsRequest())
    assert "GetAllDraftsRequest" in caplog.text
