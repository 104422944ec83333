"""Puts one job together: what it sends with, what it opens with, where its status is shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Protocol

from telethon.tl.tlobject import TLObject

from utils.archives import Limits
from utils.constants import Settings
from utils.jobs.delivery import Delivery
from utils.jobs.gate import Gate
from utils.jobs.intake import Incoming
from utils.jobs.job import Job
from utils.jobs.last_word import STATUS, LastWord
from utils.jobs.live import Live, Speeds
from utils.jobs.media_files import Media
from utils.jobs.only import OpensOnly
from utils.jobs.opening import JobOpening, Opening
from utils.jobs.proof import Call
from utils.jobs.services import JobServices, JobSettings, Owner, TakesVideos, Talks
from utils.jobs.split_set import SplitSet
from utils.jobs.steps import Steps
from utils.jobs.stored import StoredJob
from utils.jobs.wishes import WishesOfChats
from utils.queue_manager import QueueManager
from utils.storage.workspace import MB
from utils.telegram.account import Account
from utils.telegram.group_pace import PacedCaller
from utils.telegram.group_pace import Paces as GroupPaces
from utils.telegram.status import Paces, StatusMessage, Words
from utils.telegram.transfers import Transfers
from utils.telegram.upload import MAX_PARTS, PART_SIZE, Upload

#: Bytes in the unit of the limit for files; Telegram counts in parts of 512 KiB.
MIB = 1 << 20


class KeepsJobs(Owner, Protocol):
    """The owner of jobs, which also knows the others."""

    @property
    def jobs(self) -> Mapping[str, Job]: ...

    def known(self, item: Incoming, content: str) -> str: ...


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
    live: Live

    def __call__(self, path: Path, name: str) -> Upload:
        """The way up of the file ``path``, shown under ``name``."""

        async def on_progress(done: int, _: int) -> None:
            self.live.uploaded(path.name, done)

        return Upload(
            self.transfers, path, name=name, on_wait=self.live.wait_for_telegram, on_progress=on_progress
        )


@dataclass(frozen=True)
class OwnMessages:
    """Our messages in the chat of one job, and our reactions to the messages with its files."""

    account: Account
    chat: TLObject

    async def edit(self, message: int, words: Words) -> None:
        """Have one say ``words``, if that can be done at once."""
        await self.account.edit(self.chat, message, words)

    async def change(self, message: int, words: Words) -> bool:
        """Have one say ``words`` for good; whether it does now."""
        return await self.account.change(self.chat, message, words)

    async def delete(self, message: int) -> None:
        """Delete one, if it is there."""
        await self.account.delete(self.chat, message)


@dataclass(frozen=True)
class JobBuilder:
    """What all jobs share.

    ``target`` is where the results go unless a chat wants its own, None: to where the archive came from;
    ``boot`` identifies the machine's current run; ``is_bot``: it is a bot's account. ``gate`` is where those
    pass that may have to be alone.
    """

    settings: Settings
    wishes: WishesOfChats
    opening: Opening
    conversation: Talks
    queue: QueueManager
    conversions: TakesVideos
    media: Media
    target: TLObject | None
    boot: str
    is_bot: bool
    gate: Gate = field(default_factory=Gate)
    speeds: Speeds = field(default_factory=Speeds)
    paces: Paces = field(default_factory=Paces)
    group_paces: GroupPaces = field(default_factory=dict)

    def under(self, settings: Settings) -> JobBuilder:
        """The same for the jobs that are begun from now on."""
        limits, passwords = Limits.from_settings(settings), settings.ARCHIVE_PASSWORDS
        return replace(
            self, settings=settings, opening=replace(self.opening, limits=limits, passwords=passwords)
        )

    def build(self, item: Incoming, stored: StoredJob, owner: KeepsJobs) -> Work:
        """The job in ``stored``, which began with the message ``item``."""
        record = stored.record
        steps = Steps(stored.marks, self.gate, record.origin.title or item.name)
        live = Live(record, self.queue, owner.jobs, steps, self.speeds)
        wishes = partial(self.wishes.of, item.chat)
        delivery = self._delivery(item, stored, live, steps)
        messages = OwnMessages(self.opening.account, item.peer.input())
        status = StatusMessage(
            words=lambda: owner.jobs[stored.id].words() if stored.id in owner.jobs else None,
            send=lambda words: delivery.send_text(STATUS, words.text, words.buttons),
            edit=messages.edit,
            message=record.sent.get(STATUS, [0])[0],
            pace=self.paces.of(item.chat, group=item.peer.kind != "user"),
        )
        split = SplitSet(record, stored.journal.write, wait=self.settings.VOLUME_WAIT_MINUTES * 60.0)
        opening = JobOpening(
            opening=self.opening,
            split=split,
            scratch=stored.workspace.scratch,
            wishes=wishes,
            live=live,
            write=stored.journal.write,
            # Who has it handled again knows that it was.
            known=owner.known if stored.id == item.job else None,
            steps=steps,
        )
        services = JobServices(
            open_archive=OpensOnly(opening, record.origin.only) if record.origin.only else opening,
            volumes=split,
            conversation=self.conversation,
            turns=self.queue,
            conversions=self.conversions,
            owner=owner,
            status=status,
            last_word=LastWord(journal=stored.journal, delivery=delivery, status=status, messages=messages),
            messages=messages,
            live=live,
            media=self.media,
            settings=job_settings(self.settings, self.boot, is_bot=self.is_bot),
            wishes=wishes,
            steps=steps,
        )
        return Work(Job(stored, delivery, services), split, status)

    def _delivery(self, item: Incoming, stored: StoredJob, live: Live, steps: Steps) -> Delivery:
        """The way of the job's messages; the connections that they and the file need are opened meanwhile."""
        transfers = self.opening.transfers
        for dc in {item.dc or transfers.pool.home, transfers.pool.home}:
            transfers.pool.prepare(dc)
        chat = item.peer.input()
        target = chat if self.target is None or stored.record.origin.here else self.target
        return Delivery(
            chat=chat,
            target=target,
            reply_to=item.reply,
            files=stored.workspace.files,
            journal=stored.journal,
            call=self._call(live),
            upload=Uploads(transfers, live),
            steps=steps,
            wishes=partial(self.wishes.of, item.chat),
            watching=self.opening.account.sightings,
        )

    def _call(self, live: Live) -> Call:
        """What sends the requests of the job."""
        call = self.opening.account.call.telling(live.wait_for_telegram)
        return PacedCaller(call, self.group_paces, live.wait_for_telegram)


def job_settings(settings: Settings, boot: str, *, is_bot: bool) -> JobSettings:
    """Those of ``settings`` that concern jobs."""
    return JobSettings(
        boot=boot,
        spool_limit=settings.SPOOL_LIMIT_MB * MB,
        upload_limit=upload_limit_of(settings),
        deferred=settings.DEFERRED_VIDEO_CONVERSION,
        quarantine=settings.path("QUARANTINE_DIR"),
        buttons=is_bot,
    )


def upload_limit_of(settings: Settings) -> int:
    """Bytes of one file that is sent whole, at most; never more than Telegram takes."""
    return min(settings.UPLOAD_LIMIT_MB * MIB, MAX_PARTS * PART_SIZE)
