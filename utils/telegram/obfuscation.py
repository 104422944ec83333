"""What an MTProto proxy wants to hear: the stream encrypted with its secret, inside of TLS if it says so.

See https://core.telegram.org/mtproto/mtproto-transports#transport-obfuscation. Telethon has its own, but
encrypts with Python alone, at a third of a megabyte a second, and knows no TLS.
"""

from __future__ import annotations

import asyncio
import hmac
import os
import struct
import time
from hashlib import sha256
from typing import Protocol

from utils.errors import SettingsError
from utils.telegram.proxy import Proxy

try:
    from cryptography.hazmat.primitives.ciphers import Cipher
    from cryptography.hazmat.primitives.ciphers.algorithms import AES
    from cryptography.hazmat.primitives.ciphers.modes import CTR
except ImportError:
    raise SettingsError(
        "An MTProto proxy needs the package cryptography; install the program's requirements again."
    ) from None

#: Frames with their length in front, and up to three bytes of padding.
PADDED = b"\xdd\xdd\xdd\xdd"
#: How other transports begin, so that no obfuscated stream may.
_BEGINNINGS = (b"HEAD", b"POST", b"GET ", b"OPTI", b"\x16\x03\x01\x02", PADDED, b"\xee\xee\xee\xee")
#: Bytes in one record of TLS at most.
_RECORD = 16384
_HANDSHAKE, _CHANGE, _DATA = 0x16, 0x14, 0x17
_CHANGED = b"\x14\x03\x03\x00\x01\x01"
#: Length of a hello with its record, and where its random number is.
_HELLO, _RANDOM = 517, slice(11, 43)


class Reads(Protocol):
    """A stream that is read from."""

    async def readexactly(self, n: int, /) -> bytes: ...


class Writes(Protocol):
    """A stream that is written to."""

    def write(self, data: bytes, /) -> None: ...


class Obfuscated:
    """A stream through the proxy to the data centre ``dc``. Its first 64 bytes are written at once."""

    def __init__(self, reader: Reads, writer: Writes, secret: bytes, dc: int) -> None:
        self._reader, self._writer = reader, writer
        start = _random_start()
        start[56:62] = PADDED + struct.pack("<h", dc)
        back = bytes(start[55:7:-1])
        self._out = Cipher(AES(sha256(start[8:40] + secret).digest()), CTR(bytes(start[40:56]))).encryptor()
        self._in = Cipher(AES(sha256(back[:32] + secret).digest()), CTR(back[32:])).decryptor()
        start[56:] = self._out.update(bytes(start))[56:]
        writer.write(bytes(start))

    async def readexactly(self, size: int) -> bytes:
        """The next ``size`` bytes of the data centre's answer."""
        return self._in.update(await self._reader.readexactly(size))

    def write(self, data: bytes) -> None:
        """Send ``data`` to the data centre."""
        self._writer.write(self._out.update(data))


def _random_start() -> bytearray:
    while True:
        start = os.urandom(64)
        if start[0] != 0xEF and start[:4] not in _BEGINNINGS and start[4:8] != bytes(4):
            return bytearray(start)


async def through(
    proxy: Proxy, dc: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> Obfuscated:
    """A stream to the data centre ``dc`` over a new connection to ``proxy``.

    Raises :class:`ConnectionError` where the proxy does not answer as one with that secret.
    """
    if not proxy.disguise:
        return Obfuscated(reader, writer, proxy.secret, dc)
    disguised = Disguised(reader, writer)
    await disguised.greet(proxy.secret, proxy.disguise)
    return Obfuscated(disguised, disguised, proxy.secret, dc)


class Disguised:
    """A stream in what looks like TLS 1.3 and is none: its records, after an exchange of greetings."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._read = bytearray()

    async def greet(self, secret: bytes, site: str) -> None:
        """Prove to the proxy that we know ``secret``, and have it prove the same."""
        hello = bytearray(client_hello(site))
        proof = bytearray(hmac.digest(secret, hello, "sha256"))
        moment = struct.unpack("<I", proof[28:])[0] ^ int(time.time())
        hello[_RANDOM] = ours = proof[:28] + struct.pack("<I", moment)
        self._writer.write(bytes(hello))
        answer = bytearray()
        for wanted in (_HANDSHAKE, _CHANGE, _DATA):
            kind, record = await self._record()
            if kind != wanted:
                raise ConnectionError("it answers as a web site would; is the secret right?")
            answer += record
        theirs = bytes(answer[_RANDOM])
        answer[_RANDOM] = bytes(32)
        if not hmac.compare_digest(theirs, hmac.digest(secret, bytes(ours) + answer, "sha256")):
            raise ConnectionError("it does not know the secret")
        self._writer.write(_CHANGED)

    async def readexactly(self, size: int) -> bytes:
        """The next ``size`` bytes out of the records."""
        while len(self._read) < size:
            kind, record = await self._record()
            if kind == _DATA:
                self._read += record[5:]
        data = bytes(self._read[:size])
        del self._read[:size]
        return data

    def write(self, data: bytes) -> None:
        """Send ``data`` in records."""
        for at in range(0, len(data), _RECORD):
            part = data[at : at + _RECORD]
            self._writer.write(struct.pack(">BHH", _DATA, 0x0303, len(part)) + part)

    async def _record(self) -> tuple[int, bytes]:
        head = await self._reader.readexactly(5)
        kind, version, length = struct.unpack(">BHH", head)
        if version != 0x0303 or kind not in (_HANDSHAKE, _CHANGE, _DATA):
            raise ConnectionError("it answers as a web site would; is the secret right?")
        return kind, head + await self._reader.readexactly(length)


def client_hello(site: str) -> bytes:
    """The first record of a TLS connection to ``site``, without its random number."""
    suites = bytes.fromhex("130113021303c02bc02fc02cc030cca9cca8c013c014009c009d002f0035")
    name = site.encode()
    extensions = b"".join(
        _extension(number, content)
        for number, content in (
            (0, struct.pack(">HBH", len(name) + 3, 0, len(name)) + name),
            (23, b""),
            (0xFF01, b"\0"),
            (10, bytes.fromhex("0006001d00170018")),
            (11, bytes.fromhex("0100")),
            (35, b""),
            (16, bytes.fromhex("000c02683208687474702f312e31")),
            (5, bytes.fromhex("0100000000")),
            (13, bytes.fromhex("001004030804040105030805050108060601")),
            (18, b""),
            (51, bytes.fromhex("0024001d0020") + os.urandom(32)),
            (45, bytes.fromhex("0101")),
            (43, bytes.fromhex("0403040303")),
        )
    )
    head = (
        b"\x03\x03" + bytes(32) + b"\x20" + os.urandom(32) + struct.pack(">H", len(suites)) + suites + b"\1\0"
    )
    padding = _HELLO - 9 - len(head) - 2 - len(extensions) - 4
    extensions += _extension(21, bytes(padding))
    body = head + struct.pack(">H", len(extensions)) + extensions
    return (
        b"\x16\x03\x01" + struct.pack(">H", len(body) + 4) + b"\1" + struct.pack(">I", len(body))[1:] + body
    )


def _extension(number: int, content: bytes) -> bytes:
    return struct.pack(">HH", number, len(content)) + content
