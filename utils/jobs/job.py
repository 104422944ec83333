"""One archive's way from the message to the chat.

Everything that a job does is in its journal, so that it goes on where it was after a kill at any instant.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from utils.errors import (
    ArchiveError,
    BotError,
    ChatClosed,
    DeliveredBefore,
    DiskFull,
    PassedOver,
    PasswordNeeded,
    ProgramKilled,
    StorageError,
    VolumeMissing,
)
from utils.jobs import lines
from utils.jobs.asking import Asking, NotChosen, choice_of
from utils.jobs.buttons import Steering
from utils.jobs.delivery import Delivery
from utils.jobs.ending import say_last
from utils.jobs.extraction import Extraction
from utils.jobs.marks import OPENING
from utils.jobs.media_files import as_video, converted_name
from utils.jobs.originals import not_converted
from utils.jobs.parts import Parts
from utils.jobs.progress import JobProgress
from utils.jobs.resuming import take_up
from utils.jobs.sending import Sending
from utils.jobs.services import JobServices
from utils.jobs.status_text import status_text
from utils.jobs.stored import StoredJob
from utils.jobs.summary import is_single, with_words
from utils.media import Choice, Inspection
from utils.queue_manager import Turn
from utils.storage.workspace import disk_errors
from utils.telegram.status import Words
from utils.texts import Text, said

log = logging.getLogger(__name__)

#: Seconds that a picture or video by itself may take before a status says how far it is.
QUIET_SECONDS = 10.0


class Job:
    """One archive (or one picture or video by itself)."""

    def __init__(self, stored: StoredJob, delivery: Delivery, services: JobServices) -> None:
        self.id = stored.id
        self.record = stored.record
        self.name = self.record.origin.title or self.record.origin.name
        self.chat = self.record.origin.chat
        self.live = services.live
        self.live.choice = self._choice
        self.steps = services.steps
        self._workspace = stored.workspace
        self._journal = stored.journal
        self._delivery = delivery
        self._services = services
        self.asking = Asking(self.id, self.name, stored.journal, delivery, services, stored.workspace)
        self._taken_up = False
        self._began = time.monotonic()
        self._finishing = asyncio.Lock()
        number = itertools.count(self.record.next_number()).__next__
        self._sending = self._new_sending(number)
        self._extraction = Extraction(
            files=stored.workspace.files,
            number=number,
            journal=stored.journal,
            media=services.media,
            sending=self._sending,
            convert=self._convert,
            deferred=services.settings.deferred,
            steps=self.steps,
            choice=self._choice,
            live=self.live,
            wishes=services.wishes,
        )

    def _new_sending(self, number: Callable[[], int]) -> Sending:
        files, settings = self._workspace.files, self._services.settings
        parts = Parts(
            folder=files,
            limit=settings.upload_limit,
            journal=self._journal,
            media=self._services.media,
            number=number,
            steps=self.steps,
        )
        return Sending(
            archive="" if is_single(self.record) else self.name,
            files=files,
            journal=self._journal,
            delivery=self._delivery,
            parts=parts,
            settings=settings,
            wishes=self._services.wishes,
            show=self.show,
        )

    def _choice(self) -> Choice:
        return choice_of(self._services.wishes(), self.record)

    # -- the whole ----------------------------------------------------------------------------------

    async def run(self) -> None:
        """Deliver everything but conversions, which are queued; ends the job when there are none.

        May be called again after it raised: it then goes on from the journal.
        """
        self.live.paused = self.record.paused
        if self.record.cancelled or self.record.paused:
            self._services.status.show()
            await self.finish_if_done()
            return
        self._taken_up = False
        self._sending.begin()
        self._extraction.begin()
        if not self.record.settled():
            self.show(Text("♻️ Going on") if self.record.boot else Text("📥 Received"))
        passwords: list[str] = []
        try:
            while True:
                delivered = len(self.record.delivered)
                try:
                    await self.asking.answered(self.waits)
                    async with self._services.turns.upload(self.chat, self.id) as turn:
                        # While it has to wait, others may upload.
                        self.live.rest = turn.rest
                        await self._deliver_all(passwords, turn)
                    break
                except DiskFull:
                    if len(self.record.delivered) == delivered:
                        raise
                    # What was sent has made room.
                except NotChosen:
                    # Others go on while the answer is waited for.
                    continue
                except PasswordNeeded as error:
                    await self._ask_password(error, passwords)
                except VolumeMissing as error:
                    await self._wait_for_volumes(error)
                except DeliveredBefore as known:
                    await self._end_as_known(known)
                    return
        finally:
            await self._sending.close()
        if not await self.finish_if_done():
            self.show(Text("🎬 Converting what Telegram would not play"))

    async def finish_if_done(self) -> bool:
        """Send the summary and clean up, once nothing is left to do; returns whether that is so."""
        async with self._finishing:
            record = self.record
            if record.done or not record.settled():
                return record.done
            if not record.failed:
                # Before the summary: who reads that may send the file again at once.
                await self._services.owner.delivered(record.origin, record)
            await say_last(self.name, record, self._services)
            await self._end()
            log.info("🧹 Finished %s: %d files sent", self.name, len(record.delivered))
            return True

    async def _end_as_known(self, known: DeliveredBefore) -> None:
        """There is nothing to do, unless somebody asks for it."""
        async with self._finishing:
            offer, buttons = self._services.conversation.offer_again, self._services.settings.buttons
            await offer(self.record.origin, known.told, buttons=buttons, say=self._services.last_word.say)
            await self._end()
            log.info("🧹 %s is known: %s", self.name, known.told)

    async def _end(self) -> None:
        await self.asking.clear()
        await self._journal.write(lines.Done())
        await self._services.owner.finished(self.id)
        await asyncio.to_thread(self._workspace.remove)

    @property
    def at_its_end(self) -> bool:
        """Whether all is done but for the last word, which may be said already."""
        return self._services.last_word.begun

    async def pause(self, on: bool) -> None:
        """Have nothing done, after the job's tasks were ended, or (not ``on``) let :meth:`run` go on."""
        await self._journal.write(lines.Run(self.record.boot, paused=on))
        log.info("⏸️ Paused %s" if on else "▶️ %s goes on", self.name)

    async def cancel(self) -> None:
        """Give up what was not sent, after the job's tasks were ended; :meth:`run` ends it then."""
        await self._journal.write(lines.Failed(Text("cancelled.")), lines.Cancelled())

    async def give_up(self, error: BotError) -> None:
        """Trying again does not help: the job ends with what was sent."""
        if isinstance(error, DiskFull) and self._extraction.lacks_room and self.record.delivered:
            # All that fits is sent, which is no failure of the whole.
            await self._extraction.end()
        else:
            await self._fail(error)
        if isinstance(error, ChatClosed):
            # Neither what waits nor what is still to be converted.
            await self._journal.write(lines.Cancelled())
        await self.finish_if_done()

    def show(self, step: str) -> None:
        """Tell in the status what the job does now."""
        self.live.goes_on(step)
        self._services.status.show()

    def waits(self, step: str, seconds: float | None = None) -> None:
        """Tell what it waits for, and how long it will; None: as long as it takes."""
        self.live.goes_on(step)
        self.live.waits(step, seconds)
        self._services.status.show()

    def words(self) -> Words | None:
        """What the status says; None: nothing yet."""
        if is_single(self.record) and time.monotonic() - self._began < QUIET_SECONDS:
            return None
        text, bot = status_text(self.look()), self._services.settings.buttons
        steering = Steering(self.id, paused=self.record.paused)
        return Words(text, steering.buttons()) if bot else Words(with_words(text, steering.in_words()))

    def language(self) -> str:
        """The language in which it is spoken of: that chosen in the chat, or of who sent the archive."""
        chosen = self._services.wishes().language
        return self.record.origin.language if chosen == "auto" else chosen

    def look(self) -> JobProgress:
        """How far it is now."""
        return self.live.look(self.id, self.name)

    # -- out of the archive -------------------------------------------------------------------------

    async def _deliver_all(self, passwords: Sequence[str], turn: Turn) -> None:
        if not self._taken_up:
            # Here, so that jobs stand in line in the order in which they began.
            await asyncio.to_thread(self._workspace.prepare)
            await take_up(
                self._journal,
                self._workspace.files,
                boot=self._services.settings.boot,
                sending=self._sending,
                convert=self._convert,
            )
            self._taken_up = True
        stopped: DiskFull | PasswordNeeded | ProgramKilled | None = None
        try:
            with disk_errors():
                await self._extract(passwords, turn)
        except (VolumeMissing, DeliveredBefore):
            raise
        except (DiskFull, PasswordNeeded, ProgramKilled) as error:
            # Sending what is there makes room, and need not wait for a password or for better times.
            stopped = error
        except (ArchiveError, StorageError, PassedOver) as error:
            # What was taken out before is delivered all the same.
            await self._fail(error)
        await self._sending.finish()
        if stopped is not None:
            raise stopped

    async def _extract(self, passwords: Sequence[str], turn: Turn) -> None:
        if self.record.extracted or self.record.failed:
            return
        self.show(Text("⏳ Opening"))
        self._extraction.begin()
        async with self.steps.of(OPENING, Text("opening it")):
            reader = await self._services.open_archive(passwords)
        await self.asking.before(reader)
        await self.live.opened(reader.listing)
        self.show(Text("📤 Sending"))
        await self._extraction.run(reader, turn)

    async def _ask_password(self, error: PasswordNeeded, passwords: list[str]) -> None:
        """Add one to try; after the last attempt the job ends with what was taken out."""
        asked = sum(key.startswith("password-") for key in self.record.sent)
        if not passwords:
            # Of the questions of an earlier process the last one is still open.
            asked = max(0, asked - 1)
        self.waits(Text("🔒 Waiting for the password"))
        ask = self._services.conversation.ask_password
        try:
            passwords.append(await ask(self.record.origin, self._delivery, error, asked))
        except PasswordNeeded as given_up:
            await self._fail(given_up)

    async def _wait_for_volumes(self, error: VolumeMissing) -> None:
        """Return when there is something new to try: another volume, or that the time is over."""
        log.info("🧩 %s waits: %s", self.name, error.told)
        self.waits(Text("🧩 Waiting: {reason}", reason=error.told), self._services.volumes.left)
        if not await self._services.volumes.more():
            await self._fail(VolumeMissing(Text("the other volumes did not come: {why}", why=error.told)))

    async def _fail(self, error: BotError) -> None:
        log.error("❌ %s: %s", self.name, error.told)
        await self._extraction.skip_unread()
        await self._journal.write(lines.Failed(said(error.told)))

    # -- conversions --------------------------------------------------------------------------------

    async def _convert(self, number: int) -> None:
        video, cost = self.record.deferred[number], self.record.costs[number]
        await self._services.conversions.take_in(video, cost, self.id)

    async def take_converted(self, number: int, path: Path, inspection: Inspection, note: str) -> None:
        """Take in the video in ``path`` that the deferred file ``number`` became; it is sent next.

        ``note`` will be in its caption. Both files are deleted when it is sent.
        """
        original = self.record.deferred[number]
        named = replace(original, name=converted_name(original.name))
        try:
            async with self.steps.of(f"thumbnail {number}", Text("making its thumbnail")):
                still = self.record.still_of(original)
                cover = self._workspace.files / still if still else None
                video = await as_video(self._services.media, named, path, inspection, cover)
                file = replace(video, note=said(note))
        except PassedOver as error:
            await self._journal.write(lines.Unconvertible(number, error.told))
            return
        await self._journal.write(lines.Converted(number, file))

    async def deliver_original(self, number: int, reason: str) -> None:
        """The deferred file ``number`` cannot be converted because of ``reason``: send it as a document."""
        await self._journal.write(*not_converted(self.record, number, reason))
        if number in self.record.deferred:
            await self.deliver_one(number)
        else:
            await self.finish_if_done()

    async def deliver_one(self, number: int) -> None:
        """Send what became of the deferred file ``number``, or what is left of it."""
        await self._sending.send_now(self.record.to_send(number))
        await self.finish_if_done()
