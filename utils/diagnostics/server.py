"""Whether Telegram, or the server of the settings, answers. No log-in is made."""

from __future__ import annotations

import asyncio
import socket
import tempfile
from collections.abc import Callable
from pathlib import Path

from utils.constants import Settings
from utils.diagnostics.check import Check, Level
from utils.errors import SettingsError

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
    """A TCP connection to Telegram; with a server of one's own also a key exchange with Telethon."""
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
    if settings.TELEGRAM_SERVER:
        return asyncio.run(_handshake(settings, name))
    return Check(GROUP, name, Level.OK, f"{host}:{port} answers")


def _address(settings: Settings) -> tuple[str, int]:
    if not settings.TELEGRAM_SERVER:
        return TELEGRAM
    from utils.telegram.client import parse_server

    return parse_server(settings.TELEGRAM_SERVER)


async def _handshake(settings: Settings, name: str) -> Check:
    """Agree on a key with the server and ask it which data centre it is."""
    from telethon.tl.functions.help import GetNearestDcRequest

    from utils.telegram.client import build_client

    advice = "Is TELEGRAM_SERVER_KEY the public key of that server, and TELEGRAM_SERVER_DC its number?"
    with tempfile.TemporaryDirectory() as folder:
        try:
            client = build_client(settings, Path(folder) / "doctor.session")
        except SettingsError as error:
            return Check(GROUP, name, Level.FAIL, error.told, "Correct the setting.")
        try:
            async with asyncio.timeout(4 * PATIENCE):
                await client.connect()
                answer = await client(GetNearestDcRequest())
        except (OSError, TimeoutError) as error:
            found = f"answers, but not as a Telegram server would ({error or 'time-out'})"
            return Check(GROUP, name, Level.FAIL, found, advice)
        finally:
            await client.disconnect()
    return Check(GROUP, name, Level.OK, f"answers as data centre {answer.this_dc}")
