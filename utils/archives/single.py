"""One compressed file: ``picture.jpg.gz`` and the like."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from utils.archives.entry import HEAD, Accept, Entry, Extracted, NewFile
from utils.archives.extraction import EntryFile, concerns_entry, failed
from utils.archives.limits import Budget
from utils.archives.names import display_path
from utils.archives.streams import OpenStream
from utils.errors import ArchiveError, DiskFull

STEP = 1024 * 1024
_SUFFIXES = (".gz", ".bz2", ".xz", ".zst", ".lzma", ".lz", ".lz4", ".br", ".z", ".gzip", ".bzip2", ".zstd")


def inner_name(name: str) -> str:
    """What the file inside ``name`` is called: without the suffix that says how it is compressed."""
    path = display_path(name).rpartition("/")[2]
    for suffix in _SUFFIXES:
        if path.lower().endswith(suffix) and len(path) > len(suffix):
            return path[: -len(suffix)]
    return path


class SingleReader:
    """Reads the one file in ``stream``; ``name`` is that of the compressed file."""

    ignored = 0

    def __init__(self, kind: str, name: str, stream: OpenStream, budget: Budget) -> None:
        self.format = kind
        self._entry = Entry("0", inner_name(name), None)
        self.listing: Sequence[Entry] | None = [self._entry]
        self._stream = stream
        self._budget = budget
        self._file: EntryFile | None = None

    async def extract(self, accept: Accept, new_file: NewFile) -> AsyncIterator[Extracted]:
        """See :class:`~utils.archives.entry.ArchiveReader`."""
        self._budget.add_entries(1)
        read, run = self._stream.stream.read, self._stream.worker.run
        head = await run(read, HEAD)
        if not accept(self._entry, head):
            return
        self._file = file = EntryFile(self._entry, new_file(self._entry), self._budget)
        try:
            await run(file.open)
            data = head
            while data:
                await run(file.write, data)
                data = await run(read, STEP)
            extracted = await run(file.finish)
        except (ArchiveError, DiskFull) as error:
            await run(file.discard)
            if not concerns_entry(error, file):
                raise
            extracted = failed(self._entry, error)
        self._file = None
        yield extracted

    async def close(self) -> None:
        await self._stream.close()
        if self._file is not None:
            self._file.discard()
