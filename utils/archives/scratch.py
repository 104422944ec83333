"""The folder in which an opened archive keeps what is its own: spooled volumes, nested archives."""

from __future__ import annotations

import asyncio
import itertools
import shutil
import tempfile
from pathlib import Path

from utils.archives.extraction import disk_errors
from utils.archives.limits import Budget
from utils.archives.source import CHUNK, ByteSource, Downloadable, FileSource
from utils.errors import ArchiveDamaged


class Scratch:
    """A new folder inside ``parent``; everything in it is under names of ours."""

    def __init__(self, parent: Path) -> None:
        parent.mkdir(parents=True, exist_ok=True)
        self.folder = Path(tempfile.mkdtemp(prefix="archive-", dir=parent))
        #: Where programs run: nothing is in it.
        self.empty = self.folder / "empty"
        self.empty.mkdir()
        self._numbers = itertools.count(1)

    def new_folder(self) -> Path:
        """A folder for one set of volumes."""
        path = self.folder / f"set-{next(self._numbers)}"
        path.mkdir()
        return path

    def new_file(self) -> Path:
        """A path that is not in use."""
        return self.folder / f"file-{next(self._numbers)}"

    def remove(self) -> None:
        """Delete everything. Blocking."""
        shutil.rmtree(self.folder, ignore_errors=True)


async def spool(source: ByteSource, path: Path, budget: Budget) -> None:
    """The whole of ``source`` as the file ``path``; a file of this machine is linked, not copied.

    Raises DiskFull, and ArchiveDamaged when the source ends early.
    """
    if isinstance(source, FileSource):
        await asyncio.to_thread(path.symlink_to, source.path.absolute())
        return
    await asyncio.to_thread(budget.check_disk, source.size, path.parent)
    if isinstance(source, Downloadable):
        await source.download_to(path)
        return
    with path.open("wb", buffering=0) as file:
        for offset in range(0, source.size, CHUNK):
            data = await source.read(offset, CHUNK)
            if len(data) < min(CHUNK, source.size - offset):
                raise ArchiveDamaged(f"{source.name} ended early.")
            await asyncio.to_thread(_write, file.fileno(), data)


def _write(number: int, data: bytes) -> None:
    import os

    with disk_errors():
        view = memoryview(data)
        while view:
            view = view[os.write(number, view) :]
