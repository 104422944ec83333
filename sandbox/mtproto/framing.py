"""TCP transports: how packets lie in the byte stream (https://core.telegram.org/mtproto/mtproto-transports)."""

from __future__ import annotations

import asyncio
import struct
from typing import Protocol
from zlib import crc32

#: Bytes of one packet at most: a part of an upload and what is around it.
MAX_PACKET = 4 * 1024 * 1024


class BrokenFrame(Exception):
    """The peer does not keep to the transport; its connection is closed."""


class Framing(Protocol):
    """One connection's transport."""

    async def read(self, reader: asyncio.StreamReader) -> bytes:
        """The next packet. Raises IncompleteReadError at the end and BrokenFrame for nonsense."""
        ...

    def frame(self, packet: bytes) -> tuple[bytes, ...]:
        """The bytes to write for ``packet``."""
        ...


def _checked(length: int) -> int:
    if not 0 < length <= MAX_PACKET:
        raise BrokenFrame(f"a packet of {length} bytes")
    return length


class Abridged:
    """A length of one byte, or of four, in words."""

    async def read(self, reader: asyncio.StreamReader) -> bytes:
        length = (await reader.readexactly(1))[0]
        if length >= 127:
            length = int.from_bytes(await reader.readexactly(3), "little")
        return await reader.readexactly(_checked(length * 4))

    def frame(self, packet: bytes) -> tuple[bytes, ...]:
        words = len(packet) // 4
        head = bytes([words]) if words < 127 else b"\x7f" + words.to_bytes(3, "little")
        return head, packet


class Intermediate:
    """A length of four bytes; ``padded``: up to three random bytes may follow the packet."""

    def __init__(self, *, padded: bool = False) -> None:
        self._padded = padded

    async def read(self, reader: asyncio.StreamReader) -> bytes:
        (length,) = struct.unpack("<i", await reader.readexactly(4))
        packet = await reader.readexactly(_checked(length))
        return packet[: length - length % 4] if self._padded else packet

    def frame(self, packet: bytes) -> tuple[bytes, ...]:
        return struct.pack("<i", len(packet)), packet


class Full:
    """Length, sequence number, packet, CRC-32."""

    def __init__(self, first: bytes) -> None:
        self._first = first
        self._sent = 0

    async def read(self, reader: asyncio.StreamReader) -> bytes:
        head, self._first = self._first + await reader.readexactly(8 - len(self._first)), b""
        length, _ = struct.unpack("<ii", head)
        body = await reader.readexactly(_checked(length) - 8)
        packet = body[:-4]
        if crc32(packet, crc32(head)) != int.from_bytes(body[-4:], "little"):
            raise BrokenFrame("a packet whose check sum is wrong")
        return packet

    def frame(self, packet: bytes) -> tuple[bytes, ...]:
        head = struct.pack("<ii", len(packet) + 12, self._sent)
        self._sent += 1
        return head, packet, crc32(packet, crc32(head)).to_bytes(4, "little")


async def detect(reader: asyncio.StreamReader) -> Framing:
    """The transport that a client chose, by the first bytes that it sent."""
    first = await reader.readexactly(1)
    if first == b"\xef":
        return Abridged()
    first += await reader.readexactly(3)
    if first == b"\xee\xee\xee\xee":
        return Intermediate()
    if first == b"\xdd\xdd\xdd\xdd":
        return Intermediate(padded=True)
    return Full(first)


def error_packet(code: int) -> bytes:
    """A transport error, such as 404: the authorization key is not known."""
    return struct.pack("<i", -code)
