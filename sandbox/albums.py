"""Servers that deal with albums otherwise than Telegram's documentation has it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from telethon.tl import TLRequest

from .rpc import RpcError

T = TypeVar("T")

#: Whether the item at a place of an album is sent.
Keeps = Callable[[int], bool]


class Albums:
    """How messages.sendMultiMedia fails. As it is made, it does not.

    Seen on one self-hosted server: an album whose making fails on the way keeps the items made so far
    (``fail_after``); a repeated album is answered with RANDOM_ID_DUPLICATE for ever, a repeated text or
    single file with the first message (``once``). Reported of Telegram: an answer names, and the
    chat has, eight of ten items (``keep``), which official clients count as the others' failure.
    """

    def __init__(self) -> None:
        #: A repeated album is refused for ever.
        self.once = False
        self._keeps: list[Keeps] = []
        self._errors: list[tuple[int, RpcError]] = []
        self._tried: set[tuple[int, int, int]] = set()

    def keep(self, keeps: Keeps) -> None:
        """Of the next album only these places are sent, and named in the answer."""
        self._keeps.append(keeps)

    def fail_after(self, items: int, error: RpcError) -> None:
        """The next album fails with ``error`` when so many of its items are made, which stay."""
        self._errors.append((items, error))

    def clear(self) -> None:
        self.once = False
        self._keeps.clear()
        self._errors.clear()

    def admit(self, sender: int, peer: int, request: TLRequest) -> None:
        """Raises RANDOM_ID_DUPLICATE for an album that came before, where that is how it is."""
        keys = {(sender, peer, item.random_id) for item in request.multi_media}
        if self.once and keys & self._tried:
            raise RpcError(500, "RANDOM_ID_DUPLICATE")
        self._tried |= keys

    def cut(self, drafts: Sequence[T]) -> tuple[list[T], RpcError | None]:
        """What of an album is made, and the error with which it is answered."""
        if self._errors:
            items, error = self._errors.pop(0)
            return list(drafts[:items]), error
        keeps = self._keeps.pop(0) if self._keeps else _all
        return [draft for place, draft in enumerate(drafts) if keeps(place)], None


def _all(place: int) -> bool:
    return True
