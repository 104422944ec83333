"""Where Telegram, or a server of one's own, is asked first, and where it says that a data centre is."""

from __future__ import annotations

import asyncio
import logging
import socket
from contextlib import suppress
from pathlib import Path

import rsa
from pyasn1.error import PyAsn1Error  # type: ignore[import-untyped]
from telethon import TelegramClient, errors
from telethon.crypto import rsa as server_keys
from telethon.sessions import MemorySession, SQLiteSession

from utils.constants import Settings
from utils.errors import SettingsError
from utils.telegram.archive_client import ArchiveBotClient
from utils.telegram.outage import Outage

log = logging.getLogger(__name__)

Address = tuple[str, int]

#: Where Telegram's data centres are, by number: over IPv4 and IPv6. The first to be asked is ``FIRST``.
TELEGRAM = {
    1: ("149.154.175.53", "2001:b28:f23d:f001::a"),
    2: ("149.154.167.51", "2001:67c:4e8:f002::a"),
    3: ("149.154.175.100", "2001:b28:f23d:f003::a"),
    4: ("149.154.167.91", "2001:67c:4e8:f004::a"),
    5: ("91.108.56.130", "2001:b28:f23f:f005::a"),
}
FIRST, PORT = 2, 443


def parse_server(text: str) -> tuple[str, int]:
    """``host:port`` or ``[ipv6]:port``; raises :class:`SettingsError` for anything else."""
    host, separator, port = text.rpartition(":")
    if not separator or not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise SettingsError(f"TELEGRAM_SERVER must be host:port, not {text!r}.")
    return host.strip("[]"), int(port)


def is_ipv6(host: str) -> bool:
    """Whether ``host`` is an IPv6 address."""
    return ":" in host


def front_of(settings: Settings) -> tuple[int, str, int]:
    """The data centre that is asked first, with its address. Raises :class:`SettingsError`."""
    if settings.TELEGRAM_SERVER:
        return settings.TELEGRAM_SERVER_DC, *parse_server(settings.TELEGRAM_SERVER)
    ipv4, ipv6 = TELEGRAM[FIRST]
    # A proxy is asked for the address that proxies know.
    alone = not settings.PROXY and not _is_routed(socket.AF_INET, ipv4) and _is_routed(socket.AF_INET6, ipv6)
    return FIRST, ipv6 if alone else ipv4, PORT


def _is_routed(family: socket.AddressFamily, address: str) -> bool:
    """Whether this machine knows a way to ``address``; nothing is sent."""
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as asked:
            asked.connect((address, PORT))
    except OSError:
        return False
    return True


def use_front(session: SQLiteSession, settings: Settings, front: tuple[int, str, int]) -> None:
    """Have in ``session`` an address that can be reached, and know the key of the server of the settings.

    The log-in in it is kept. Raises :class:`SettingsError` for a key that is none.
    """
    if settings.TELEGRAM_SERVER_KEY and settings.TELEGRAM_SERVER:
        server_keys.add_key(_read_key(Path(settings.TELEGRAM_SERVER_KEY)), old=False)
    dc, host, port = front
    elsewhere = session.auth_key is not None and session.dc_id != dc
    if not settings.TELEGRAM_SERVER:
        # Telethon would go to the first data centre when it finds an address of the other kind.
        if session.server_address and is_ipv6(session.server_address) != is_ipv6(host):
            known = TELEGRAM.get(session.dc_id, TELEGRAM[FIRST])
            session.set_dc(session.dc_id, known[is_ipv6(host)], PORT)
            session.save()
        elif not session.server_address:
            session.set_dc(dc, host, port)
            session.save()
    # Someone who lives on another data centre of that server stays there; its address is in the session.
    elif not elsewhere or is_ipv6(session.server_address) != is_ipv6(host):
        session.set_dc(session.dc_id if elsewhere else dc, host, port)
        session.save()


def _read_key(path: Path) -> bytes:
    """A public RSA key as PKCS#1 PEM, whichever of the two usual PEM forms the file has."""
    try:
        pem = path.read_bytes()
        if b"BEGIN PUBLIC KEY" in pem:
            return bytes(rsa.PublicKey.load_pkcs1_openssl_pem(pem).save_pkcs1())
        rsa.PublicKey.load_pkcs1(pem)
    except OSError as error:
        raise SettingsError(f"TELEGRAM_SERVER_KEY: {path} cannot be read ({error.strerror}).") from error
    except (ValueError, PyAsn1Error):
        raise SettingsError(f"TELEGRAM_SERVER_KEY: {path} is not a public RSA key in PEM form.") from None
    return pem


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
    quiet = type("Quiet", (client._connection,), {"outage": Outage(), "doubts": 0})
    # A class of its own, since what it is told of addresses is kept there.
    kind = type("Scout", (TelegramClient,), {"_config": None})
    scout = kind(
        session,
        client.api_id,
        client.api_hash,
        connection=quiet,
        proxy=client._proxy,
        use_ipv6=is_ipv6(front[1]),
        receive_updates=False,
    )
    scout._init_request.proxy = client._init_request.proxy
    try:
        async with asyncio.timeout(patience):
            await scout.connect()
            option = await scout._get_dc(dc)
            return option.ip_address, option.port
    except ValueError:
        return None
    finally:
        await scout.disconnect()
