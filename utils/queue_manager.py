"""QueueManager: in which order work happens, and nothing else.

Normal uploads first. Archives of different chats go side by side, those of one chat in a row; when more chats
want to upload than may at once, they take turns, album by album. A chat's conversion starts only while the
chat itself has nothing to upload, and behind the uploads of others it waits no longer than ``PATIENCE``. One
runs at a time: the cheapest of a chat first, the chats in turns. One that runs goes on when an archive comes;
the next one waits.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import logging
import math
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Literal

log = logging.getLogger(__name__)

#: Seconds that a chat's conversions wait for the uploads of other chats, at most.
PATIENCE = 60.0


@dataclass(frozen=True, order=True)
class ConversionTask:
    """One deferred conversion. ``cost`` is an estimate that only serves to compare tasks."""

    cost: float
    sequence: int
    job: str = field(compare=False)
    number: int = field(compare=False)

    @property
    def chat(self) -> str:
        """Whose it is: a job's id begins with its chat."""
        return self.job.partition("_")[0]


class Places(asyncio.Semaphore):
    """Given in the order of asking; ``in_line`` is how many wait for one."""

    in_line = 0

    async def acquire(self) -> Literal[True]:
        self.in_line += 1
        try:
            return await super().acquire()
        finally:
            self.in_line -= 1


class Turn:
    """The place of one chat among those that upload: held, or waited for in line."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self._held = False
        self._rests_until = 0.0

    async def take(self) -> None:
        """Wait for a place, in line, unless it is held; first until the end of what :meth:`rest` was told."""
        if self._held:
            return
        await asyncio.sleep(self._rests_until - asyncio.get_running_loop().time())
        await self._places.acquire()
        self._held = True

    @property
    def is_wanted(self) -> bool:
        """Whether somebody stands in line."""
        return self._places.in_line > 0

    def rest(self, seconds: float) -> None:
        """The chat has to wait so long for something else: until then, others may go."""
        self._rests_until = max(self._rests_until, asyncio.get_running_loop().time() + seconds)
        self.give_back()

    def give_back(self) -> None:
        """Leave the place, if it is held."""
        if self._held:
            self._held = False
            self._places.release()


@dataclass(eq=False)
class _Ticket:
    """A place in the line of uploads."""

    job: str
    chat: int
    has_turn: bool = False


class QueueManager:
    """Lets normal uploads and conversions go in the right order."""

    def __init__(
        self, convert: Callable[[ConversionTask], Awaitable[None]], *, uploads_at_once: int = 3
    ) -> None:
        self._convert = convert
        self._places = Places(uploads_at_once)
        self._chats: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._line: list[_Ticket] = []
        self._holds: Counter[str | None] = Counter()
        self._sequence = itertools.count()
        #: The conversions of each chat that wait; the chat whose turn is next comes first.
        self._waiting: dict[str, list[ConversionTask]] = {}
        #: When the first of them was queued (the loop's time).
        self._since: dict[str, float] = {}
        self._changed = asyncio.Event()
        self._running: ConversionTask | None = None
        self._runner: asyncio.Task[None] | None = None
        self._later: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def upload(self, chat: int, job: str = "") -> AsyncIterator[Turn]:
        """Hold while a chat's normal work goes on, in its turns; ``job`` is who stands in line."""
        self.hold(chat)
        ticket = _Ticket(job, chat)
        self._line.append(ticket)
        try:
            async with self._chats[chat]:
                turn = Turn(self._places)
                try:
                    await turn.take()
                    ticket.has_turn = True
                    yield turn
                finally:
                    turn.give_back()
        finally:
            self._line.remove(ticket)
            self.release(chat)

    def ahead(self, job: str) -> tuple[list[str], int] | None:
        """The jobs of the same chat before ``job`` in line, and how many of other chats are at work.

        None when it is at work itself, or in no line.
        """
        waiting = [ticket for ticket in self._line if ticket.job == job and not ticket.has_turn]
        if not waiting:
            return None
        before = self._line[: self._line.index(waiting[0])]
        own = [ticket.job for ticket in before if ticket.chat == waiting[0].chat]
        return own, sum(ticket.has_turn and ticket.chat != waiting[0].chat for ticket in self._line)

    def conversions_ahead(self, job: str, number: int) -> int | None:
        """How many conversions come before that one, as far as is known now; None when it runs."""
        running = self._running
        if running is not None and (running.job, running.number) == (job, number):
            return None
        line = self.waiting()
        places = [place for place, task in enumerate(line) if (task.job, task.number) == (job, number)]
        return (places[0] if places else len(line)) + (running is not None)

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
        for chat, tasks in list(self._waiting.items()):
            kept = [task for task in tasks if task.job != job]
            if len(kept) < len(tasks):
                heapq.heapify(kept)
                self._keep(chat, kept)
        runner = self._runner
        if self._running is None or self._running.job != job or runner in (None, asyncio.current_task()):
            return
        runner.cancel()
        await asyncio.wait([runner])

    def hold(self, chat: int | None = None) -> None:
        """Until :meth:`release`, start no conversion of ``chat``, and others later; without it, none."""
        self._holds[None if chat is None else str(chat)] += 1

    def release(self, chat: int | None = None) -> None:
        """The counterpart of :meth:`hold`."""
        self._holds[None if chat is None else str(chat)] -= 1
        self._holds = +self._holds
        self._changed.set()

    def waiting(self) -> list[ConversionTask]:
        """Conversions that wait, in the order in which they will run if all may."""
        rounds = itertools.zip_longest(*map(sorted, self._waiting.values()))
        return [task for one in rounds for task in one if task is not None]

    @property
    def running(self) -> ConversionTask | None:
        """The conversion that runs now."""
        return self._running

    async def run(self) -> None:
        """Run conversions until cancelled. A conversion that raises is logged; the next one starts."""
        try:
            while True:
                await self._run_one(await self._next())
        finally:
            for later in self._later:
                later.cancel()

    def _add(self, task: ConversionTask) -> None:
        heapq.heappush(self._waiting.setdefault(task.chat, []), task)
        self._since.setdefault(task.chat, asyncio.get_running_loop().time())
        self._changed.set()

    def _keep(self, chat: str, tasks: list[ConversionTask]) -> None:
        """``tasks`` are what is left of the conversions of ``chat``."""
        if tasks:
            self._waiting[chat] = tasks
        else:
            del self._waiting[chat], self._since[chat]

    async def _add_later(self, task: ConversionTask, after: float) -> None:
        await asyncio.sleep(after)
        self._add(task)

    async def _next(self) -> ConversionTask:
        """The conversion to be run now, when there is one; the chat is then the last in line."""
        while True:
            self._changed.clear()
            chats = [chat for chat in self._waiting if self._starts_in(chat) <= 0]
            if chats:
                tasks = self._waiting.pop(chats[0])
                task = heapq.heappop(tasks)
                if tasks:
                    self._waiting[task.chat] = tasks
                else:
                    del self._since[task.chat]
                return task
            soonest = min(map(self._starts_in, self._waiting), default=math.inf)
            with suppress(TimeoutError):
                async with asyncio.timeout(None if soonest == math.inf else soonest):
                    await self._changed.wait()

    def _starts_in(self, chat: str) -> float:
        """Seconds until a conversion of ``chat`` may start, as things are."""
        if self._holds[None] or self._holds[chat]:
            return math.inf
        if not self._holds:
            return 0.0
        return self._since[chat] + PATIENCE - asyncio.get_running_loop().time()

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
