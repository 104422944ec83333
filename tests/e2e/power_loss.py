"""``python -m tests.e2e.power_loss N SHARE``: the bot on a machine that loses its power.

That happens while the Nth line is appended to a journal: ``SHARE`` of its bytes are on the disk then. Of
the other files only what was fsynced is whole; those that this run wrote and did not sync have their size,
but zeros in their second half, as file systems leave them.
A real power cut cannot be had in a test, and a killed process loses nothing that it wrote.
"""

from __future__ import annotations

import os
import secrets
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from utils import bot
from utils.constants import load_settings
from utils.storage import journal
from utils.storage.journal import Journal, Record
from utils.terminal.main import main

#: The exit code, as of a process that was killed.
LOST = 137


class Disk:
    """What of this run's files would survive."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self._began = time.time()
        self._synced: set[int] = set()
        self._fsync: Callable[[int], None] = os.fsync

    def fsync(self, file: int) -> None:
        """As ``os.fsync``, noted down."""
        self._fsync(file)
        self._synced.add(os.fstat(file).st_ino)

    def lose_power(self) -> None:
        """End at once, without what is not on the disk."""
        for folder in ("jobs", "recovery"):
            for parent, _, names in os.walk(self._data / folder):
                for name in names:
                    with suppress(FileNotFoundError):  # other threads go on until the end
                        self._lose(Path(parent, name))
        os._exit(LOST)

    def _lose(self, path: Path) -> None:
        status = path.stat()
        if status.st_mtime >= self._began and status.st_ino not in self._synced:
            os.truncate(path, status.st_size // 2)
            os.truncate(path, status.st_size)


def prepare(line: int, share: float, disk: Disk) -> None:
    """Let the power fail at the ``line``th append."""
    appends = 0
    write = Journal._write

    def failing(self: Journal, records: tuple[Record, ...]) -> None:
        nonlocal appends
        appends += 1
        before = self.path.stat().st_size
        write(self, records)
        if appends == line:
            os.truncate(self.path, before + int(share * (self.path.stat().st_size - before)))
            disk.lose_power()

    Journal._write = failing  # type: ignore[method-assign]
    journal.os.fsync = disk.fsync  # type: ignore[attr-defined]
    bot.boot_id = lambda: secrets.token_hex(8)


if __name__ == "__main__":
    prepare(int(sys.argv[1]), float(sys.argv[2]), Disk(load_settings().path("DATA_DIR")))
    sys.exit(main([]))
