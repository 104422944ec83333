"""TCP connections: the account's own, and those for files.

What is no MTProto message (an error of the transport, the page of a captive portal, garbage) is a lost
connection to Telethon, which then connects again: left to itself it would stay disconnected after a -429,
and wait for a gigabyte after "HTTP/1.1". See https://core.telegram.org/mtproto/mtproto-transports#transport-errors.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from telethon.errors import InvalidBufferError, InvalidChecksumError
from telethon.network import Connection, ConnectionTcpFull, ConnectionTcpIntermediate
from telethon.network.connection.tcpintermediate import (
    IntermediatePacketCodec,
    RandomizedIntermediatePacketCodec,
)

from utils.errors import SettingsError
from utils.telegram.outage import Outage, cause
from utils.telegram.pauses import Reason
from utils.telegram.proxy import Kind, Proxy

if TYPE_CHECKING:
    from utils.telegram.obfuscation import Obfuscated

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


async def _open_through(proxy: Proxy, host: str, port: int, seconds: float | None) -> socket.socket:
    """A connection to ``host`` through a SOCKS5 or HTTP proxy. Raises ConnectionError."""
    from python_socks import ProxyError, ProxyType
    from python_socks.async_.asyncio import Proxy as Opener

    kind = ProxyType.HTTP if proxy.kind is Kind.HTTP else ProxyType.SOCKS5
    opener = Opener(kind, proxy.host, proxy.port, proxy.user, proxy.password, rdns=True)
    try:
        return await opener.connect(host, port, timeout=seconds)
    except (ProxyError, OSError, EOFError) as error:
        raise ConnectionError(f"{proxy}: {cause(error)}") from None


class _Direct(Connection):  # type: ignore[misc]
    """A connection to Telegram itself, or through a SOCKS5 or HTTP proxy; as a base beside a transport."""

    _proxy: Proxy | None

    async def _proxy_connect(
        self,
        timeout: float | None = None,  # noqa: ASYNC109
        local_addr: object = None,
    ) -> socket.socket:
        assert self._proxy is not None
        return await _open_through(self._proxy, self._ip, self._port, timeout)


class _Padded(RandomizedIntermediatePacketCodec):  # type: ignore[misc]
    """Telethon's takes for granted that a server pads with three bytes at most; it may with fifteen."""

    async def read_packet(self, reader: Any) -> bytes:
        packet: bytes = await IntermediatePacketCodec.read_packet(self, reader)
        if len(packet) < 20:
            return packet[:4]  # an error of the transport
        if any(packet[:8]):
            return packet[: len(packet) - (len(packet) - 24) % 16]
        return packet[: 20 + struct.unpack_from("<I", packet, 16)[0]]


class _ThroughMtProxy(Connection):  # type: ignore[misc]
    """A connection to an MTProto proxy, which connects to the data centre that it is told the number of."""

    packet_codec = _Padded
    _proxy: Proxy
    _obfuscation: Obfuscated

    async def _connect(self, timeout: float | None = None, ssl: bool | None = None) -> None:  # noqa: ASYNC109
        from utils.telegram.obfuscation import through

        writer = None
        try:
            async with asyncio.timeout(timeout):
                reader, writer = await asyncio.open_connection(self._proxy.host, self._proxy.port)
                self._obfuscation = await through(self._proxy, self._dc_id, reader, writer)
                await writer.drain()
        except BaseException as error:
            if writer is not None:
                writer.close()
            if isinstance(error, OSError | EOFError):
                raise ConnectionError(f"{self._proxy}: {cause(error)}") from None
            raise
        self._reader, self._writer = reader, writer
        self._codec = self.packet_codec(self)

    def _send(self, data: bytes) -> None:
        self._obfuscation.write(self._codec.encode_packet(data))


class _Patient(Connection):  # type: ignore[misc]
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
            body = await read_message(self._codec, self._obfuscation or self._reader)
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
        self.outage.over(_Patient)
        return body

    def _trouble(self, why: BaseException | str) -> None:
        self.outage.begins(Reason.CONNECTION, _Patient, why)


class PatientConnection(_Patient, _Direct, ConnectionTcpFull):  # type: ignore[misc]
    """The account's own connection."""


class PatientMtProxy(_Patient, _ThroughMtProxy):
    """The same through an MTProto proxy."""


class _ForFiles(Connection):  # type: ignore[misc]
    """With room for a whole part: asyncio's default of 64 KB stops and starts reading a dozen times."""

    async def _connect(self, timeout: float | None = None, ssl: bool | None = None) -> None:  # noqa: ASYNC109
        await super()._connect(timeout=timeout, ssl=ssl)
        self._reader._limit = READ_AHEAD

    async def _recv(self) -> bytes:
        try:
            return await read_message(self._codec, self._obfuscation or self._reader)
        except TransportError as error:
            if error.code != UNKNOWN_KEY:
                raise
            # For Telethon, with whom the connection ends there; the pool knows what to do about it.
            return struct.pack("<i", -UNKNOWN_KEY)


class FileConnection(_ForFiles, _Direct, ConnectionTcpIntermediate):  # type: ignore[misc]
    """A connection for files, without the check sum of the full transport: MTProto has its own."""


class FileMtProxy(_ForFiles, _ThroughMtProxy):
    """The same through an MTProto proxy."""


def ways(proxy: Proxy | None) -> tuple[type[_Patient], type[_ForFiles]]:
    """How the account, and how files are connected. Raises :class:`SettingsError` if a package is missing."""
    if proxy is None:
        return PatientConnection, FileConnection
    if proxy.kind is Kind.MTPROTO:
        from utils.telegram import obfuscation  # noqa: F401  # which says what is missing

        return PatientMtProxy, FileMtProxy
    try:
        import python_socks.async_.asyncio  # noqa: F401
    except ImportError:
        raise SettingsError(
            "PROXY needs the package python-socks; install the program's requirements again."
        ) from None
    return PatientConnection, FileConnection
