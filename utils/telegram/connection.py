"""TCP connections: the account's own, and those for files.

What is no MTProto message (an error of the transport, the page of a captive portal, garbage) is a lost
connection to Telethon, which then connects again: left to itself it would stay disconnected after a -429,
and wait for a gigabyte after "HTTP/1.1". See https://core.telegram.org/mtproto/mtproto-transports#transport-errors.
"""

from __future__ import annotations

import asyncio
import struct
import time
from collections.abc import Awaitable, Callable
from typing import Any

from telethon.errors import InvalidBufferError, InvalidChecksumError
from telethon.network import ConnectionTcpFull, ConnectionTcpIntermediate

from utils.telegram.outage import Outage
from utils.telegram.pauses import Reason

#: A connection that ended sooner than this, in seconds, was not much of a connection.
BRIEF = 5.0
#: The first and the longest pause before another one, in seconds.
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 10.0
#: Bytes that are read from the socket ahead of what was asked for: a part and a bit.
READ_AHEAD = 1024 * 1024
#: No message is larger than this, in bytes; a part has 1 MB.
LARGEST = 16 * 1024 * 1024
#: The error of the transport that says that the server does not know the key, and how often in a row that is
#: not believed: servers in trouble say so, too. With the pauses in between that is about a minute.
UNKNOWN_KEY, UNKNOWN_KEY_DOUBTS = 404, 10
#: After each so many connections in a row that were of no use, it is asked where the server is.
LOST_AFTER = 8


class NotTelegram(ConnectionError):
    """What answers does not speak MTProto."""

    def __init__(self) -> None:
        super().__init__("what answers there is not Telegram; a captive portal or a proxy may be in between")


class TransportError(ConnectionError):
    """The server refused a packet; ``code`` is the number of the error, such as 429, None without one."""

    def __init__(self, code: int | None) -> None:
        super().__init__("the transport said " + ("nonsense" if code is None else f"-{code}"))
        self.code = code


class _Bounded:
    """Reads from ``reader``, but nothing that is longer than a message can be."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader = reader

    async def readexactly(self, size: int) -> bytes:
        if not 0 <= size <= LARGEST:
            raise NotTelegram
        return await self._reader.readexactly(size)


async def read_message(codec: Any, reader: asyncio.StreamReader) -> bytes:
    """The next message, as it stands in its packet. Raises ConnectionError for anything else."""
    try:
        body: bytes = await codec.read_packet(_Bounded(reader))
    except InvalidBufferError as error:
        raise TransportError(error.code) from None
    except InvalidChecksumError:
        raise NotTelegram from None
    if len(body) < 8:
        raise TransportError(InvalidBufferError(body).code)
    return body


class PatientConnection(ConnectionTcpFull):  # type: ignore[misc]
    """Pauses longer and longer before connecting to a server that cannot be reached, takes connections and
    ends them at once, or never says anything; that it is so is told to ``outage``.

    Telethon pauses a second between attempts that fail, and not at all between connections that end: it would
    try hundreds of times a second. Each client has a class of its own, with its ``outage``.
    """

    outage: Outage
    #: How often in a row the server may say that it does not know the key before it is believed.
    doubts = 0
    #: Says where the server is now, as (host, port), where that can be asked.
    whereabouts: Callable[[], Awaitable[tuple[str, int]]] | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._opened = float("-inf")
        #: Whether there was a message since then, how many connections in a row were of no use, and how often
        #: in a row the key was unknown.
        self._heard = True
        self._useless = self._unknown = 0

    async def connect(self, timeout: float | None = None, ssl: bool | None = None) -> None:  # noqa: ASYNC109
        brief = time.monotonic() - self._opened < BRIEF
        if self._heard:
            # It was of some use: trouble begins anew.
            self._useless = min(self._useless, 1)
        self._useless = self._useless + 1 if brief or not self._heard else 0
        if self._useless > 1:
            self._trouble("connections end at once" if self._heard else "no answer")
            await asyncio.sleep(min(FIRST_PAUSE * 2 ** min(self._useless, 10), LONGEST_PAUSE))
        if self._useless and self._useless % LOST_AFTER == 0 and self.whereabouts is not None:
            self._ip, self._port = await self.whereabouts()
        self._heard = False
        try:
            await super().connect(timeout=timeout, ssl=ssl)
        except OSError as error:
            self._trouble(error)
            raise
        self._opened = time.monotonic()

    async def _recv(self) -> bytes:
        try:
            body = await read_message(self._codec, self._reader)
        except (TransportError, NotTelegram) as error:
            self._trouble(error)
            if getattr(error, "code", None) != UNKNOWN_KEY:
                raise
            self._unknown += 1
            if self._unknown <= self.doubts:
                raise
            # For Telethon, with whom the log-in ends there.
            return struct.pack("<i", -UNKNOWN_KEY)
        self._heard, self._unknown = True, 0
        self.outage.over(PatientConnection)
        return body

    def _trouble(self, why: BaseException | str) -> None:
        self.outage.begins(Reason.CONNECTION, PatientConnection, why)


class FileConnection(ConnectionTcpIntermediate):  # type: ignore[misc]
    """Without the check sum of the full transport (MTProto has its own), and with room for a whole part.

    asyncio's default of 64 KB stops and starts reading a dozen times for each part.
    """

    async def _connect(self, timeout: float | None = None, ssl: bool | None = None) -> None:  # noqa: ASYNC109
        await super()._connect(timeout=timeout, ssl=ssl)
        self._reader._limit = READ_AHEAD

    async def _recv(self) -> bytes:
        try:
            return await read_message(self._codec, self._reader)
        except TransportError as error:
            if error.code != UNKNOWN_KEY:
                raise
            # For Telethon, with whom the connection ends there; the pool knows what to do about it.
            return struct.pack("<i", -UNKNOWN_KEY)
