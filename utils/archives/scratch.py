"""The folder in which an opened archive keeps what is its own: spooled volumes, nested archives."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import os
import shutil
import tempfile
import time
from pathlib import Path

from utils.archives.extraction import disk_errors
from utils.archives.limits import Budget
from utils.archives.source import CHUNK, ByteSource, Downloadable, FileSource, identity_of
from utils.errors import ArchiveDamaged
from utils.processes.room import Room
from utils.texts import Text

#: How often the folder is removed until nothing is in it, and seconds between.
REMOVALS, REMOVAL_PAUSE = 5, 0.02


class Scratch:
    """A new folder inside ``parent``; everything in it is under names of ours.

    What was fetched from afar lies beside it, and may stay there for whoever comes back with a password.
    """

    def __init__(self, parent: Path) -> None:
        parent.mkdir(parents=True, exist_ok=True)
        self.folder = Path(tempfile.mkdtemp(prefix="archive-", dir=parent.absolute()))
        #: Where programs run: nothing is in it.
        self.empty = self.folder / "empty"
        self.empty.mkdir()
        self._numbers = itertools.count(1)
        self._fetched: list[Path] = []

    @classmethod
    async def make(cls, parent: Path) -> Scratch:
        """A new one. Nothing stays behind when this is cancelled."""
        making = asyncio.ensure_future(asyncio.to_thread(cls, parent))
        try:
            return await asyncio.shield(making)
        except asyncio.CancelledError:
            (await making).remove()
            raise

    def new_folder(self) -> Path:
        """A folder for one set of volumes."""
        path = self.folder / f"set-{next(self._numbers)}"
        path.mkdir()
        return path

    def new_file(self) -> Path:
        """A path that is not in use."""
        return self.folder / f"file-{next(self._numbers)}"

    def fetched(self, identity: str) -> Path:
        """Where the file that is known as ``identity`` lies, or will lie, the same each time."""
        name = hashlib.sha256(identity.encode()).hexdigest()[:16]
        path = self.folder.parent / f"fetched-{name}"
        self._fetched.append(path)
        return path

    def files(self) -> tuple[Path, ...]:
        """The folder, and what the links in it lead to: all that an archive consists of. Blocking."""
        return (self.folder, *(path.resolve() for path in self.folder.rglob("*") if path.is_symlink()))

    def remove(self, *, but_fetched: bool = False) -> None:
        """Delete everything, or everything but what was fetched. Blocking."""
        for _ in range(REMOVALS):
            shutil.rmtree(self.folder, ignore_errors=True)
            if not self.folder.exists():
                break
            # A thread that nobody waits for any more was about to write something.
            time.sleep(REMOVAL_PAUSE)
        for path in () if but_fetched else self._fetched:
            for part in path.parent.glob(f"{path.name}*"):
                part.unlink(missing_ok=True)


async def spool(source: ByteSource, path: Path, scratch: Scratch, budget: Budget) -> None:
    """The whole of ``source`` as the file ``path``; what is on this machine already is linked, not copied.

    Raises DiskFull, and ArchiveDamaged when the source ends early.
    """
    if isinstance(source, FileSource):
        await asyncio.to_thread(path.symlink_to, source.path.absolute())
        return
    identity = identity_of(source)
    if not identity:
        await _fetch(source, path, budget)
        return
    kept = scratch.fetched(identity)
    if not await asyncio.to_thread(_is_complete, kept, source.size):
        await _fetch(source, kept, budget)
    await asyncio.to_thread(path.symlink_to, kept.absolute())


async def _fetch(source: ByteSource, path: Path, budget: Budget) -> None:
    await asyncio.to_thread(budget.check_disk, source.size, path.parent)
    room = Room(budget.limits.disk_reserve, free=budget.limits.free)
    await room.keep(_written(source, path), path.parent)


async def _written(source: ByteSource, path: Path) -> None:
    if isinstance(source, Downloadable):
        await source.download_to(path)
        return
    with path.open("wb", buffering=0) as file:
        for offset in range(0, source.size, CHUNK):
            data = await source.read(offset, CHUNK)
            if len(data) < min(CHUNK, source.size - offset):
                raise ArchiveDamaged(Text("{name} ended early.", name=source.name))
            await asyncio.to_thread(_write, file.fileno(), data)


def _is_complete(path: Path, size: int) -> bool:
    return path.is_file() and path.stat().st_size == size


def _write(number: int, data: bytes) -> None:
    with disk_errors():
        view = memoryview(data)
        while view:
            view = view[os.write(number, view) :]
