"""The steps of one job that a file may make deadly: where one killed the process before, care is taken.

What the process died in once is done while nothing else of the job is under way; after the second time, while
nothing else of any job is. So what died along with another's step is soon found innocent, and a step that
killed ``DEATHS`` times is passed over.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from collections.abc import Set as AbstractSet
from contextlib import asynccontextmanager

from utils.errors import PassedOver
from utils.jobs.gate import Gate
from utils.jobs.marks import DEATHS, ENTRY, OPENING, READING, UPLOAD, Marks
from utils.texts import Text

log = logging.getLogger(__name__)


class Steps:
    """The steps of the job that is called ``name``; ``everybody`` is the gate that all jobs share."""

    def __init__(self, marks: Marks, everybody: Gate, name: str) -> None:
        self._marks = marks
        self._everybody = everybody
        self._own = Gate()
        self._name = name

    @asynccontextmanager
    async def of(self, step: str, doing: str) -> AsyncIterator[None]:
        """Do ``step`` inside. Raises :class:`PassedOver`, which says ``doing`` what ("opening it") killed."""
        async with self.turn_of(step, doing):
            with self.marked(step):
                yield

    @asynccontextmanager
    async def turn_of(self, step: str, doing: str) -> AsyncIterator[None]:
        """The same, but inside ``step`` is marked by who does it, where it may kill."""
        self.check(step, doing)
        async with self.turn(self.deaths(step)):
            yield

    def marked(self, step: str) -> Mark:
        """A context in which ``step`` is marked as under way, beside whatever else is."""
        return Mark(self._marks, step)

    def check(self, step: str, doing: str) -> None:
        """Raises :class:`PassedOver` when too many processes died in ``step``."""
        if self.kills(step):
            told = Text("The bot died {count} times while {doing}.", count=DEATHS, doing=doing)
            log.error("☠️ %s: passed over: %s (step “%s”)", self._name, told.removesuffix("."), step)
            raise PassedOver(told)

    def deaths(self, step: str) -> int:
        """In how many processes ``step`` was under way when they died."""
        return self._marks.deaths.get(step, 0)

    def kills(self, step: str) -> bool:
        """Whether so many processes died in ``step`` that it is not to be tried again."""
        return self.deaths(step) >= DEATHS

    @asynccontextmanager
    async def turn(self, deaths: int) -> AsyncIterator[None]:
        """Inside, as little else is under way as ``deaths`` call for."""
        async with self._own.through(alone=deaths > 0), self._everybody.through(alone=deaths > 1):
            yield

    def suspicion(self, *kinds: str) -> int:
        """The most deaths in a step of those ``kinds`` (how it begins) that is still to be tried."""
        counts = (count for step, count in self._marks.deaths.items() if step.startswith(kinds))
        return max((count for count in counts if count < DEATHS), default=0)

    def begin(self, step: str) -> None:
        """``step`` begins, beside whatever else is under way."""
        self._marks.begin(step)

    def rest(self, kind: str) -> None:
        """No step of that ``kind`` is under way any more; what was not done is tried again some time."""
        self._marks.rest(kind)

    def came(self, count: int) -> None:
        """So many bytes more of the archive came from Telegram."""
        self._marks.came(count)

    def wait(self) -> None:
        """Telegram, or the network, has the job wait: a process that ends meanwhile dies of no file."""
        self._marks.rest(OPENING, READING, ENTRY, UPLOAD)

    def forget(self, steps: AbstractSet[str]) -> None:
        """These are done, whatever was noted of them."""
        for step in steps & self._marks.deaths.keys():
            with self.marked(step):
                pass


class Mark:
    """See :meth:`Steps.marked`."""

    def __init__(self, marks: Marks, step: str) -> None:
        self._marks = marks
        self._step = step

    def __enter__(self) -> Mark:
        self._marks.begin(self._step)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._marks.end(self._step, done=kind is None)

    def survived(self) -> None:
        """It got on, and what it got is kept: only deaths from now on count."""
        self._marks.end(self._step, done=True)
        self._marks.begin(self._step)
