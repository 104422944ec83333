"""Where jobs are found by the chat and the file that they are about, however many others there are."""

from __future__ import annotations

from collections.abc import Iterator

from utils.archives import volume_of
from utils.jobs.building import Work
from utils.jobs.intake import Incoming
from utils.jobs.job import Job


class Shelf:
    """The jobs of each chat, in their order."""

    def __init__(self) -> None:
        self._chats: dict[int, dict[str, Work]] = {}
        self._documents: dict[tuple[int, int], dict[str, Job]] = {}
        #: Of each chat those with a file that is called like a volume.
        self._numbered: dict[int, dict[str, Work]] = {}

    def put(self, work: Work) -> None:
        """Have ``work`` found from now on; again, when another file has come for it."""
        origin = work.job.record.origin
        if work.split.numbered:
            self._numbered.setdefault(origin.chat, {})[work.job.id] = work
        self._chats.setdefault(origin.chat, {})[work.job.id] = work
        self._documents.setdefault((origin.chat, origin.document), {})[work.job.id] = work.job

    def remove(self, work: Work) -> None:
        """It is over."""
        origin = work.job.record.origin
        chat, document = origin.chat, (origin.chat, origin.document)
        del self._chats[chat][work.job.id], self._documents[document][work.job.id]
        self._numbered.get(chat, {}).pop(work.job.id, None)
        if not self._chats[chat]:
            del self._chats[chat]
            self._numbered.pop(chat, None)
        if not self._documents[document]:
            del self._documents[document]

    def of_chat(self, chat: int) -> list[Job]:
        """The jobs of ``chat``."""
        return [work.job for work in self._chats.get(chat, {}).values()]

    def of_file(self, item: Incoming, content: str) -> Iterator[Job]:
        """Other jobs of the chat with that very file, by Telegram's id or by its fingerprint ``content``."""
        found = list(self._documents.get((item.chat, item.document), {}).values())
        if content:
            found += [job for job in self.of_chat(item.chat) if job.record.print == content]
        return (job for job in found if job.id != item.job and not job.record.volumes)

    def sets_for(self, item: Incoming) -> list[Work]:
        """What ``item`` may be a volume of: without a number, only where others have some."""
        found = self._numbered if volume_of(item.name) is None else self._chats
        return list(found.get(item.chat, {}).values())
