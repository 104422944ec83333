"""Deferred conversions: from the queue through the engine to the job that waits for the result."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Protocol

from utils.constants import Settings
from utils.conversion_state import (
    COMPLETED,
    FAILED,
    IN_PROGRESS,
    PENDING,
    ConversionStateManager,
)
from utils.conversions.checkpoint import StateCheckpoint
from utils.errors import (
    BotError,
    ChatClosed,
    ConversionFailed,
    ConversionTimeout,
    DiskFull,
    PassedOver,
    ToolStopped,
)
from utils.jobs.albums import MediaFile
from utils.jobs.gate import Gate
from utils.jobs.job import Job
from utils.jobs.marks import CONVERSION
from utils.jobs.media_files import converted_name
from utils.jobs.refusals import chat_errors
from utils.media import MAX_TRACKS, Action, Converter, Inspection, Verdict
from utils.queue_manager import ConversionTask
from utils.storage.atomic import make_folder, sync_file, write_bytes
from utils.storage.workspace import disk_errors
from utils.texts import Text, speaking, text_n

log = logging.getLogger(__name__)

#: Results of one chat that are sent at once: the second keeps the line busy while the first one comes to its
#: end. If all were, they would end together, and then the line would have nothing to do.
SENT_AT_ONCE = 2

#: Seconds before a conversion that failed is tried again, for the first, second ... time.
BACKOFF = (30.0, 120.0, 600.0)

Inspect = Callable[[Path, str], Awaitable[Inspection]]


class Requeue(Protocol):
    """Puts a conversion into the queue, not to be started within ``after`` seconds."""

    def __call__(
        self, job: str, number: int, cost: float, *, light: bool = False, after: float = 0.0
    ) -> None: ...


class LetsNext(Protocol):
    """Lets the next conversion run, as all that is left of ``task`` is to send its result."""

    def __call__(self, task: ConversionTask) -> None: ...


def _nobody(task: ConversionTask) -> None:
    """Nobody waits behind ``task``."""


class Conversions:
    """Runs conversions on the state manager, and gives the results to their jobs.

    ``jobs`` is the folder with the folders of all jobs.
    """

    def __init__(
        self,
        *,
        states: ConversionStateManager,
        converter: Converter,
        inspect: Inspect,
        jobs: Path,
        recovery: Path,
        quarantine: Path,
        max_retries: int,
        deferred: bool,
        backoff: tuple[float, ...] = BACKOFF,
    ) -> None:
        self._states = states
        self._converter = converter
        self._inspect = inspect
        self._folder = jobs
        self._recovery = recovery
        self._quarantine = quarantine
        self._max_retries = max_retries
        self._deferred = deferred
        self.backoff = backoff
        self._jobs: Mapping[str, Job] = {}
        self._requeue: Requeue | None = None
        self._let_next: LetsNext = _nobody
        self._gate = Gate()
        self._sending: defaultdict[str, asyncio.Semaphore] = defaultdict(
            lambda: asyncio.Semaphore(SENT_AT_ONCE)
        )

    def connect(self, jobs: Mapping[str, Job], requeue: Requeue, let_next: LetsNext = _nobody) -> None:
        """Give the results to ``jobs`` (by id), and put into the queue what is to be done later.

        ``let_next`` is told when a conversion is done but for sending its result.
        """
        self._jobs = jobs
        self._requeue = requeue
        self._let_next = let_next

    def follow(self, settings: Settings) -> None:
        """What is begun from now on goes by these."""
        self._converter.follow(settings)
        self._states.save_interval = settings.CONVERSION_STATE_SAVE_INTERVAL
        self._max_retries = settings.CONVERSION_MAX_RETRIES
        self._deferred = settings.DEFERRED_VIDEO_CONVERSION

    async def take_in(self, file: MediaFile, cost: float, job: str) -> None:
        """Queue the video ``file`` of ``job`` or, unless conversions are deferred, convert it at once."""
        if not self._deferred:
            await self.run(ConversionTask(cost, 0, job, file.number))
            return
        await self.register(job, file, cost)
        self._queue(ConversionTask(cost, 0, job, file.number, is_light(file, cost)))

    async def register(self, job: str, file: MediaFile, cost: float) -> Path:
        """Checkpoint a conversion that is to be done; returns its source. Known ones stay as they are."""
        source = self._folder / job / "files" / file.path
        state = self._states.load_state(source)
        if state is None or state["status"] == FAILED:
            details = {"name": file.name, "job": job, "number": file.number, "cost": cost}
            output = source.with_suffix(".mp4")
            await asyncio.to_thread(self._states.save_state, source, PENDING, 0, output, details=details)
        return source

    async def run(self, task: ConversionTask) -> None:
        """Convert the video of ``task`` and deliver the result, or do what is to be done instead.

        This is an edge: an error that nobody foresaw is logged, and the task comes again later.
        """
        job = self._jobs.get(task.job)
        if job is not None:
            with speaking(job.language):
                await self._run_for(job, task)

    async def _run_for(self, job: Job, task: ConversionTask) -> None:
        try:
            with disk_errors(), chat_errors():
                if task.number in job.record.open_conversions():
                    await self._run(job, task)
                else:
                    # It was delivered before, but then something kept the job from ending.
                    await job.finish_if_done()
        except DiskFull as error:
            # Nothing is wrong with the file; room may be made by what is delivered meanwhile.
            file = job.record.deferred.get(task.number)
            name = file.name if file else job.name
            log.warning("⚠️ %s waits for disk space: %s", name, error.told)
            job.waits(Text("⏸️ {name} waits: {reason}", name=name, reason=error.told), self.backoff[0])
            self._queue(task, self.backoff[0])
        except ChatClosed as error:
            await job.give_up(error)
        except Exception:  # noqa: BLE001
            log.exception("❌ Conversion %d of %s broke off; it is tried again", task.number, job.name)
            self._queue(task, self.backoff[0])

    async def _run(self, job: Job, task: ConversionTask) -> None:
        if task.number in job.record.wholes:
            # Cut into parts already, so that there may be nothing else left of the result.
            self._let_next(task)
            await job.deliver_one(task.number)
            return
        file = job.record.deferred[task.number]
        source = await self.register(task.job, file, task.cost)
        step = f"{CONVERSION}{file.number}"
        try:
            job.steps.check(step, Text("converting it"))
            # Of two that the process died with, each is tried by itself: one of them is innocent.
            async with self._gate.through(alone=job.steps.deaths(step) > 0):
                with job.steps.marked(step) as mark:
                    checkpoint = StateCheckpoint(self._states, source, mark)
                    result = await self._convert(job, task, source, checkpoint)
        except ConversionFailed as error:
            self._let_next(task)
            await self._failed(job, file, source, task, error)
        except PassedOver as error:
            self._let_next(task)
            await self._give_up(job, file, source, error)
        else:
            self._let_next(task)
            await job.take_converted(task.number, *result)
            async with self._sending[task.chat]:
                await job.deliver_one(task.number)

    async def _convert(
        self, job: Job, task: ConversionTask, source: Path, checkpoint: StateCheckpoint
    ) -> tuple[Path, Inspection, str]:
        """The result, what it is, and what to say of it."""
        file = job.record.deferred[task.number]
        state = self._states.load_state(source)
        assert state is not None
        output = Path(state["output_path"])
        inspection = await self._inspect(source, file.name)
        if state["status"] == COMPLETED and await asyncio.to_thread(output.exists):
            # Cut off after the conversion and before its result was in the job's journal.
            result = await self._inspect(output, output.name)
            return output, result, lost_sound(inspection, result)
        resumed = self._converter.resumed_from(checkpoint)
        if state["status"] == IN_PROGRESS and resumed > 0:
            log.info("♻️ Resumed conversion after crash: %s (from %.0f%%)", file.name, resumed)
        else:
            log.info("🎬 Starting %sconversion: %s", "deferred " if self._deferred else "", file.name)
        await asyncio.to_thread(self._states.save_state, source, IN_PROGRESS, state["progress"], output)
        if inspection.verdict is not Verdict.DEFERRED:
            # It was one before: what kept it from being looked at now may pass.
            raise ToolStopped(inspection.reason)
        work_dir = self._recovery / f"{job.id}-{file.number:06d}"

        async def on_progress(percent: float) -> None:
            job.live.converts(file.number, percent)

        started = time.monotonic()
        result = await self._converter.convert(
            source,
            output,
            inspection=inspection,
            checkpoint=checkpoint,
            work_dir=work_dir,
            on_progress=on_progress,
            name=file.name,
            on_idle=lambda: self._let_next(task),
        )
        await asyncio.to_thread(self._states.mark_completed, source)
        log.info("✅ Conversion completed: %s -> %s", file.name, converted_name(file.name))
        log.info("⏱️ %s took %.1f s (%s)", file.name, time.monotonic() - started, inspection.reason)
        return output, result, lost_sound(inspection, result)

    async def _failed(
        self, job: Job, file: MediaFile, source: Path, task: ConversionTask, error: ConversionFailed
    ) -> None:
        reason = "Timeout" if isinstance(error, ConversionTimeout) else error.told
        log.error("❌ Conversion failed: %s - %s", file.name, reason)
        count = await asyncio.to_thread(self._states.increment_retry_count, source)
        if error.passing and count < self._max_retries:
            self._queue(task, self.backoff[min(count, len(self.backoff)) - 1])
            return
        if error.passing:
            log.error("❌ Max retries exceeded: %s (%d attempts)", file.name, count)
        await self._give_up(job, file, source, error)

    async def _give_up(self, job: Job, file: MediaFile, source: Path, error: BotError) -> None:
        """Keep the original in quarantine, and send it as a document with the reason."""
        await asyncio.to_thread(self._states.mark_failed, source, error.told)
        await asyncio.to_thread(self._to_quarantine, job.id, file, source, error.told)
        await job.deliver_original(file.number, error.told)

    def _queue(self, task: ConversionTask, after: float = 0.0) -> None:
        assert self._requeue is not None
        self._requeue(task.job, task.number, task.cost, light=task.light, after=after)

    def _to_quarantine(self, job: str, file: MediaFile, source: Path, reason: str) -> None:
        """Keep a second name (or copy) of the original, with the reason beside it. Blocking."""
        make_folder(self._quarantine)
        kept = self._quarantine / f"{job}-{file.number:06d}"
        if not kept.exists():
            try:
                os.link(source, kept)
            except OSError:
                shutil.copyfile(source, kept)
                sync_file(kept)
        write_bytes(kept.with_suffix(".reason.txt"), f"{file.name}: {reason}\n".encode())


def is_light(video: MediaFile, cost: float) -> bool:
    """Whether converting ``video`` copies its picture, so that it waits for the disk."""
    return cost < Action.FULL.cost * video.size


def lost_sound(source: Inspection, result: Inspection) -> str:
    """That ``result`` has fewer sound tracks than ``source``, or ""; what nothing here decodes counts too."""
    if source.plan is None or result.plan is None:
        return ""
    lost = min(len(source.plan.probe.audios), MAX_TRACKS) - len(result.plan.audio)
    if lost <= 0:
        return ""
    if not result.plan.audio:
        return Text("The sound could not be decoded.")
    return text_n(
        "{count} sound track could not be decoded.", "{count} sound tracks could not be decoded.", lost
    )
