"""What a job works with, as it sees it: small protocols, and the figures that hold for all jobs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from telethon.tl.tlobject import TLObject

from utils.archives import ArchiveReader
from utils.errors import PasswordNeeded
from utils.jobs.albums import MediaFile
from utils.jobs.delivery import Delivery
from utils.jobs.intake import Incoming
from utils.jobs.last_word import LastWord, Messages, Status
from utils.jobs.live import Live
from utils.jobs.media_files import Media
from utils.jobs.record import JobRecord
from utils.jobs.steps import Steps
from utils.jobs.wishes import Wishes
from utils.queue_manager import Turn


class OpensArchive(Protocol):
    """Opens what came for the job."""

    async def __call__(self, passwords: Sequence[str]) -> ArchiveReader:
        """``passwords`` were asked for. Raises :class:`ArchiveError`."""


class Volumes(Protocol):
    """The files that came for the job."""

    async def more(self) -> bool:
        """Wait for another volume; False when none came in time."""

    @property
    def left(self) -> float:
        """Seconds that it will wait."""


class Says(Protocol):
    """Says something once; where it cannot have ``buttons``, with ``instead`` below it."""

    async def __call__(self, text: str, buttons: TLObject | None = None, *, instead: str = "") -> None: ...


class Talks(Protocol):
    """Asks for passwords in the chats, and whether what is known is to be handled again."""

    async def ask_password(
        self, item: Incoming, delivery: Delivery, error: PasswordNeeded, asked: int
    ) -> str:
        """The answer, in the chat of ``item``. Raises ``error`` when it was ``asked`` often enough before."""

    async def offer_again(self, item: Incoming, known: str, *, buttons: bool, say: Says) -> None:
        """Say that the file is ``known``, as the last word of the job that it became."""


class Turns(Protocol):
    """Whose turn it is to upload."""

    def upload(self, chat: int, job: str) -> AbstractAsyncContextManager[Turn]:
        """One job of a chat uploads at a time, in its turns; no conversion of the chat begins meanwhile."""


class TakesVideos(Protocol):
    """Converts what Telegram would not play."""

    async def take_in(self, file: MediaFile, cost: float, job: str) -> None:
        """Queue the video or, unless conversions are deferred, convert it at once."""


class Owner(Protocol):
    """Who keeps the jobs."""

    async def delivered(self, item: Incoming, record: JobRecord) -> None:
        """All is sent; the summary says so next."""

    async def finished(self, job_id: str) -> None:
        """The job is over, and its folder is removed next."""


@dataclass(frozen=True)
class JobSettings:
    """What holds for all jobs.

    ``boot`` identifies the machine's current run; ``spool_limit`` (of what waits to be sent) and
    ``upload_limit`` (of one file) are in bytes; ``deferred``: videos are converted after all uploads;
    ``buttons``: our messages can have some, as only those of bots can.
    """

    boot: str
    spool_limit: int
    upload_limit: int
    deferred: bool
    quarantine: Path
    buttons: bool


@dataclass(frozen=True)
class JobServices:
    """Everything that one job is given; ``wishes`` says what its chat wishes for now."""

    open_archive: OpensArchive
    volumes: Volumes
    conversation: Talks
    turns: Turns
    conversions: TakesVideos
    owner: Owner
    status: Status
    last_word: LastWord
    messages: Messages
    live: Live
    media: Media
    settings: JobSettings
    wishes: Callable[[], Wishes]
    steps: Steps
