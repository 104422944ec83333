"""How far one job is, as plain data: what the chat's status shows of it, and whoever else looks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from utils.archives import Entry
from utils.jobs.albums import Group
from utils.jobs.record import JobRecord
from utils.media import Choice, Kind, kind_by_name

#: What is counted of what was not reached yet, by what names promise.
_GROUPS: Mapping[Kind, Group] = {Kind.PHOTO: "photo", Kind.VIDEO: "video"}

GROUPS: tuple[Group, ...] = ("photo", "video", "music", "document")


@dataclass(frozen=True)
class Count:
    """So many were ``sent`` ``of`` how many; None where that is not known yet."""

    sent: int = 0
    of: int | None = None


@dataclass(frozen=True)
class Waiting:
    """What is waited for, and for how many ``seconds`` more; None where nobody knows."""

    reason: str
    seconds: float | None = None


@dataclass(frozen=True)
class Converting:
    """A video that is to be converted, with so many ``before`` it; None: it runs, and ``percent`` are done.

    ``left``: seconds until it is done, where that can be told.
    """

    name: str
    before: int | None = None
    percent: float = 0.0
    left: float | None = None


@dataclass(frozen=True)
class Place:
    """Where in the queue a job is: behind ``own`` of its chat, of which one is named, and ``others``."""

    first: str = ""
    own: int = 0
    others: int = 0


@dataclass(frozen=True)
class JobProgress:
    """One job at one moment. ``step`` says in words what it does now, ``preparing`` with which file.

    ``done`` of ``total`` bytes (0: not known) were fetched and sent, ``speed`` of them a second, and
    ``left`` seconds are left (None: that cannot be told) until all but conversions is sent. Of these, only
    the next ones are in ``conversions``.
    """

    job: str
    chat: int
    name: str
    step: str
    done: int = 0
    total: int = 0
    speed: float = 0.0
    left: float | None = None
    pictures: Count = Count()
    videos: Count = Count()
    music: Count = Count()
    files: Count = Count()
    preparing: str = ""
    conversions: tuple[Converting, ...] = ()
    more_conversions: int = 0
    waiting: Waiting | None = None
    place: Place | None = None
    paused: bool = False


def group_by_name(name: str) -> Group | None:
    """What a file that is called ``name`` promises to be; None: nothing that would be sent."""
    return _GROUPS.get(kind_by_name(name))


def sent_by_kind(record: JobRecord) -> Counter[Group]:
    """How many files of each kind were sent. What Telegram refused as a picture or video came as a file."""
    return Counter(
        "document" if number in record.refused else record.to_send(number).group
        for number in record.delivered_files()
        # The film of a live photo is a part of it.
        if number not in record.live
    )


def wanted(listing: Sequence[Entry], known: Collection[str], choice: Choice) -> Iterator[tuple[Group, Entry]]:
    """What ``listing`` promises to hold of what is sent, beside what is ``known`` by its key."""
    for entry in listing:
        kind = kind_by_name(entry.name)
        if entry.key not in known and choice.within(entry.folder) and choice.wants(kind):
            yield _GROUPS.get(kind, "document"), entry


def counts(
    record: JobRecord, listing: Sequence[Entry] | None, choice: Choice | None = None
) -> Mapping[Group, Count]:
    """How many of each kind were sent, and of how many; ``listing`` is None where there is none."""
    sent, of = sent_by_kind(record), _taken_out(record)
    if not record.extracted and listing is not None:
        of += Counter(kind for kind, _ in wanted(listing, record.known_keys(), choice or Choice()))
    known = record.extracted or listing is not None
    return {kind: Count(sent[kind], max(of[kind], sent[kind]) if known else None) for kind in GROUPS}


def _taken_out(record: JobRecord) -> Counter[Group]:
    """What is in the journal, by what it will be sent as; a video to be converted is one."""
    kinds: Counter[Group] = Counter()
    parts = {part for parts in record.parts.values() for part in parts}
    for number in record.files.keys() | record.deferred.keys() | record.wholes.keys():
        if number in parts or number in record.live:
            continue
        if number in record.refused or number in record.unconvertible:
            kinds["document"] += 1
        else:
            kinds["video" if number in record.deferred else record.to_send(number).group] += 1
    return kinds


class Rate:
    """How fast a number grows, over the last ``window`` seconds."""

    def __init__(self, clock: Callable[[], float], window: float = 30.0) -> None:
        self._clock = clock
        self._window = window
        self._samples: list[tuple[float, float]] = []
        self._began = 0.0
        self.total = 0.0

    def add(self, amount: float) -> None:
        """It grew by so much."""
        now = self._clock()
        if not self._samples:
            self._began = now
            self._samples.append((now, self.total))
        self.total += amount
        # Some samples a second are enough.
        if now - self._samples[-1][0] >= self._window / 100:
            self._samples.append((now, self.total))
            while len(self._samples) > 2 and self._samples[1][0] < now - self._window:
                del self._samples[0]

    @property
    def age(self) -> float:
        """Seconds since it began to grow."""
        return self._clock() - self._began if self._samples else 0.0

    @property
    def value(self) -> float:
        """So much a second; 0 when nothing can be said yet."""
        if not self._samples:
            return 0.0
        began, amount = self._samples[0]
        took = self._clock() - began
        return (self.total - amount) / took if took > 0 else 0.0
