"""The connection to Telegram (or to a server of one's own) and the log-in.

Nothing here writes the token, a code or a password anywhere but into the request that needs it: not into a
message of an error, not into the log.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import rsa
from pyasn1.error import PyAsn1Error  # type: ignore[import-untyped]
from telethon import TelegramClient, errors
from telethon.crypto import rsa as server_keys
from telethon.sessions import SQLiteSession
from telethon.tl import types
from telethon.tl.functions.help import GetNearestDcRequest

from utils.constants import Settings
from utils.errors import LoginFailed, SettingsError
from utils.telegram.connection import PatientConnection
from utils.telegram.waits import error_name

T = TypeVar("T")

#: Attempts at reaching the server before a log-in fails; afterwards the connection is tried for ever.
LOGIN_RETRIES = 2
#: Seconds that reaching the server may take at a log-in, all attempts together.
CONNECT_TIMEOUT = 30.0

#: How often a code or a password may be mistyped.
ATTEMPTS = 3


@dataclass(frozen=True)
class Ask:
    """Who is asked for what a person's log-in needs. Each call asks once and returns what was typed."""

    phone: Callable[[], Awaitable[str]]
    code: Callable[[], Awaitable[str]]
    password: Callable[[], Awaitable[str]]


class ArchiveBotClient(TelegramClient):  # type: ignore[misc]
    """A client that forgets no message: its place among the updates is kept only past what was taken in.

    Telethon keeps the place every minute and when it disconnects, whether or not the handlers are done; a
    process that is killed then would never hear of the message again.
    """

    #: Messages that were handed out and are not safely on disk yet.
    taking_in = 0

    async def _save_states_and_entities(self) -> None:
        if not self.taking_in and not self._event_handler_tasks:
            await super()._save_states_and_entities()

    async def keep_place(self) -> None:
        """Write the place among the updates to the session file, if everything before it was taken in."""
        await self._save_states_and_entities()
        self.session.save()


class _SessionFile(SQLiteSession):  # type: ignore[misc]
    """Telethon's, which does not stay open when it turns out to be damaged."""

    def __init__(self, path: str) -> None:
        try:
            super().__init__(path)
        except sqlite3.DatabaseError:
            self.close()
            raise


def build_client(settings: Settings, session_path: Path) -> ArchiveBotClient:
    """A client that is not connected yet, with its log-in kept in ``session_path`` (mode 0600).

    ``session_path`` ends in ``.session``. Waits are left to :mod:`utils.telegram.waits`, so the client
    itself never sleeps on one. Raises :class:`SettingsError` for a server or key that cannot be used.
    """
    _require_cryptg()
    server = parse_server(settings.TELEGRAM_SERVER) if settings.TELEGRAM_SERVER else None
    _private_file(session_path)
    # The addresses of a server's data centres are cached in the class (TelegramBaseClient._config). A class
    # for each client keeps two servers in one process apart.
    kind = type("OwnClient", (ArchiveBotClient,), {"_config": None, "_cdn_config": None})
    try:
        client: ArchiveBotClient = kind(
            _SessionFile(str(session_path)),
            settings.API_ID,
            settings.API_HASH,
            connection=PatientConnection,
            catch_up=True,
            flood_sleep_threshold=0,
            connection_retries=LOGIN_RETRIES,
            device_model="Archive bot",
            app_version="1.0",
        )
    except sqlite3.DatabaseError:
        raise SettingsError(f"{session_path} is damaged. Delete it; the bot logs in anew.") from None
    if server is not None:
        try:
            _use_server(client, settings, server)
        except SettingsError:
            client.session.close()
            raise
    return client


def parse_server(text: str) -> tuple[str, int]:
    """``host:port`` or ``[ipv6]:port``; raises :class:`SettingsError` for anything else."""
    host, separator, port = text.rpartition(":")
    if not separator or not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise SettingsError(f"TELEGRAM_SERVER must be host:port, not {text!r}.")
    return host.strip("[]"), int(port)


def _require_cryptg() -> None:
    try:
        import cryptg  # noqa: F401  # Telethon picks it up by itself
    except ImportError:
        raise SettingsError(
            "The package cryptg is missing; install the program's requirements again."
        ) from None


