"""One archive's way from the message to the chat.

Everything that a job does is in its journal, so that it goes on where it was after a kill at any instant.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from utils.archives import ArchiveReader, Entry, Extracted
from utils.chat.conversation import again_button
from utils.errors import (
    ArchiveError,
    BotError,
    ChatClosed,
    DiskFull,
    MediaError,
    NotMedia,
    PasswordNeeded,
    Refused,
    StorageError,
    VolumeMissing,
)
from utils.jobs import lines
from utils.jobs.albums import AlbumBuilder, MediaFile
from utils.jobs.delivery import Delivery, chat_errors
from utils.jobs.outbox import Album, Outbox
from utils.jobs.parts import Cutting, Parts
from utils.jobs.record import JobRecord
from utils.jobs.summary import status_text, summary_text
from utils.media import Inspection, Kind, PreparedPhoto, Verdict, kind_of
from utils.storage.atomic import set_aside, sync_file
from utils.storage.workspace import Workspace, disk_errors

log = logging.getLogger(__name__)


class Media(Cutting, Protocol):
    """What a job needs to know, and to have done, about one file."""

    async def prepare_photo(self, path: Path, output: Path) -> PreparedPhoto: ...


@dataclass(frozen=True)
class JobServices:
    """What a job works with.

    ``open_archive`` takes the passwords that were asked for so far; ``ask_password`` asks in the chat,
    given the error and how often it was asked before, and raises it when it gives up; ``more_volumes`` waits
    for another volume of the archive, and is False when none came in time; ``convert`` queues
    a deferred video, or converts it at once; ``show`` sets the status message and never waits,
    ``end_status`` sets it for the last time;
    ``boot`` identifies the machine's current run; ``spool_limit`` and ``upload_limit`` are in bytes;
    ``delivered`` is called when all is sent, before the summary says so; ``finished`` when the job is over.
    """

    open_archive: Callable[[Sequence[str]], Awaitable[ArchiveReader]]
    ask_password: Callable[[PasswordNeeded, int], Awaitable[str]]
    more_volumes: Callable[[], Awaitable[bool]]
    upload_slot: Callable[[], AbstractAsyncContextManager[None]]
    convert: Callable[[MediaFile, float, str], Awaitable[None]]
    show: Callable[[str], None]
    end_status: Callable[[str], Awaitable[None]]
    media: Media
    boot: str
    spool_limit: int
    upload_limit: int
    deferred: bool
    delivered: Callable[[], Awaitable[None]]
    finished: Callable[[], Awaitable[None]]
    quarantine: Path


class Job:
    """One archive (or one picture or video by itself)."""

    def __init__(
        self, job_id: str, workspace: Workspace, record: JobRecord, delivery: Delivery, services: JobServices
    ) -> None:
        self.id = job_id
        self.record = record
        self.delivery = delivery
        self.name = record.origin.title or record.origin.name
        self.chat = record.origin.chat
        self._workspace = workspace
        self._services = services
        self._numbers = itertools.count(record.next_number())
        self._parts = Parts(
            folder=workspace.files,
            limit=services.upload_limit,
            record=record,
            delivery=delivery,
            media=services.media,
            number=self._numbers.__next__,
        )
        self._begin()
        self.status = status_text(self.name, record, "⏳ Waiting")
        self._room = asyncio.Event()
        self._finishing = asyncio.Lock()

    def _begin(self) -> None:
        """Nothing is collected or under way."""
        self._taken_up = False
        self._builder = AlbumBuilder()
        self._spooled: dict[int, int] = {}
        self._unread: list[Extracted] = []
        self._outbox = self._new_outbox()

    # -- the whole ----------------------------------------------------------------------------------

    async def prepare(self) -> None:
        """Make the folders; what an extraction that was cut off left is removed."""
        await asyncio.to_thread(self._workspace.prepare)

    async def run(self) -> None:
        """Deliver everything but conversions, which are queued; ends the job when there are none.

        May be called again after it raised: it then goes on from the journal.
        """
        if self.record.cancelled:
            await self.finish_if_done()
            return
        self._begin()
        self.show("♻️ Going on" if self.record.boot else "📥 Received")
        passwords: list[str] = []
        try:
            while True:
                try:
                    async with self._services.upload_slot():
                        await self._deliver_all(passwords)
                    break
                except PasswordNeeded as error:
                    await self._ask_password(error, passwords)
                except VolumeMissing as error:
                    await self._wait_for_volumes(error)
        finally:
            await self._outbox.close()
        await self.finish_if_done()

    async def finish_if_done(self) -> bool:
        """Send the summary and clean up, once nothing is left to do; returns whether that is so."""
        async with self._finishing:
            record = self.record
            if record.done or not record.settled():
                return record.done
            buttons = again_button(record.messages()) if record.failed else None
            if not record.failed:
                # Before the summary: who reads that may send the file again at once.
                await self._services.delivered()
            try:
                with chat_errors():
                    await self.delivery.send_text("summary", summary_text(self.name, record), buttons)
            except ChatClosed as error:
                log.warning("⚠️ %s ends without a summary: %s", self.name, error.told)
            ended = "🛑 Cancelled" if record.cancelled else "❌ Failed" if record.failed else "✅ Finished"
            await self._services.end_status(status_text(self.name, record, ended))
            await self.delivery.write(lines.Done())
            await self._services.finished()
            await asyncio.to_thread(self._workspace.remove)
            log.info("🧹 Finished %s: %d files sent", self.name, len(record.delivered))
            return True

    async def cancel(self) -> None:
        """Give up what was not sent, after the job's tasks were ended; :meth:`run` ends it then."""
        await self.delivery.write(lines.Failed("cancelled."), lines.Cancelled())

    async def _deliver_all(self, passwords: Sequence[str]) -> None:
        if not self._taken_up:
            await self._take_up()
            self._taken_up = True
        stopped: DiskFull | PasswordNeeded | None = None
        try:
            with disk_errors():
                await self._extract_all(passwords)
        except VolumeMissing:
            raise
        except (DiskFull, PasswordNeeded) as error:
            # Sending what is there makes room, and need not wait for a password.
            stopped = error
        except (ArchiveError, StorageError) as error:
            # What was taken out before is delivered all the same.
            await self._fail(error)
        for album in self._builder.finish():
            await self._outbox.put(album)
        await self._outbox.drain()
        if stopped is not None:
            raise stopped

    async def give_up(self, error: BotError) -> None:
        """Trying again does not help: the job ends with what was sent."""
        await self._fail(error)
        if isinstance(error, ChatClosed):
            # Neither what waits nor what is still to be converted.
            await self.delivery.write(lines.Cancelled())
        await self.finish_if_done()

    async def _ask_password(self, error: PasswordNeeded, passwords: list[str]) -> None:
        """Add one to try; after the last attempt the job ends with what was taken out."""
        asked = sum(key.startswith("password-") for key in self.record.sent)
        if not passwords:
            # Of the questions of an earlier process the last one is still open.
            asked = max(0, asked - 1)
        self.show("🔒 Waiting for the password")
        try:
            passwords.append(await self._services.ask_password(error, asked))
        except PasswordNeeded as given_up:
            await self._fail(given_up)

    async def _wait_for_volumes(self, error: VolumeMissing) -> None:
        """Return when there is something new to try: another volume, or that the time is over."""
        log.info("🧩 %s waits: %s", self.name, error.told)
        self.show(f"🧩 Waiting: {error.told}")
        if not await self._services.more_volumes():
            await self._fail(VolumeMissing(f"the other volumes did not come: {error.told}"))

    async def _fail(self, error: BotError) -> None:
        log.error("❌ %s: %s", self.name, error.told)
        await self._skip_unread()
        await self.delivery.write(lines.Failed(error.told))

    # -- after a restart ----------------------------------------------------------------------------

    async def _take_up(self) -> None:
        """Go on where an earlier process, if there was one, left the job."""
        record = self.record
        doubtful = await asyncio.to_thread(self._doubtful)
        await self.delivery.write(
            *(lines.Drop(number) for number in doubtful), lines.Run(self._services.boot)
        )
        await asyncio.to_thread(self._sweep)
        under_way: set[int] = set()
        for key, numbers in record.in_doubt().items():
            if not under_way & set(numbers):
                under_way |= set(numbers)
                await self._outbox.put(tuple(record.to_send(number) for number in numbers), key)
        done = under_way | record.delivered
        for number in sorted(record.files.keys() - done):
            if record.whole_of(number) == number:
                await self._add(record.files[number])
            else:
                await self._outbox.put((record.files[number],))
        for number in sorted(record.deferred.keys() - done - record.wholes.keys()):
            if number in record.converted or number in record.unconvertible:
                await self._put_by_itself(self._outbox, record.to_send(number))
            else:
                await self._convert(number)

    def _doubtful(self) -> list[int]:
        """Files of which a crash may have left something else than the journal says. Blocking.

        A killed process loses nothing that it wrote. A machine that lost its power may have, so what was
        written before it started is not trusted, except videos to convert, which were fsynced.
        """
        record = self.record
        # Parts were fsynced before they were journaled, and what they were made of may be gone.
        parts = {number for numbers in record.parts.values() for number in numbers}
        in_doubt = {number for numbers in record.in_doubt().values() for number in numbers}
        safe = record.delivered | in_doubt | record.wholes.keys() | parts
        rebooted = record.boot != self._services.boot
        return [
            number
            for number, file in {**record.files, **record.deferred, **record.converted}.items()
            if number not in safe
            and (
                (number in record.files and rebooted) or _size(self._workspace.files / file.path) != file.size
            )
        ]

    def _sweep(self) -> None:
        """Remove what an extraction that was cut off left behind. Blocking."""
        known = self.record.paths()
        for path in self._workspace.files.iterdir():
            if path.name not in known:
                path.unlink()

    # -- taking out ---------------------------------------------------------------------------------

    async def _extract_all(self, passwords: Sequence[str]) -> None:
        if self.record.extracted or self.record.failed:
            return
        self.show("⏳ Opening")
        self._unread.clear()
        others: list[Entry] = []
        reader = await self._services.open_archive(passwords)
        try:
            await self._extract(reader, others)
        finally:
            await reader.close()
        await self._skip_unread()
        await self.delivery.write(
            *(lines.Other(entry.key, entry.path) for entry in others), lines.Extracted(reader.ignored)
        )

    async def _extract(self, reader: ArchiveReader, others: list[Entry]) -> None:
        known = self.record.known_keys()
        self._builder.by_folder = reader.listing is not None and is_grouped(reader.listing)

        def accept(entry: Entry, head: bytes) -> bool:
            if entry.key in known:
                return False
            if kind_of(head, entry.name) is Kind.OTHER:
                others.append(entry)
                return False
            return True

        def new_file(_: Entry) -> Path:
            return self._workspace.files / f"{next(self._numbers):06d}"

        async for extracted in reader.extract(accept, new_file):
            if extracted.entry.key not in known:
                await self._take_in(extracted)
                await self._make_room()

    async def _take_in(self, extracted: Extracted) -> None:
        """Decide what one entry is, and put it on its way."""
        entry, path = extracted.entry, extracted.path
        if path is None:
            # With another volume or password it may be whole: only the last attempt decides.
            self._unread.append(extracted)
            return
        try:
            inspection = await self._services.media.inspect(path, entry.name)
            if inspection.verdict is Verdict.PHOTO:
                await self._keep(await self._photo(entry, path))
            elif inspection.verdict is Verdict.READY:
                await self._keep(await self._video(_media_file(entry, path), path, inspection))
            elif inspection.verdict is Verdict.DEFERRED:
                await self._defer(entry, path, inspection)
            else:
                raise NotMedia(inspection.reason)
        except MediaError as error:
            await self._skip(entry, error.told)
            await asyncio.to_thread(path.unlink, missing_ok=True)

    async def _photo(self, entry: Entry, path: Path) -> MediaFile:
        photo = await self._services.media.prepare_photo(path, path.with_suffix(".photo"))
        if photo.path != path:
            await asyncio.to_thread(path.unlink)
        return replace(
            _media_file(entry, path),
            path=photo.path.name,
            size=await asyncio.to_thread(_size, photo.path),
            width=photo.width,
            height=photo.height,
            note=photo.note,
        )

    async def _video(self, file: MediaFile, path: Path, inspection: Inspection) -> MediaFile:
        """``file`` as the playable video in ``path``, with its thumbnail made."""
        thumb = await self._services.media.make_thumbnail(
            path, path.with_suffix(".thumb"), inspection.duration
        )
        return replace(
            file,
            kind="video",
            path=path.name,
            size=await asyncio.to_thread(_size, path),
            width=inspection.width,
            height=inspection.height,
            duration=inspection.duration,
            has_audio=inspection.has_audio,
            thumb=thumb.name if thumb else "",
        )

    async def _defer(self, entry: Entry, path: Path, inspection: Inspection) -> None:
        size = await asyncio.to_thread(_synced_size, path)
        file = replace(_media_file(entry, path), kind="document", size=size)
        cost = inspection.plan.action.cost * size if inspection.plan else 0.0
        if self._services.deferred:
            log.info(
                "⏸️ Deferred video conversion: %s (incompatible format): %s", file.name, inspection.reason
            )
        await self.delivery.write(lines.Defer(file, cost))
        await self._convert(file.number)

    async def _convert(self, number: int) -> None:
        await self._services.convert(self.record.deferred[number], self.record.costs[number], self.id)

    async def deliver_converted(self, number: int, path: Path, inspection: Inspection, note: str) -> None:
        """Send the video in ``path`` that the deferred file ``number`` became, with ``note`` in its caption.

        Both files are deleted then.
        """
        original = self.record.deferred[number]
        named = replace(original, name=converted_name(original.name))
        file = replace(await self._video(named, path, inspection), note=note)
        await self.delivery.write(lines.Converted(number, file))
        await self.deliver_one(number)

    async def deliver_original(self, number: int, reason: str) -> None:
        """The deferred file ``number`` cannot be converted because of ``reason``: send it as a document."""
        await self.delivery.write(lines.Unconvertible(number, reason))
        await self.deliver_one(number)

    async def deliver_one(self, number: int) -> None:
        """Send what became of the deferred file ``number``, or what is left of it.

        Through an outbox of its own: the job's may be busy, or already closed.
        """
        outbox = self._new_outbox()
        try:
            await self._put_by_itself(outbox, self.record.to_send(number))
            await outbox.drain()
        finally:
            await outbox.close()
        await self.finish_if_done()

    async def _skip_unread(self) -> None:
        """What the last attempt could not read will not come."""
        for extracted in self._unread:
            reason = extracted.error.told if extracted.error else "it could not be read"
            await self._skip(extracted.entry, reason)
        self._unread.clear()

    async def _skip(self, entry: Entry, reason: str) -> None:
        log.warning("⏭️ Skipped %s: %s", entry.path, reason)
        await self.delivery.write(lines.Skip(entry.key, entry.path, reason))

    # -- on the way ---------------------------------------------------------------------------------

    async def _keep(self, file: MediaFile) -> None:
        if file.kind == "video" and file.size > self._services.upload_limit:
            await self._put_by_itself(self._outbox, file)
            return
        await self.delivery.write(lines.File(file))
        await self._add(file)

    async def _put_by_itself(self, outbox: Outbox, file: MediaFile) -> None:
        """Not in an album; in several messages, if it is too large for one."""
        for part in await self._parts.of(file):
            self._spooled[part.number] = part.size
            await outbox.put((part,))

    async def _add(self, file: MediaFile) -> None:
        self._spooled[file.number] = file.size
        self._outbox.begin(file)
        for album in self._builder.add(file):
            await self._outbox.put(album)

    async def _make_room(self) -> None:
        """Wait while too much is spooled; what is collected is sent then, though its album is not full."""
        limit = self._services.spool_limit
        if sum(self._spooled.values()) <= limit:
            return
        for album in self._builder.finish():
            await self._outbox.put(album)
        while sum(self._spooled.values()) > limit and not self._outbox.idle:
            self._room.clear()
            await self._outbox.or_failure(self._room.wait())

    def _new_outbox(self) -> Outbox:
        return Outbox(
            self.delivery,
            files=self._workspace.files,
            archive=self.name,
            on_sent=self._on_sent,
            on_refused=self._on_refused,
        )

    async def _on_sent(self, album: Album) -> None:
        for file in album:
            self._spooled.pop(file.number, None)
            number = self.record.whole_of(file.number)
            if number in self.record.deferred and number in self.record.delivered:
                original = self._workspace.files / self.record.deferred[number].path
                await asyncio.to_thread(original.unlink, missing_ok=True)
        self._room.set()
        self.show("📤 Sending")

    async def _on_refused(self, file: MediaFile, refused: Refused) -> None:
        """Not even as a document: the owner gets it, and the user is told."""
        source = self._workspace.files / file.path
        await asyncio.to_thread(set_aside, source, self._services.quarantine, refused.told)
        reason = f"Telegram did not take it ({refused.reason}); it is kept in quarantine"
        await self.delivery.write(lines.Skip(file.key, file.name, reason), lines.Drop(file.number))

    def show(self, step: str, percent: float | None = None) -> None:
        self.status = status_text(self.name, self.record, step, percent)
        self._services.show(self.status)


def is_grouped(listing: Sequence[Entry]) -> bool:
    """Whether the entries of each folder stand together, so that a folder is over when the next begins."""
    folders = [folder for folder, _ in itertools.groupby(entry.folder for entry in listing)]
    return len(folders) == len(set(folders))


def converted_name(name: str) -> str:
    """What a converted video is called: ``video.mov`` becomes ``video_converted.mp4``."""
    stem = name.rpartition(".")[0] or name
    return f"{stem}_converted.mp4"


def _media_file(entry: Entry, path: Path) -> MediaFile:
    return MediaFile(int(path.name), entry.key, entry.name, entry.folder, "photo", path.name, 0)


def _size(path: Path) -> int:
    """Size in bytes; -1 when there is no such file. Blocking."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return -1


def _synced_size(path: Path) -> int:
    """Size of ``path`` once it is surely on disk. Blocking."""
    sync_file(path)
    return _size(path)
