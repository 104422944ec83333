"""Which jobs there are: a message becomes one of them here, or a volume of one, once."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from utils.archives import volume_of
from utils.constants import Settings
from utils.errors import DiskFull, guarded
from utils.jobs.building import JobBuilder, Work
from utils.jobs.buttons import FAILED_WORD, FILES_WORD, OTHERS_WORD
from utils.jobs.failures import Failures
from utils.jobs.first_lines import Wanted
from utils.jobs.intake import Incoming, Seen
from utils.jobs.job import Job
from utils.jobs.known import delivered_words
from utils.jobs.last_word import SUMMARY
from utils.jobs.over import REMEMBERED, Over
from utils.jobs.question import messages_about
from utils.jobs.record import JobRecord
from utils.jobs.running import run_job
from utils.jobs.shelf import Shelf
from utils.jobs.split_set import set_title
from utils.jobs.status_text import status_text
from utils.jobs.stored import StoredJob
from utils.queue_manager import QueueManager
from utils.storage.workspace import MB, Workspace, disk_errors
from utils.telegram.reactions import Reactions
from utils.texts import Text

log = logging.getLogger(__name__)

#: Reactions to the message with a file: it is taken; all that is in it was sent.
TAKEN, DONE = "👀", "👍"

#: Jobs that are gone on with before others have a turn, after a restart.
STARTED_AT_ONCE = 5


class Forgets(Protocol):
    """Whoever keeps the conversions."""

    async def forget(self, job: str) -> None:
        """Drop what is left of the conversions of ``job``."""


class Desk:
    """Takes jobs in, runs them side by side, and lets go of them when they are over.

    ``folder`` holds a folder for each; ``seen`` remembers which messages were taken.
    """

    def __init__(
        self,
        *,
        folder: Path,
        seen: Seen,
        builder: JobBuilder,
        queue: QueueManager,
        conversions: Forgets,
        reactions: Reactions,
        failures: Failures,
    ) -> None:
        self._folder = folder
        self._seen = seen
        self._builder = builder
        self._queue = queue
        self._conversions = conversions
        self._reactions = reactions
        self.failures = failures
        #: The jobs that are not over, by id. Others may look.
        self.jobs: dict[str, Job] = {}
        #: The last ones that are, the newest first.
        self.over: deque[Over] = deque(maxlen=REMEMBERED)
        self._work: dict[str, Work] = {}
        self._shelf = Shelf()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._taking = asyncio.Lock()
        #: Two presses are one.
        self._steering = asyncio.Lock()

    def follow(self, settings: Settings) -> None:
        """The next archives go by these."""
        self._builder = self._builder.under(settings)

    # -- in -----------------------------------------------------------------------------------------

    async def take(self, item: Incoming) -> str:
        """Make a job of a message, or a volume of a job's archive, once.

        Returns that the same file was delivered before, or is about to be, in words; then it is no job.
        Raises :class:`DiskFull` when it cannot be taken in.
        """
        if self._seen.has(item.job):
            return ""
        is_volume = await self._builder.opening.is_volume(item)
        async with self._taking:
            if self._seen.has(item.job) or item.job in self.jobs:
                return ""
            if await self._join(item, is_volume=is_volume):
                return ""
            known = self.known(item)
            if known:
                await self._seen.add(item)
            else:
                await self._new_job(item, item.job, is_volume=is_volume)
            return known

    def wanted(self, chat: int, message: int, word: str) -> Wanted | None:
        """What the word of a button, or of a reply, asks for of that archive; None: nothing that is known."""
        if word == FAILED_WORD:
            failed = self.failures.of(chat, message)
            return Wanted(only=tuple(failed)) if failed else None
        return Wanted(others=word == OTHERS_WORD, as_files=word == FILES_WORD)

    async def repeat(self, items: Sequence[Incoming], wanted: Wanted | None = None) -> None:
        """Make a new job of the file, or the volumes, that were handled before.

        ``wanted``: what of it, where not all is.
        Raises :class:`DiskFull` when they cannot be taken in.
        """
        is_volume = await self._builder.opening.is_volume(items[0])
        async with self._taking:
            job = f"{items[0].job}_{secrets.token_hex(4)}"
            await self._new_job(items[0], job, is_volume=is_volume, wanted=wanted)
            for item in items[1:]:
                await self._add(self._work[job], item)

    async def retry(self, job_id: str) -> None:
        """Do a job again that is :attr:`over`, unless that is done already. Raises :class:`DiskFull`."""
        for one in list(self.over):
            if one.id == job_id and not self.is_at_work_on(one.items[0].chat, one.items[0].message):
                await self.repeat(one.items)

    def is_at_work_on(self, chat: int, message: int) -> bool:
        """Whether a job of that message, which may be one of its volumes, is not at its summary yet."""
        return any(message in job.record.messages() for job in self.of_chat(chat))

    def known(self, item: Incoming, content: str = "") -> str:
        """That the same file was delivered to this chat, or is about to be, in words; "" when it was not.

        It is told by Telegram's id or by its fingerprint ``content``.
        """
        before = self._seen.delivered_before(item, content)
        if before is not None:
            return delivered_words(before)
        job = next(self._shelf.of_file(item, content), None)
        return "" if job is None else Text("I am at work on {name} already.", name=job.name)

    async def _join(self, item: Incoming, *, is_volume: bool) -> bool:
        """Take ``item`` into the set that misses it; returns whether there is one, or had it already."""
        if not is_volume and volume_of(item.name) is not None:
            return False
        for work in self._shelf.sets_for(item):
            known = work.split.has(item)
            if known or work.split.wants(item):
                if not known:
                    await self._add(work, item)
                    self._react(item, TAKEN)
                    log.info("🧩 Received %s, volume of a set (%.1f MB)", item.name, item.size / MB)
                await self._seen.add(item)
                return True
        return False

    async def _add(self, work: Work, item: Incoming) -> None:
        await work.split.add(item)
        self._shelf.put(work)

    async def _new_job(
        self, item: Incoming, job: str, *, is_volume: bool, wanted: Wanted | None = None
    ) -> None:
        root = self._folder / job
        title = set_title(item.name) if is_volume else ""
        here = self._builder.wishes.of(item.chat).target == "here"
        try:
            with disk_errors():
                stored = await StoredJob.create(root, item, title, here=here, wanted=wanted)
                await self._seen.add(item)
        except DiskFull:
            log.error("❌ The disk is too full to take in %s", item.name)  # noqa: TRY400
            await asyncio.to_thread(Workspace(root).remove)
            raise DiskFull(
                Text(
                    "My disk is full, so I cannot take {name} now. Please send it again later.",
                    name=item.name,
                )
            ) from None
        log.info("📥 Received %s (%.1f MB)", item.name, item.size / MB)
        self._run(self.put(item, stored))
        self._react(item, TAKEN)

    # -- at work ------------------------------------------------------------------------------------

    def put(self, item: Incoming, stored: StoredJob) -> Job:
        """Know the job that is ``stored``; :meth:`go_on` begins it, or goes on with it."""
        work = self._builder.build(item, stored, self)
        self._work[stored.id], self.jobs[stored.id] = work, work.job
        self._shelf.put(work)
        return work.job

    async def go_on(self) -> None:
        """Go on with all jobs that were put here, others between some of them."""
        for place, job in enumerate(list(self.jobs.values()), 1):
            if job.id in self.jobs and job.id not in self._tasks:
                self._run(job)
            if place % STARTED_AT_ONCE == 0:
                await asyncio.sleep(0)

    def _run(self, job: Job) -> None:
        self._tasks[job.id] = asyncio.create_task(run_job(job, alone=lambda: len(self.jobs) == 1))

    def status_of(self, chat: int) -> str:
        """How far the jobs of ``chat`` are; "" when there are none."""
        return "\n\n".join(status_text(job.look()) for job in self._shelf.of_chat(chat))

    def of_chat(self, chat: int) -> list[Job]:
        """The jobs of ``chat`` that are not at their end, in their order."""
        return [job for job in self._shelf.of_chat(chat) if not job.at_its_end]

    def about(self, chat: int, message: int) -> list[Job]:
        """The job whose file, or whose status, is that message."""
        return [job for job in self.of_chat(chat) if message in messages_about(job.record)]

    async def pause(self, jobs: Sequence[Job], *, on: bool) -> list[str]:
        """Have ``jobs`` do nothing, or go on with them; returns the names of those for which that is new."""
        async with self._steering:
            jobs = [job for job in jobs if job.id in self.jobs and job.record.paused != on]
            jobs = await self._halted(jobs)
            changed = [job for job in jobs if not job.record.settled()]
            try:
                for job in changed:
                    await job.pause(on)
            finally:
                for job in jobs:
                    self._run(job)
                    self._work[job.id].status.hurry()
        return [job.name for job in changed]

    async def cancel(self, chat: int) -> list[str]:
        """Stop all jobs of ``chat``; returns their names."""
        return await self.cancel_jobs(self.of_chat(chat))

    async def cancel_jobs(self, jobs: Sequence[Job]) -> list[str]:
        """Stop ``jobs``; returns their names."""
        async with self._steering:
            return await self._cancel(jobs)

    async def _cancel(self, jobs: Sequence[Job]) -> list[str]:
        jobs = [job for job in jobs if job.id in self.jobs and SUMMARY not in job.record.sent]
        jobs = await self._halted(jobs)
        failures = await asyncio.gather(*(job.cancel() for job in jobs), return_exceptions=True)
        for job in jobs:
            # Ends it; one that could not be cancelled goes on.
            self._run(job)
        for failure in filter(None, failures):
            raise failure
        return [job.name for job in jobs]

    async def _halted(self, jobs: Sequence[Job]) -> list[Job]:
        """End what is done for ``jobs``; returns them without those that have just come to their end."""
        tasks = [self._tasks[job.id] for job in jobs if job.id in self._tasks]
        # All at once: the chat's turn, which one of them leaves, must not go to the next.
        for task in tasks:
            task.cancel()
        dropped = [self._queue.drop_conversions(job.id) for job in jobs]
        await asyncio.gather(*tasks, *dropped, return_exceptions=True)
        return [job for job in jobs if job.id in self.jobs]

    # -- out ----------------------------------------------------------------------------------------

    async def delivered(self, item: Incoming, record: JobRecord) -> None:
        """All of a job is sent: the same file need not be sent again."""
        asked = record.origin
        await guarded(self.failures.after(record), "What came of an archive could not be counted")
        # Who sends all volumes of a set again means it: only single files are looked up.
        # And so does who wanted only a part of it.
        whole = not (record.volumes or asked.others or asked.only or record.left)
        if record.print and record.delivered and whole:
            await self._seen.add_delivered(item, record.print, len(record.skipped))

    async def finished(self, job_id: str) -> None:
        """The job is over; its folder is about to be removed."""
        # Of a job that ends before its time, the other half may still be at work.
        await self._queue.drop_conversions(job_id)
        task = self._tasks.pop(job_id, None)
        if task is not None and task is not asyncio.current_task():
            task.cancel()
            await asyncio.wait([task])
        await self._conversions.forget(job_id)
        job = self.jobs.pop(job_id, None)
        if job is not None:
            self.over.appendleft(Over.of(job))
            # What was done already, or could not be, is told in words.
            done = job.record.extracted and not job.record.failed
            for item in (job.record.origin, *job.record.volumes):
                self._react(item, DONE if done else "")
        work = self._work.pop(job_id, None)
        if work is not None:
            self._shelf.remove(work)

    def _react(self, item: Incoming, emoji: str) -> None:
        self._reactions.show(item.chat, item.peer.input(), item.message, emoji)

    async def stop(self) -> None:
        """End what is under way; it is left in a state that can be gone on with."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def close(self) -> None:
        """The status messages stay as they are."""
        for work in list(self._work.values()):
            await work.status.close()
        await self._reactions.close()
