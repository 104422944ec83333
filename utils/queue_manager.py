"""QueueManager: in which order work happens, and nothing else.

Normal uploads first: archives of different chats side by side, those of one chat in a row. A conversion
starts only while no normal upload is under way or waiting, the cheapest first, one at a time. One that
runs already goes on when an archive arrives; the next one waits.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

log = logging.getLogger(__name__)


@dataclass(frozen=True, order=True)
class ConversionTask:
    """One deferred conversion. ``cost`` is an estimate that only serves to compare tasks."""

    cost: float
    sequence: int
    job: str = field(compare=False)
    number: int = field(compare=False)


class QueueManager:
    """Lets normal uploads and conversions go in the right order."""

    def __init__(
        self, convert: Callable[[ConversionTask], Awaitable[None]], *, uploads_at_once: int = 3
    ) -> None:
        self._convert = convert
        self._slots = asyncio.Semaphore(uploads_at_once)
        self._chats: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._holds = 0
        self._sequence = itertools.count()
        self._waiting: list[ConversionTask] = []
        self._changed = asyncio.Event()
        self._running: ConversionTask | None = None
        self._runner: asyncio.Task[None] | None = None
        self._later: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def upload(self, chat: int) -> AsyncIterator[None]:
        """Hold while a chat's normal work goes on; no conversion starts from asking for it to its end."""
        self.hold()
        try:
            async with self._chats[chat], self._slots:
                yield
        finally:
            self.release()

    def add_conversion(self, job: str, number: int, cost: float, *, after: float = 0.0) -> None:
        """Queue a conversion, not to be started within ``after`` seconds."""
        task = ConversionTask(cost, next(self._sequence), job, number)
        if after:
            later = asyncio.create_task(self._add_later(task, after))
            self._later.add(later)
            later.add_done_callback(self._later.discard)
        else:
            self._add(task)

    async def drop_conversions(self, job: str) -> None:
        """Forget the conversions of ``job``; one that runs has been cut off then, its checkpoint stays.

        Not if it is the running one itself that asks.
        """
        self._waiting = [task for task in self._waiting if task.job != job]
        heapq.heapify(self._waiting)
        runner = self._runner
        if self._running is None or self._running.job != job or runner in (None, asyncio.current_task()):
            return
        runner.cancel()
        await asyncio.wait([runner])

    def hold(self) -> None:
        """Start no conversion until :meth:`release`."""
        self._holds += 1

    def release(self) -> None:
        """The counterpart of :meth:`hold`."""
        self._holds -= 1
        self._changed.set()

    def waiting(self) -> list[ConversionTask]:
        """Conversions that wait, in the order in which they will run."""
        return sorted(self._waiting)

    @property
    def running(self) -> ConversionTask | None:
        """The conversion that runs now."""
        return self._running

    async def run(self) -> None:
        """Run conversions until cancelled. A conversion that raises is logged; the next one starts."""
        try:
            while True:
                await self._until_ready()
                await self._run_one(heapq.heappop(self._waiting))
        finally:
            for later in self._later:
                later.cancel()

    def _add(self, task: ConversionTask) -> None:
        heapq.heappush(self._waiting, task)
        self._changed.set()

    async def _add_later(self, task: ConversionTask, after: float) -> None:
        await asyncio.sleep(after)
        self._add(task)

    async def _until_ready(self) -> None:
        """Wait on an event, never by asking again and again."""
        while self._holds or not self._waiting:
            self._changed.clear()
            await self._changed.wait()

    async def _run_one(self, task: ConversionTask) -> None:
        self._running = task
        # A task of its own, so that drop_conversions can end it without ending this loop.
        self._runner = asyncio.ensure_future(self._convert(task))
        try:
            await asyncio.wait([self._runner])
        except asyncio.CancelledError:
            self._runner.cancel()
            await asyncio.wait([self._runner])
            raise
        finally:
            self._running = None
        if not self._runner.cancelled() and self._runner.exception() is not None:
            log.error("❌ Conversion task of job %s ended badly", task.job, exc_info=self._runner.exception())
