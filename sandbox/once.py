"""random_ids whose first call is still running: the second one is told so."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from telethon.tl import TLRequest

from .limits import check_random_ids
from .rpc import RpcError


class Running:
    """The random_ids in use at this moment, by account and peer."""

    def __init__(self) -> None:
        self._keys: set[tuple[int, bytes, int]] = set()

    @contextmanager
    def claim(self, account: int | None, request: TLRequest) -> Iterator[None]:
        """Holds the request's random_ids toward its peer.

        Raises RANDOM_ID_DUPLICATE if one is held already, RANDOM_ID_EMPTY if one is 0.
        """
        peer = getattr(request, "peer", None) or getattr(request, "to_peer", None)
        where = bytes(peer) if peer is not None else b""
        numbers = random_ids(request)
        check_random_ids(numbers)
        keys = {(account or 0, where, number) for number in numbers}
        if keys & self._keys:
            raise RpcError(500, "RANDOM_ID_DUPLICATE")
        self._keys |= keys
        try:
            yield
        finally:
            self._keys -= keys


def random_ids(request: TLRequest) -> list[int]:
    """All that a request carries: none, one, one a message, or one an item."""
    items = getattr(request, "multi_media", None)
    if items is not None:
        return [item.random_id for item in items]
    found = getattr(request, "random_id", None)
    if isinstance(found, list):
        return found
    return [found] if isinstance(found, int) else []
