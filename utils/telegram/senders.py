"""Connections for files: a few for each data centre, opened when needed and closed when idle."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Coroutine
from typing import Any, TypeVar

from telethon import errors
from telethon.crypto import AuthKey
from telethon.tl import TLObject, TLRequest, functions, types

from utils.telegram.archive_client import ENDED, ArchiveBotClient
from utils.telegram.file_sender import CONNECT_SECONDS, FileSender

log = logging.getLogger(__name__)
T = TypeVar("T")

#: Seconds after which a connection that nobody used is closed.
IDLE_SECONDS = 60.0
#: Seconds that a server may take over a new connection, with the key that is agreed on.
OPEN_SECONDS = 60.0


class Centre:
    """The connections to one data centre."""

    def __init__(self, client: ArchiveBotClient, dc: int, limit: int) -> None:
        self._client = client
        self._dc = dc
        self._limit = limit
        self._lock = asyncio.Lock()
        self._key = AuthKey(None)
        self._salt = self._time_offset = 0
        self._imported = False
        self._failed = 0.0
        self.wanted = 1
        self.senders: list[FileSender] = []

    @property
    def _home(self) -> bool:
        return bool(self._dc == self._client.session.dc_id)

    async def sender(self) -> FileSender:
        """The connection with the least to do; opened now when there is none, or one more is wanted."""
        self.senders = [sender for sender in self.senders if sender.alive]
        if len(self.senders) < self.wanted and not (self._lock.locked() and self.senders):
            asked = time.monotonic()
            async with self._lock:
                if self._failed > asked:
                    raise ConnectionError(f"data centre {self._dc} cannot be reached")
                if len(self.senders) < self.wanted:
                    opened = await self._open()
                    self.senders.append(opened)
        return min(self.senders, key=lambda sender: sender.in_flight)

    def grow(self) -> bool:
        """Want twice as many connections; False when there are as many as allowed."""
        if self.wanted >= self._limit:
            return False
        self.wanted = min(2 * self.wanted, self._limit)
        return True

    async def forget_log_in(self, sender: FileSender, error: Exception) -> None:
        """The data centre no longer knows the log-in (or even the key): make it again on the next use.

        Several calls learn it at once; what was made since then by the first of them is left alone.
        """
        if self._home and not isinstance(error, errors.AuthKeyNotFound):
            await self._client.end(error)
        # A key that is unknown at home is a matter of the account's own connection, which doubts it at first.
        if self._home or sender not in self.senders:
            return
        self._imported = False
        if not isinstance(error, errors.AuthKeyUnregisteredError):
            self._key = AuthKey(None)
        await self.close()

    async def close_idle(self, now: float) -> None:
        for sender in list(self.senders):
            if not sender.in_flight and now - sender.last_used > IDLE_SECONDS:
                self.senders.remove(sender)
                await sender.close()
        if not self.senders:
            self.wanted = 1

    async def close(self) -> None:
        while self.senders:
            await self.senders.pop().close()

    async def _open(self) -> FileSender:
        ip, port = await self._address()
        sender = FileSender(self._session_key(), client=self._client)
        sender._state.salt, sender._state.time_offset = self._salt, self._time_offset
        connection = self._client.connection_for_files(
            ip,
            port,
            self._dc,
            loggers=self._client._log,
            proxy=self._client._proxy,
            local_addr=self._client._local_addr,
        )
        # Asked for at home while the connection is being opened.
        needs_ticket = not self._home and not self._imported
        ticket = _noted(self._ticket()) if needs_ticket else None
        try:
            # Agreeing on a key, Telethon waits for the server's next word as long as that takes.
            async with asyncio.timeout(OPEN_SECONDS):
                await sender.open(connection)
            if not self._home:
                self._key = sender.auth_key
                await self._log_in(sender, ticket)
        except (OSError, EOFError, BufferError) as error:
            await sender.close()
            self._failed = time.monotonic()
            # It may have moved: where it is now is asked for at the next attempt.
            type(self._client)._config = None
            raise ConnectionError(f"data centre {self._dc} cannot be reached") from error
        except BaseException:
            await sender.close()
            raise
        finally:
            if ticket is not None:
                ticket.cancel()
        log.info("Connection %d to data centre %d", len(self.senders) + 1, self._dc)
        return sender

    async def _address(self) -> tuple[str, int]:
        if self._home:
            return self._client.session.server_address, self._client.session.port
        try:
            option = await self._client._get_dc(self._dc)
        except ValueError as error:
            raise ConnectionError(f"nobody says where data centre {self._dc} is") from error
        return option.ip_address, option.port

    def _session_key(self) -> AuthKey:
        """The account's own key at home, a key of ours elsewhere; the salt belongs to the key."""
        if not self._home:
            return self._key
        state = self._client._sender._state
        self._salt, self._time_offset = state.salt, state.time_offset
        return AuthKey(self._client.session.auth_key.key)

    async def _ticket(self) -> types.auth.ExportedAuthorization:
        async with asyncio.timeout(CONNECT_SECONDS):
            return await self._client(functions.auth.ExportAuthorizationRequest(self._dc))

    async def _log_in(
        self, sender: FileSender, ticket: asyncio.Task[types.auth.ExportedAuthorization] | None
    ) -> None:
        """Elsewhere than at home the log-in is exported and imported, once for each key."""
        if ticket is not None:
            exported = await ticket
            await sender.call(functions.auth.ImportAuthorizationRequest(exported.id, exported.bytes))
            self._imported = True
        self._salt, self._time_offset = sender._state.salt, sender._state.time_offset


