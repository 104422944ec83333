"""Asks, before anything is taken out of an archive, what of it is wanted.

The question is in the journal, with what is ticked, so that it stays as it is over a kill; whoever waits for
its answer holds no turn.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property

from utils.archives import ArchiveReader, Entry, KeepsFetched
from utils.jobs import lines
from utils.jobs.albums import CAPTION_UNITS, MediaFile
from utils.jobs.delivery import Delivery
from utils.jobs.journal import JobJournal
from utils.jobs.preview import preview_of
from utils.jobs.question import (
    GO,
    QUESTION,
    WHOLES,
    after,
    branches_of,
    in_words,
    question_buttons,
    question_text,
)
from utils.jobs.record import JobRecord
from utils.jobs.services import JobServices
from utils.jobs.single_file import SingleFile
from utils.jobs.summary import TEXT_UNITS, is_single, with_words
from utils.jobs.wishes import Wishes
from utils.media import Choice
from utils.storage.workspace import Workspace
from utils.telegram.status import Words
from utils.texts import Text

log = logging.getLogger(__name__)

_ASKS = re.compile(r"(?m)^\s*(?:@\w+\s+)?\?\s*$")

WAITING = Text("❓ Waiting for your choice")


class NotChosen(Exception):  # noqa: N818 - it says what is waited for
    """It is to be asked first; the question is in the journal."""


class Asking:
    """The question of one job, which is called ``name``."""

    def __init__(
        self,
        job: str,
        name: str,
        journal: JobJournal,
        delivery: Delivery,
        services: JobServices,
        workspace: Workspace,
    ) -> None:
        self._job = job
        self._name = name
        self._journal = journal
        self._record = journal.record
        self._delivery = delivery
        self._services = services
        self._workspace = workspace
        self._cleared = False
        #: Two presses are one after the other.
        self._pressing = asyncio.Lock()

    @cached_property
    def _answer(self) -> asyncio.Event:
        return asyncio.Event()

    async def before(self, reader: ArchiveReader) -> None:
        """Raise :class:`NotChosen`, with ``reader`` closed, if it is to be asked what is wanted of it."""
        record, wish = self._record, self._services.wishes().ask_first
        # Later it would be asked of what is sent already.
        if record.question or record.known_keys() or isinstance(reader, SingleFile):
            return
        if not asks_first(record, wish, reader.listing):
            return
        services = self._services
        try:
            picture = await preview_of(reader, self._workspace, services.media, services.steps)
            if isinstance(reader, KeepsFetched):
                reader.keep_fetched()
        finally:
            await reader.close()
        await self._journal.write(lines.Question(branches_of(reader.listing or ()), picture))
        log.info("❓ Asking what of %s is wanted", self._name)
        raise NotChosen

    @property
    def is_open(self) -> bool:
        """Whether an answer is waited for."""
        return self._record.question is not None and self._record.chosen is None

    async def answered(self, waits: Callable[[str], None]) -> None:
        """Wait for the answer, if the question is open; ``waits`` tells what is waited for."""
        if not self._record.question or self._cleared:
            return
        if self.is_open:
            waits(WAITING)
            words = self._words()
            picture = await asyncio.to_thread(self._picture)
            message = await self._delivery.send_text(
                QUESTION, words.text, words.buttons, instead=in_words(), above=picture
            )
            # Perhaps it is an old one, which does not show the last press.
            async with self._pressing:
                if self.is_open:
                    await self._services.messages.change(message, self._words())
            while self.is_open:
                self._answer.clear()
                await self._answer.wait()
        await self.clear()

    def _picture(self) -> MediaFile | None:
        """What stands above the question: a file that is none of the archive's. Blocking."""
        name = self._record.question.picture if self._record.question else ""
        if not name or not (self._workspace.files / name).is_file():
            return None
        size = (self._workspace.files / name).stat().st_size
        return MediaFile(-1, QUESTION, f"{name}.jpg", "", "photo", name, size)

    async def press(self, act: str) -> bool:
        """A button was pressed, or its word written; returns whether that still means something."""
        async with self._pressing:
            question = self._record.question
            if question is None or not self.is_open:
                return False
            if act in WHOLES or (act == GO and self._record.ticked.folders):
                await self._journal.write(_chosen(act))
                log.info("❓ Of %s is wanted: %s", self._name, act)
                self._answer.set()
                return True
            await self._journal.write(after(act, question, self._record.ticked))
            for message in self._record.sent.get(QUESTION, ()):
                await self._services.messages.change(message, self._words())
            return True

    async def clear(self) -> None:
        """Take the question away; again after a kill in between."""
        if not self._cleared:
            for message in self._record.sent.get(QUESTION, ()):
                await self._services.messages.delete(message)
            self._cleared = True

    def _words(self) -> Words:
        question, ticked = self._record.question, self._record.ticked
        assert question is not None
        units = CAPTION_UNITS if question.picture else TEXT_UNITS
        text = question_text(self._name, question, ticked, units)
        if self._services.settings.buttons:
            return Words(text, question_buttons(self._job, question, ticked))
        return Words(with_words(text, in_words()))


def asks_first(record: JobRecord, wish: str, listing: Sequence[Entry] | None) -> bool:
    """Whether it is to be asked: by a "?" in a caption, or as is wished for in the chat."""
    asked = record.origin
    if record.only_others or asked.only or asked.as_files or (listing is not None and len(listing) < 2):
        # A button said already what is wanted.
        return False
    if any(_ASKS.search(item.caption) for item in (record.origin, *record.volumes)):
        return True
    return wish == "always" or (wish.isdigit() and listing is not None and len(listing) > int(wish))


def _chosen(act: str) -> lines.Chosen:
    if act == "all":
        return lines.Chosen("all")
    if act == "photos":
        return lines.Chosen("photos")
    if act == "videos":
        return lines.Chosen("videos")
    return lines.Chosen("others") if act == "others" else lines.Chosen("folders")


def choice_of(wishes: Wishes, record: JobRecord) -> Choice:
    """What of the archive is sent: as it is wished for in the chat, or was chosen for this one."""
    as_files, alone = record.origin.as_files, is_single(record)
    choice = wishes.choice(only_others=record.only_others, as_files=as_files, alone=alone)
    if record.chosen is None or record.question is None or record.only_others:
        return choice
    what = record.chosen.what
    if what == "folders":
        paths = [folder.path for folder in record.question.folders]
        ticked = frozenset(paths[at] for at in record.ticked.folders if at < len(paths))
        return replace(choice, folders=frozenset(paths), ticked=ticked)
    whole = what == "all"
    return replace(choice, photos=whole or what == "photos", videos=whole or what == "videos", others=whole)
