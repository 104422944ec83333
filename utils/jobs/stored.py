"""A job as it lies on disk: its folder, its journal, and what that says."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path

from utils.jobs import lines
from utils.jobs.first_lines import Wanted
from utils.jobs.intake import Incoming
from utils.jobs.journal import JobJournal
from utils.jobs.marks import Marks
from utils.jobs.record import JobRecord
from utils.storage.workspace import Workspace


@dataclass(frozen=True)
class StoredJob:
    """The folder is named after the job."""

    workspace: Workspace
    journal: JobJournal
    marks: Marks

    @property
    def id(self) -> str:
        return self.workspace.root.name

    @property
    def record(self) -> JobRecord:
        """What the journal says so far."""
        return self.journal.record

    @classmethod
    def at(cls, root: Path) -> StoredJob:
        """In the folder ``root``, neither made nor read yet."""
        workspace = Workspace(root)
        return cls(workspace, JobJournal(workspace.journal), Marks(workspace.marks))

    @classmethod
    async def create(
        cls, root: Path, item: Incoming, title: str, *, here: bool = False, wanted: Wanted | None = None
    ) -> StoredJob:
        """A new job of the message ``item``, on disk when this returns. Raises OSError for a full disk.

        ``here``: it sends to the chat that it came from; ``wanted``: what of it, where not all is.
        """
        stored = cls.at(root)
        await asyncio.to_thread(stored.workspace.prepare)
        await asyncio.to_thread(stored.journal.open)
        origin = lines.Origin.of(item, date=time.time(), title=title, here=here, wanted=wanted)
        await stored.journal.write(origin)
        return stored

    async def open(self) -> None:
        """Read what an earlier run left. Raises :class:`JournalBroken` and OSError."""
        await asyncio.to_thread(self.journal.open)
