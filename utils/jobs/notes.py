"""What is known of the pictures of an archive beside what they show: by notes about them, names and times."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

from utils.archives import Entry
from utils.jobs.albums import MediaFile
from utils.jobs.media_files import Media, read_beginning
from utils.jobs.ordering import date_in_name, known_time
from utils.jobs.sidecars import LONGEST, Sidecars, is_note


class Notes:
    """Reads notes as they come; with ``dated`` it is found out when pictures were taken."""

    def __init__(self, media: Media, *, dated: bool) -> None:
        self._media = media
        self._dated = dated
        self._sidecars = Sidecars()
        #: The keys of the entries that are taken out to be read, and not to be sent.
        self.keys: set[str] = set()

    def wants(self, entry: Entry, head: bytes) -> bool:
        """Whether ``entry``, which is not sent, is to be read; without a ``head`` it is locked, or empty."""
        if head and is_note(entry.name) and (entry.size or 0) <= LONGEST:
            self.keys.add(entry.key)
        return entry.key in self.keys

    async def read(self, entry: Entry, path: Path) -> None:
        """Read the note ``entry`` in ``path``."""
        content = await asyncio.to_thread(read_beginning, path, LONGEST)
        self._sidecars.take(entry.folder, entry.name, content)

    async def about(self, file: MediaFile, entry: Entry, path: Path, pair: str) -> MediaFile:
        """``file``, of ``entry`` in ``path``, with its date, its ``pair`` and what was written about it."""
        told, taken = self._sidecars.of(entry.folder, entry.name), 0.0
        if self._dated:
            own = await self._media.taken_at(path)
            taken = own or told.taken or date_in_name(entry.name) or known_time(entry.time)
        return replace(file, taken=taken, about=told.text, pair=pair)
