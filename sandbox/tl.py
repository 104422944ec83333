"""TL objects to bytes and back, for what is kept as it came (entities, keyboards, attributes)."""

from __future__ import annotations

from collections.abc import Sequence

from telethon.extensions import BinaryReader
from telethon.tl import TLObject


def pack(objects: Sequence[TLObject] | None) -> bytes:
    """Several objects one after another; empty for none."""
    return b"".join(bytes(item) for item in objects or ())


def unpack(data: bytes) -> list[TLObject]:
    """The inverse of :func:`pack`."""
    found: list[TLObject] = []
    reader = BinaryReader(data)
    while reader.tell_position() < len(data):
        found.append(reader.tgread_object())
    return found


def utf16_length(text: str) -> int:
    """Length as Telegram counts it: UTF-16 code units."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
