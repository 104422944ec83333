"""Bandwidth: bytes get a time slot on the line, one after another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

#: How far a sender that is always busy may lag behind its slots and still catch up (timers are late by
#: milliseconds, a busy process by more). A sender that was idle gains nothing from it.
_CATCH_UP: Final = 0.1
#: A piece takes about so many seconds of the line, within these sizes.
_SMOOTH: Final = 0.003
_SMALLEST: Final = 512
_LARGEST: Final = 64 << 10


class Bucket:
    """One line's capacity in one direction."""

    def __init__(self) -> None:
        self._free = 0.0

    def reserve(self, size: int, rate: float | None, now: float, *, busy: bool) -> float:
        """When the last of `size` bytes has passed, at `rate` bytes a second; None: no limit.

        `busy`: the caller has waited for this line without a break since its last reservation.
        """
        if not rate:
            return now
        self._free = max(self._free, now - (_CATCH_UP if busy else 0.0)) + size / rate
        return self._free


class Lane:
    """One direction of one connection, which shares the line with all others."""

    def __init__(self, shared: Bucket) -> None:
        self._buckets = (shared, Bucket())

    def passes(self, size: int, rates: Sequence[float | None], now: float, *, busy: bool) -> float:
        """When the last of `size` bytes has passed; `rates` are the shared one and the connection's own."""
        return max(
            bucket.reserve(size, rate, now, busy=busy)
            for bucket, rate in zip(self._buckets, rates, strict=True)
        )


def piece_size(rates: Sequence[float | None]) -> int:
    """How much to move at once so that the slowest of the rates looks smooth; 0 where none limits."""
    limits = [rate for rate in rates if rate]
    if not limits:
        return 0
    return max(_SMALLEST, min(_LARGEST, int(min(limits) * _SMOOTH)))
