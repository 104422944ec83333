"""How many parts are under way at once, towards one data centre and in one direction.

A transfer with one request in flight moves one part a round trip; the window keeps as many in flight as the
link takes (bandwidth x round trip). It slides: a new part leaves when any part is answered. It doubles
while that makes the parts come faster, then stays where the gain ended; a flood wait halves it.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

#: A round must be this much faster than the best before it to count as growth.
GROWTH = 1.15
#: Rounds without growth after which a larger window that was tried is given up.
FLAT_ROUNDS = 2
#: After so many rounds on the plateau, a larger window is tried.
PROBE_ROUNDS = 12
#: Seconds without a transfer after which nothing is known any more (connections are closed by then).
IDLE_SECONDS = 60.0


class Window:
    """A sliding window, shared fairly by everyone who transfers through it.

    Waiters are served one owner after another, so that a file with many parts waiting does not hold up one
    with a single part. ``on_flat`` is called when a larger window does not help any more; True from it
    (another connection was opened) lets the window grow again.
    """

    def __init__(
        self,
        *,
        start: int,
        largest: int,
        on_flat: Callable[[], bool] = lambda: False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.largest = largest
        self.in_flight = 0
        self._start = start
        self._on_flat = on_flat
        self._clock = clock
        self._waiting: OrderedDict[object, deque[asyncio.Future[None]]] = OrderedDict()
        self._start_over()

    @asynccontextmanager
    async def slot(self, owner: object) -> AsyncIterator[None]:
        """The right to have one part in flight."""
        await self._acquire(owner)
        try:
            yield
        finally:
            self.in_flight -= 1
            self._grant()

    def _start_over(self) -> None:
        self.limit = self._start
        self._doubling, self._probing = True, False
        self._best, self._best_limit, self._best_when_flat, self._flat = 0.0, self._start, 0.0, 0
        self._begin_round()

    async def _acquire(self, owner: object) -> None:
        if not self.in_flight and self._clock() - self._since > IDLE_SECONDS:
            self._start_over()  # the connections were closed meanwhile, and the link may be another one
        if self.in_flight < self.limit and not self._waiting:
            self.in_flight += 1
            self._was_full |= self.in_flight >= self.limit
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(owner, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.in_flight -= 1
                self._grant()
            raise

    def _grant(self) -> None:
        while self._waiting and self.in_flight < self.limit:
            owner, turns = self._waiting.popitem(last=False)
            turn = turns.popleft()
            if turns:
                self._waiting[owner] = turns
            if not turn.done():
                self.in_flight += 1
                turn.set_result(None)

    def delivered(self, size: int) -> None:
        """A part of ``size`` bytes was answered."""
        now = self._clock()
        if self.in_flight <= 1 and not self._was_full:
            self._begin_round(now)  # nobody was in a hurry: the pause says nothing about the link
            return
        self._bytes += size
        self._parts += 1
        if self._doubling and self._was_full and not self._flat:
            self._set_limit(self.limit + 1)
        if self._parts >= self._round_parts and now > self._since:
            self._end_round(self._bytes / (now - self._since))

    def waited(self) -> None:
        """Telegram asked for a pause: half as much from now on, growing slowly again."""
        self.limit = max(1, self.limit // 2)
        self._doubling = self._probing = False
        self._best, self._best_limit, self._best_when_flat, self._flat = 0.0, self.limit, 0.0, 0
        self._begin_round()

    def _begin_round(self, now: float | None = None) -> None:
        self._since = self._clock() if now is None else now
        self._bytes = self._parts = 0
        self._round_parts = self.limit
        self._was_full = self.in_flight >= self.limit

    def _end_round(self, rate: float) -> None:
        """``rate``: bytes a second over as many parts as the window had when the round began."""
        tried, was_full = self._round_parts, self._was_full
        self._begin_round()
        if not was_full:
            return  # the window was not what held things up
        if rate > self._best * GROWTH:
            self._best, self._best_limit, self._flat = rate, tried, 0
            if self._probing:
                self._probe(rate)
            return
        self._best = max(self._best, rate)
        self._flat += 1
        if self._doubling:
            self._flatten()
        elif self._probing and self._flat >= FLAT_ROUNDS:
            self._probing, self._flat = False, 0
            self._set_limit(self._best_limit)
        elif not self._doubling and self._flat >= PROBE_ROUNDS:
            self._probe(rate)

    def _flatten(self) -> None:
        """Doubling brought nothing this time: try more connections; if those bring nothing, settle."""
        helped = self._best > self._best_when_flat * GROWTH
        self._best_when_flat = self._best
        if helped and self._on_flat():
            return  # the next round tells whether that helped
        # A quarter more than what was enough, so that a late answer leaves no gap.
        self._set_limit(self._best_limit + self._best_limit // 4 + 1)
        self._doubling, self._flat = False, 0

    def _probe(self, rate: float) -> None:
        """Links change: see whether a larger window is faster than ``rate`` now."""
        self._probing, self._flat = True, 0
        self._best, self._best_limit = rate, self.limit
        self._set_limit(self.limit + max(1, self.limit // 4))

    def _set_limit(self, limit: int) -> None:
        self.limit = min(self.largest, limit)
        self._grant()


class Lanes:
    """How many files move at once, towards one data centre: two large ones and five small ones.

    More than that is above what official clients do; a small file never waits for a large one.
    """

    #: Bytes from which a file is large.
    LARGE = 10 * 1024 * 1024

    def __init__(self, *, large: int = 2, small: int = 5) -> None:
        self._large = asyncio.Semaphore(large)
        self._small = asyncio.Semaphore(small)

    def lane(self, size: int) -> asyncio.Semaphore:
        """What a file of ``size`` bytes holds while it moves."""
        return self._large if size >= self.LARGE else self._small
