"""From a message with a file to something that yields entries: an archive, or the picture or video itself."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from telethon import errors as rpc
from telethon.tl import types

from utils.archives import ArchiveReader, Limits, looks_like_archive, open_archive, volume_of
from utils.errors import ArchiveError, BotError, DeliveredBefore, NotAnArchive
from utils.jobs import lines
from utils.jobs.intake import Incoming, fingerprint
from utils.jobs.live import Live
from utils.jobs.marks import ENTRY
from utils.jobs.ordering import order_of
from utils.jobs.single_file import SingleFile
from utils.jobs.split_set import SplitSet
from utils.jobs.steps import Steps
from utils.jobs.wishes import Wishes
from utils.media import Kind, kind_of
from utils.telegram.account import Account
from utils.telegram.remote_file import RemoteFile
from utils.telegram.transfers import Transfers
from utils.texts import Text

#: Bytes that are looked at to say what a file is.
HEAD = 4096

#: Says in words that the file with this content is known; "" when it is not.
Known = Callable[[Incoming, str], str]


@dataclass(frozen=True)
class Opening:
    """How files are fetched and opened; ``passwords`` are tried on every archive."""

    account: Account
    transfers: Transfers
    limits: Limits
    passwords: Sequence[str]

    async def source(self, item: Incoming, live: Live | None = None) -> RemoteFile:
        """The file of the message ``item``; ``live`` is told how far it is."""
        refresh = Refetch(self.account, item, live)
        return RemoteFile.of(
            self.transfers,
            await refresh(),
            refresh=refresh,
            on_wait=live.wait_for_telegram if live else None,
            on_fetched=live.fetched if live else None,
            on_whole=live.whole if live else None,
        )

    async def is_volume(self, item: Incoming) -> bool:
        """Whether the file is a volume of a set, by its name and by what is in it."""
        if volume_of(item.name) is None:
            return False
        try:
            return await looks_like_archive(await self.source(item))
        except (BotError, rpc.RPCError):
            return True  # the job meets the same error, and tells of it


@dataclass(frozen=True)
class Refetch:
    """Fetches the message of ``item`` again, for a fresh file reference."""

    account: Account
    item: Incoming
    live: Live | None

    async def __call__(self) -> types.Message:
        """Raises :class:`ArchiveError` when the message is gone."""
        on_wait = self.live.wait_for_telegram if self.live else None
        found = await self.account.messages(self.item.peer.input(), [self.item.message], on_wait)
        if not found or found[0].media is None:
            raise ArchiveError(Text("the message was deleted before everything was read."))
        return found[0]


@dataclass(frozen=True)
class JobOpening:
    """Opens what came for one job. ``write`` journals lines of the job.

    ``known`` is asked about the content of a file that was not asked for again.
    """

    opening: Opening
    split: SplitSet
    scratch: Path
    wishes: Callable[[], Wishes]
    live: Live
    write: Callable[[lines.Line], Awaitable[None]]
    known: Known | None
    steps: Steps

    async def __call__(self, passwords: Sequence[str]) -> ArchiveReader:
        """The reader of the archive, or of the file by itself; ``passwords`` were asked for.

        Raises :class:`DeliveredBefore` for what is known, :class:`NotAnArchive` for what is nothing to us.
        """
        items = self.split.take()
        if len(items) > 1:
            sources = [await self.opening.source(item, self.live) for item in items]
            return await self._archive(sources, passwords, items)
        (item,) = items
        source = await self.opening.source(item, self.live)
        content = await fingerprint(source)
        if self.known and (told := self.known(item, content)):
            raise DeliveredBefore(told)
        await self.write(lines.Print(content))
        if await looks_like_archive(source):
            return await self._archive(source, passwords, items)
        if not item.size:
            raise NotAnArchive(Text("the file is empty."))
        if kind_of(await source.read(0, HEAD), item.name) in (Kind.OTHER, Kind.CALLED):
            raise NotAnArchive(Text("this is no archive, picture or video that I know."))
        return SingleFile(source)

    async def _archive(
        self, sources: RemoteFile | Sequence[RemoteFile], passwords: Sequence[str], items: Sequence[Incoming]
    ) -> ArchiveReader:
        limits = self.opening.limits
        if self.steps.suspicion(ENTRY) or self.live.lacks_room:
            # One entry at a time: two that are under way may be too large where each of them fits.
            limits = replace(limits, read_ahead=0)
        captions = [password for item in items for password in caption_passwords(item.caption)]
        return await open_archive(
            sources,
            scratch=self.scratch,
            limits=limits,
            passwords=(*passwords, *captions, *self.opening.passwords),
            order=order_of(self.wishes().order),
        )


def caption_passwords(caption: str) -> list[str]:
    """The password in a caption such as "pass: secret" (or "password: secret")."""
    return re.findall(r"(?im)^\s*pass(?:word)?\s*[:=]\s*(\S.*?)\s*$", caption)
