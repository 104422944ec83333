"""Taking the pictures and videos out of one job's archive, each decided on as it comes."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path

from utils.archives import ArchiveReader, Entry, Extracted
from utils.errors import ArchiveError, DiskFull, MediaError, PassedOver
from utils.jobs import lines
from utils.jobs.albums import ALBUM_SIZE, LIVE_SECONDS, MediaFile, stem_of, whole_key
from utils.jobs.journal import JobJournal
from utils.jobs.listing import looked_through
from utils.jobs.live import Live
from utils.jobs.marks import ENTRY, READING
from utils.jobs.media_files import (
    Media,
    as_document,
    as_music,
    as_original,
    as_photos,
    as_video,
    film_name,
    film_of,
    kept_for_cover,
    size_of,
    taken_out,
)
from utils.jobs.notes import Notes
from utils.jobs.originals import original_of
from utils.jobs.sending import Sending
from utils.jobs.sidecars import is_note
from utils.jobs.steps import Steps
from utils.jobs.taken import Taken
from utils.jobs.wishes import Wishes
from utils.media import Choice, Inspection, Kind, Verdict, kind_of
from utils.queue_manager import Turn
from utils.texts import Text, said

log = logging.getLogger(__name__)

#: Lines about what is not sent that are written at once: others have their turn in between.
OTHERS_AT_ONCE = 500


class Extraction:
    """Hands what is ready to ``sending`` and what is not to ``convert``, by its number.

    Files are written into the folder ``files`` under the next ``number``; ``deferred`` says that they are
    converted after all uploads. ``choice`` says which files are wanted, ``wishes`` what else is wished for.
    What notes beside the pictures say is read where they come first.
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
        steps: Steps,
        choice: Callable[[], Choice],
        live: Live,
        wishes: Callable[[], Wishes] = Wishes,
    ) -> None:
        self._files = files
        self._number = number
        self._journal = journal
        self._media = media
        self._sending = sending
        self._convert = convert
        self._deferred = deferred
        self._wishes = wishes
        self._steps = steps
        self._choice = choice
        self._live = live
        self.begin()

    def begin(self) -> None:
        """Nothing was found unreadable, or too large for the disk."""
        self._unread: list[Extracted] = []
        self._put_off: list[Extracted] = []
        self._others: list[Entry] = []
        self._ignored = self._left = 0
        self._notes = Notes(self._media, dated=self._wishes().order == "date")
        self._known: set[str] = set()
        self._again: set[str] = set()
        #: By key, what is sent as it is, and whether that may be music.
        self._untouched: dict[str, bool] = {}
        self._videos: frozenset[tuple[str, str]] = frozenset()

    async def run(self, reader: ArchiveReader, turn: Turn) -> None:
        """Take out everything that is not in the journal yet, and close the reader.

        Whoever stands in line for the ``turn`` gets it each time that an album's worth was sent.
        Raises :class:`ArchiveError` and OSError; what was taken out before is on its way all the same. Raises
        :class:`DiskFull` when some of it did not fit on the disk, after all that did.
        """
        try:
            await self._extract(reader, turn)
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
        self._unread, self._put_off = [*self._unread, *self._put_off], []
        await self.skip_unread()
        for first in range(0, len(self._others), OTHERS_AT_ONCE):
            others = self._others[first : first + OTHERS_AT_ONCE]
            await self._journal.write(*(lines.Other(entry.key, entry.path) for entry in others))
        await self._journal.write(lines.Extracted(self._ignored, self._left))

    @property
    def lacks_room(self) -> bool:
        """Whether all was taken out but for what did not fit on the disk."""
        return bool(self._put_off)

    async def _extract(self, reader: ArchiveReader, turn: Turn) -> None:
        self._known, self._again = self._journal.record.known_keys(), self._journal.record.lacking()
        known = self._known - self._again
        self._steps.check(READING, Text("reading it"))
        self._steps.forget({f"{ENTRY}{key}" for key in known})
        by_folder, films, self._videos = await asyncio.to_thread(looked_through, reader.listing)
        self._sending.collect(by_folder=by_folder, films=films)

        def accept(entry: Entry, head: bytes) -> bool:
            return entry.key not in known and self._wants(entry, head) and not self._is_passed_over(entry)

        def new_file(entry: Entry) -> Path:
            self._steps.begin(self._step(entry))
            self._live.preparing = entry.name
            return self._files / f"{self._number():06d}"

        found = reader.extract(accept, new_file)
        numbers = itertools.count(1)
        try:
            while (taken := await self._next(found)) is not None:
                key = taken.extracted.entry.key
                if key not in known and key not in self._notes.keys:
                    await self._put_on_its_way(taken)
                    await self._sending.make_room()
                    if next(numbers) % ALBUM_SIZE == 0 and turn.is_wanted:
                        await self._sending.settle()
                        turn.give_back()
                await turn.take()
        finally:
            self._steps.rest(ENTRY)
            self._live.preparing = ""

    def _wants(self, entry: Entry, head: bytes) -> bool:
        """Whether ``entry``, which begins with ``head``, is sent, or read because it is a note."""
        kind, choice = kind_of(head, entry.name), self._choice()
        within = choice.within(entry.folder)
        if within and choice.wants(kind):
            if choice.untouched(kind):
                self._untouched[entry.key] = choice.may_be_music(head, entry.name)
            return True
        if within and kind is Kind.OTHER:
            self._others.append(entry)
        elif choice.media:
            self._left += 1
        return within and choice.media and self._notes.wants(entry, head)

    async def _next(self, found: AsyncIterator[Extracted]) -> Taken | None:
        """The next entry, looked at; None at the end.

        Where one killed the process before, as little else as possible is under way meanwhile.
        """
        async with self._steps.turn(self._steps.suspicion(ENTRY, READING)):
            with self._steps.marked(READING):
                extracted = await anext(found, None)
            if extracted is None:
                return None
            with self._steps.marked(self._step(extracted.entry)):
                if extracted.path is None:
                    return Taken(extracted)
                if extracted.entry.key in self._notes.keys:
                    await self._notes.read(extracted.entry, extracted.path)
                    await asyncio.to_thread(extracted.path.unlink)
                    return Taken(extracted)
                return await self._look_at(extracted, extracted.path)

    def _step(self, entry: Entry) -> str:
        """What is done with ``entry``: taken out and looked at, or, where that kills, only taken out."""
        step = f"{ENTRY}{entry.key}"
        return f"{step} as it is" if self._steps.kills(step) else step

    def _is_passed_over(self, entry: Entry) -> bool:
        """Whether not even taking ``entry`` out can be survived."""
        try:
            self._steps.check(self._step(entry), Text("taking it out"))
        except PassedOver as over:
            self._unread.append(Extracted(entry, None, 0, ArchiveError(over.told)))
            return True
        return False

    async def _look_at(self, extracted: Extracted, path: Path) -> Taken:
        """Decide what an entry is, and make it ready to be sent."""
        entry = extracted.entry
        if not extracted.size:
            await asyncio.to_thread(path.unlink)
            error = ArchiveError(Text("it is empty, and Telegram takes no empty files."))
            return Taken(replace(extracted, path=None, error=error))
        seen = await self._media.first_look(path, entry.name)
        file = await self._notes.about(taken_out(entry, path), entry, path, seen.pair)
        film: Taken | None = None
        try:
            self._steps.check(f"{ENTRY}{entry.key}", Text("looking at it"))
            if entry.key in self._untouched:
                return await self._as_it_is(extracted, file, path)
            inspection = await self._media.inspect(path, entry.name, seen)
            if inspection.verdict is Verdict.PHOTO:
                film = await self._film_in(entry, path) if seen.has_film else None
                made = await as_photos(self._media, file, path, number=self._number, known=self._known)
                first = await kept_for_cover(made[0], self._files) if self._may_cover(file) else made[0]
                return Taken(extracted, first, more=tuple(made[1:]), film=film)
            if inspection.verdict is Verdict.READY:
                still = self._still_of(file)
                return Taken(extracted, await as_video(self._media, file, path, inspection, still))
            if inspection.verdict is Verdict.DEFERRED:
                if live := await self._as_film(file, path, inspection):
                    return Taken(extracted, live)
                return await self._to_convert(extracted, file, path, inspection)
            if inspection.verdict is Verdict.MUSIC:
                file = await as_music(self._media, file, path)
                return Taken(extracted, file if file.music else replace(file, note=said(inspection.reason)))
            reason = inspection.reason
        except (MediaError, PassedOver) as error:
            reason = error.told
        # It cannot be sent as the picture or video that it is: it comes as a document, with the reason.
        log.warning("📎 %s comes as a file: %s", entry.path, reason)
        file = await as_original(file, path)
        return Taken(extracted, replace(file, note=said(reason)), film=film)

    async def _film_in(self, picture: Entry, path: Path) -> Taken | None:
        """The film that the phone has put behind ``picture``, unless it was taken out before."""
        entry = film_of(picture)
        taken = path.with_suffix(".film")
        if not await self._media.take_film(path, taken):
            return None
        if entry.key in self._known:
            await asyncio.to_thread(taken.unlink)
            return None
        output = await asyncio.to_thread(taken.rename, self._files / f"{self._number():06d}")
        size = await asyncio.to_thread(size_of, output)
        return await self._look_at(Extracted(entry, output, size, None), output)

    async def _as_film(self, file: MediaFile, path: Path, inspection: Inspection) -> MediaFile | None:
        """The short film of a picture, converted at once to go with that; None where it cannot be."""
        file = replace(file, kind="video", name=film_name(file.name), duration=inspection.duration)
        # It is in a picture, or says that it belongs to one, which may come later.
        belongs = bool(whole_key(file.key) or file.pair) and inspection.duration <= LIVE_SECONDS
        if not belongs and not self._sending.awaits(file):
            return None
        output = path.with_suffix(".live")
        try:
            result = await self._media.convert_film(path, output, inspection)
        except MediaError as error:
            log.info("%s is converted later: %s", file.name, error.told)
            return None
        await asyncio.to_thread(path.unlink)
        return await as_video(self._media, file, output, result, self._still_of(file))

    def _may_cover(self, photo: MediaFile) -> bool:
        """Whether there is a video of the same name that ``photo`` may be the cover of."""
        record, name = self._journal.record, (photo.folder, stem_of(photo.name))
        return name not in record.stills and (name in self._videos or name in record.deferred_names)

    def _still_of(self, video: MediaFile) -> Path | None:
        still = self._journal.record.still_of(video)
        return self._files / still if still else None

    async def _as_it_is(self, extracted: Extracted, file: MediaFile, path: Path) -> Taken:
        """What is sent untouched."""
        if is_note(extracted.entry.name):
            await self._notes.read(extracted.entry, path)
        if self._untouched.pop(extracted.entry.key):
            return Taken(extracted, await as_music(self._media, file, path))
        return Taken(extracted, await as_document(file, path))

    async def _to_convert(
        self, extracted: Extracted, file: MediaFile, path: Path, inspection: Inspection
    ) -> Taken:
        file = await as_original(file, path)
        convert = self._wishes().convert
        if convert == "no":
            return Taken(extracted, file)
        both = await original_of(file, path, self._number(), self._known) if convert == "both" else []
        cost = inspection.plan.action.cost * file.size if inspection.plan else 0.0
        if self._deferred:
            log.info(
                "⏸️ Deferred video conversion: %s (incompatible format): %s", file.name, inspection.reason
            )
        return Taken(extracted, file, cost, tuple(both))

    async def _put_on_its_way(self, taken: Taken) -> None:
        film, more = taken.film, taken.more
        if film is not None and film.file is not None and film.file.kind == "video":
            more = (*more, film.file)
        elif film is not None:
            await self._put_on_its_way(film)
        if taken.file is not None and taken.file.key in self._again:
            # Only for what else is made of it was it taken out once more.
            await asyncio.to_thread((self._files / taken.file.path).unlink, missing_ok=True)
            for one in more:
                await self._sending.keep(one)
            return
        entry, error = taken.extracted.entry, taken.extracted.error
        if isinstance(error, DiskFull):
            log.warning("⏸️ %s is put off: %s", entry.path, error.told)
            self._put_off.append(taken.extracted)
            self._live.lacks_room = True
            # What comes next may have the room that is made now.
            await self._sending.finish()
        elif taken.file is None:
            # With another volume or password it may be whole: only the last attempt decides.
            self._unread.append(taken.extracted)
        elif taken.cost is None:
            await self._sending.keep(taken.file, *more)
        else:
            for one in more:
                await self._sending.keep(one)
            await self._journal.write(lines.Defer(taken.file, taken.cost))
            await self._convert(taken.file.number)

    async def skip_unread(self) -> None:
        """What the last attempt could not read will not come."""
        for extracted in self._unread:
            await self._skip(extracted)
        self._unread.clear()

    async def _skip(self, extracted: Extracted) -> None:
        entry = extracted.entry
        reason = extracted.error.told if extracted.error else Text("it could not be read")
        log.warning("⏭️ Skipped %s: %s", entry.path, reason)
        await self._journal.write(lines.Skip(entry.key, entry.path, said(reason)))
