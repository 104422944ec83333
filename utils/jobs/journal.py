"""One job's journal in typed lines, over the JSON objects of :mod:`utils.storage.journal`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from utils.errors import JournalBroken
from utils.jobs.codec import BadValue, from_json, to_json
from utils.jobs.lines import KINDS, Line
from utils.jobs.record import JobRecord
from utils.storage.journal import Journal


class JobJournal:
    """What was written about one job, and :attr:`record`, which is all of it folded together."""

    def __init__(self, path: Path) -> None:
        self.record = JobRecord()
        self._journal = Journal(path)

    def open(self) -> JobRecord:
        """Create the file or read it. Blocking. Raises :class:`JournalBroken`."""
        for line in decode_all(self._journal.open()):
            self.record.apply(line)
        return self.record

    async def write(self, *lines: Line) -> None:
        """Append ``lines``, flushed to the disk together, then take them into the record."""
        await self._journal.append(*map(encode, lines))
        for line in lines:
            self.record.apply(line)


def encode(line: Line) -> dict[str, Any]:
    """``line`` as the JSON object that the journal holds."""
    return {"t": line.t, **to_json(line)}


def decode(record: Mapping[str, Any]) -> Line | None:
    """The line that ``record`` is, or None when its kind is not known here.

    Raises :class:`JournalBroken` when it is known, and something in it is missing or is no such value.
    """
    name = record.get("t")
    kind = KINDS.get(name) if isinstance(name, str) else None
    if kind is None:
        return None
    try:
        return from_json(kind, record)
    except BadValue as error:
        raise JournalBroken(f"a journal holds a line “{name}” that cannot be used: {error}.") from error


def decode_all(records: Iterable[Mapping[str, Any]]) -> list[Line]:
    """The lines of known kinds among ``records``. Raises :class:`JournalBroken`."""
    return [line for line in map(decode, records) if line is not None]
