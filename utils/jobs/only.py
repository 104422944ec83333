"""Of an archive, only some entries: those that failed the last time. All else is as if it were not in it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass

from utils.archives import Accept, ArchiveReader, Entry, Extracted, NewFile
from utils.jobs.albums import whole_key
from utils.jobs.record import JobRecord
from utils.jobs.services import OpensArchive


def failed_keys(record: JobRecord) -> list[str]:
    """Keys of the entries that did not come, or not as what they are, and may the next time."""
    unconverted = [record.deferred[n].key for n in record.unconvertible if n in record.deferred]
    keys = [*record.skipped, *unconverted]
    return sorted({whole_key(key) or key for key in keys})


@dataclass(frozen=True)
class OpensOnly:
    """Opens the archive as ``opening`` does, and shows what of it has one of these ``keys``."""

    opening: OpensArchive
    keys: Collection[str]

    async def __call__(self, passwords: Sequence[str]) -> ArchiveReader:
        """``passwords`` were asked for. Raises :class:`ArchiveError`."""
        return Only(await self.opening(passwords), self.keys)


class Only:
    """A reader of what has one of the ``keys`` in ``reader``."""

    def __init__(self, reader: ArchiveReader, keys: Collection[str]) -> None:
        self._reader, self._keys = reader, frozenset(keys)

    @property
    def format(self) -> str:
        return self._reader.format

    @property
    def listing(self) -> Sequence[Entry] | None:
        listing = self._reader.listing
        return None if listing is None else [entry for entry in listing if entry.key in self._keys]

    @property
    def ignored(self) -> int:
        """What is left out anyway was told of before."""
        return 0

    async def extract(self, accept: Accept, new_file: NewFile) -> AsyncIterator[Extracted]:
        """As that of the whole archive."""

        def accept_some(entry: Entry, head: bytes) -> bool:
            return entry.key in self._keys and accept(entry, head)

        async for extracted in self._reader.extract(accept_some, new_file):
            # What cannot be read comes whether it was accepted or not.
            if extracted.entry.key in self._keys:
                yield extracted

    async def close(self) -> None:
        await self._reader.close()
