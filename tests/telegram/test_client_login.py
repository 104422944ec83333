"""Connecting and logging in, and what is said when that does not work."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import stat
import time
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import rsa
from telethon.network import mtprotostate

from sandbox import Sandbox
from sandbox.mtproto.handshake import Handshake, HandshakeError
from sandbox.rpc import RpcError
from tests.relay import Leads, relay_to
from tests.transport import TOKEN, nobody, settings_for
from tests.world import until
from utils.constants import Settings
from utils.errors import LoginFailed, SettingsError, Unreachable
from utils.telegram import connection, outage
from utils.telegram.addresses import parse_server
from utils.telegram.client import Ask, build_client, login
from utils.telegram.connection import PatientConnection
from utils.telegram.outage import Outage

NOBODY = Ask(nobody, nobody, nobody)
PHONE = "+15550123"
BOT_ID = int(TOKEN.partition(":")[0])


@pytest.fixture
def session(tmp_path: Path) -> Path:
    return tmp_path / "sessions" / "bot.session"


def modes(folder: Path) -> dict[str, int]:
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in (folder, *folder.iterdir())}


def is_open(path: Path) -> bool:
    """Whether this process holds that file open."""
    held = (link.readlink() for link in Path("/proc/self/fd").iterdir() if link.is_symlink())
    return path in held


def left_open(path: Path) -> None:
    path.parent.mkdir()
    path.touch(0o644)


def answers(*texts: str):  # type: ignore[no-untyped-def]
    remaining = list(texts)

    async def ask() -> str:
        return remaining.pop(0)

    return ask


async def test_an_exchange_of_keys_that_goes_wrong_is_tried_again(
    sandbox: Sandbox, session: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, refusals = Handshake.read, [HandshakeError("on purpose")]

    def read(self: Handshake, data: bytes) -> object:
        if refusals:
            raise refusals.pop()
        return real(self, data)

    monkeypatch.setattr(Handshake, "read", read)
    client = build_client(settings_for(sandbox), session)
    assert (await login(client, settings_for(sandbox), NOBODY)).bot
    assert refusals == []
    await client.disconnect()


async def test_a_bot_logs_in_and_stays_logged_in(sandbox: Sandbox, session: Path) -> None:
    client = build_client(settings_for(sandbox), session)
    me = await login(client, settings_for(sandbox), NOBODY)
    assert (me.bot, me.username) == (True, "archive_bot")
    await client.disconnect()
    again = build_client(settings_for(sandbox), session)
    assert (await login(again, settings_for(sandbox), NOBODY)).id == me.id
    await again.disconnect()
    assert len(sandbox.faults.called("auth.importBotAuthorization")) == 1


async def test_only_the_owner_can_read_the_session(sandbox: Sandbox, session: Path) -> None:
    client = build_client(settings_for(sandbox), session)
    await login(client, settings_for(sandbox), NOBODY)
    await client.disconnect()
    assert modes(session.parent) == {"sessions": 0o700, "bot.session": 0o600}


async def test_a_session_that_others_could_read_is_closed_to_them(sandbox: Sandbox, session: Path) -> None:
    left_open(session)
    build_client(settings_for(sandbox), session).session.close()
    assert modes(session.parent)["bot.session"] == 0o600


async def test_a_wrong_token_is_said_without_showing_it(
    sandbox: Sandbox, session: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="utils")
    settings = settings_for(sandbox, "7000000042:this-is-the-wrong-secret")
    with pytest.raises(LoginFailed, match="does not know this BOT_TOKEN") as failure:
        await login(build_client(settings, session), settings, NOBODY)
    assert "wrong-secret" not in str(failure.value) + caplog.text
    assert failure.value.__cause__ is None and failure.value.__suppress_context__


async def test_an_api_id_that_telegram_does_not_take_is_said(sandbox: Sandbox, session: Path) -> None:
    sandbox.faults.fail("auth.importBotAuthorization", RpcError(400, "API_ID_INVALID"))
    settings = settings_for(sandbox)
    with pytest.raises(LoginFailed, match="API_ID and API_HASH do not belong together"):
        await login(build_client(settings, session), settings, NOBODY)


async def test_a_wait_before_the_next_log_in_is_said(sandbox: Sandbox, session: Path) -> None:
    sandbox.faults.flood("auth.importBotAuthorization", 1234)
    settings = settings_for(sandbox)
    with pytest.raises(LoginFailed, match="in 1234 seconds") as failure:
        await login(build_client(settings, session), settings, NOBODY)
    assert failure.value.retry_after == 1234


async def test_another_bots_session_is_not_used(sandbox: Sandbox, session: Path) -> None:
    client = build_client(settings_for(sandbox), session)
    await login(client, settings_for(sandbox), NOBODY)
    await client.disconnect()
    other = settings_for(sandbox, "7000000099:another-token")
    with pytest.raises(LoginFailed, match="another account"):
        await login(build_client(other, session), other, NOBODY)


async def test_a_server_that_is_not_there_is_said_soon(session: Path) -> None:
    settings = Settings(API_ID=1, API_HASH="0", BOT_TOKEN=TOKEN, TELEGRAM_SERVER="127.0.0.1:9")
    async with asyncio.timeout(60):
        with pytest.raises(LoginFailed, match=r"127\.0\.0\.1:9 cannot be reached"):
            await login(build_client(settings, session), settings, NOBODY)


async def test_a_portal_in_between_is_said(sandbox: Sandbox, session: Path) -> None:
    async with relay_to(sandbox.address) as relay:
        relay.lead(Leads.PORTAL)
        settings = replace(settings_for(sandbox), TELEGRAM_SERVER=relay.address)
        with pytest.raises(Unreachable, match="cannot be reached .*captive portal or a proxy"):
            await login(build_client(settings, session), settings, NOBODY)


async def test_a_log_in_of_an_earlier_start_waits_for_the_network_and_the_server(
    sandbox: Sandbox, session: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.INFO, logger="utils")
    monkeypatch.setattr(outage, "CALM", 0.1)
    async with relay_to(sandbox.address) as relay:
        settings = replace(settings_for(sandbox), TELEGRAM_SERVER=relay.address)
        client = build_client(settings, session)
        await login(client, settings, NOBODY)
        await client.disconnect()
        relay.lead(Leads.SILENT)
        sandbox.faults.server_error("help.getConfig")
        sandbox.faults.server_error("users.getUsers")
        client = build_client(settings, session)
        starting = asyncio.create_task(login(client, settings, NOBODY, patience=1))
        for leads in (Leads.PORTAL, Leads.NOWHERE, Leads.THERE):
            taken = relay.taken
            await until(lambda taken=taken: relay.taken > taken)  # type: ignore[misc]
            relay.lead(leads)
        assert (await starting).bot
        await until(lambda: caplog.text.count("✅") == 2)
        await client.disconnect()
    assert len(sandbox.faults.called("auth.importBotAuthorization")) == 1
    assert caplog.text.count("🔌") == 2


async def test_trouble_of_the_server_at_the_first_log_in_is_said(sandbox: Sandbox, session: Path) -> None:
    settings = settings_for(sandbox)
    sandbox.faults.server_error("auth.importBotAuthorization", times=None)
    with pytest.raises(Unreachable, match="has trouble of its own .RPC_CALL_FAIL."):
        await login(build_client(settings, session), settings, NOBODY, patience=15)


async def test_a_bot_whose_key_is_of_no_use_any_more_logs_in_anew(
    sandbox: Sandbox, session: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "LONGEST_PAUSE", 0.05)
    settings = settings_for(sandbox)
    for spoil in ("", "-404", "406"):
        if spoil == "-404":
            sandbox.faults.forget_keys(BOT_ID)
        elif spoil:
            sandbox.faults.revoke(BOT_ID, RpcError(406, "AUTH_KEY_DUPLICATED"))
        client = build_client(settings, session)
        assert (await login(client, settings, NOBODY)).bot
        await client.disconnect()
    assert len(sandbox.faults.called("auth.importBotAuthorization")) == 3


@pytest.mark.parametrize("seconds", [-3600, 3600])
async def test_a_clock_that_is_wrong_at_the_start_does_no_harm(
    sandbox: Sandbox, session: Path, monkeypatch: pytest.MonkeyPatch, seconds: int
) -> None:
    settings = settings_for(sandbox)
    for wrong in (False, True):
        if wrong:
            wrong_time = SimpleNamespace(time=lambda: time.time() + seconds)
            monkeypatch.setattr(mtprotostate, "time", wrong_time)
        client = build_client(settings, session)
        assert (await login(client, settings, NOBODY, patience=20)).bot
        await client.disconnect()


async def test_a_bot_that_lives_elsewhere_is_found_there_and_stays_there(
    sandbox: Sandbox, session: Path
) -> None:
    other = next(dc for dc in sandbox.addresses if dc != sandbox.dc_id)
    settings = replace(
        settings_for(sandbox), TELEGRAM_SERVER=sandbox.addresses[other], TELEGRAM_SERVER_DC=other
    )
    for _ in range(2):
        client = build_client(settings, session)
        assert (await login(client, settings, NOBODY)).bot
        assert client.session.dc_id == sandbox.dc_id
        await client.disconnect()
    assert len(sandbox.faults.called("auth.importBotAuthorization")) == 2  # refused there, taken here
    sandbox.faults.move(BOT_ID, other)
    client = build_client(settings, session)
    assert (await login(client, settings, NOBODY)).bot
    assert client.session.dc_id == other
    await client.disconnect()


async def test_a_data_centre_that_moved_is_found_again(sandbox: Sandbox, session: Path) -> None:
    other = next(dc for dc in sandbox.addresses if dc != sandbox.dc_id)
    sandbox.faults.move(BOT_ID, other)
    settings = settings_for(sandbox)
    for moved in (False, True):
        client = build_client(settings, session)
        if moved:
            client.session.set_dc(other, "127.0.0.1", 9)
        assert (await login(client, settings, NOBODY)).bot
        assert f"{client.session.server_address}:{client.session.port}" == sandbox.addresses[other]
        await client.disconnect()
    # With the log-in that it had: once refused at home, once taken there.
    assert len(sandbox.faults.called("auth.importBotAuthorization")) == 2


async def test_a_server_that_never_answers_is_given_up(session: Path) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with await asyncio.start_server(silent, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        settings = Settings(API_ID=1, API_HASH="0", BOT_TOKEN=TOKEN, TELEGRAM_SERVER=f"127.0.0.1:{port}")
        with pytest.raises(LoginFailed, match=r"did not answer within 1 second\b"):
            await login(build_client(settings, session), settings, NOBODY, patience=1)


async def test_a_server_that_ends_every_connection_is_not_hammered() -> None:
    async def close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with await asyncio.start_server(close, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        own = type("Own", (PatientConnection,), {"outage": Outage()})
        connection = own("127.0.0.1", port, 1, loggers=defaultdict(logging.getLogger))
        connects = 0
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1):
                while True:
                    await connection.connect()
                    connects += 1
                    await connection.disconnect()
    assert 2 <= connects <= 5


async def test_a_key_of_another_server_is_said(sandbox: Sandbox, session: Path, tmp_path: Path) -> None:
    public, _ = rsa.newkeys(2048)
    other = tmp_path / "other.pem"
    other.write_bytes(public.save_pkcs1())
    settings = replace(settings_for(sandbox), TELEGRAM_SERVER_KEY=str(other))
    from telethon.crypto import rsa as known

    kept = dict(known._server_keys)
    known._server_keys.clear()
    try:
        with pytest.raises(LoginFailed, match="TELEGRAM_SERVER_KEY"):
            await login(build_client(settings, session), settings, NOBODY)
    finally:
        known._server_keys.update(kept)


async def test_a_person_logs_in_with_code_and_password(sandbox: Sandbox, session: Path) -> None:
    await sandbox.add_person(PHONE, "Ann", "ann", password="correct horse")
    settings = settings_for(sandbox, token="")

    async def code() -> str:
        return sandbox.login_code(PHONE)

    client = build_client(settings, session)
    me = await login(client, settings, Ask(answers(PHONE), code, answers("wrong", "correct horse")))
    assert me.username == "ann"
    await client.disconnect()
    # A person lives on another data centre; the session knows, and the settings do not bring them back.
    again = build_client(settings, session)
    assert (await login(again, settings, NOBODY)).username == "ann"
    await again.disconnect()


async def test_a_code_that_is_wrong_three_times_ends_the_log_in(sandbox: Sandbox, session: Path) -> None:
    await sandbox.add_person(PHONE, "Ann", "ann")
    settings = settings_for(sandbox, token="")
    ask = Ask(answers(PHONE), answers("00000", "00000", "00000"), nobody)
    with pytest.raises(LoginFailed, match="The code was wrong 3 times"):
        await login(build_client(settings, session), settings, ask)


async def test_without_a_token_and_somebody_to_ask_it_says_so(sandbox: Sandbox, session: Path) -> None:
    settings = settings_for(sandbox, token="")
    with pytest.raises(LoginFailed, match="nobody can be asked"):
        await login(build_client(settings, session), settings)
    assert not sandbox.faults.called("auth.sendCode")


async def test_a_phone_number_that_is_not_one_is_said(sandbox: Sandbox, session: Path) -> None:
    settings = settings_for(sandbox, token="")
    sandbox.faults.fail("auth.sendCode", RpcError(400, "PHONE_NUMBER_INVALID"))
    with pytest.raises(LoginFailed, match="does not know this phone number"):
        await login(build_client(settings, session), settings, Ask(answers("12"), nobody, nobody))


async def test_two_servers_in_one_process_do_not_mix(sandbox: Sandbox, tmp_path: Path) -> None:
    async with Sandbox(tmp_path / "other") as other:
        await other.add_bot(TOKEN, "other_bot", "Other")
        clients = []
        for number, server in enumerate((sandbox, other)):
            settings = settings_for(server)
            client = build_client(settings, tmp_path / f"{number}.session")
            await login(client, settings, NOBODY)
            clients.append(client)
        ports = [(await client._get_dc(2)).port for client in clients]
        assert ports[0] != ports[1]
        for client in clients:
            await client.disconnect()


@pytest.mark.parametrize("text", ["", "host", "host:", ":443", "host:port", "host:0", "host:70000"])
def test_a_server_address_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="host:port"):
        parse_server(text)


def test_server_addresses() -> None:
    assert parse_server("tg.example.org:443") == ("tg.example.org", 443)
    assert parse_server("[::1]:4430") == ("::1", 4430)


@pytest.mark.parametrize(
    "content", [b"", b"-----BEGIN RSA PUBLIC KEY-----\nAAAA\n-----END RSA PUBLIC KEY-----\n"]
)
async def test_a_key_file_that_is_none_is_refused(session: Path, tmp_path: Path, content: bytes) -> None:
    key = tmp_path / "key.pem"
    key.write_bytes(content)
    settings = Settings(API_ID=1, API_HASH="0", TELEGRAM_SERVER="127.0.0.1:9", TELEGRAM_SERVER_KEY=str(key))
    with pytest.raises(SettingsError, match="not a public RSA key") as failure:
        build_client(settings, session)
    assert not is_open(session), failure
    with pytest.raises(SettingsError, match="cannot be read"):
        build_client(replace(settings, TELEGRAM_SERVER_KEY=str(tmp_path / "none")), session)


async def test_a_damaged_session_is_said_and_not_held_open(session: Path) -> None:
    session.parent.mkdir()
    session.write_bytes(b"This is no database." * 100)
    settings = Settings(API_ID=1, API_HASH="0", TELEGRAM_SERVER="127.0.0.1:9")
    with pytest.raises(SettingsError, match="is damaged. Delete it") as failure:
        build_client(settings, session)
    assert not is_open(session), failure