class SenderPool:
    """The connections for files to every data centre, at most ``limit`` for each."""

    def __init__(self, client: ArchiveBotClient, *, limit: int) -> None:
        self._client = client
        self._limit = max(1, limit)
        self._centres: dict[int, Centre] = {}
        self._reaper: asyncio.Task[None] | None = None
        self._preparing: set[asyncio.Task[FileSender]] = set()

    @property
    def home(self) -> int:
        """The account's own data centre, which takes its uploads."""
        return int(self._client.session.dc_id)

    async def call(self, request: TLRequest, dc: int) -> TLObject:
        """Telegram's answer. Raises Telethon's errors, and :class:`ConnectionError` when the connection is
        lost. Does not return when the account is logged out: see :meth:`ArchiveBotClient.end`."""
        centre = self._centre(dc)
        sender = await centre.sender()
        try:
            return await sender.call(request)
        except ENDED as error:
            await centre.forget_log_in(sender, error)
            raise ConnectionError(f"logged out of data centre {dc}") from error

    def prepare(self, dc: int) -> None:
        """Open the first connection to ``dc`` ahead: that takes up to six round trips."""
        # What goes wrong is met, and told of, by the call that needs the connection.
        task = _noted(self._centre(dc).sender())
        self._preparing.add(task)
        task.add_done_callback(self._preparing.discard)

    def grow(self, dc: int) -> bool:
        """Use twice as many connections to ``dc``; False when there are as many as allowed."""
        return self._centre(dc).grow()

    def connections(self, dc: int) -> int:
        """How many connections to ``dc`` are open."""
        return len(self._centre(dc).senders)

    async def close(self) -> None:
        if self._reaper is not None:
            self._reaper.cancel()
            self._reaper = None
        for task in self._preparing:
            task.cancel()
        await asyncio.gather(*self._preparing, return_exceptions=True)
        for centre in self._centres.values():
            await centre.close()

    def _centre(self, dc: int) -> Centre:
        if dc not in self._centres:
            self._centres[dc] = Centre(self._client, dc, self._limit)
        if self._reaper is None:
            self._reaper = asyncio.create_task(self._close_idle())
        return self._centres[dc]

    async def _close_idle(self) -> None:
        while True:
            await asyncio.sleep(IDLE_SECONDS / 4)
            for centre in list(self._centres.values()):
                await centre.close_idle(time.monotonic())


def _noted(work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
    """``work`` as a task whose error need not be asked for."""
    task = asyncio.create_task(work)
    task.add_done_callback(lambda done: done.cancelled() or done.exception())
    return task
