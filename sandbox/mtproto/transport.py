"""TCP transports: how packets stand in the stream. https://core.telegram.org/mtproto/mtproto-transports

A client says by its first bytes which one it uses. "Full" has no tag: its first packet has the number 0.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Sequence
from typing import Final, Protocol
from zlib import crc32

Piece = bytes | memoryview

#: The largest packet that is believed: Telegram's own limit is about a megabyte, with room for the rest.
LARGEST: Final = 4 << 20


class BadPacket(ValueError):
    """The stream makes no sense; the connection cannot go on."""


class Transport(Protocol):
    """Framing in both directions for one connection."""

    def measure(self, head: memoryview) -> tuple[int, int] | None:
        """(bytes before, bytes after that) of the packet that begins with `head`; None: more is needed."""

    def unwrap(self, packet: memoryview) -> memoryview:
        """The payload of a whole packet. Raises BadPacket."""

    def wrap(self, payload: Sequence[Piece]) -> list[Piece]:
        """A packet that holds the payload, whose length is a multiple of four."""

    def error(self, code: int) -> list[Piece]:
        """What stands for an error of the transport, such as -429."""


class _Framed:
    """Errors stand in a packet, as messages do."""

    def wrap(self, payload: Sequence[Piece]) -> list[Piece]:
        raise NotImplementedError

    def error(self, code: int) -> list[Piece]:
        return self.wrap([struct.pack("<i", code)])


class Abridged(_Framed):
    """A length in words: one byte, or 0x7f and three bytes."""

    def measure(self, head: memoryview) -> tuple[int, int] | None:
        if len(head) < 1:
            return None
        words = head[0] & 0x7F  # the high bit asks for a quick ack, which no client here waits for
        if words < 0x7F:
            return 1, words * 4
        if len(head) < 4:
            return None
        return 4, int.from_bytes(head[1:4], "little") * 4

    def unwrap(self, packet: memoryview) -> memoryview:
        return packet[4 if packet[0] & 0x7F == 0x7F else 1 :]

    def wrap(self, payload: Sequence[Piece]) -> list[Piece]:
        words = sum(map(len, payload)) // 4
        head = bytes((words,)) if words < 0x7F else b"\x7f" + words.to_bytes(3, "little")
        return [head, *payload]


class Intermediate(_Framed):
    """A length of four bytes."""

    def measure(self, head: memoryview) -> tuple[int, int] | None:
        if len(head) < 4:
            return None
        return 4, int.from_bytes(head[:4], "little") & 0x7FFFFFFF

    def unwrap(self, packet: memoryview) -> memoryview:
        return packet[4:]

    def wrap(self, payload: Sequence[Piece]) -> list[Piece]:
        return [struct.pack("<I", sum(map(len, payload))), *payload]


class Padded(Intermediate):
    """Intermediate with up to 15 random bytes behind; encrypted text ends on 16 bytes, so they are found."""

    def unwrap(self, packet: memoryview) -> memoryview:
        payload = packet[4:]
        if len(payload) >= 24 and any(payload[:8]):
            return payload[: len(payload) - (len(payload) - 24) % 16]
        return payload

    def wrap(self, payload: Sequence[Piece]) -> list[Piece]:
        return super().wrap([*payload, os.urandom(os.urandom(1)[0] % 4)])


class Full:
    """Length, number of the packet, payload, CRC-32 of all before."""

    def __init__(self) -> None:
        self._received = self._sent = 0

    def measure(self, head: memoryview) -> tuple[int, int] | None:
        if len(head) < 4:
            return None
        length = int.from_bytes(head[:4], "little")
        if length < 16:
            raise BadPacket(f"a length of {length}")
        return 8, length - 8

    def unwrap(self, packet: memoryview) -> memoryview:
        number, crc = (
            struct.unpack_from("<i", packet, 4)[0],
            struct.unpack_from("<I", packet, len(packet) - 4)[0],
        )
        if number != self._received:
            raise BadPacket(f"packet {number}, not {self._received}")
        if crc32(packet[:-4]) != crc:
            raise BadPacket("check sum")
        self._received += 1
        return packet[8:-4]

    def wrap(self, payload: Sequence[Piece]) -> list[Piece]:
        head = struct.pack("<ii", sum(map(len, payload)) + 12, self._sent)
        self._sent += 1
        crc = crc32(head)
        for piece in payload:
            crc = crc32(piece, crc)
        return [head, *payload, struct.pack("<I", crc)]

    def error(self, code: int) -> list[Piece]:
        """Without a frame, as it was seen: https://github.com/LonamiWebs/Telethon/issues/4042"""
        return [struct.pack("<iii", code, code, code)]


def detect(head: bytes) -> tuple[Transport, int] | None:
    """The transport that a stream begins with and the length of its tag; None: more bytes are needed.

    Raises BadPacket for obfuscated streams and for anything else.
    """
    if head[:1] == b"\xef":
        return Abridged(), 1
    if len(head) < 8:
        return None
    if head[:4] == b"\xee\xee\xee\xee":
        return Intermediate(), 4
    if head[:4] == b"\xdd\xdd\xdd\xdd":
        return Padded(), 4
    if head[4:8] == b"\0\0\0\0":
        return Full(), 0
    raise BadPacket(f"no transport begins with {head[:8].hex()}")
