"""Whether Telegram, or the server of the settings, answers, and knows the token.

The token is tried by a log-in of its own, which is ended at once and leaves nothing behind; where the bot is
logged in already, that is not needed.
"""

from __future__ import annotations

import asyncio
import os
import socket
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from utils.constants import Settings
from utils.diagnostics.check import Check, Level
from utils.errors import LoginFailed, SettingsError

if TYPE_CHECKING:
    from telethon import TelegramClient

GROUP = "Connection"
#: Telegram's data centre 2, where Telethon knocks first.
TELEGRAM = ("149.154.167.51", 443)
PATIENCE = 5.0

Reach = Callable[[str, int], None]


def reach(host: str, port: int) -> None:
    """Open a TCP connection and close it; raises OSError."""
    with socket.create_connection((host, port), timeout=PATIENCE):
        pass


def check_server(settings: Settings, reach: Reach = reach) -> Check:
    """A TCP connection, and with a token or a server of one's own a real conversation with Telethon."""
    name = settings.TELEGRAM_SERVER or "Telegram"
    try:
        host, port = _address(settings)
        reach(host, port)
    except SettingsError as error:
        return Check(GROUP, name, Level.FAIL, error.told, "Correct TELEGRAM_SERVER.")
    except ImportError as error:
        return Check(GROUP, name, Level.FAIL, f"Telethon cannot be loaded: {error}", "Start ./bot doctor.")
    except OSError as error:
        advice = "Is the network up? Does a firewall or the provider block it?"
        found = f"{host}:{port} does not answer ({error.strerror or error})"
        return Check(GROUP, name, Level.FAIL, found, advice)
    # Without its number and hash Telethon says nothing to anybody; that they are missing was said.
    if settings.API_ID and settings.API_HASH and (settings.TELEGRAM_SERVER or token_to_try(settings)):
        return asyncio.run(_talk(settings, name))
    return Check(GROUP, name, Level.OK, f"{host}:{port} answers")


def token_to_try(settings: Settings) -> bool:
    """Whether there is a token that nobody has logged in with yet."""
    complete = settings.BOT_TOKEN and settings.API_ID and settings.API_HASH
    log_in = settings.path("DATA_DIR") / "sessions" / "bot.session"
    return bool(complete) and not os.path.exists(log_in)  # noqa: PTH110 - False where it may not look


def _address(settings: Settings) -> tuple[str, int]:
    if not settings.TELEGRAM_SERVER:
        return TELEGRAM
    from utils.telegram.client import parse_server

    return parse_server(settings.TELEGRAM_SERVER)


async def _talk(settings: Settings, name: str) -> Check:
    """Agree on a key with the server, and log in with the token if it is to be tried."""
    from utils.telegram.client import build_client

    with tempfile.TemporaryDirectory() as folder:
        try:
            client = build_client(settings, Path(folder) / "doctor.session")
        except SettingsError as error:
            return Check(GROUP, name, Level.FAIL, error.told, "Correct the setting.")
        try:
            ask = _log_in if token_to_try(settings) else _handshake
            found = await ask(client, settings)
        except LoginFailed as error:
            return Check(GROUP, name, Level.FAIL, error.told, "./bot run would say the same.")
        except (OSError, TimeoutError) as error:
            found = f"answers, but not as a Telegram server would ({error or 'time-out'})"
            advice = (
                "Is TELEGRAM_SERVER_KEY the public key of that server, and TELEGRAM_SERVER_DC its number?"
            )
            return Check(GROUP, name, Level.FAIL, found, advice)
        finally:
            await client.disconnect()
    return Check(GROUP, name, Level.OK, found)


async def _handshake(client: TelegramClient, _: Settings) -> str:
    from utils.telegram.client import greet

    return f"answers as data centre {await greet(client, 4 * PATIENCE)}"


async def _log_in(client: TelegramClient, settings: Settings) -> str:
    from utils.telegram.client import log_out, login

    me = await login(client, settings, patience=4 * PATIENCE)
    await log_out(client)
    return f"answers; the token is that of @{me.username}"
