"""What of the last archives failed, for whoever presses the button that tries that again."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from utils.jobs.only import failed_keys
from utils.jobs.record import JobRecord
from utils.jobs.stats import STATS_FILE, Stats
from utils.storage.atomic import load_or_set_aside, write_json
from utils.storage.version import refuse_newer

#: Raised when what is written changes its meaning.
VERSION = 1
FAILURES_FILE = "failures.json"
#: Archives remembered at most, and entries of one.
ARCHIVES, ENTRIES = 500, 5000


class Failures:
    """Keys of entries, by the chat and first message of their archive, in ``path``."""

    def __init__(self, path: Path, quarantine: Path) -> None:
        """Read the file; a damaged one is set aside. Blocking."""
        self._path = path
        #: How much came; of the same archives, and written at the same time.
        self.stats = Stats(path.with_name(STATS_FILE), quarantine)
        self._keys: dict[str, list[str]] = load_or_set_aside(path, quarantine, _parse) or {}
        self._writing = asyncio.Lock()

    def of(self, chat: int, message: int) -> Sequence[str]:
        """What failed of that archive; none where nobody knows any more."""
        return self._keys.get(f"{chat}_{message}", ())

    async def after(self, record: JobRecord) -> None:
        """All of an archive is sent: what failed of it is kept, and what came is counted. Raises OSError."""
        await self.stats.count(record)
        asked = record.origin
        if not (asked.others or asked.as_files):
            await self.keep(asked.chat, asked.message, failed_keys(record))

    async def keep(self, chat: int, message: int, keys: Sequence[str]) -> None:
        """That failed of it, the last time. Raises OSError."""
        name = f"{chat}_{message}"
        if list(self.of(chat, message)) == list(keys):
            return
        async with self._writing:
            self._keys.pop(name, None)
            if keys and len(keys) <= ENTRIES:
                self._keys[name] = list(keys)
            while len(self._keys) > ARCHIVES:
                del self._keys[next(iter(self._keys))]
            await asyncio.to_thread(write_json, self._path, {"version": VERSION, "failed": self._keys})


def _parse(value: Any) -> dict[str, list[str]]:
    """Raises ValueError, and :class:`TooNew`."""
    refuse_newer(value, FAILURES_FILE, VERSION)
    failed = value.get("failed") if isinstance(value, dict) else None
    if not isinstance(failed, dict):
        raise ValueError(f"it is not of version {VERSION}")
    for keys in failed.values():
        if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
            raise ValueError("it does not say what failed")
    return failed
