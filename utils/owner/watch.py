"""Listens to the log: how conversions went since the start, and what was said at warning and above."""

from __future__ import annotations

import logging
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

#: How many warnings are remembered, and how many alerts.
REMEMBERED, ALERTS = 50, 20
#: What may be wrong that is worth a message to the owner.
THINGS = ("killed", "cut_off", "disk", "quarantine", "conversions", "passed_over", "set_aside", "log_in")
#: How many albums are.
ALBUMS = 6
#: Attempts at a conversion that fail one after another before it is said.
IN_A_ROW = 3


@dataclass(frozen=True)
class Said:
    """A line of the log; ``when`` in Unix seconds. ``words`` are the ``line`` with its ``args``."""

    when: float
    level: str
    words: str
    line: str = ""
    args: tuple[object, ...] = ()


@dataclass(frozen=True)
class Alert:
    """Something was wrong."""

    when: float
    thing: str
    words: str


@dataclass(frozen=True)
class SentAlbum:
    """What was sent, out of which archive: ``media`` as Telegram calls them.

    No other has its ``number``, nor one of an earlier start.
    """

    number: int
    when: float
    archive: str
    media: Sequence[Any]


class Watch(logging.Handler):
    """Counts by the lines that docs/operating.md promises, so that nothing else has to know of it.

    Each of ``listeners`` is called with every line, wherever it is logged.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        super().__init__(logging.INFO)
        self._clock = clock
        #: deferred, completed, failed (an attempt), recovering, recovered; warnings and errors in the log.
        self.counts: Counter[str] = Counter()
        #: Seconds of all completed conversions together, and how many of them were seen from their start.
        self.seconds, self.timed = 0.0, 0
        #: Attempts that failed since one last succeeded.
        self.failed_in_a_row = 0
        self.warnings: deque[Said] = deque(maxlen=REMEMBERED)
        #: What was wrong last, and how often each of ``THINGS`` was.
        self.alerts: deque[Alert] = deque(maxlen=ALERTS)
        self.alerted: Counter[str] = Counter()
        #: What was sent last.
        self.albums: deque[SentAlbum] = deque(maxlen=ALBUMS)
        self.last_progress = clock()
        self.listeners: list[Callable[[Said], None]] = []
        self._began: float | None = None
        self._recovering: set[str] = set()

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Inside, every line is heard."""
        root = logging.getLogger()
        root.addHandler(self)
        try:
            yield
        finally:
            root.removeHandler(self)

    def alert(self, thing: str, words: str) -> None:
        """Something is wrong."""
        self.alerts.append(Alert(self._clock(), thing, words))
        self.alerted[thing] += 1

    def emit(self, record: logging.LogRecord) -> None:
        """Take a line in. Never raises: it is in the way of whoever logs."""
        try:
            self._take(record)
        except Exception:  # noqa: BLE001
            self.handleError(record)

    def _take(self, record: logging.LogRecord) -> None:
        if not record.name.startswith("utils."):
            return
        words = record.getMessage()
        args = record.args if isinstance(record.args, tuple) else ()
        shown = "".join(c if c.isprintable() else " " for c in words)
        said = Said(self._clock(), record.levelname, shown, str(record.msg), args)
        if record.levelno >= logging.WARNING:
            self.warnings.append(said)
            self.counts["errors" if record.levelno >= logging.ERROR else "warnings"] += 1
        else:
            self.last_progress = said.when
        if (sent := getattr(record, "sent", None)) is not None:
            archive, media = sent
            number = max(self.albums[-1].number + 1 if self.albums else 1, int(said.when))
            self.albums.append(SentAlbum(number, said.when, archive, media))
        self._count(said.line, str(args[0]) if args else "", said.when)
        for listener in self.listeners:
            listener(said)

    def _count(self, line: str, name: str, now: float) -> None:
        if line.startswith("⏸️ Deferred video conversion"):
            self.counts["deferred"] += 1
        elif line.startswith("♻️ Queued recovery conversion"):
            self._recovering.add(name)
            self.counts["recovering"] += 1
        elif line.startswith(("🎬 Starting", "♻️ Resumed conversion")):
            # One conversion runs at a time.
            self._began = now
        elif line.startswith("✅ Conversion completed"):
            self._completed(name, now)
        elif line.startswith("❌ Conversion failed"):
            self.counts["failed"] += 1
            self.failed_in_a_row += 1
            self._began = None

    def _completed(self, name: str, now: float) -> None:
        self.counts["completed"] += 1
        self.failed_in_a_row = 0
        if name in self._recovering:
            self._recovering.discard(name)
            self.counts["recovered"] += 1
        if self._began is not None:
            self.seconds += now - self._began
            self.timed += 1
            self._began = None

    # -- what comes of it ---------------------------------------------------------------------------

    @property
    def keeps_failing(self) -> bool:
        """Whether the last attempts at conversions all failed."""
        return self.failed_in_a_row >= IN_A_ROW

    @property
    def success(self) -> float | None:
        """Share of the attempts at a conversion that succeeded; None before there was one."""
        tried = self.counts["completed"] + self.counts["failed"]
        return self.counts["completed"] / tried if tried else None

    @property
    def average(self) -> float | None:
        """Seconds that a conversion took, on average."""
        return self.seconds / self.timed if self.timed else None

    @property
    def recovery(self) -> float | None:
        """Share of the conversions that a restart went on with that were completed."""
        queued = self.counts["recovering"]
        return self.counts["recovered"] / queued if queued else None
