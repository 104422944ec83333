"""Files on their way to and from Telegram: what all of them share, and one of them.

:class:`Transfers` holds the connections and, for each data centre and direction, the window;
:class:`FileTransfer` is one file's use of them. A part that has to wait is repeated by itself; the file
never starts over.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager
from enum import StrEnum
from functools import partial

from telethon.tl import TLObject, TLRequest

from utils.telegram.archive_client import ArchiveBotClient
from utils.telegram.pauses import Pause, Reason, was_refused
from utils.telegram.senders import SenderPool
from utils.telegram.waits import Caller, OnWait, Sleep, repeated
from utils.telegram.window import Lanes, Window

log = logging.getLogger(__name__)

#: Called as parts are done: bytes so far, bytes in all.
OnProgress = Callable[[int, int], Awaitable[None]]
#: A file that waits longer than this makes way for another one, in seconds.
LONG_WAIT = 30.0


class Direction(StrEnum):
    """Which way the bytes go; each has a window of its own."""

    UP = "up"
    DOWN = "down"


#: Parts in flight at first and at most. Up, 512 KB each; down, 1 MB each: 10 and 16 MB in memory at most.
WINDOWS = {Direction.UP: (6, 20), Direction.DOWN: (4, 16)}


class Transfers:
    """What all transfers of one account share. ``connections``: for each data centre, at most."""

    def __init__(
        self,
        client: ArchiveBotClient,
        *,
        connections: int,
        sleep: Sleep = asyncio.sleep,
        on_wait: OnWait | None = None,
    ) -> None:
        self.pool = SenderPool(client, limit=connections)
        self.caller = client.caller = Caller(client, pool=self.pool, sleep=sleep, on_wait=on_wait)
        self.outage = client.outage
        self.sleep = sleep
        self.on_wait = on_wait
        self._windows: dict[tuple[int, Direction], Window] = {}
        self._lanes: dict[int, Lanes] = {}

    def window(self, dc: int, direction: Direction) -> Window:
        key = dc, direction
        if key not in self._windows:
            start, largest = WINDOWS[direction]
            self._windows[key] = Window(start=start, largest=largest, on_flat=partial(self.pool.grow, dc))
        return self._windows[key]

    def lanes(self, dc: int) -> Lanes:
        return self._lanes.setdefault(dc, Lanes())

    async def close(self) -> None:
        """Close the connections. The client stays as it is."""
        await self.pool.close()


class FileTransfer:
    """One file on its way. Its parts stop together while it waits, and go on together."""

    def __init__(self, transfers: Transfers, direction: Direction, *, on_wait: OnWait | None = None) -> None:
        self._transfers = transfers
        self._direction = direction
        self._on_wait = on_wait or transfers.on_wait
        self._may_go = asyncio.Event()
        self._may_go.set()
        #: Parts that wait just now, the longest of their waits in seconds, and whether the window knows.
        self._waits, self._longest, self._slowed = 0, 0.0, False
        self._lane: asyncio.Semaphore | None = None

    @asynccontextmanager
    async def lane(self, dc: int, size: int) -> AsyncIterator[None]:
        """Take turns with the other files of the same data centre."""
        lane = self._transfers.lanes(dc).lane(size)
        await lane.acquire()
        self._lane = lane
        try:
            yield
        finally:
            if self._lane is not None:
                self._lane = None
                lane.release()

    async def part(self, dc: int, size: int, make: Callable[[], Awaitable[TLRequest]]) -> TLObject:
        """Telegram's answer to one part's request, whatever waits and losses lie in between.

        ``make`` builds the request when it is the part's turn, so that no more parts are in memory than
        the window allows; ``size`` is what it moves, in bytes.
        """
        window = self._transfers.window(dc, self._direction)

        async def once() -> TLObject:
            async with self._turn(window):
                answer = await self._transfers.pool.call(await make(), dc)
                window.delivered(size)
                return answer

        async def wait(pause: Pause) -> None:
            if pause.reason is Reason.FLOOD and not self._slowed:
                self._slowed = True
                window.waited()
            await self._wait(pause)

        return await repeated(once, wait=wait, outage=self._transfers.outage)

    @asynccontextmanager
    async def _turn(self, window: Window) -> AsyncIterator[None]:
        """A slot of the window, at a moment when this file is not waiting."""
        while True:
            await self._may_go.wait()
            async with window.slot(self):
                if self._may_go.is_set():
                    yield
                    return

    async def _wait(self, pause: Pause) -> None:
        self._waits += 1
        self._may_go.clear()
        try:
            if pause.seconds > self._longest:
                self._longest = pause.seconds
                await self._tell(pause)
            if pause.seconds > LONG_WAIT and self._lane is not None:
                await self._step_aside(self._lane, pause.seconds)
            else:
                await self._transfers.sleep(pause.seconds)
        finally:
            self._waits -= 1
            if not self._waits:
                self._longest, self._slowed = 0.0, False
                self._may_go.set()

    async def _tell(self, pause: Pause) -> None:
        if was_refused(pause):
            log.info("A file waits %.0f seconds: %s", pause.seconds, pause.reason.value)
        if self._on_wait is not None:
            await self._on_wait(pause.seconds, pause.reason.value)

    async def _step_aside(self, lane: asyncio.Semaphore, seconds: float) -> None:
        self._lane = None
        lane.release()
        await self._transfers.sleep(seconds)
        await lane.acquire()
        self._lane = lane


async def in_flight(jobs: Iterable[Coroutine[None, None, None]], at_most: int) -> None:
    """Run ``jobs``, at most so many at a time, started in their order; the first that fails ends all."""
    running: set[asyncio.Task[None]] = set()
    try:
        for job in jobs:
            running.add(asyncio.create_task(job))
            if len(running) >= at_most:
                running = await _some_done(running)
        while running:
            running = await _some_done(running)
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


async def _some_done(running: set[asyncio.Task[None]]) -> set[asyncio.Task[None]]:
    done, running_still = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        task.result()
    return running_still
