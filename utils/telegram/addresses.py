"""Where Telegram, or a server of one's own, is asked first, and where it says that a data centre is."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress

from telethon import TelegramClient, errors
from telethon.client.telegrambaseclient import DEFAULT_DC_ID, DEFAULT_IPV4_IP, DEFAULT_PORT
from telethon.sessions import MemorySession

from utils.constants import Settings
from utils.errors import SettingsError
from utils.telegram.archive_client import ArchiveBotClient
from utils.telegram.connection import PatientConnection
from utils.telegram.outage import Outage

log = logging.getLogger(__name__)

Address = tuple[str, int]

#: Where Telegram is asked first.
TELEGRAM = (DEFAULT_DC_ID, DEFAULT_IPV4_IP, DEFAULT_PORT)


def parse_server(text: str) -> tuple[str, int]:
    """``host:port`` or ``[ipv6]:port``; raises :class:`SettingsError` for anything else."""
    host, separator, port = text.rpartition(":")
    if not separator or not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise SettingsError(f"TELEGRAM_SERVER must be host:port, not {text!r}.")
    return host.strip("[]"), int(port)


def front_of(settings: Settings) -> tuple[int, str, int]:
    """The data centre that is asked first, with its address."""
    if not settings.TELEGRAM_SERVER:
        return TELEGRAM
    return settings.TELEGRAM_SERVER_DC, *parse_server(settings.TELEGRAM_SERVER)


async def follow(client: ArchiveBotClient, front: tuple[int, str, int], patience: float) -> Address:
    """Correct in the session of ``client``, which is not connected, where its data centre is; returns that.

    ``front`` is the data centre that is asked, with its address; ``patience`` is in seconds. Nothing changes
    when it cannot be asked, or knows nothing else.
    """
    session = client.session
    known = session.server_address, session.port
    if known == front[1:]:
        return known
    with suppress(OSError, EOFError, BufferError, errors.RPCError):
        address = await _ask(session.dc_id, front, patience, client)
        if address not in (None, known):
            log.info("Data centre %d has moved to %s:%d", session.dc_id, *address)
            session.set_dc(session.dc_id, *address)
            session.save()
    return session.server_address, session.port


async def _ask(
    dc: int, front: tuple[int, str, int], patience: float, client: ArchiveBotClient
) -> Address | None:
    session = MemorySession()
    session.set_dc(*front)
    quiet = type("Quiet", (PatientConnection,), {"outage": Outage()})
    # A class of its own, since what it is told of addresses is kept there.
    kind = type("Scout", (TelegramClient,), {"_config": None})
    scout = kind(session, client.api_id, client.api_hash, connection=quiet, receive_updates=False)
    try:
        async with asyncio.timeout(patience):
            await scout.connect()
            option = await scout._get_dc(dc)
            return option.ip_address, option.port
    except ValueError:
        return None
    finally:
        await scout.disconnect()
