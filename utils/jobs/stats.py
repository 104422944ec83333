"""How much came in each chat so far, over restarts: a small file, written once an archive."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from utils.jobs.albums import number_of
from utils.jobs.codec import BadValue, from_json
from utils.jobs.record import JobRecord
from utils.jobs.status_text import size_words
from utils.jobs.summary import duration_words
from utils.storage.atomic import load_or_set_aside, write_json
from utils.storage.version import refuse_newer
from utils.texts import Said, tr, tr_n
from utils.texts.dates import date_words

#: Raised when what is written changes its meaning.
VERSION = 1
STATS_FILE = "stats.json"
#: Archives that were counted last: after a crash one may be told of again.
REMEMBERED = 100


@dataclass(frozen=True)
class Figures:
    """Of one chat ``since`` a Unix time: archives, and what came of them; ``size`` in bytes.

    ``seconds`` is the sum of the times from an archive's message to its summary.
    """

    since: float
    archives: int = 0
    files: int = 0
    size: int = 0
    converted: int = 0
    seconds: float = 0.0

    def words(self) -> Said:
        """As the chat reads it."""
        return tr(
            "📊 In this chat, since {date}:\n{archives} · {files} · {size}\n"
            "{videos} converted · {duration} of work",
            date=date_words(self.since),
            archives=tr_n("{count} archive", "{count} archives", self.archives),
            files=number_of("document", self.files),
            size=size_words(self.size),
            videos=number_of("video", self.converted),
            duration=duration_words(self.seconds),
        )


class Stats:
    """The figures of all chats, in ``path``."""

    def __init__(self, path: Path, quarantine: Path, clock: Callable[[], float] = time.time) -> None:
        """Read the file; a damaged one is set aside. Blocking."""
        self._path = path
        self._clock = clock
        self._chats, counted = load_or_set_aside(path, quarantine, _parse) or ({}, [])
        self._counted: deque[str] = deque(counted, maxlen=REMEMBERED)
        self._writing = asyncio.Lock()

    def of(self, chat: int) -> Figures | None:
        """Those of ``chat``; None before anything came."""
        return self._chats.get(chat)

    def words_of(self, chat: int) -> str:
        """Those of ``chat`` in words; "" before anything came."""
        figures = self.of(chat)
        return figures.words() if figures else ""

    async def count(self, record: JobRecord) -> None:
        """All of that archive is sent. Counted once, however often it is told. Raises OSError."""
        origin = record.origin
        job = f"{origin.chat}_{origin.message}_{origin.date}"
        if job in self._counted:
            return
        async with self._writing:
            self._counted.append(job)
            so_far = self._chats.get(origin.chat) or Figures(since=origin.date)
            self._chats[origin.chat] = _with(so_far, record, max(0.0, self._clock() - origin.date))
            chats = {str(chat): asdict(figures) for chat, figures in self._chats.items()}
            kept = {"version": VERSION, "chats": chats, "counted": list(self._counted)}
            await asyncio.to_thread(write_json, self._path, kept)


def _with(so_far: Figures, record: JobRecord, seconds: float) -> Figures:
    numbers = record.delivered_files()
    return replace(
        so_far,
        archives=so_far.archives + 1,
        files=so_far.files + len(numbers),
        size=so_far.size + sum(record.to_send(number).size for number in numbers),
        converted=so_far.converted + len(record.delivered.intersection(record.converted)),
        seconds=so_far.seconds + seconds,
    )


def _parse(value: Any) -> tuple[dict[int, Figures], list[str]]:
    """Raises ValueError, and :class:`TooNew`."""
    refuse_newer(value, STATS_FILE, VERSION)
    try:
        chats = {int(chat): from_json(Figures, figures) for chat, figures in value["chats"].items()}
        return chats, [str(job) for job in value["counted"]]
    except (KeyError, TypeError, AttributeError, BadValue) as error:
        raise ValueError(f"it is not of version {VERSION}") from error
