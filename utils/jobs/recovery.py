"""After a restart: every job that is not done is taken up again."""

from __future__ import annotations

import asyncio
import logging
import secrets
from pathlib import Path

from utils.errors import guarded
from utils.jobs.desk import Desk
from utils.jobs.intake import Seen
from utils.jobs.stored import StoredJob

log = logging.getLogger(__name__)


class Recovery:
    """Takes up what an earlier run left in ``folder``, where each job has a folder of its own."""

    def __init__(self, *, folder: Path, seen: Seen, desk: Desk) -> None:
        self._folder = folder
        self._seen = seen
        self._desk = desk

    async def take_up(self) -> set[str]:
        """Go on with every job; returns the ids of those that cannot be read, which stay as they are."""
        unreadable = set()
        for folder in sorted(await asyncio.to_thread(self._folders)):
            if not await guarded(
                self._take_up_one(folder), f"{folder} cannot be taken up; it stays as it is"
            ):
                unreadable.add(folder.name)
        return unreadable

    def _folders(self) -> list[Path]:
        """The folders of jobs, without what else somebody's machine leaves there. Blocking."""
        return [path for path in self._folder.iterdir() if path.is_dir()]

    async def _take_up_one(self, folder: Path) -> None:
        stored = await StoredJob.read(folder)
        record = stored.record
        if record.done or record.known_origin is None:
            # Finished, or cut off before anything was known of it; then its message comes again.
            await asyncio.to_thread(stored.workspace.remove)
            return
        log.info("♻️ Resumed job: %s", record.origin.name)
        for item in (record.origin, *record.volumes):
            # It may have been killed before it noted that this message was taken.
            if not self._seen.has(item.job):
                await self._seen.add(item)
        self._desk.start(record.origin, stored)


def boot_id() -> str:
    """Names the machine's current run, so that a power cut can be told from a killed process. Blocking."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return secrets.token_hex(16)
