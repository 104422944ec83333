"""``python -m tests.e2e.power_loss N SHARE``: the bot on a machine that loses its power.

That happens while the Nth line is appended to a journal: ``SHARE`` of its bytes are on the disk then. Of
everything else in the data folder only what was synced can be relied on (see ``tests.disk``); what is made
and renamed in a folder that was not synced is lost in every second run. Log-ins are SQLite's, which syncs
for itself.
"""

from __future__ import annotations

import os
import secrets
import sys

from tests.disk import Disk
from utils import bot
from utils.constants import load_settings
from utils.storage.journal import Journal, Record
from utils.terminal.main import main

#: The exit code, as of a process that was killed.
LOST = 137


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
            disk.keep(self.path)
            disk.lose_power()
            os._exit(LOST)

    Journal._write = failing  # type: ignore[method-assign]
    os.fsync = disk.fsync  # type: ignore[assignment]
    bot.boot_id = lambda: secrets.token_hex(8)  # type: ignore[attr-defined]


if __name__ == "__main__":
    share = float(sys.argv[2])
    disk = Disk(load_settings().path("DATA_DIR"), lose_names=int(1000 * share) % 2 == 0)
    prepare(int(sys.argv[1]), share, disk)
    sys.exit(main([]))
