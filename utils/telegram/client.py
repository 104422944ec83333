"""The connection to Telegram (or to a server of one's own) and the log-in.

Nothing here writes the token, a code or a password anywhere but into the request that needs it: not into a
message of an error, not into the log.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from telethon import TelegramClient, errors
from telethon.tl import types
from telethon.tl.functions.help import GetNearestDcRequest

from utils.constants import Settings
from utils.errors import LoginFailed, SessionDamaged, SettingsError, Unreachable, seconds_words
from utils.storage.atomic import set_aside
from utils.telegram.addresses import follow, front_of, is_ipv6, use_front
from utils.telegram.archive_client import ENDED, ArchiveBotClient, SessionFile
from utils.telegram.outage import cause
from utils.telegram.pauses import SERVER_ATTEMPTS, TROUBLE, Reason, error_name, pause_after
from utils.telegram.proxy import parse_proxy

log = logging.getLogger(__name__)
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


async def open_client(settings: Settings, data: Path, quarantine: Path) -> ArchiveBotClient:
    """The client with the log-in of earlier runs in the folder ``data``.

    A damaged log-in goes to ``quarantine``, to be made anew. Raises what :func:`build_client` does.
    """
    session_path = data / "sessions" / "bot.session"
    try:
        return build_client(settings, session_path)
    except SessionDamaged as error:
        kept = await asyncio.to_thread(set_aside, session_path, quarantine, error.told)
        journal = session_path.with_name(f"{session_path.name}-journal")  # of SQLite; it fits that file alone
        await asyncio.to_thread(journal.unlink, missing_ok=True)
        log.error("⚠️ Log-in set aside: %s It is kept as %s", error.told, kept)
        return build_client(settings, session_path)


def build_client(settings: Settings, session_path: Path, *, updates: bool = True) -> ArchiveBotClient:
    """A client that is not connected yet, with its log-in kept in ``session_path`` (mode 0600).

    Without ``updates``, nothing is handed out that somebody sends.

    ``session_path`` ends in ``.session``. Waits are left to :mod:`utils.telegram.waits`, so the client
    itself never sleeps on one. Raises :class:`SettingsError` for a server, key or proxy that cannot be used,
    and :class:`SessionDamaged`.
    """
    _require_cryptg()
    proxy, front = parse_proxy(settings.PROXY), front_of(settings)
    try:
        _private_file(session_path)
    except IsADirectoryError:
        raise SessionDamaged(f"{session_path} is a folder. Delete it; the bot logs in anew.") from None
    # The addresses of a server's data centres are cached in the class (TelegramBaseClient._config). A class
    # for each client keeps two servers in one process apart.
    kind = type("OwnClient", (ArchiveBotClient,), {"_config": None, "_cdn_config": None})
    try:
        session = SessionFile(str(session_path))
    except sqlite3.OperationalError as error:
        raise SettingsError(f"{session_path} cannot be used: {error}.") from None
    except sqlite3.DatabaseError:
        raise SessionDamaged(f"{session_path} is damaged. Delete it; the bot logs in anew.") from None
    try:
        use_front(session, settings, front)
        client: ArchiveBotClient = kind(
            session,
            settings.API_ID,
            settings.API_HASH,
            catch_up=updates,
            receive_updates=updates,
            flood_sleep_threshold=0,
            connection_retries=LOGIN_RETRIES,
            request_retries=2,
            raise_last_call_error=True,
            device_model="Archive bot",
            app_version="1.0",
            proxy=proxy,
            use_ipv6=is_ipv6(front[1]),
        )
    except SettingsError:
        session.close()
        raise
    return client


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


async def login(
    client: ArchiveBotClient, settings: Settings, ask: Ask | None = None, *, patience: float = CONNECT_TIMEOUT
) -> types.User:
    """Connect and log in; returns the account. ``patience``: seconds for reaching the server.

    With ``BOT_TOKEN`` as that bot, otherwise as a person, who is asked; without ``ask`` nobody can be. A
    session that is logged in already is used as it is, and waits for the network as long as it takes: it may
    have been started before that. Raises :class:`LoginFailed`; the client is disconnected then.
    """
    try:
        async with _in_plain_words(settings, client):
            me = await _meet(client, settings, patience) or await _sign_in(client, settings, ask, patience)
            _same_account(me, settings, client)
    except BaseException:
        await client.disconnect()
        raise
    client.remember(me, partial(follow, client, front_of(settings), patience))
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


async def _meet(client: ArchiveBotClient, settings: Settings, patience: float) -> types.User | None:
    """Connect; returns the account that the session is logged in to, if it is.

    A first log-in says within ``patience`` that there is nobody, since an address may be wrong. One that was
    known waits.
    """
    known = client.was_logged_in()
    client.doubt_that_key_is_unknown(known)
    failures, fresh = 0, not known
    while True:
        try:
            me = await _met(client, patience, somebody=not fresh)
        except ENDED as error:
            in_doubt = not isinstance(error, errors.AuthKeyUnregisteredError)
            if not client.session.auth_key or (known and in_doubt and not settings.BOT_TOKEN):
                raise
            # A new log-in needs a new key, and here nobody who would not be asked anyway.
            client.forget_key()
            fresh = True
        except TROUBLE as error:
            failures += 1
            pause = pause_after(error, min(failures, SERVER_ATTEMPTS - 1) if known else failures)
            if pause is None or not (known or (pause.reason is Reason.SERVER and failures < ATTEMPTS)):
                raise
            client.outage.begins(pause.reason, "log-in", error)
            await asyncio.sleep(pause.seconds)
            if pause.reason is Reason.CONNECTION:
                await follow(client, front_of(settings), patience)
        else:
            client.outage.over("log-in")
            return me


async def _met(client: ArchiveBotClient, patience: float, *, somebody: bool) -> types.User | None:
    """Once: after an error the client is disconnected, and can be connected again.

    With ``somebody``, that nobody is logged in is one: AUTH_KEY_UNREGISTERED.
    """
    try:
        async with _within(patience):
            await _agreeing(client, client.connect)
            me: types.User | None = await client.get_me()
            if me is None and somebody:
                raise errors.AuthKeyUnregisteredError(None)
            return me
    except BaseException:
        await client._disconnect()
        raise


@asynccontextmanager
async def _within(patience: float) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(patience):
            yield
    except TimeoutError:
        raise TimeoutError(f"did not answer within {seconds_words(patience)}") from None


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


async def _sign_in(
    client: ArchiveBotClient, settings: Settings, ask: Ask | None, patience: float
) -> types.User:
    async def asked(call: Callable[[], Awaitable[T]]) -> T:
        """``call``, in which Telethon may move to another data centre and agree on a key there."""
        async with _within(patience):
            return await _agreeing(client, partial(_connected, client, call))

    if settings.BOT_TOKEN:
        return await asked(lambda: client.sign_in(bot_token=settings.BOT_TOKEN))
    if ask is None:
        raise LoginFailed("BOT_TOKEN is empty, and nobody can be asked for a phone number here.")
    phone = await ask.phone()
    await asked(lambda: client.send_code_request(phone))
    try:
        return await _typed(ask.code, lambda code: asked(lambda: client.sign_in(phone, code)), "code")
    except errors.SessionPasswordNeededError:
        return await _typed(
            ask.password, lambda text: asked(lambda: client.sign_in(password=text)), "password"
        )


async def _connected(client: ArchiveBotClient, call: Callable[[], Awaitable[T]]) -> T:
    if not client.is_connected():
        await client.connect()
    return await call()


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
async def _in_plain_words(settings: Settings, client: ArchiveBotClient) -> AsyncIterator[None]:
    """Turn what Telegram answers to a log-in into a sentence with the thing to do."""
    where = settings.TELEGRAM_SERVER or "Telegram"
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
    except errors.PhoneNumberBannedError:
        raise LoginFailed("This account was closed by Telegram.") from None
    except errors.PhoneCodeExpiredError:
        raise LoginFailed("The code has expired. Start again.") from None
    except ENDED as error:
        raise client.why_ended(error) from None
    except errors.FloodWaitError as error:
        raise Unreachable(
            f"Telegram allows the next log-in in {seconds_words(error.seconds)}.", retry_after=error.seconds
        ) from None
    except (errors.ServerError, errors.TimedOutError) as error:
        raise Unreachable(f"{where} has trouble of its own ({cause(error)}). Start again later.") from None
    except errors.RPCError as error:
        raise LoginFailed(f"Telegram refused the log-in: {error_name(error)}.") from None
    except (OSError, EOFError, BufferError) as error:
        raise _not_reached(where, error, client.outage.why) from None
    except sqlite3.OperationalError as error:
        raise SettingsError(f"{client.session.filename} cannot be written: {error}.") from None


def _not_reached(where: str, error: BaseException, why: str) -> LoginFailed:
    if "auth_key" in str(error):
        return LoginFailed(
            f"{where} answers, but no key could be agreed on. "
            "Is TELEGRAM_SERVER_KEY the public key of that server?"
        )
    if isinstance(error, TimeoutError):
        return Unreachable(f"{where} {cause(error)}.")
    return Unreachable(f"{where} cannot be reached ({why or cause(error)}). Is the network up?")
