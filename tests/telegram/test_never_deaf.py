"""The end of a log-in is noticed wherever it shows, and everything else that goes wrong is waited out."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable
from pathlib import Path

import pytest
from telethon import events
from telethon.tl import TLRequest, functions

from sandbox import Sandbox
from sandbox.person import Person
from sandbox.rpc import RpcError
from tests.transport import TOKEN, Bot, settings_for
from tests.world import until
from utils.errors import LoginEnded, Unreachable
from utils.telegram import connection, outage
from utils.telegram.client import build_client, login
from utils.telegram.pauses import SERVER_ATTEMPTS
from utils.telegram.upload import upload

MakeFile = Callable[..., Path]

#: What Telegram answers when a log-in is over, and what the owner is told.
ENDS = {
    "AUTH_KEY_UNREGISTERED": (401, "was ended (AUTH_KEY_UNREGISTERED)"),
    "SESSION_REVOKED": (401, "was ended (SESSION_REVOKED)"),
    "USER_DEACTIVATED": (401, "closed by Telegram"),
    "AUTH_KEY_DUPLICATED": (406, "used from two places"),
}


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "LONGEST_PAUSE", 0.1)
    monkeypatch.setattr(outage, "CALM", 0.2)


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """What the bot logged so far of trouble and its end."""
    caplog.set_level(logging.INFO, logger="utils")
    return lambda: [line for line in caplog.messages if line[0] in "🔌✅"]


def message(bot: Bot, text: str = "hello") -> TLRequest:
    return functions.messages.SendMessageRequest(bot.reader, text, random_id=secrets.randbits(62) | 1)


def received(bot: Bot, sandbox: Sandbox) -> list[str]:
    stored = sandbox.messages(bot.reader.user_id, bot.id)
    return [found.text for found in stored if found.sent_by == bot.id]


async def why_gone(bot: Bot, work: asyncio.Task[object] | None = None) -> object:
    """Why the client is of no use any more; ``work``, which asks for something, just waits."""
    async with asyncio.timeout(60):
        why = await bot.client.gone()
    if work is not None:
        assert not (await asyncio.wait({work}, timeout=0.1))[0]
        work.cancel()
    return why


@pytest.mark.parametrize("name", ENDS)
@pytest.mark.parametrize("where", ["account", "files", "idle"])
async def test_the_end_of_a_log_in_is_noticed_wherever_it_shows(
    bot: Bot, sandbox: Sandbox, make_file: MakeFile, name: str, where: str
) -> None:
    code, words = ENDS[name]
    path = make_file(1000)
    error = RpcError(code, name)
    work: asyncio.Task[object] | None = None
    if where == "account":
        sandbox.faults.fail("messages.sendMessage", error)
        work = asyncio.create_task(bot.transfers.caller(message(bot)))
    elif where == "files":
        sandbox.faults.fail("upload.saveFilePart", error)
        work = asyncio.create_task(upload(bot.transfers, path, name="a"))
    else:
        sandbox.faults.revoke(bot.id, error)
    why = await why_gone(bot, work)
    assert isinstance(why, LoginEnded) and words in why.told


async def test_an_unknown_key_is_doubted_and_then_the_end(bot: Bot, sandbox: Sandbox) -> None:
    sandbox.faults.transport_error(-404, user=bot.id, times=connection.UNKNOWN_KEY_DOUBTS)
    async with asyncio.timeout(60):
        await bot.transfers.caller(message(bot))
    assert received(bot, sandbox) == ["hello"]
    sandbox.faults.forget_keys(bot.id)
    why = await why_gone(bot, asyncio.create_task(bot.transfers.caller(message(bot))))
    assert isinstance(why, LoginEnded) and "no longer knows the log-in" in why.told


async def test_a_data_centre_that_moves_while_the_bot_runs_is_found_again(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "LOST_AFTER", 3)
    other = next(dc for dc in sandbox.addresses if dc != sandbox.dc_id)
    me = int(TOKEN.partition(":")[0])
    sandbox.faults.move(me, other)
    settings = settings_for(sandbox)
    client = build_client(settings, tmp_path / "bot.session")
    await login(client, settings)
    # As far as it knows, it was there all the time.
    client.session.set_dc(other, "127.0.0.1", 9)
    client._sender._connection._port = 9
    sandbox.faults.disconnect(me)
    async with asyncio.timeout(30):
        assert (await client.get_me()).id == me
    assert f"{client.session.server_address}:{client.session.port}" == sandbox.addresses[other]
    await client.disconnect()


async def test_an_account_that_was_moved_is_to_be_started_again(bot: Bot, sandbox: Sandbox) -> None:
    sandbox.faults.move(bot.id, 2)
    why = await why_gone(bot, asyncio.create_task(bot.transfers.caller(message(bot))))
    assert isinstance(why, Unreachable) and "data centre 2" in why.told


@pytest.mark.parametrize("code", [-429, -444, -404])
@pytest.mark.parametrize("transport", ["full", "intermediate"])
async def test_errors_of_the_transport_are_lost_connections(
    bot: Bot, sandbox: Sandbox, make_file: MakeFile, lines: Callable[[], list[str]], code: int, transport: str
) -> None:
    path = make_file(1000)
    await bot.send(path)
    sandbox.faults.transport_error(code, user=bot.id, transport=transport, times=3)
    async with asyncio.timeout(60):
        await bot.send(path)
        await bot.transfers.caller(message(bot))
        await until(lambda: len(lines()) > 1)
    assert received(bot, sandbox) == ["hello"]
    assert len(lines()) == 2


async def test_trouble_that_everybody_has_is_waited_out_and_said_once(
    bot: Bot, sandbox: Sandbox, lines: Callable[[], list[str]]
) -> None:
    sandbox.faults.server_error(None, times=3 * SERVER_ATTEMPTS, when=lambda call: call.user == bot.id)
    async with asyncio.timeout(60):
        await asyncio.gather(*(bot.transfers.caller(message(bot, str(n))) for n in range(2)))
    await until(lambda: len(lines()) > 1)
    assert sorted(received(bot, sandbox)) == ["0", "1"]
    began, over = lines()
    assert "trouble of its own (RPC_CALL_FAIL)" in began
    assert "trouble is over, after " in over


async def test_what_was_missed_is_asked_for_as_soon_as_it_is_connected_again(
    bot: Bot, ann: Person, sandbox: Sandbox
) -> None:
    heard: list[str] = []

    async def hear(event: events.NewMessage.Event) -> None:
        heard.append(event.raw_text)

    bot.client.add_event_handler(hear, events.NewMessage(incoming=True))
    refused = sandbox.faults.transport_error(-429, user=bot.id, times=None)
    sandbox.faults.disconnect(bot.id)
    await ann.say("archive_bot", "while you were away")
    refused.times = 0
    await until(lambda: "while you were away" in heard)


async def test_telethons_own_requests_wait_as_all_others(bot: Bot, sandbox: Sandbox) -> None:
    sandbox.faults.flood("users.getUsers", 3600)
    assert (await bot.client.get_me()).id == bot.id
    assert bot.clock.slept == [3600]


async def test_a_session_that_finds_no_room_on_the_disk_does_no_harm(
    bot: Bot, ann: Person, lines: Callable[[], list[str]], caplog: pytest.LogCaptureFixture
) -> None:
    heard = asyncio.Event()

    async def hear(event: events.NewMessage.Event) -> None:
        heard.set()

    bot.client.add_event_handler(hear, events.NewMessage(incoming=True))
    session = bot.client.session
    session._cursor().execute("PRAGMA query_only = ON")  # the same error as of a full disk
    await bot.transfers.caller(functions.contacts.ResolveUsernameRequest("ann"))
    await ann.say("archive_bot", "hello")
    async with asyncio.timeout(60):
        await heard.wait()
    await bot.client.keep_place()
    session._cursor().execute("PRAGMA query_only = OFF")
    assert sum("cannot be written now" in line for line in caplog.messages) == 1
    assert bot.client.is_connected()
