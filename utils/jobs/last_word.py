"""The last word of a job: its status message becomes that, or a new message does; one of them is in the chat.

An edit that is made twice does no harm, so that it needs no announcement. A new message is announced, and
from then on it is the way: what the status was is deleted when it came.
"""

from __future__ import annotations

from typing import Protocol

from telethon.tl.tlobject import TLObject

from utils.jobs import lines
from utils.jobs.delivery import Delivery
from utils.jobs.journal import JobJournal
from utils.telegram.account import PATIENCE
from utils.telegram.status import Words

#: The keys of the two messages in the journal.
STATUS, SUMMARY = "status", "summary"
#: That of the file with names of which the summary shows only some.
LISTING = "listing"


class Status(Protocol):
    """The message that tells how far the job is."""

    @property
    def resting(self) -> float:
        """Seconds until Telegram lets us edit it again."""

    def show(self) -> None:
        """Look soon whether there is something new to say. Never waits."""

    async def settle(self) -> None:
        """Say nothing more."""


class Messages(Protocol):
    """Our messages in the job's chat."""

    async def change(self, message: int, words: Words) -> bool:
        """Have one say ``words`` for good; whether it does now."""

    async def delete(self, message: int) -> None:
        """Delete one, if it is there."""


class LastWord:
    """Says how the job ended, once."""

    def __init__(
        self, *, journal: JobJournal, delivery: Delivery, status: Status, messages: Messages
    ) -> None:
        self._journal = journal
        self._record = journal.record
        self._delivery = delivery
        self._status = status
        self._messages = messages
        self._begun = False

    @property
    def begun(self) -> bool:
        """Whether it is said, or is being said."""
        return self._begun or SUMMARY in self._record.announced or SUMMARY in self._record.sent

    async def say(self, text: str, buttons: TLObject | None = None, *, instead: str = "") -> None:
        """Say ``text``; where it cannot have ``buttons``, with ``instead`` below it."""
        self._begun = True
        await self._status.settle()
        if SUMMARY not in self._record.sent and not await self._became(text, buttons, instead):
            await self._delivery.send_text(SUMMARY, text, buttons, instead=instead)
        await self._delete_status()

    async def attach(self, name: str, text: str) -> None:
        """Send ``text`` as a file called ``name`` before the last word is said; once."""
        self._begun = True
        await self._delivery.send_listing(LISTING, name, text)

    async def say_nothing(self) -> None:
        """The results say it all."""
        self._begun = True
        await self._status.settle()
        if STATUS in self._record.announced:
            # Perhaps it was sent, and nobody heard of it.
            await self._delivery.send_text(STATUS, "✅")
        await self._delete_status()
        await self._journal.write(lines.Sent(SUMMARY, (), ()))

    async def _became(self, text: str, buttons: TLObject | None, instead: str) -> bool:
        """Whether the status says it now."""
        if STATUS not in self._record.announced or SUMMARY in self._record.announced:
            return False
        if self._status.resting > PATIENCE:
            return False
        # Perhaps it was sent, and nobody heard of it.
        message = await self._delivery.send_text(STATUS, text, buttons, instead=instead)
        if not await self._messages.change(message, Words(text, buttons)):
            return False
        await self._journal.write(lines.Sent(SUMMARY, (), (message,)))
        return True

    async def _delete_status(self) -> None:
        """Once something else says it; again after a kill in between."""
        old = self._record.sent.get(STATUS, ())
        if old and old != self._record.sent.get(SUMMARY):
            await self._messages.delete(old[0])
