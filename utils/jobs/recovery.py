"""After a restart: every job that is not done is taken up again."""

from __future__ import annotations

import asyncio
import logging
import secrets
from contextlib import suppress
from pathlib import Path

from utils.errors import BotError, JournalBroken, PassedOver, guarded
from utils.jobs.desk import Desk
from utils.jobs.intake import Seen
from utils.jobs.marks import CONVERSION, DEATHS, TAKING_UP
from utils.jobs.media_files import size_of
from utils.jobs.stored import StoredJob
from utils.storage.atomic import set_aside

log = logging.getLogger(__name__)


class Recovery:
    """Takes up what an earlier run left in ``folder``, where each job has a folder of its own."""

    def __init__(self, folder: Path, quarantine: Path, *, seen: Seen, desk: Desk) -> None:
        self._folder = folder
        self._quarantine = quarantine
        self._seen = seen
        self._desk = desk

    async def take_up(self) -> set[str]:
        """Go on with every job; returns the ids of those that cannot be read now, which stay as they are.

        One that never can is set aside: no job keeps the bot from starting.
        """
        kept = set()
        jobs = await asyncio.to_thread(self._jobs)
        for stored in jobs:
            try:
                await self._take_up_one(stored)
            except Exception as error:  # noqa: BLE001
                if _may_pass(error):
                    log.exception("❌ Job %s cannot be taken up now; it stays as it is", stored.id)
                    kept.add(stored.id)
                elif not await guarded(self._set_aside(stored, error), f"{stored.id} cannot be set aside"):
                    kept.add(stored.id)
        # Not before: who works while the rest is read makes that, and whatever comes, wait.
        await self._desk.go_on()
        return kept

    def _jobs(self) -> list[StoredJob]:
        """The jobs, in the order of their messages, without what else a machine leaves there. Blocking."""
        folders = sorted(filter(Path.is_dir, self._folder.iterdir()), key=_place)
        jobs = [StoredJob.at(folder) for folder in folders]
        for stored in jobs:
            with suppress(OSError):  # not even counting its deaths is worth a start
                stored.marks.open()
        if any(not step.startswith(CONVERSION) for stored in jobs for step in stored.marks.died_in):
            # A conversion runs beside all else, which the process may have died of as well.
            for stored in jobs:
                with suppress(OSError):
                    stored.marks.acquit(CONVERSION)
        return jobs

    async def _take_up_one(self, stored: StoredJob) -> None:
        if stored.marks.deaths.get(TAKING_UP, 0) >= DEATHS:
            raise PassedOver(f"The bot died {DEATHS} times while taking it up.")
        stored.marks.begin(TAKING_UP)
        try:
            written = size_of(stored.workspace.journal)
            await stored.open()
            if written > 0 and not stored.record.done and stored.record.known_origin is None:
                self._require_no_files(stored)
            await self._go_on(stored)
        finally:
            stored.marks.end(TAKING_UP, done=True)

    @staticmethod
    def _require_no_files(stored: StoredJob) -> None:
        """A job has no files yet when the first line of its journal is not written to its end."""
        if any(stored.workspace.files.glob("*")):
            raise JournalBroken("its journal does not say whose it is.")

    async def _go_on(self, stored: StoredJob) -> None:
        record = stored.record
        if record.done or record.known_origin is None:
            # Finished, or cut off before anything was known of it; then its message comes again.
            await asyncio.to_thread(stored.workspace.remove)
            return
        for item in (record.origin, *record.volumes):
            # It may have been killed before it noted that this message was taken.
            if not self._seen.has(item.job):
                await self._seen.add(item)
        self._desk.put(record.origin, stored)
        log.info("♻️ Resumed job: %s", record.origin.name)

    async def _set_aside(self, stored: StoredJob, error: Exception) -> None:
        # What an error that nobody foresaw says may be somebody's password.
        reason = error.told if isinstance(error, BotError) else f"{type(error).__name__} when it was read."
        root = stored.workspace.root
        kept = await asyncio.to_thread(set_aside, root, self._quarantine, f"Job {stored.id}: {reason}")
        unforeseen = None if isinstance(error, BotError) else error
        log.error("⚠️ Job %s set aside: %s It is kept as %s", stored.id, reason, kept, exc_info=unforeseen)


def _place(folder: Path) -> list[tuple[int, str]]:
    """Message 10 of a chat comes after message 9."""
    return [(int(part) if part.isdecimal() else -1, part) for part in folder.name.split("_")]


def _may_pass(error: Exception) -> bool:
    """Whether it is the system that failed, and not what is in the job's folder."""
    return isinstance(error, OSError) and not isinstance(error, IsADirectoryError | NotADirectoryError)


def boot_id() -> str:
    """Names the machine's current run, so that a power cut can be told from a killed process. Blocking."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return secrets.token_hex(16)
