"""The edge of a job: whatever happens inside is reported, and the other jobs go on."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from utils.errors import BotError, ChatClosed, DiskFull, NoRoom, ProgramKilled
from utils.jobs.job import Job
from utils.jobs.refusals import chat_errors
from utils.storage.workspace import disk_errors
from utils.texts import Text, speaking

log = logging.getLogger(__name__)

#: Seconds before a job that broke off for a reason nobody foresaw is taken up again.
RETRY_PAUSES = (5.0, 60.0, 600.0)


async def run_job(job: Job, *, alone: Callable[[], bool]) -> None:
    """Run ``job`` until everything but conversions is done, or it is given up, or kept for a restart.

    ``alone`` says whether there is no other job, whose end could make room on the disk.
    """
    with speaking(job.language):
        await _run(job, alone)


async def _run(job: Job, alone: Callable[[], bool]) -> None:
    for pause in (*RETRY_PAUSES, None):
        try:
            with disk_errors(), chat_errors():
                await job.run()
            return
        except ChatClosed as error:
            await _give_up(job, error)
            return
        except DiskFull as error:
            if pause is None or (alone() and _never_fits(job, error)):
                await _give_up(job, error)
                return
            log.warning("⚠️ %s waits for disk space: %s", job.name, error.told)
            job.waits(Text("⏸️ Waiting for room on the disk: {reason}", reason=error.told), pause)
            await asyncio.sleep(pause)
        except ProgramKilled as error:
            if pause is None:
                await _give_up(job, error)
                return
            log.warning("⚠️ %s is tried again: %s", job.name, error.told)
            job.waits(Text("⏸️ {reason} It is tried again.", reason=error.told), pause)
            await asyncio.sleep(pause)
        except Exception:  # noqa: BLE001
            log.exception("❌ %s broke off; it is kept and taken up again", job.name)
            if pause is None:
                job.show(Text("❌ Something went wrong; the rest is tried again when the bot is restarted."))
                return
            await asyncio.sleep(pause)


def _never_fits(job: Job, error: DiskFull) -> bool:
    """Whether nothing of the job itself could make room while it waits."""
    return isinstance(error, NoRoom) and not job.record.open_conversions()


async def _give_up(job: Job, error: BotError) -> None:
    try:
        await job.give_up(error)
    except OSError:
        log.exception("❌ Not even the journal of %s can be written; a restart goes on with it", job.name)
