"""Whether Telegram, or the server of the settings, answers, and lets the bot in.

It does what a start would do, with a copy of the session. A token that nobody is logged in with yet is tried
by a log-in of its own, which is ended at once and leaves nothing behind. While the bot runs, its log-in is
not touched: Telegram ends one that is used from two places.
"""

from __future__ import annotations

import asyncio
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from utils.constants import Settings
from utils.diagnostics.check import Check, Level
from utils.diagnostics.folders import is_database
from utils.diagnostics.running import running
from utils.errors import LoginFailed, SettingsError

if TYPE_CHECKING:
    from utils.telegram.archive_client import ArchiveBotClient
    from utils.telegram.proxy import Proxy

GROUP = "Connection"
PATIENCE = 5.0

Reach = Callable[[str, int], None]


def reach(host: str, port: int) -> None:
    """Open a TCP connection and close it; raises OSError."""
    with socket.create_connection((host, port), timeout=PATIENCE):
        pass


def check_server(settings: Settings, reach: Reach = reach) -> Iterator[Check]:
    """A TCP connection, and with number and hash a real conversation with Telethon."""
    name = settings.TELEGRAM_SERVER or "Telegram"
    try:
        proxy, host, port = _way(settings)
        reach(host, port)
    except SettingsError as error:
        wrong = "PROXY" if error.told.startswith("PROXY") else "TELEGRAM_SERVER"
        yield Check(GROUP, name, Level.FAIL, error.told, f"Correct {wrong}.")
    except ImportError as error:
        yield Check(GROUP, name, Level.FAIL, f"Telethon cannot be loaded: {error}", "Start ./bot doctor.")
    except OSError as error:
        advice = "Is the network up? Does a firewall or the provider block it?"
        found = f"{host}:{port} does not answer ({error.strerror or error})"
        if proxy:
            found, advice = f"{proxy} does not answer ({error.strerror or error})", "Correct PROXY."
        elif not settings.TELEGRAM_SERVER:
            advice += " Where Telegram is blocked, a PROXY helps."
        yield Check(GROUP, name, Level.FAIL, found, advice)
    else:
        # Without its number and hash Telethon says nothing to anybody; that they are missing was said.
        if settings.API_ID and settings.API_HASH:
            yield from asyncio.run(_talk(settings, f"{name} through {proxy}" if proxy else name))
        else:
            yield Check(GROUP, name, Level.OK, f"{proxy or f'{host}:{port}'} answers")


def _way(settings: Settings) -> tuple[Proxy | None, str, int]:
    """What is connected to first: the proxy, if there is one, else the server."""
    from utils.telegram.addresses import front_of
    from utils.telegram.proxy import parse_proxy

    proxy = parse_proxy(settings.PROXY)
    return (proxy, proxy.host, proxy.port) if proxy else (None, *front_of(settings)[1:])


async def _talk(settings: Settings, name: str) -> list[Check]:
    """What a start would find, with a copy of its session."""
    from utils.telegram.client import build_client

    session = settings.path("DATA_DIR") / "sessions" / "bot.session"
    runs = running(settings.path("DATA_DIR")) is not None
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / session.name
        if not runs:
            copy_session(session, copy)
        try:
            client = build_client(settings, copy, updates=False)
        except SettingsError as error:
            return [Check(GROUP, name, Level.FAIL, error.told, "Correct the setting.")]
        try:
            async with asyncio.timeout(4 * PATIENCE):
                if settings.BOT_TOKEN and not runs or client.was_logged_in():
                    return await _log_in(client, settings, name)
                return await _handshake(client, name, runs=runs)
        except (LoginFailed, SettingsError) as error:
            told = error.told.replace(str(copy), str(session))
            return [Check(GROUP, name, Level.FAIL, told, "./bot run would say the same.")]
        except (OSError, TimeoutError) as error:
            found = f"answers, but not as a Telegram server would ({error or 'time-out'})"
            advice = (
                "Is TELEGRAM_SERVER_KEY the public key of that server, and TELEGRAM_SERVER_DC its number?"
            )
            return [Check(GROUP, name, Level.FAIL, found, advice)]
        finally:
            await client.disconnect()


def copy_session(session: Path, copy: Path) -> None:
    """Copy a session that SQLite can read, with what a kill may have left beside it."""
    if is_database(session):
        for file in (session, session.with_name(session.name + "-journal")):
            if file.exists():
                shutil.copyfile(file, copy.with_name(file.name))


async def _handshake(client: ArchiveBotClient, name: str, *, runs: bool) -> list[Check]:
    from utils.telegram.client import greet

    found = [Check(GROUP, name, Level.OK, f"answers as data centre {await greet(client, 4 * PATIENCE)}")]
    if not runs:
        advice = (
            "Start ./bot run once in a terminal, where it asks for phone number and code; or set BOT_TOKEN."
        )
        found.append(Check(GROUP, "Log-in", Level.WARN, "nobody is logged in yet", advice))
    return found


async def _log_in(client: ArchiveBotClient, settings: Settings, name: str) -> list[Check]:
    from utils.telegram.client import log_out, login

    if not client.was_logged_in():
        # The key of a start that failed stays what it is.
        client.forget_key()
    # Telethon's object of the key changes with it.
    known = client.session.auth_key.key if client.session.auth_key else None
    me = await login(client, settings, patience=4 * PATIENCE)
    tried = client.session.auth_key.key != known
    try:
        who = f"@{me.username}" if me.username else me.first_name
        told = f"the token is that of {who}" if tried else f"it is logged in as {who}"
        found = [Check(GROUP, name, Level.OK, f"answers; {told}")]
        if settings.TARGET_CHAT:
            found.append(await _target(client, settings.TARGET_CHAT))
    finally:
        if tried:
            await log_out(client)
    return found


async def _target(client: ArchiveBotClient, chat: str) -> Check:
    from utils.telegram.account import Account
    from utils.telegram.waits import Caller

    try:
        await Account(client, Caller(client)).target(chat)
    except SettingsError as error:
        return Check(GROUP, "TARGET_CHAT", Level.FAIL, error.told, "./bot run would say the same.")
    return Check(GROUP, "TARGET_CHAT", Level.OK, f"{chat} is there")
