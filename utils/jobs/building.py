"""Puts one job together: what it sends with, what it opens with, where its status is shown."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

from telethon.tl.tlobject import TLObject

from utils.constants import Settings
from utils.errors import PasswordNeeded
from utils.jobs.albums import MediaFile
from utils.jobs.delivery import Delivery
from utils.jobs.intake import Incoming
from utils.jobs.job import Job, JobServices, Media
from utils.jobs.opening import JobOpening, Opening
from utils.jobs.progress import Progress
from utils.jobs.record import JobRecord
from utils.jobs.split_set import SplitSet
from utils.jobs.stored import StoredJob
from utils.queue_manager import QueueManager
from utils.storage.workspace import MB
from utils.telegram.status import StatusMessage
from utils.telegram.transfers import Transfers
from utils.telegram.upload import MAX_PARTS, PART_SIZE, Upload

#: Bytes in the unit of the limit for files; Telegram counts in parts of 512 KiB.
MIB = 1 << 20


class AsksPasswords(Protocol):
    """Asks in the chat of ``item``; ``asked`` counts the questions so far. Raises ``error`` to give up."""

    async def ask_password(
        self, item: Incoming, delivery: Delivery, error: PasswordNeeded, asked: int
    ) -> str: ...


class Owner(Protocol):
    """Who keeps the jobs."""

    @property
    def jobs(self) -> Mapping[str, Job]: ...

    def known(self, item: Incoming, content: str) -> str: ...

    async def delivered(self, item: Incoming, record: JobRecord) -> None: ...

    async def finished(self, job_id: str) -> None: ...


@dataclass(frozen=True)
class Work:
    """A job that is being done, the files that came for it, and the message that tells how far it is."""

    job: Job
    split: SplitSet
    status: StatusMessage


@dataclass(frozen=True)
class Uploads:
    """Makes the uploads of one job."""

    transfers: Transfers
    progress: Progress

    def __call__(self, path: Path, name: str) -> Upload:
        """The way up of the file ``path``, shown under ``name``."""
        return Upload(
            self.transfers,
            path,
            name=name,
            on_wait=self.progress.waits,
            on_progress=self.progress.of(f"📤 Sending {name}"),
        )


@dataclass(frozen=True)
class JobBuilder:
    """What all jobs share.

    ``target`` is where the results go, None: to where the archive came from; ``convert`` queues a deferred
    video (file, cost, job) or converts it at once; ``boot`` identifies the machine's current run.
    """

    settings: Settings
    opening: Opening
    conversation: AsksPasswords
    queue: QueueManager
    convert: Callable[[MediaFile, float, str], Awaitable[None]]
    media: Media
    target: TLObject | None
    boot: str

    def build(self, item: Incoming, stored: StoredJob, owner: Owner) -> Work:
        """The job in ``stored``, which began with the message ``item``."""
        record = stored.record
        progress = Progress(owner.jobs, stored.id)
        delivery = self._delivery(item, stored, progress)
        status = StatusMessage(
            send=partial(delivery.send_text, "status"),
            edit=partial(self.opening.account.edit, item.peer.input()),
            message=record.sent.get("status", [0])[0],
        )
        split = SplitSet(record, delivery.write, wait=self.settings.VOLUME_WAIT_MINUTES * 60.0)
        opening = JobOpening(
            opening=self.opening,
            split=split,
            scratch=stored.workspace.scratch,
            progress=progress,
            write=delivery.write,
            # Who has it handled again knows that it was.
            known=owner.known if stored.id == item.job else None,
        )
        services = JobServices(
            open_archive=opening,
            ask_password=partial(self.conversation.ask_password, item, delivery),
            more_volumes=split.more,
            upload_slot=partial(self.queue.upload, item.chat),
            convert=self.convert,
            show=status.show,
            end_status=status.end,
            media=self.media,
            boot=self.boot,
            spool_limit=self.settings.SPOOL_LIMIT_MB * MB,
            upload_limit=upload_limit_of(self.settings),
            quarantine=self.settings.path("QUARANTINE_DIR"),
            deferred=self.settings.DEFERRED_VIDEO_CONVERSION,
            delivered=partial(owner.delivered, item, record),
            finished=partial(owner.finished, stored.id),
        )
        return Work(Job(stored.id, stored.workspace, record, delivery, services), split, status)

    def _delivery(self, item: Incoming, stored: StoredJob, progress: Progress) -> Delivery:
        """The way of the job's messages; the connections that they and the file need are opened meanwhile."""
        transfers = self.opening.transfers
        for dc in {item.dc or transfers.pool.home, transfers.pool.home}:
            transfers.pool.prepare(dc)
        chat = item.peer.input()
        return Delivery(
            chat=chat,
            target=self.target or chat,
            reply_to=item.message,
            files=stored.workspace.files,
            journal=stored.journal,
            call=self.opening.account.call.telling(progress.waits),
            upload=Uploads(transfers, progress),
        )


def upload_limit_of(settings: Settings) -> int:
    """Bytes of one file that is sent whole, at most; never more than Telegram takes."""
    return min(settings.UPLOAD_LIMIT_MB * MIB, MAX_PARTS * PART_SIZE)
