"""What the parts of one job tell of how far they are, while it runs. Nothing of it is kept."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from utils.archives import Entry
from utils.jobs.progress import Converting, JobProgress, Place, Rate, Waiting
from utils.jobs.record import JobRecord
from utils.jobs.steps import Steps
from utils.jobs.tally import Tally, look_through
from utils.media import Choice
from utils.texts import Text

#: Seconds, and parts of the whole, that must be behind us before we say how long the rest takes.
FIRST_SECONDS, FIRST_SHARE = 3.0, 0.02
#: Conversions that are looked at one by one.
LOOKED_AT = 5


class Named(Protocol):
    """A job."""

    name: str


class Lines(Protocol):
    """Who stands in line before whom."""

    def ahead(self, job: str) -> tuple[str, int, int] | None:
        """The first of its chat before ``job``, how many are, and others; None when its turn has come."""

    def first_conversions(self, job: str, most: int) -> Sequence[tuple[int, int | None]]:
        """The numbers of those of ``job`` that come first, with how many are before each; None: it runs."""


@dataclass
class Speeds:
    """Bytes a second that went to Telegram last, in any job: 0 until there was one."""

    up: float = 0.0


def _nothing(_: float) -> None:
    """Nobody cares."""


class Live:
    """Of the job whose story is ``record``. ``line`` says where in the queues it stands; ``jobs`` are all.

    ``steps`` are those of the job, which hear what comes and what is waited for.
    """

    def __init__(
        self,
        record: JobRecord,
        line: Lines,
        jobs: Mapping[str, Named],
        steps: Steps,
        speeds: Speeds | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._record = record
        self._line = line
        self._jobs = jobs
        self._speeds = speeds or Speeds()
        self._clock = clock
        self.step: str = Text("⏳ Waiting")
        #: The name of the file that is taken out and looked at.
        self.preparing = ""
        self.paused = False
        #: Whether something did not fit on the disk.
        self.lacks_room = False
        #: Called when Telegram, or the network, has it wait: for how many seconds.
        self.rest: Callable[[float], None] = _nothing
        self._steps = steps
        #: Says what of the archive is sent.
        self.choice: Callable[[], Choice] = Choice
        self._listing: Sequence[Entry] | None = None
        self._tally = Tally(record)
        self._forgotten = self._more = 0
        self._to_fetch = 0
        self._whole = False
        self._down, self._up = Rate(clock), Rate(clock)
        self._uploading: dict[str, int] = {}
        self._waiting: tuple[str, float | None] | None = None
        self._converting: dict[int, tuple[float, float, float]] = {}

    # -- what is told -------------------------------------------------------------------------------

    async def opened(self, listing: Sequence[Entry] | None) -> None:
        """What is in the archive is known now, or (None) is not before it was read."""
        choice = self.choice()
        promise = await look_through(self._record, listing or (), choice)
        sizes = sum(size for _, size in promise.to_come.values())
        self._listing = listing if promise.to_come or self._record.known_keys() else None
        self._tally.listing(self._listing, choice, promise if self._listing is not None else None)
        self._to_fetch = self._size if self._whole or not promise.to_come else min(self._size, sizes)
        if not self._whole:
            # What came so far told what is in it.
            self._down = Rate(self._clock)

    def whole(self) -> None:
        """All of the archive is fetched before anything is taken out."""
        self._whole, self._to_fetch = True, self._size

    def fetched(self, count: int) -> None:
        """So many bytes more came from Telegram."""
        self._down.add(count)
        self._steps.came(count)

    def uploaded(self, path: str, done: int) -> None:
        """Telegram has ``done`` bytes of the file ``path``."""
        self._up.add(max(0, done - self._uploading.get(path, 0)))
        self._uploading[path] = done
        self._speeds.up = self._up.value

    def waits(self, reason: str, seconds: float | None) -> None:
        """Nothing goes on for ``seconds`` (None: until somebody does something)."""
        self._waiting = reason, None if seconds is None else self._clock() + seconds

    async def wait_for_telegram(self, seconds: float, reason: str) -> None:
        """Telegram, or the network, has the job wait."""
        self.waits(reason, seconds)
        self._steps.wait()
        self.rest(seconds)

    def goes_on(self, step: str) -> None:
        """What was waited for is there, and this is done now."""
        self.step, self._waiting = step, None

    def converts(self, number: int, percent: float) -> None:
        """So much of the deferred video ``number`` is converted."""
        now = self._clock()
        began, first, _ = self._converting.get(number, (now, percent, percent))
        self._converting[number] = began, first, percent

    # -- what is shown ------------------------------------------------------------------------------

    def look(self, job: str, name: str) -> JobProgress:
        """The job, which is called ``name``, as it is now."""
        record, waiting = self._record, self._still_waiting()
        self._tally.choose(self.choice())
        shown = self._tally.counts()
        sent, to_send = self._sent()
        fetched = self._to_fetch if record.extracted else min(self._down.total, self._to_fetch)
        ahead = self._line.ahead(job)
        return JobProgress(
            job=job,
            chat=record.origin.chat,
            name=name,
            step=Text("📥 Fetching") if self._is_fetching and waiting is None else self.step,
            done=int(fetched + sent),
            total=self._to_fetch + to_send,
            speed=self._down.value if self._is_fetching else self._up.value or self._down.value,
            left=self._left(self._to_fetch - fetched, to_send - sent, waiting),
            pictures=shown["photo"],
            videos=shown["video"],
            music=shown["music"],
            files=shown["document"],
            preparing=self.preparing,
            conversions=tuple(self._conversions(job)),
            more_conversions=self._more,
            waiting=waiting,
            place=self._place(*ahead) if ahead else None,
            paused=self.paused,
        )

    def _place(self, first: str, own: int, others: int) -> Place:
        # Only those of the same chat are named.
        return Place(self._jobs[first].name if first in self._jobs else "", own, others)

    @property
    def _size(self) -> int:
        """Bytes of all that came for the job."""
        return sum(item.size for item in (self._record.origin, *self._record.volumes))

    @property
    def _is_fetching(self) -> bool:
        """Whether nothing can be taken out yet."""
        return self._whole and self._down.total < self._to_fetch and not self._record.extracted

    def _sent(self) -> tuple[int, int]:
        """Bytes at Telegram, of how many; without what is to be converted."""
        record = self._record
        done, total = self._tally.sent_bytes(self._uploading)
        for number in record.arrivals[self._forgotten :]:
            if number in record.files:
                self._uploading.pop(record.files[number].path, None)
        self._forgotten = len(record.arrivals)
        if not record.extracted and not record.failed:
            if self._listing is None:
                # As much goes as came: media hardly shrink, and archives of them neither.
                total += max(0, self._to_fetch - (0 if self._whole else int(self._down.total)))
            else:
                total += self._tally.promised_bytes
        return done, total

    def _left(self, to_fetch: float, to_send: float, waiting: Waiting | None) -> float | None:
        """Seconds until that many bytes came, and that many went."""
        down, up = self._down.value, self._up.value or self._speeds.up
        moved = self._down.total + self._up.total
        if to_fetch + to_send <= 0 or moved < FIRST_SHARE * (moved + to_fetch + to_send):
            return None
        if min(self._down.age, self._up.age if self._up.total else self._down.age) < FIRST_SECONDS:
            return None
        if self._is_fetching:
            # One after the other.
            left = to_fetch / down + to_send / (up or down) if down else None
        elif to_send and not up:
            left = None
        else:
            # Side by side: what is slower decides.
            left = max(to_send / up if to_send else 0.0, to_fetch / down if down else 0.0)
        pause = waiting.seconds or 0.0 if waiting else 0.0
        return None if left is None else left + pause

    def _still_waiting(self) -> Waiting | None:
        if self._waiting is None:
            return None
        reason, until = self._waiting
        if until is None:
            return Waiting(reason)
        seconds = until - self._clock()
        return Waiting(reason, seconds) if seconds > 0 else None

    def _conversions(self, job: str) -> list[Converting]:
        """Those that come first. What is in no line is tried again later."""
        record = self._record
        waiting = [] if record.cancelled else record.open_conversions()
        queued = dict(self._line.first_conversions(job, LOOKED_AT)) if waiting else {}
        later = ((number, 0) for number in waiting if number not in queued)
        found = []
        for number, before in itertools.islice(itertools.chain(queued.items(), later), LOOKED_AT):
            if number not in record.deferred or number in record.delivered:
                continue
            began, first, percent = self._converting.get(number, (0.0, 0.0, 0.0))
            took, part = self._clock() - began, percent - first
            left = took / part * (100 - percent) if before is None and part >= 2 else None
            found.append(Converting(record.deferred[number].name, before, percent, left))
        self._more = len(waiting) - len(found)
        return found
