"""QueueManager: in which order work happens, and nothing else.

Normal uploads first. Archives of different chats go side by side, those of one chat in a row; when more chats
want to upload than may at once, they take turns, album by album. A chat's conversion starts only while the
chat itself has nothing to upload, and behind the uploads of others it waits no longer than ``PATIENCE``. One
runs at a time, and beside it one of those that only copy, which wait for the disk where others compute: the
cheapest of a chat first, the chats in turns. While results, ``RESULTS`` of either kind at most, are on their
way, the next one runs. One that runs goes on when an archive comes; the next one waits.
"""

from __future__ import annotations

import asyncio
import bisect
import itertools
import logging
import math
import operator
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Literal

log = logging.getLogger(__name__)

#: Seconds that a chat's conversions wait for the uploads of other chats, at most.
PATIENCE = 60.0
#: Results of either kind that may be on their way to their chats at once, each of them a file on the disk.
RESULTS = 3


@dataclass(frozen=True, order=True)
class ConversionTask:
    """One deferred conversion. ``cost`` is an estimate that only serves to compare tasks.

    ``light``: the picture is copied, so that it waits for the disk and not for the processors.
    """

    cost: float
    sequence: int
    job: str = field(compare=False)
    number: int = field(compare=False)
    light: bool = field(default=False, compare=False)

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
    """A place in the line of uploads; later ones have higher numbers."""

    job: str
    chat: int
    number: int
    has_turn: bool = False


_Convert = Callable[[ConversionTask], Awaitable[None]]
_ORDER = operator.attrgetter("cost", "sequence")


class _Lane:
    """Conversions of which one runs at a time: the cheapest of a chat first, the chats in turns."""

    def __init__(self) -> None:
        #: Those of each chat that wait, in their order; the chat whose turn is next comes first.
        self.chats: dict[str, list[ConversionTask]] = {}
        #: When the first of them was queued (the loop's time).
        self.since: dict[str, float] = {}
        #: What runs, until it lets the next one go.
        self.busy: ConversionTask | None = None
        #: Whose results are on their way.
        self.results: set[ConversionTask] = set()

    def add(self, task: ConversionTask) -> None:
        """``task`` waits."""
        bisect.insort(self.chats.setdefault(task.chat, []), task, key=_ORDER)
        self.since.setdefault(task.chat, asyncio.get_running_loop().time())

    def drop(self, job: str) -> None:
        """None of ``job`` waits any more."""
        chat = job.partition("_")[0]
        tasks = self.chats.get(chat, [])
        kept = [task for task in tasks if task.job != job]
        if len(kept) < len(tasks):
            self._keep(chat, kept)

    def pop(self, chat: str) -> ConversionTask:
        """The next one of ``chat``, which is the last in line then."""
        tasks = self.chats.pop(chat)
        task = tasks.pop(0)
        self.chats[chat] = tasks
        self._keep(chat, tasks)
        return task

    def _keep(self, chat: str, tasks: list[ConversionTask]) -> None:
        if tasks:
            self.chats[chat] = tasks
        else:
            del self.chats[chat], self.since[chat]

    def waiting(self) -> Iterator[ConversionTask]:
        """Those that wait, in the order in which they will run if all may."""
        rounds = itertools.zip_longest(*self.chats.values())
        return (task for one in rounds for task in one if task is not None)

    def first_of(self, job: str) -> Iterator[tuple[int, int]]:
        """The numbers of those of ``job`` that wait, and how many come before each."""
        chat = job.partition("_")[0]
        sizes = [len(tasks) for tasks in self.chats.values()]
        turn = list(self.chats).index(chat) if chat in self.chats else 0
        for place, task in enumerate(self.chats.get(chat, ())):
            if task.job == job:
                others = [min(size, place + (at < turn)) for at, size in enumerate(sizes) if at != turn]
                yield task.number, place + sum(others) + (self.busy is not None)


