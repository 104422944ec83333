"""Taking the pictures and videos out of one job's archive, each decided on as it comes."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path

from utils.archives import ArchiveReader, Entry, Extracted
from utils.errors import DiskFull, MediaError
from utils.jobs import lines
from utils.jobs.journal import JobJournal
from utils.jobs.media_files import Media, as_original, as_photo, as_video, taken_out
from utils.jobs.sending import Sending
from utils.media import Inspection, Kind, Verdict, kind_of

log = logging.getLogger(__name__)


class Extraction:
    """Hands what is ready to ``sending`` and what is not to ``convert``, by its number.

    Files are written into the folder ``files`` under the next ``number``; ``deferred`` says that they are
    converted after all uploads.
    """

    def __init__(
        self,
        *,
        files: Path,
        number: Callable[[], int],
        journal: JobJournal,
        media: Media,
        sending: Sending,
        convert: Callable[[int], Awaitable[None]],
        deferred: bool,
    ) -> None:
        self._files = files
        self._number = number
        self._journal = journal
        self._media = media
        self._sending = sending
        self._convert = convert
        self._deferred = deferred
        self.begin()

    def begin(self) -> None:
        """Nothing was found unreadable, or too large for the disk."""
        self._unread: list[Extracted] = []
        self._put_off: list[Extracted] = []
        self._others: list[Entry] = []
        self._ignored = 0

    async def run(self, reader: ArchiveReader) -> None:
        """Take out everything that is not in the journal yet, and close the reader.

        Raises :class:`ArchiveError` and OSError; what was taken out before is on its way all the same. Raises
        :class:`DiskFull` when some of it did not fit on the disk, after all that did.
        """
        try:
            await self._extract(reader)
        finally:
            await reader.close()
        self._ignored = reader.ignored
        if self._put_off:
            error = self._put_off[0].error
            assert error is not None
            raise error
        await self.end()

    async def end(self) -> None:
        """Nothing more will be taken out: what could not be read, or did not fit, will not come."""
        await self.skip_unread()
        for extracted in self._put_off:
            await self._skip(extracted)
        self._put_off.clear()
        await self._journal.write(
            *(lines.Other(entry.key, entry.path) for entry in self._others), lines.Extracted(self._ignored)
        )

    @property
    def lacks_room(self) -> bool:
        """Whether all was taken out but for what did not fit on the disk."""
        return bool(self._put_off)

    async def _extract(self, reader: ArchiveReader) -> None:
        known = self._journal.record.known_keys()
        self._sending.collect(by_folder=reader.listing is not None and is_grouped(reader.listing))

        def accept(entry: Entry, head: bytes) -> bool:
            if entry.key in known:
                return False
            if kind_of(head, entry.name) is Kind.OTHER:
                self._others.append(entry)
                return False
            return True

        def new_file(_: Entry) -> Path:
            return self._files / f"{self._number():06d}"

        async for extracted in reader.extract(accept, new_file):
            if extracted.entry.key not in known:
                await self._take_in(extracted)
                await self._sending.make_room()

    async def _take_in(self, extracted: Extracted) -> None:
        """Decide what one entry is, and put it on its way."""
        entry, path = extracted.entry, extracted.path
        if isinstance(extracted.error, DiskFull):
            log.warning("⏸️ %s is put off: %s", entry.path, extracted.error.told)
            self._put_off.append(extracted)
            # What comes next may have the room that is made now.
            await self._sending.finish()
            return
        if path is None:
            # With another volume or password it may be whole: only the last attempt decides.
            self._unread.append(extracted)
            return
        try:
            inspection = await self._media.inspect(path, entry.name)
            file = taken_out(entry, path)
            if inspection.verdict is Verdict.PHOTO:
                await self._sending.keep(await as_photo(self._media, file, path))
            elif inspection.verdict is Verdict.READY:
                await self._sending.keep(await as_video(self._media, file, path, inspection))
            elif inspection.verdict is Verdict.DEFERRED:
                await self._defer(entry, path, inspection)
            else:
                await self._keep_as_it_is(entry, path, inspection.reason)
        except MediaError as error:
            await self._keep_as_it_is(entry, path, error.told)

    async def _keep_as_it_is(self, entry: Entry, path: Path, reason: str) -> None:
        """It cannot be sent as the picture or video that it is: it comes as a document, with the reason."""
        log.warning("📎 %s comes as a file: %s", entry.path, reason)
        file = await as_original(taken_out(entry, path), path)
        await self._sending.keep(replace(file, note=reason))

    async def _defer(self, entry: Entry, path: Path, inspection: Inspection) -> None:
        file = await as_original(taken_out(entry, path), path)
        cost = inspection.plan.action.cost * file.size if inspection.plan else 0.0
        if self._deferred:
            log.info(
                "⏸️ Deferred video conversion: %s (incompatible format): %s", file.name, inspection.reason
            )
        await self._journal.write(lines.Defer(file, cost))
        await self._convert(file.number)

    async def skip_unread(self) -> None:
        """What the last attempt could not read will not come."""
        for extracted in self._unread:
            await self._skip(extracted)
        self._unread.clear()

    async def _skip(self, extracted: Extracted) -> None:
        entry = extracted.entry
        reason = extracted.error.told if extracted.error else "it could not be read"
        log.warning("⏭️ Skipped %s: %s", entry.path, reason)
        await self._journal.write(lines.Skip(entry.key, entry.path, reason))


def is_grouped(listing: Sequence[Entry]) -> bool:
    """Whether the entries of each folder stand together, so that a folder is over when the next begins."""
    folders = [folder for folder, _ in itertools.groupby(entry.folder for entry in listing)]
    return len(folders) == len(set(folders))
