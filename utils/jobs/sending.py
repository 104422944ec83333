"""The files of one job on their way to the chat: collected into albums, within the room that there is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

from utils.errors import Refused
from utils.jobs import lines
from utils.jobs.albums import Album, AlbumBuilder, MediaFile, refusal_words
from utils.jobs.delivery import Delivery
from utils.jobs.journal import JobJournal
from utils.jobs.outbox import Outbox
from utils.jobs.parts import Parts
from utils.jobs.services import JobSettings
from utils.jobs.wishes import Wishes
from utils.storage.atomic import set_aside
from utils.texts import Text, tr


class Sending:
    """Sends what it is given, and deletes what arrived; ``archive`` is named in the captions.

    ``files`` is the folder in which they are; ``wishes`` says what is wished for, ``show`` tells what the job
    does now.
    """

    def __init__(
        self,
        *,
        archive: str,
        files: Path,
        journal: JobJournal,
        delivery: Delivery,
        parts: Parts,
        settings: JobSettings,
        wishes: Callable[[], Wishes],
        show: Callable[[str], None],
    ) -> None:
        self._archive = archive
        self._files = files
        self._journal = journal
        self._delivery = delivery
        self._parts = parts
        self._settings = settings
        self._wishes = wishes
        self._show = show
        self.begin()

    @cached_property
    def _room(self) -> asyncio.Event:
        """Set when something was sent. A thousand jobs may stand in line, so it is made when it is used."""
        return asyncio.Event()

    def begin(self) -> None:
        """Nothing is collected or under way."""
        self._builder = AlbumBuilder(mixed=True, by_date=self._wishes().order == "date")
        self._spooled: dict[int, int] = {}
        self._outbox = self._new_outbox()

    def collect(self, *, by_folder: bool, films: frozenset[tuple[str, str]]) -> None:
        """How files will come: see :class:`AlbumBuilder`."""
        self._builder.by_folder, self._builder.films = by_folder, films

    def awaits(self, film: MediaFile) -> bool:
        """Whether the picture that ``film`` was taken along with is collected, and not on its way yet."""
        return self._builder.still_of(film) is not None

    async def keep(self, file: MediaFile, *more: MediaFile) -> None:
        """Journal that ``file`` is ready, and what ``more`` was made of its entry, and take them in.

        Its own line comes last: an entry whose own file is on record is not opened again.
        """
        limit = self._settings.upload_limit
        fitting = [one for one in (*more, file) if one.kind == "photo" or one.size <= limit]
        if fitting:
            await self._journal.write(*map(lines.File, fitting))
        for one in (file, *more):
            await (self.add(one) if one in fitting else self.put_by_itself(one))

    async def add(self, file: MediaFile) -> None:
        """Take in ``file``, which is journaled: its upload begins, and its album is sent when it is full."""
        self._spooled[file.number] = file.size
        self._outbox.begin(file)
        self._builder.mixed = self._wishes().albums == "mixed"
        for album in self._builder.add(file):
            await self._outbox.put(album)

    async def put(self, album: Album, key: str = "") -> None:
        """Send ``album`` as it is; ``key`` names the message, if it has a name already."""
        await self._outbox.put(album, key)

    async def put_by_itself(self, file: MediaFile) -> None:
        """Not in an album; in several messages, if it is too large for one."""
        await self._put_by_itself(self._outbox, file)

    async def _put_by_itself(self, outbox: Outbox, file: MediaFile) -> None:
        for part in await self._parts.of(file):
            self._spooled[part.number] = part.size
            await outbox.put((part,))

    async def send_now(self, file: MediaFile) -> None:
        """Send ``file``, or what is left of it, and wait until it arrived.

        Through an outbox of its own: the job's may be busy, or already closed.
        """
        outbox = self._new_outbox()
        try:
            await self._put_by_itself(outbox, file)
            await outbox.drain()
        finally:
            await outbox.close()

    async def make_room(self) -> None:
        """Wait while too much is spooled; what is collected is sent then, though its album is not full."""
        limit = self._settings.spool_limit
        if sum(self._spooled.values()) <= limit:
            return
        for album in self._builder.make_room():
            await self._outbox.put(album)
        await self._arrivals(lambda: sum(self._spooled.values()) > limit)

    async def settle(self) -> None:
        """Wait until all albums that are full have arrived."""
        await self._arrivals(lambda: True)

    async def _arrivals(self, wanted: Callable[[], bool]) -> None:
        """Wait for one album after another to arrive, while that is ``wanted`` and any is on its way."""
        while wanted() and not self._outbox.idle:
            self._room.clear()
            await self._outbox.or_failure(self._room.wait())

    async def finish(self) -> None:
        """Send what is collected, and wait until everything arrived."""
        for album in self._builder.finish():
            await self._outbox.put(album)
        await self._outbox.drain()

    async def close(self) -> None:
        """Stop at once; what is not sent stays on disk."""
        await self._outbox.close()

    def _new_outbox(self) -> Outbox:
        return Outbox(
            self._delivery,
            files=self._files,
            archive=self._archive,
            wishes=self._wishes,
            on_sent=self._on_sent,
            on_refused=self._on_refused,
        )

    async def _on_sent(self, album: Album) -> None:
        record = self._journal.record
        for file in album:
            self._spooled.pop(file.number, None)
            number = record.whole_of(file.number)
            if number in record.deferred and number in record.delivered:
                original = self._files / record.deferred[number].path
                await asyncio.to_thread(original.unlink, missing_ok=True)
        self._room.set()
        self._show(Text("📤 Sending"))

    async def _on_refused(self, file: MediaFile, refused: Refused) -> None:
        """Not even as a document: the owner gets it, and the user is told."""
        source = self._files / file.path
        await asyncio.to_thread(set_aside, source, self._settings.quarantine, f"{file.name}: {refused.told}")
        name = refused.reason
        why = refusal_words(name) or tr("Telegram did not take it ({reason})", reason=name)
        reason = tr("{reason}; it is kept in quarantine", reason=why)
        await self._journal.write(lines.Skip(file.key, file.name, reason), lines.Drop(file.number))