class QueueManager:
    """Lets normal uploads and conversions go in the right order."""

    def __init__(self, convert: _Convert, *, uploads_at_once: int = 3) -> None:
        self._convert = convert
        self._places = Places(uploads_at_once)
        self._chats: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)
        #: Who stands in line, or is at work, by chat in the order of coming, and by job; how many work.
        self._line: defaultdict[int, list[_Ticket]] = defaultdict(list)
        self._tickets: dict[str, _Ticket] = {}
        self._at_work = 0
        self._holds: Counter[str | None] = Counter()
        self._sequence = itertools.count()
        #: Those that compute, and those that copy.
        self._lanes = (_Lane(), _Lane())
        self._changed = asyncio.Event()
        self._under_way: dict[ConversionTask, asyncio.Future[None]] = {}
        self._later: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def upload(self, chat: int, job: str = "") -> AsyncIterator[Turn]:
        """Hold while a chat's normal work goes on, in its turns; ``job`` is who stands in line."""
        self.hold(chat)
        ticket = _Ticket(job, chat, next(self._sequence))
        self._line[chat].append(ticket)
        self._tickets[job] = ticket
        try:
            async with self._chats[chat]:
                turn = Turn(self._places)
                try:
                    await turn.take()
                    ticket.has_turn = True
                    self._at_work += 1
                    yield turn
                finally:
                    turn.give_back()
        finally:
            self._leave(ticket)
            self.release(chat)

    def _leave(self, ticket: _Ticket) -> None:
        self._at_work -= ticket.has_turn
        self._line[ticket.chat].remove(ticket)
        if not self._line[ticket.chat]:
            del self._line[ticket.chat], self._chats[ticket.chat]
        if self._tickets.get(ticket.job) is ticket:
            del self._tickets[ticket.job]

    def ahead(self, job: str) -> tuple[str, int, int] | None:
        """The first of the same chat in line before ``job``, how many are, and how many others are at work.

        None when it is at work itself, or in no line.
        """
        ticket = self._tickets.get(job)
        if ticket is None or ticket.has_turn:
            return None
        # Whoever is at work in a chat is the first in its line.
        first = self._line[ticket.chat][0]
        place = bisect.bisect_left(self._line[ticket.chat], ticket.number, key=lambda one: one.number)
        return "" if first is ticket else first.job, place, self._at_work - first.has_turn

    def first_conversions(self, job: str, most: int) -> list[tuple[int, int | None]]:
        """The numbers of ``most`` of those of ``job`` that come first, as far as is known now.

        With how many come before each; None: it is under way.
        """
        under_way = ((task.number, None) for task in self._under_way if task.job == job)
        waiting = (one for lane in reversed(self._lanes) for one in lane.first_of(job))
        return list(itertools.islice(itertools.chain(under_way, waiting), most))

    def add_conversion(
        self, job: str, number: int, cost: float, *, light: bool = False, after: float = 0.0
    ) -> None:
        """Queue a conversion, not to be started within ``after`` seconds."""
        task = ConversionTask(cost, next(self._sequence), job, number, light)
        if after:
            later = asyncio.create_task(self._add_later(task, after))
            self._later.add(later)
            later.add_done_callback(self._later.discard)
        else:
            self._add(task)

    async def drop_conversions(self, job: str) -> None:
        """Forget the conversions of ``job``; those under way have been cut off then, their checkpoints stay.

        Not the one that asks itself.
        """
        for lane in self._lanes:
            lane.drop(job)
        own = (task for task in self._under_way if task.job == job)
        await self._cut_off(own, but=asyncio.current_task())

    def let_next(self, task: ConversionTask) -> None:
        """All that is left of ``task``, which is under way, is to send its result: the next one may run."""
        lane = self._lanes[task.light]
        if lane.busy is task:
            lane.busy = None
            lane.results.add(task)
            self._changed.set()

    def hold(self, chat: int | None = None) -> None:
        """Until :meth:`release`, start no conversion of ``chat``, and others later; without it, none."""
        self._holds[None if chat is None else str(chat)] += 1

    def release(self, chat: int | None = None) -> None:
        """The counterpart of :meth:`hold`."""
        self._holds[None if chat is None else str(chat)] -= 1
        self._holds = +self._holds
        self._changed.set()

    def waiting(self) -> list[ConversionTask]:
        """Conversions that wait, in their order if all may run; those that copy first."""
        return [task for lane in reversed(self._lanes) for task in lane.waiting()]

    @property
    def running(self) -> list[ConversionTask]:
        """The conversions that run now, without those of which only the result is to be sent."""
        return [lane.busy for lane in self._lanes if lane.busy is not None]

    async def run(self) -> None:
        """Run conversions until cancelled. A conversion that raises is logged; the next one starts."""
        try:
            while True:
                self._start(await self._next())
        finally:
            for later in self._later:
                later.cancel()
            await self._cut_off(self._under_way)

    def _add(self, task: ConversionTask) -> None:
        self._lanes[task.light].add(task)
        self._changed.set()

    async def _add_later(self, task: ConversionTask, after: float) -> None:
        await asyncio.sleep(after)
        self._add(task)

    async def _next(self) -> ConversionTask:
        """The conversion to be run now, when there is one; its chat is then the last in line."""
        while True:
            self._changed.clear()
            free = [lane for lane in self._lanes if lane.busy is None and len(lane.results) < RESULTS]
            starts = [(self._starts_in(chat, lane), lane, chat) for lane in free for chat in lane.chats]
            for seconds, lane, chat in starts:
                if seconds <= 0:
                    return lane.pop(chat)
            soonest = min((seconds for seconds, *_ in starts), default=math.inf)
            with suppress(TimeoutError):
                async with asyncio.timeout(None if soonest == math.inf else soonest):
                    await self._changed.wait()

    def _starts_in(self, chat: str, lane: _Lane) -> float:
        """Seconds until a conversion of ``chat`` in ``lane`` may start, as things are."""
        if self._holds[None] or self._holds[chat]:
            return math.inf
        if not self._holds:
            return 0.0
        return lane.since[chat] + PATIENCE - asyncio.get_running_loop().time()

    def _start(self, task: ConversionTask) -> None:
        self._lanes[task.light].busy = task
        # A task of its own, so that drop_conversions can end it without ending the others.
        work = asyncio.ensure_future(self._convert(task))
        self._under_way[task] = work
        work.add_done_callback(lambda work: self._ended(task, work))

    def _ended(self, task: ConversionTask, work: asyncio.Future[None]) -> None:
        lane = self._lanes[task.light]
        if lane.busy is task:
            lane.busy = None
        lane.results.discard(task)
        del self._under_way[task]
        self._changed.set()
        if not work.cancelled() and work.exception() is not None:
            log.error("❌ Conversion task of job %s ended badly", task.job, exc_info=work.exception())

    async def _cut_off(
        self, tasks: Iterable[ConversionTask], but: asyncio.Future[None] | None = None
    ) -> None:
        if works := [self._under_way[task] for task in tasks if self._under_way[task] is not but]:
            for work in works:
                work.cancel()
            await asyncio.wait(works)
