"""Telegram's limits, as pure checks that raise Telegram's own errors.

https://core.telegram.org/api/files, https://core.telegram.org/method/messages.sendMultiMedia
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from telethon.tl import TLObject, types

from .rpc import RpcError
from .tl import utf16_length

KB: Final = 1024
MB: Final = 1024 * KB

MAX_PART: Final = 512 * KB
MAX_PARTS: Final = 4000
SMALL_FILE: Final = 10 * MB
MAX_DOWNLOAD: Final = MB

MAX_TEXT: Final = 4096
MAX_CAPTION: Final = 1024
MAX_ALBUM: Final = 10
MAX_BUTTON_DATA: Final = 64

MAX_PHOTO: Final = 10 * MB
MAX_PHOTO_SIDES: Final = 10_000
MAX_PHOTO_RATIO: Final = 20
MAX_THUMB_SIDE: Final = 320
MAX_THUMB: Final = 200 * KB


def check_part(index: int, size: int, total: int | None) -> None:
    """One part of an upload, by itself. `total` is None where the client has not said how many there are."""
    if size == 0:
        raise RpcError(400, "FILE_PART_EMPTY")
    if size > MAX_PART:
        raise RpcError(400, "FILE_PART_TOO_BIG")
    if total is not None and not 1 <= total <= MAX_PARTS:
        raise RpcError(400, "FILE_PARTS_INVALID")
    if not 0 <= index < (MAX_PARTS if total is None else total):
        raise RpcError(400, "FILE_PART_INVALID")
    if total is not None and index < total - 1 and not even_part(size):
        raise RpcError(400, "FILE_PART_SIZE_INVALID")


def even_part(size: int) -> bool:
    """Whether a part that is not the last may have that size."""
    return size > 0 and size % KB == 0 and MAX_PART % size == 0


def check_range(offset: int, limit: int, *, precise: bool) -> None:
    """One piece of a download: whole blocks of 4 KB (1 KB if precise), never across a multiple of 1 MB."""
    block = KB if precise else 4 * KB
    if offset < 0 or offset % block:
        raise RpcError(400, "OFFSET_INVALID")
    if limit <= 0 or limit % block or limit > MAX_DOWNLOAD:
        raise RpcError(400, "LIMIT_INVALID")
    if not precise and MAX_DOWNLOAD % limit:
        raise RpcError(400, "LIMIT_INVALID")
    if offset // MAX_DOWNLOAD != (offset + limit - 1) // MAX_DOWNLOAD:
        raise RpcError(400, "LIMIT_INVALID")


def check_text(text: str) -> None:
    if not text.strip():
        raise RpcError(400, "MESSAGE_EMPTY")
    if utf16_length(text) > MAX_TEXT:
        raise RpcError(400, "MESSAGE_TOO_LONG")


def check_caption(text: str) -> None:
    if utf16_length(text) > MAX_CAPTION:
        raise RpcError(400, "MEDIA_CAPTION_TOO_LONG")


def check_random_ids(numbers: Sequence[int]) -> None:
    if any(number == 0 for number in numbers):
        raise RpcError(400, "RANDOM_ID_EMPTY")
    if len(set(numbers)) < len(numbers):
        raise RpcError(500, "RANDOM_ID_DUPLICATE")


def check_album(groups: Sequence[str]) -> None:
    """The items' groups ("visual", "audio", "document" or "gif"), which must be one and the same.

    One item alone is taken (Telegram does), ten are the most; a GIF never joins.
    """
    if not groups:
        raise RpcError(400, "MEDIA_EMPTY")
    if len(groups) > MAX_ALBUM:
        raise RpcError(400, "MULTI_MEDIA_TOO_LONG")
    if len(set(groups)) > 1 or "gif" in groups:
        raise RpcError(400, "MEDIA_INVALID")


def check_photo_sides(width: int, height: int) -> None:
    longer, shorter = max(width, height), min(width, height)
    if width + height > MAX_PHOTO_SIDES or longer > MAX_PHOTO_RATIO * shorter:
        raise RpcError(400, "PHOTO_INVALID_DIMENSIONS")


def check_markup(markup: TLObject) -> None:
    """Raises BUTTON_DATA_INVALID for callback data that is empty or above 64 bytes."""
    if not isinstance(markup, types.ReplyInlineMarkup):
        return
    for row in markup.rows:
        for button in row.buttons:
            if isinstance(button.type, types.InlineButtonTypeCallback) and not (
                0 < len(button.type.data) <= MAX_BUTTON_DATA
            ):
                raise RpcError(400, "BUTTON_DATA_INVALID")
