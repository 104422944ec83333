"""The line between the server and its clients: how far, how wide, and when it breaks."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field

from telethon.tl import TLRequest

#: Seconds of traffic that may be on the line before a sender is held up.
QUEUE_SECONDS = 0.25


@dataclass
class Cut:
    """Close the connection when a request comes for which ``when`` is true; ``times`` times."""

    when: Callable[[TLRequest], bool]
    times: int


@dataclass
class LinkFaults:
    """What the line is like, for all connections. May be changed at any time.

    ``rtt`` in seconds, half of it each way, however much is in flight; ``bandwidth`` in bytes a second for
    all connections together and ``connection_bandwidth`` for each one, the same in both directions;
    ``away``: connections are closed as soon as they are made.
    """

    rtt: float = 0.0
    bandwidth: float | None = None
    connection_bandwidth: float | None = None
    away: bool = False
    #: Requests that arrived, by class name.
    requests: Counter[str] = field(default_factory=Counter)
    bytes_in: int = 0
    bytes_out: int = 0
    open: int = 0
    peak: int = 0
    _cuts: list[Cut] = field(default_factory=list)
    #: When the line is free again, for each direction.
    _free: dict[str, float] = field(default_factory=lambda: {"in": 0.0, "out": 0.0})

    def cut_before(self, when: Callable[[TLRequest], bool], times: int = 1) -> None:
        """Close the connection instead of acting, when a request comes for which ``when`` is true."""
        self._cuts.append(Cut(when, times))

    def cuts(self, request: TLRequest) -> bool:
        """Whether the connection breaks at this request. Counts it."""
        self.requests[type(request).__name__] += 1
        for cut in self._cuts:
            if cut.times and cut.when(request):
                cut.times -= 1
                return True
        return False

    def clear(self) -> None:
        """A good line again; the counters stay."""
        self.rtt, self.bandwidth, self.connection_bandwidth, self.away = 0.0, None, None, False
        self._cuts.clear()

    @property
    def perfect(self) -> bool:
        """Neither distance nor limits."""
        return not self.rtt and self.bandwidth is None and self.connection_bandwidth is None

    def arrival(self, direction: str, size: int, now: float, connection_free: float) -> tuple[float, float]:
        """When ``size`` bytes that start now have left the line, and when they arrive at its other end."""
        left = now
        for rate, free in (
            (self.bandwidth, self._free[direction]),
            (self.connection_bandwidth, connection_free),
        ):
            if rate is not None:
                left = max(left, max(now, free) + size / rate)
        if self.bandwidth is not None:
            self._free[direction] = max(now, self._free[direction]) + size / self.bandwidth
        return left, left + self.rtt / 2


class Lane:
    """One direction of one connection: what goes in comes out at ``deliver`` later, in order."""

    def __init__(self, link: LinkFaults, direction: str, deliver: Callable[[bytes], None]) -> None:
        self._link = link
        self._direction = direction
        self._deliver = deliver
        self._free = 0.0
        self._waiting: deque[tuple[float, bytes]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    def put(self, packet: bytes) -> None:
        """Send ``packet`` over the line."""
        if self._link.perfect and not self._waiting:
            self._deliver(packet)
            return
        now = time.monotonic()
        self._free, arrival = self._link.arrival(self._direction, len(packet), now, self._free)
        self._waiting.append((arrival, packet))
        if self._timer is None:
            self._wait()

    async def room(self) -> None:
        """Wait until little enough is on the line: a reader that waits lets TCP hold up the sender."""
        ahead = self._free - time.monotonic() - QUEUE_SECONDS
        if ahead > 0:
            await asyncio.sleep(ahead)

    def close(self) -> None:
        """What is on the line is lost."""
        self._waiting.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _wait(self) -> None:
        delay = max(0.0, self._waiting[0][0] - time.monotonic())
        self._timer = asyncio.get_running_loop().call_later(delay, self._arrived)

    def _arrived(self) -> None:
        self._timer = None
        now = time.monotonic() + 0.0005
        while self._waiting and self._waiting[0][0] <= now:
            self._deliver(self._waiting.popleft()[1])
        if self._waiting:
            self._wait()
