"""How much of one job is done, counted as it grows: what was counted once is not looked at again."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from utils.archives import Entry
from utils.jobs.albums import Group
from utils.jobs.progress import GROUPS, Count, wanted
from utils.jobs.record import JobRecord
from utils.media import Choice


@dataclass(frozen=True)
class Promise:
    """By key, kind and bytes of what a listing promises; the record was at that ``news`` and ``dropped``."""

    to_come: dict[str, tuple[Group, int]]
    news: int
    dropped: int


async def look_through(record: JobRecord, listing: Sequence[Entry], choice: Choice) -> Promise:
    """What ``listing`` promises beside what is known, without holding up anybody."""
    news, dropped, known = len(record.news), record.dropped, record.known_keys()
    return Promise(await asyncio.to_thread(_to_come, listing, known, choice), news, dropped)


def _to_come(
    listing: Sequence[Entry], known: Collection[str], choice: Choice
) -> dict[str, tuple[Group, int]]:
    return {entry.key: (kind, entry.size or 0) for kind, entry in wanted(listing, known, choice)}


class Tally:
    """Counts what ``record`` says; a look costs as much as is under way, however much was sent before."""

    def __init__(self, record: JobRecord) -> None:
        self._record = record
        self._listed: Sequence[Entry] | None = None
        self._choice = Choice()
        self._begin()

    def listing(
        self, listing: Sequence[Entry] | None, choice: Choice, promise: Promise | None = None
    ) -> None:
        """What the archive promises; None: nothing is known. ``promise`` if it was looked through before."""
        self._listed, self._choice = listing, choice
        self._begin(promise)

    def choose(self, choice: Choice) -> None:
        """What is wanted now, which may be something else than before."""
        if choice != self._choice:
            self.listing(self._listed, choice)

    def _begin(self, promise: Promise | None = None) -> None:
        record = self._record
        if promise is None:
            to_come = _to_come(self._listed or (), record.known_keys(), self._choice)
            promise = Promise(to_come, len(record.news), record.dropped)
        self._news, self._dropped = promise.news, promise.dropped
        #: What was not taken out yet; how many of each kind, and bytes.
        self._to_come = promise.to_come
        self._promised = Counter(kind for kind, _ in self._to_come.values())
        self._promised_bytes = sum(size for _, size in self._to_come.values())
        self._arrived = 0
        self._sent: Counter[Group] = Counter()
        self._out: Counter[Group] = Counter()
        self._bytes = 0

    def _catch_up(self) -> None:
        """Take in what is new since the last look. A file that was delivered stays as it is."""
        record = self._record
        if record.dropped != self._dropped:
            self._begin()
        for key in record.news[self._news :]:
            if (promise := self._to_come.pop(key, None)) is not None:
                self._promised[promise[0]] -= 1
                self._promised_bytes -= promise[1]
        self._news = len(record.news)
        for number in record.arrivals[self._arrived :]:
            self._count(number, self._sent, self._out)
            self._bytes += record.files[number].size if number in record.files else 0
        self._arrived = len(record.arrivals)

    def _count(self, number: int, sent: Counter[Group], out: Counter[Group]) -> None:
        """Add a file, which the record has: to ``out``, and to ``sent`` if it is delivered."""
        record = self._record
        if number in record.live or record.whole_of(number) != number:
            return
        if number not in record.files and number not in record.deferred and number not in record.wholes:
            return
        if number in record.refused or number in record.unconvertible:
            out["document"] += 1
        else:
            out["video" if number in record.deferred else record.to_send(number).group] += 1
        if number in record.delivered and record.parts.get(number) != []:
            sent["document" if number in record.refused else record.to_send(number).group] += 1

    def counts(self) -> Mapping[Group, Count]:
        """How many of each kind were sent, and of how many, if that is known."""
        self._catch_up()
        record = self._record
        sent, of = self._sent.copy(), self._out.copy()
        for number in record.under_way:
            self._count(number, sent, of)
        if not record.extracted:
            of.update(self._promised)
        known = record.extracted or self._listed is not None
        return {kind: Count(sent[kind], max(of[kind], sent[kind]) if known else None) for kind in GROUPS}

    def sent_bytes(self, uploaded: Mapping[str, int]) -> tuple[int, int]:
        """Bytes at Telegram, and of all files that were taken out; ``uploaded`` are those of each path.

        Without what is to be converted.
        """
        self._catch_up()
        done = total = self._bytes
        for number in self._record.under_way:
            file = self._record.files.get(number)
            if file is not None:
                total += file.size
                there = number in self._record.media
                done += file.size if there else min(file.size, uploaded.get(file.path, 0))
        return done, total

    @property
    def promised_bytes(self) -> int:
        """Of what the listing promises and was not taken out yet."""
        self._catch_up()
        return self._promised_bytes