def _private_file(path: Path) -> None:
    """Make sure that the session file exists and that only its owner can read it."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    path.chmod(0o600)


def _use_server(client: TelegramClient, settings: Settings, server: tuple[str, int]) -> None:
    if settings.TELEGRAM_SERVER_KEY:
        server_keys.add_key(_read_key(Path(settings.TELEGRAM_SERVER_KEY)), old=False)
    session = client.session
    # Someone who lives on another data centre of that server stays there; its address is in the session.
    if session.auth_key is None or session.dc_id == settings.TELEGRAM_SERVER_DC:
        session.set_dc(settings.TELEGRAM_SERVER_DC, *server)
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


async def login(
    client: TelegramClient, settings: Settings, ask: Ask | None = None, *, patience: float = CONNECT_TIMEOUT
) -> types.User:
    """Connect and log in; returns the account. ``patience``: seconds for reaching the server.

    With ``BOT_TOKEN`` as that bot, otherwise as a person, who is asked; without ``ask`` nobody can be. A
    session that is logged in already is used as it is. Raises :class:`LoginFailed`; the client is
    disconnected then.
    """
    try:
        async with _in_plain_words(settings, client):
            await _connect(client, settings, patience)
            me = await client.get_me() or await _sign_in(client, settings, ask)
            _same_account(me, settings, client)
    except BaseException:
        await client.disconnect()
        raise
    # From here on a lost connection is tried again until it is back.
    client._sender._retries = -1
    return me


async def greet(client: TelegramClient, patience: float) -> int:
    """Connect, but log in to no account; returns the number of the data centre that answers.

    ``patience`` is in seconds. Raises TimeoutError, and OSError when no key can be agreed on.
    """
    async with asyncio.timeout(patience):
        await client.connect()
        return int((await client(GetNearestDcRequest())).this_dc)


async def log_out(client: TelegramClient) -> None:
    """End the log-in for good, here and at Telegram."""
    await client.log_out()


async def _connect(client: TelegramClient, settings: Settings, patience: float) -> None:
    where = settings.TELEGRAM_SERVER or "Telegram"
    try:
        await asyncio.wait_for(_agreeing(client, client.connect), patience)
    except TimeoutError:
        raise LoginFailed(f"{where} did not answer within {patience:.0f} seconds.") from None
    except OSError as error:
        if "auth_key" in str(error):
            raise LoginFailed(
                f"{where} answers, but no key could be agreed on. "
                "Is TELEGRAM_SERVER_KEY the public key of that server?"
            ) from None
        raise LoginFailed(f"{where} cannot be reached. Is the network up?") from None


async def _agreeing(client: TelegramClient, call: Callable[[], Awaitable[T]]) -> T:
    """The result of ``call``, which is tried again when agreeing on a key with the server went wrong.

    Telethon does so after a lost connection, but not when the server refused a step of the exchange.
    """
    for _ in range(ATTEMPTS - 1):
        try:
            return await call()
        except BufferError:
            await client._disconnect()
    return await call()


async def _sign_in(client: TelegramClient, settings: Settings, ask: Ask | None) -> types.User:
    if settings.BOT_TOKEN:
        return await _connected(client, lambda: client.sign_in(bot_token=settings.BOT_TOKEN))
    if ask is None:
        raise LoginFailed("BOT_TOKEN is empty, and nobody can be asked for a phone number here.")
    phone = await ask.phone()
    await _connected(client, lambda: client.send_code_request(phone))
    try:
        return await _typed(ask.code, lambda code: client.sign_in(phone, code), "code")
    except errors.SessionPasswordNeededError:
        return await _typed(ask.password, lambda text: client.sign_in(password=text), "password")


async def _connected(client: TelegramClient, call: Callable[[], Awaitable[T]]) -> T:
    """``call``, in which Telethon may move to another data centre and agree on a key there."""

    async def once() -> T:
        if not client.is_connected():
            await client.connect()
        return await call()

    return await _agreeing(client, once)


async def _typed(
    ask: Callable[[], Awaitable[str]], use: Callable[[str], Awaitable[types.User]], what: str
) -> types.User:
    """Ask, try, and ask again when it was mistyped."""
    mistyped = (
        errors.PhoneCodeInvalidError,
        errors.PhoneCodeEmptyError,
        errors.PasswordHashInvalidError,
    )
    for _ in range(ATTEMPTS):
        text = (await ask()).strip()
        if not text:
            continue
        try:
            return await use(text)
        except mistyped:
            continue
    raise LoginFailed(f"The {what} was wrong {ATTEMPTS} times. Start again.")


def _same_account(me: types.User, settings: Settings, client: TelegramClient) -> None:
    wanted = settings.BOT_TOKEN.partition(":")[0]
    if settings.BOT_TOKEN and wanted.isdigit() and int(wanted) != me.id:
        raise LoginFailed(
            f"{client.session.filename} is logged in as another account than BOT_TOKEN's. "
            "Delete that file to log in anew."
        )


@asynccontextmanager
async def _in_plain_words(settings: Settings, client: TelegramClient) -> AsyncIterator[None]:
    """Turn what Telegram answers to a log-in into a sentence with the thing to do."""
    try:
        yield
    except (errors.AccessTokenInvalidError, errors.AccessTokenExpiredError):
        raise LoginFailed("Telegram does not know this BOT_TOKEN. Copy it again from @BotFather.") from None
    except (errors.ApiIdInvalidError, errors.ConnectionApiIdInvalidError, errors.ApiIdPublishedFloodError):
        raise LoginFailed(
            "API_ID and API_HASH do not belong together. Copy both from https://my.telegram.org."
        ) from None
    except (errors.PhoneNumberInvalidError, errors.PhoneNumberUnoccupiedError):
        raise LoginFailed("Telegram does not know this phone number.") from None
    except (errors.PhoneNumberBannedError, errors.UserDeactivatedBanError, errors.UserDeactivatedError):
        raise LoginFailed("This account was closed by Telegram.") from None
    except errors.PhoneCodeExpiredError:
        raise LoginFailed("The code has expired. Start again.") from None
    except (errors.AuthKeyNotFound, errors.AuthKeyUnregisteredError, errors.SessionRevokedError):
        raise LoginFailed(
            f"The log-in in {client.session.filename} was ended. Delete that file to log in anew."
        ) from None
    except errors.FloodWaitError as error:
        raise LoginFailed(
            f"Telegram allows the next log-in in {error.seconds} seconds.", retry_after=error.seconds
        ) from None
    except errors.RPCError as error:
        raise LoginFailed(f"Telegram refused the log-in: {error_name(error)}.") from None
    except (ConnectionError, BufferError):
        where = settings.TELEGRAM_SERVER or "Telegram"
        raise LoginFailed(f"The connection to {where} was lost during the log-in.") from None
