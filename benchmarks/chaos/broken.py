"""Bots with a mistake in them, by which it is seen that the check sees mistakes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from utils.jobs import lines
from utils.jobs import summary as summaries
from utils.jobs.albums import Album
from utils.jobs.delivery import Delivery
from utils.jobs.journal import JobJournal
from utils.jobs.lines import Line
from utils.jobs.record import JobRecord


def _ids_are_not_kept() -> None:
    """The ids of a message are not in the journal before it is sent."""
    write = JobJournal.write

    async def without(self: JobJournal, *story: Line) -> None:
        for line in story:
            if isinstance(line, lines.Announce):
                self.record.apply(line)
            else:
                await write(self, line)

    JobJournal.write = without  # type: ignore[method-assign]


def _delivered_before_it_is_sent() -> None:
    """Files are journaled as delivered before their message is sent."""
    announce = Delivery._announce

    async def early(self: Delivery, key: str, messages: Sequence[Album]) -> tuple[int, ...]:
        random_ids = await announce(self, key, messages)
        if numbers := [file.number for message in messages for file in message]:
            await self._journal.write(lines.Sent(key, tuple(numbers), (0,) * len(numbers)))
        return random_ids

    Delivery._announce = early  # type: ignore[method-assign]


def _one_too_many() -> None:
    """The summary counts one picture more than was sent."""
    sent = summaries._sent

    def wrong(record: JobRecord) -> str:
        first, _, rest = sent(record).partition(" ")
        return f"{int(first) + 1} {rest}" if first.isdigit() else f"{first} {rest}"

    summaries._sent = wrong


def _folder_stays() -> None:
    """The job's folder is not removed at its end."""
    from utils.storage.workspace import Workspace

    def stay(self: Workspace) -> None:
        Path(self.files)

    Workspace.remove = stay  # type: ignore[method-assign]


BROKEN: Mapping[str, Callable[[], None]] = {
    "ids": _ids_are_not_kept,
    "early": _delivered_before_it_is_sent,
    "count": _one_too_many,
    "folder": _folder_stays,
}


def break_it(name: str) -> None:
    """Make the mistake ``name`` in this process."""
    BROKEN[name]()
