"""Telethon's client, made so that it is never deaf: it forgets no message, and says when it is out."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

from telethon import TelegramClient, errors
from telethon.sessions import SQLiteSession
from telethon.tl import TLObject, TLRequest, types

from utils.errors import LoginEnded, LoginFailed, Unreachable
from utils.telegram.acknowledging import acknowledge_late
from utils.telegram.connection import UNKNOWN_KEY_DOUBTS, ways
from utils.telegram.outage import Outage, cause
from utils.telegram.proxy import Kind, Proxy

log = logging.getLogger(__name__)

#: What Telegram answers when a log-in is over for good (https://core.telegram.org/api/errors#401-unauthorized).
ENDED = (errors.UnauthorizedError, errors.AuthKeyDuplicatedError, errors.AuthKeyNotFound)


class ArchiveBotClient(TelegramClient):  # type: ignore[misc]
    """A client whose place among the updates is kept only past what was taken in, and that misses no end.

    Telethon keeps the place every minute and when it disconnects, whether or not the handlers are done; a
    process that is killed then would never hear of the message again. And when the log-in ends it disconnects
    without a word to those who wait for messages: they wait for :meth:`gone`.
    """

    def __init__(self, *args: Any, proxy: Proxy | None = None, **kwargs: Any) -> None:
        self.outage = Outage(on_over=self._ask_what_was_missed)
        own, self.connection_for_files = ways(proxy)
        connection = type("OwnConnection", (own,), {"outage": self.outage})
        super().__init__(*args, connection=connection, proxy=proxy, **kwargs)
        acknowledge_late(self._sender)
        if proxy is not None and proxy.kind is Kind.MTPROTO:
            # As Telethon says it of proxies of its own.
            self._init_request.proxy = types.InputClientProxy(proxy.host, proxy.port)
        #: Messages that were handed out and are not safely on disk yet.
        self.taking_in = 0
        #: The one way of every request, which Telethon's own go as well once it is logged in.
        self.caller: Callable[[TLRequest], Awaitable[TLObject]] | None = None
        self.logged_in = False
        #: Bytes of files since the start.
        self.sent = self.received = 0
        self._may_ask = asyncio.Event()
        self._end: asyncio.Future[LoginFailed] | None = None

    async def __call__(
        self, request: Any, ordered: bool = False, flood_sleep_threshold: int | None = None
    ) -> Any:
        if asyncio.current_task() is self._updates_handle:
            # Until the log-in is over, the account may turn out to live at another data centre.
            await self._may_ask.wait()
        if self.logged_in and self.caller is not None and isinstance(request, TLRequest):
            return await self.caller(request)
        return await super().__call__(request, ordered, flood_sleep_threshold)

    def name_of(self, number: int) -> str:
        """How the person or chat of that number is called, as far as it was met; else the number."""
        return str(self.session.name_of(number))

    # -- the place among the updates

    async def _save_states_and_entities(self) -> None:
        if not self.taking_in and not self._event_handler_tasks:
            await super()._save_states_and_entities()

    async def keep_place(self) -> None:
        """Write the place among the updates to the session file, if everything before it was taken in."""
        await self._save_states_and_entities()
        self.session.save()

    async def _handle_auto_reconnect(self) -> None:
        """What came while there was no connection is not sent again by itself."""
        self._ask_what_was_missed()

    def _ask_what_was_missed(self) -> None:
        if self.logged_in and self.is_connected():
            self._updates_queue.put_nowait(types.UpdatesTooLong())

    # -- the log-in

    def remember(self, me: types.User, whereabouts: Callable[[], Awaitable[tuple[str, int]]]) -> None:
        """Note in the session that it is logged in as ``me``. From now on it connects until it can.

        ``whereabouts`` is asked for the address of the data centre when it was in vain for a while.
        """
        self.logged_in = True
        self._may_ask.set()
        # As Telethon does every minute: number 0 says who we are.
        myself = types.contacts.ResolvedPeer(None, [types.InputPeerUser(0, me.id)], [])
        self.session.process_entities(myself)
        self.session.save()
        self.doubt_that_key_is_unknown(True)
        self._sender._retries = -1
        self._connection.whereabouts = staticmethod(whereabouts)

    def doubt_that_key_is_unknown(self, doubt: bool) -> None:
        """Whether it takes long to believe that the server does not know the key: a log-in goes with it."""
        self._connection.doubts = UNKNOWN_KEY_DOUBTS if doubt else 0

    def was_logged_in(self) -> bool:
        """Whether an earlier start has logged in with this session."""
        try:
            self.session.get_input_entity(0)
        except ValueError:
            return False
        return self.session.auth_key is not None

    def forget_key(self) -> None:
        """Agree on another key with the server when it connects, which is not logged in."""
        self._sender.auth_key.key = None
        self.session.auth_key = None
        self.session.save()

    # -- the end

    async def end(self, error: BaseException) -> NoReturn:
        """The log-in ended, as ``error`` says.

        Does not return: whoever asked for something waits until the bot is stopped, so that nobody draws a
        conclusion from it about his own work.
        """
        if not self._ending.done():
            self._ending.set_result(self.why_ended(error))
        await asyncio.get_running_loop().create_future()
        raise AssertionError

    async def gone(self) -> LoginFailed:
        """Waits until this client is of no use any more; returns why."""
        disconnected = asyncio.ensure_future(self.disconnected)
        await asyncio.wait({self._ending, disconnected}, return_when=asyncio.FIRST_COMPLETED)
        if self._ending.done():
            disconnected.cancel()
            return self._ending.result()
        error = self._updates_error or disconnected.exception()
        if isinstance(error, ENDED):
            return self.why_ended(error)
        why = "it was closed" if error is None else cause(error)
        return Unreachable(f"The connection to Telegram broke for good ({why}). Start the bot again.")

    @property
    def _ending(self) -> asyncio.Future[LoginFailed]:
        if self._end is None:
            self._end = asyncio.get_running_loop().create_future()
        return self._end

    def why_ended(self, error: BaseException) -> LoginFailed:
        """The sentence for ``error``, one of ``ENDED`` or a move of the account."""
        file = self.session.filename
        if isinstance(error, errors.UserMigrateError):
            return Unreachable(
                f"Telegram moved this account to data centre {error.new_dc}. Start the bot again."
            )
        if isinstance(error, errors.UserDeactivatedError | errors.UserDeactivatedBanError):
            return LoginEnded("This account was closed by Telegram.")
        if isinstance(error, errors.AuthKeyDuplicatedError):
            return LoginEnded(
                f"Telegram ended the log-in in {file}, because it was used from two places at once. "
                "See that only one bot has that file, and delete it to log in anew."
            )
        if isinstance(error, errors.AuthKeyNotFound):
            return LoginEnded(
                f"Telegram no longer knows the log-in in {file}. Delete that file to log in anew."
            )
        return LoginEnded(
            f"The log-in in {file} was ended ({cause(error)}). Start the bot again to log in anew."
        )

    async def _disconnect(self) -> None:
        reading = self._sender._recv_loop_handle
        await super()._disconnect()
        if reading is not None:
            # It may be disconnecting, too, and would forget the next connection instead of this one.
            await asyncio.wait({reading})
        # Why it ended was told to those who asked for something.
        ended = self._sender._disconnected
        if ended.done() and not ended.cancelled():
            ended.exception()


class SessionFile(SQLiteSession):  # type: ignore[misc]
    """Telethon's, which does not stay open when it turns out to be damaged, and outlives a full disk.

    What is not written then is known in memory, or comes again: the numbers of chats, and the place among the
    updates.
    """

    def __init__(self, path: str) -> None:
        self._full = False
        try:
            super().__init__(path)
            (verdict,) = self._cursor().execute("PRAGMA quick_check(1)").fetchone()
            if verdict != "ok":
                raise sqlite3.DatabaseError(verdict)
        except (sqlite3.DatabaseError, TypeError, ValueError) as error:
            self.close()
            # SQLITE_ERROR: tables are not as they were made.
            passing = getattr(error, "sqlite_errorcode", None) != sqlite3.SQLITE_ERROR
            if isinstance(error, sqlite3.OperationalError) and passing:
                raise
            raise sqlite3.DatabaseError("damaged") from error

    def process_entities(self, tlo: TLObject) -> None:
        """Keep the chats that are named in an answer."""
        with self._outliving():
            super().process_entities(tlo)

    def set_update_state(self, entity_id: int, state: Any) -> None:
        """Keep the place among the updates."""
        with self._outliving():
            super().set_update_state(entity_id, state)

    def save(self) -> None:
        """Have on the disk what was kept."""
        with self._outliving():
            super().save()

    def name_of(self, number: int) -> str:
        """How the person or chat of that number is called, as far as it was met; else the number."""
        query = "SELECT name, username FROM entities WHERE id = ?"
        name, username = self._cursor().execute(query, (number,)).fetchone() or ("", "")
        called = " ".join(filter(None, (name, username and f"@{username}")))
        return called or str(number)

    @contextmanager
    def _outliving(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            if not self._full:
                log.warning("⚠️ %s cannot be written now: %s", self.filename, error)
            self._full = True
        else:
            self._full = False
