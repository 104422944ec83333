"""A file on disk that arrives in parts, in any order, and survives a crash.

It grows as ``NAME.part``, with ``NAME.parts.json`` beside it that says which parts are safely on disk; a
part is recorded only after it was fsynced. Complete and verified, it is renamed to its name and the record
goes.
"""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from utils.errors import DiskFull, TransferFailed
from utils.storage.atomic import read_json, sync_folder, write_json
from utils.texts import Text

#: Bytes written, and seconds passed, after which progress is recorded.
RECORD_BYTES, RECORD_SECONDS = 16 * 1024 * 1024, 5.0


class PartFile:
    """The parts of one file. ``identity`` says which file; a record of another one is not continued."""

    def __init__(self, path: Path, *, identity: str, size: int, part_size: int) -> None:
        self._path = path
        self._data = path.with_name(path.name + ".part")
        self._record = path.with_name(path.name + ".parts.json")
        self._head = {"identity": identity, "size": size, "part_size": part_size}
        self._size = size
        self._part_size = part_size
        self._done = 0
        self._unrecorded = 0
        self._recorded_at = time.monotonic()
        self._file = -1
        self._lock = asyncio.Lock()

    @property
    def parts(self) -> int:
        return -(-self._size // self._part_size)

    @property
    def bytes_done(self) -> int:
        return sum(self.length(part) for part in range(self.parts) if self._done >> part & 1)

    def missing(self) -> Iterator[int]:
        return (part for part in range(self.parts) if not self._done >> part & 1)

    def length(self, part: int) -> int:
        """Bytes of part ``part``; the last one may be short."""
        return min(self._part_size, self._size - part * self._part_size)

    async def open(self) -> None:
        """Open the file, going on from what an earlier run recorded."""
        with _disk_errors(self._path):
            await asyncio.to_thread(self._open)

    async def write(self, part: int, data: bytes) -> None:
        """Put part ``part`` in its place."""
        with _disk_errors(self._path):
            await asyncio.to_thread(_write_all, self._file, data, part * self._part_size)
            self._done |= 1 << part
            self._unrecorded += len(data)
            if self._due() and not self._lock.locked():
                async with self._lock:
                    await asyncio.to_thread(self._save, self._done)

    async def finish(self) -> None:
        """Verify, make durable and give the file its name."""
        with _disk_errors(self._path):
            await asyncio.to_thread(self._finish)

    async def close(self) -> None:
        """Record what there is and close; after :meth:`finish` there is nothing to do."""
        async with self._lock:
            if self._file >= 0:
                await asyncio.to_thread(self._close)

    def _due(self) -> bool:
        return self._unrecorded >= RECORD_BYTES or time.monotonic() - self._recorded_at >= RECORD_SECONDS

    def _open(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._done = self._recorded_parts()
        self._file = os.open(self._data, os.O_RDWR | os.O_CREAT, 0o600)
        os.ftruncate(self._file, self._size)

    def _recorded_parts(self) -> int:
        try:
            record = read_json(self._record)
            if self._data.stat().st_size != self._size:
                return 0
            return int(record.pop("done"), 16) if record.items() >= self._head.items() else 0
        except (OSError, ValueError, KeyError, AttributeError, TypeError):
            return 0

    def _save(self, done: int) -> None:
        self._unrecorded, self._recorded_at = 0, time.monotonic()
        os.fsync(self._file)
        write_json(self._record, {**self._head, "done": f"{done:x}"})

    def _finish(self) -> None:
        os.fsync(self._file)
        if next(self.missing(), None) is not None or os.fstat(self._file).st_size != self._size:
            raise TransferFailed(f"{self._path.name} did not arrive completely.")
        os.close(self._file)
        self._file = -1
        self._data.replace(self._path)
        self._record.unlink(missing_ok=True)
        sync_folder(self._path.parent)

    def _close(self) -> None:
        try:
            self._save(self._done)
        except OSError:
            pass  # the record of before stands; the parts since then are fetched again
        finally:
            os.close(self._file)
            self._file = -1


def _write_all(file: int, data: bytes, offset: int) -> None:
    view = memoryview(data)
    while view:
        written = os.pwrite(file, view, offset)
        view, offset = view[written:], offset + written


@contextmanager
def _disk_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        free = shutil.disk_usage(path.parent).free
        told = Text("The disk is full: {free:,} bytes are free, and more is to be downloaded.", free=free)
        raise DiskFull(told) from error
