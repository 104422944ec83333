"""What conversions leave on the disk beside their results, and to which job it belongs."""

from __future__ import annotations

import asyncio
import logging
import re
import shutil
import time
from collections.abc import Container, Sequence
from pathlib import Path

from utils.conversion_state import INCOMPLETE, ConversionStateManager, State, display_name
from utils.errors import guarded
from utils.storage.atomic import set_aside
from utils.storage.quarantine import Quarantine

log = logging.getLogger(__name__)

#: The names of jobs: chat, message, and something random where a file is handled again.
JOB_ID = re.compile(r"-?\d+_\d+(_[0-9a-f]{8})?")

#: Hours that a completed conversion is remembered, and seconds between two clean-ups.
REMEMBER_HOURS, CLEAN_UP_PAUSE = 24.0, 3600.0


class Leftovers:
    """``jobs`` and ``recovery`` are the folders of jobs, and of the segments of conversions under way."""

    def __init__(
        self,
        states: ConversionStateManager,
        *,
        jobs: Path,
        recovery: Path,
        quarantine: Path,
        days: int,
    ) -> None:
        """``days``: so many things are kept in quarantine; 0: for ever."""
        self._states = states
        self._jobs = jobs
        self._recovery = recovery
        self._quarantine = quarantine
        self._kept = Quarantine(quarantine, jobs, days)

    async def incomplete(self) -> Sequence[State]:
        """The conversions that an earlier run did not end."""
        found = await asyncio.to_thread(self._states.get_incomplete_conversions)
        if found:
            log.info("🔄 Found %d incomplete conversions", len(found))
        return found

    async def sort_out(
        self, incomplete: Sequence[State], *, jobs: Container[str], unreadable: Container[str]
    ) -> None:
        """Keep what belongs to one of ``jobs``, or to one that cannot be read; the rest has nowhere to go."""
        for state in incomplete:
            job = state["details"].get("job")
            if job in jobs:
                log.info("♻️ Queued recovery conversion: %s", display_name(state))
            elif job not in unreadable:
                await asyncio.to_thread(self._give_up, state["file_path"], display_name(state))
        await asyncio.to_thread(self._remove_segments, jobs, unreadable)

    def _give_up(self, path: str, name: str) -> None:
        """Keep the source of a conversion whose archive is no longer known. Blocking."""
        told = "The archive that it came from is no longer known"
        log.warning("⚠️ %s: %s", name, told)
        self._states.mark_failed(path, told)
        # Somebody else's file stays where it is; one of a job that was over is gone with the job's folder.
        if self._jobs in Path(path).parents and Path(path).exists():
            set_aside(Path(path), self._quarantine, f"{name}: {told}.")

    def _remove_segments(self, jobs: Container[str], unreadable: Container[str]) -> None:
        """Blocking."""
        for folder in self._recovery.iterdir():
            job, _, number = folder.name.rpartition("-")
            # The folder may be one that others use, too.
            of_ours = JOB_ID.fullmatch(job) and number.isdigit()
            if of_ours and job not in jobs and job not in unreadable:
                shutil.rmtree(folder, ignore_errors=True)

    async def forget(self, job: str) -> None:
        """Drop what is left of the conversions of ``job``, should it have been cancelled."""
        await asyncio.to_thread(self._forget, job)

    def _forget(self, job: str) -> None:
        states = list(self._states.states.values())
        own = [s for s in states if s["details"].get("job") == job and s["status"] in INCOMPLETE]
        self._states.forget(*(state["file_path"] for state in own))
        for folder in self._recovery.glob(f"{job}-*"):
            shutil.rmtree(folder, ignore_errors=True)

    async def clean_up(self) -> None:
        """Until cancelled: forget completed conversions after a while, and what failed after some days."""
        while True:
            await guarded(asyncio.to_thread(self._empty_quarantine), "Quarantine could not be cleaned up")
            work = asyncio.to_thread(self._states.cleanup_completed, REMEMBER_HOURS)
            await guarded(work, "The states of old conversions could not be removed")
            await asyncio.sleep(CLEAN_UP_PAUSE)

    def _empty_quarantine(self) -> None:
        """Blocking."""
        due = self._kept.due(time.time())
        self._kept.remove(due)
        if due:
            log.info("🗑️ Deleted from quarantine, where they were long enough: %d", len(due))

    async def keep_written(self) -> None:
        """Until cancelled: have the state file say what is known, also when nothing changes any more."""
        while True:
            await asyncio.sleep(max(1.0, self._states.save_interval))
            await self.write()

    async def write(self) -> None:
        """Have the state file say all that is known."""
        await guarded(asyncio.to_thread(self._states.flush), "The state of conversions could not be written")
