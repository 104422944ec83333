"""A picture or video that was sent by itself, read like an archive that holds nothing else."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Protocol

from utils.archives import Entry, Extracted


class Downloadable(Protocol):
    """A file that can be fetched as a whole."""

    name: str
    size: int

    async def read(self, offset: int, size: int) -> bytes: ...

    async def download_to(self, path: Path) -> None: ...


class SingleFile:
    """Satisfies :class:`utils.archives.ArchiveReader` with one entry, the file itself."""

    format = "single file"
    ignored = 0

    def __init__(self, source: Downloadable) -> None:
        self._source = source
        self.listing: Sequence[Entry] | None = [Entry("0", source.name, source.size)]

    async def extract(
        self, accept: Callable[[Entry, bytes], bool], new_file: Callable[[Entry], Path]
    ) -> AsyncIterator[Extracted]:
        """Fetch the file to where ``new_file`` says, if it is wanted."""
        assert self.listing is not None
        entry = self.listing[0]
        if accept(entry, await self._source.read(0, min(4096, self._source.size))):
            path = new_file(entry)
            await self._source.download_to(path)
            yield Extracted(entry, path, self._source.size, None)

    async def close(self) -> None:
        """Nothing is kept."""
