"""Proxies as they stand between a country and Telegram: SOCKS5, HTTP, and MTProto with and without TLS.

Each connects from an address of its own (``FROM``), so that a server sees who came through it.
"""

from __future__ import annotations

import asyncio
import base64
import hmac
import os
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from hashlib import sha256
from typing import Protocol

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR

#: Where the proxies' own connections come from.
FROM = "127.0.0.9"
USER, PASSWORD = "mole", "p@ss:w/rd"
SECRET = bytes.fromhex("dd0102030405060708090a0b0c0d0e0f")
SITE = "example.org"

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class _Source(Protocol):
    async def read(self, size: int) -> bytes: ...


class _Sink(Protocol):
    def write(self, data: bytes) -> None: ...


class Refusal(Exception):
    """The client is not welcome."""


class Proxy:
    """Listens on ``port``; ``went`` is where clients wanted to go, ``passed`` counts bytes of both ways."""

    def __init__(self) -> None:
        self.port = 0
        self.went: list[str] = []
        self.passed = self.refused = 0
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Proxy]:
        await self.up()
        try:
            yield self
        finally:
            self.down()
            await asyncio.sleep(0.01)

    async def up(self) -> None:
        """Listen, on the same port as before."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    def down(self) -> None:
        """Nobody is taken any more, and who is there is thrown out."""
        if self._server is not None:
            self._server.close()
        for writer in list(self._open):
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        with suppress(OSError, EOFError):
            try:
                await self._welcome(reader, writer)
            except Refusal:
                self.refused += 1
        writer.close()
        self._open.discard(writer)

    async def _welcome(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        raise NotImplementedError

    async def _connect(self, host: str, port: int) -> Streams:
        self.went.append(f"{host}:{port}")
        streams = await asyncio.open_connection(host, port, local_addr=(FROM, 0))
        self._open.add(streams[1])
        return streams

    async def _join(self, near: tuple[_Source, _Sink, asyncio.StreamWriter], far: Streams) -> None:
        source, sink, writer = near
        await asyncio.gather(self._pass(source, far[1], far[1]), self._pass(far[0], sink, writer))

    async def _pass(self, source: _Source, sink: _Sink, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, EOFError):
            while data := await source.read(65536):
                self.passed += len(data)
                sink.write(data)
                await writer.drain()
        writer.close()
        self._open.discard(writer)


class Socks5(Proxy):
    """https://www.rfc-editor.org/rfc/rfc1928, with user and password (RFC 1929)."""

    async def _welcome(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        _, methods = await reader.readexactly(2)
        if 2 not in await reader.readexactly(methods):
            writer.write(b"\x05\xff")
            raise Refusal
        writer.write(b"\x05\x02")
        _, length = await reader.readexactly(2)
        user = (await reader.readexactly(length)).decode()
        password = (await reader.readexactly((await reader.readexactly(1))[0])).decode()
        fits = (user, password) == (USER, PASSWORD)
        writer.write(b"\x01\x00" if fits else b"\x01\x01")
        if not fits:
            raise Refusal
        _, command, _, kind = await reader.readexactly(4)
        assert (command, kind) == (1, 1)
        host = ".".join(str(number) for number in await reader.readexactly(4))
        far = await self._connect(host, struct.unpack(">H", await reader.readexactly(2))[0])
        writer.write(b"\x05\x00\x00\x01" + bytes(6))
        await self._join((reader, writer, writer), far)


class HttpConnect(Proxy):
    """https://www.rfc-editor.org/rfc/rfc9110#CONNECT, with user and password."""

    async def _welcome(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        method, target, _ = head.split(" ", 2)
        wanted = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        if method != "CONNECT" or f"Basic {wanted}" not in head:
            writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
            raise Refusal
        host, _, port = target.rpartition(":")
        far = await self._connect(host, int(port))
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await self._join((reader, writer, writer), far)


class MtProxy(Proxy):
    """What is at https://core.telegram.org/mtproto/mtproto-transports, for the data centres of ``addresses``.

    Who does not know the secret gets no answer at all. ``tls``: as the web site ``SITE``.
    """

    def __init__(self, addresses: dict[int, str], *, tls: bool = False) -> None:
        super().__init__()
        self._addresses = addresses
        self._tls = tls

    @property
    def link(self) -> str:
        """As people share it."""
        secret = (b"\xee" + SECRET + SITE.encode()).hex() if self._tls else SECRET.hex()
        return f"tg://proxy?server=127.0.0.1&port={self.port}&secret={secret}"

    async def _welcome(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        source: _Source = reader
        sink: _Sink = writer
        if self._tls:
            source = sink = records = _Records(reader, writer)
            await records.greet()
            start = await records.readexactly(64)
        else:
            start = await reader.readexactly(64)
        back = start[55:7:-1]
        heard = Cipher(AES(sha256(start[8:40] + SECRET).digest()), CTR(start[40:56])).decryptor()
        said = Cipher(AES(sha256(back[:32] + SECRET).digest()), CTR(back[32:])).encryptor()
        plain = heard.update(start)
        if plain[56:60] != b"\xdd\xdd\xdd\xdd":
            raise Refusal
        host, _, port = self._addresses[abs(struct.unpack("<h", plain[60:62])[0])].rpartition(":")
        far = await self._connect(host, int(port))
        far[1].write(plain[56:60])

        class Heard:
            async def read(self, size: int) -> bytes:
                return heard.update(await source.read(size))

        class Said:
            def write(self, data: bytes) -> None:
                sink.write(said.update(data))

        await self._join((Heard(), Said(), writer), far)


class _Records:
    """The server's side of what looks like TLS."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._rest = b""

    async def greet(self) -> None:
        hello = bytearray(await self._reader.readexactly(517))
        if hello[:11] != bytes.fromhex("1603010200010001fc0303") or SITE.encode() not in hello:
            raise Refusal
        proof, hello[11:43] = bytes(hello[11:43]), bytes(32)
        mask = hmac.digest(SECRET, hello, "sha256")
        if proof[:28] != mask[:28]:
            raise Refusal
        body = (
            b"\x03\x03"
            + bytes(32)
            + b"\x20"
            + hello[44:76]
            + b"\x13\x01\x00"
            + bytes.fromhex("0006002b00020304")
        )
        shake = b"\x02" + struct.pack(">I", len(body))[1:] + body
        fake = os.urandom(1000)
        answer = bytearray(
            struct.pack(">BHH", 22, 0x303, len(shake))
            + shake
            + b"\x14\x03\x03\x00\x01\x01"
            + struct.pack(">BHH", 23, 0x303, len(fake))
            + fake
        )
        answer[11:43] = hmac.digest(SECRET, proof + answer, "sha256")
        self._writer.write(bytes(answer))

    async def read(self, size: int) -> bytes:
        while not self._rest:
            kind, _, length = struct.unpack(">BHH", await self._reader.readexactly(5))
            record = await self._reader.readexactly(length)
            self._rest = record if kind == 23 else b""
        data, self._rest = self._rest[:size], self._rest[size:]
        return data

    async def readexactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            data += await self.read(size - len(data))
        return data

    def write(self, data: bytes) -> None:
        for at in range(0, len(data), 16384):
            part = data[at : at + 16384]
            self._writer.write(struct.pack(">BHH", 23, 0x303, len(part)) + part)
