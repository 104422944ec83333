"""The content of one entry on its way into a file of ours: counted, checked, never left half done."""

from __future__ import annotations

import contextlib
import errno
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from utils.archives.entry import Entry, Extracted
from utils.archives.limits import Budget, FileTooLarge
from utils.errors import ArchiveDamaged, ArchiveError, DiskFull, EngineCrashed, UnsupportedArchive
from utils.texts import Text


class CutOff(ArchiveDamaged):
    """The archive ends too early: in a split set, a volume may be missing."""


class EntryFile:
    """A file under a path of ours that an entry is written to. All methods block.

    ``counted``: its bytes are not yet counted as what came out of the archive.
    """

    def __init__(self, entry: Entry, path: Path, budget: Budget, *, counted: bool = True) -> None:
        self.entry = entry
        self.path = path
        self.size = 0
        self.crc = 0
        self._budget = budget
        self._counted = counted
        self._file: BinaryIO | None = None
        # A cancelled task does not stop the thread that writes for it.
        self._lock = threading.Lock()
        self._discarded = False
        #: What it was raised with when there was no room for it, which says nothing of other entries.
        self.full: DiskFull | None = None

    def open(self) -> None:
        """Make the file. Raises FileTooLarge, LimitExceeded and DiskFull before a byte is written."""
        with self._noting_no_room():
            self._budget.admit(self.entry.size or 0, self.path.parent)
            with self._lock:
                if not self._discarded:
                    self._file = self.path.open("wb", buffering=0)

    @contextlib.contextmanager
    def _noting_no_room(self) -> Iterator[None]:
        try:
            with disk_errors():
                yield
        except DiskFull as error:
            self.full = error
            raise

    def write(self, data: bytes) -> None:
        """Take more content. Raises ArchiveDamaged when it is more than announced, and as ``open``."""
        self.size += len(data)
        announced = self.entry.size
        if announced is not None and self.size > announced:
            raise ArchiveDamaged(Text("it holds more than its header says."))
        self._budget.check_file(self.size)
        if announced is None:
            self._budget.grow(len(data))
        self.crc = zlib.crc32(data, self.crc)
        with self._noting_no_room():
            if self._counted:
                self._budget.decode(len(data), self.path.parent)
            with self._lock:
                view = memoryview(data)
                while view and self._file is not None:
                    view = view[self._file.write(view) :]

    def finish(self, crc: int | None = None) -> Extracted:
        """The content is complete. Raises ArchiveDamaged when size or ``crc`` say otherwise."""
        if self.entry.size is not None and self.size != self.entry.size:
            raise ArchiveDamaged(
                Text("it ends after {size:,} of {whole:,} bytes.", size=self.size, whole=self.entry.size)
            )
        if crc is not None and self.crc != crc:
            raise ArchiveDamaged(Text("its check sum does not match."))
        self.close()
        return Extracted(self.entry, self.path, self.size, None)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def discard(self) -> None:
        """Leave nothing."""
        with self._lock:
            self._discarded = True
            self.close()
            with contextlib.suppress(FileNotFoundError):
                self.path.unlink()


def failed(entry: Entry, error: ArchiveError | DiskFull) -> Extracted:
    """What is yielded for an entry that cannot be had."""
    return Extracted(entry, None, 0, error)


def concerns_entry(error: ArchiveError | DiskFull, file: EntryFile | None = None) -> bool:
    """Whether ``error`` is about one entry, to be written to ``file``, so that the others can go on."""
    if isinstance(error, DiskFull):
        return file is not None and file.full is error
    return isinstance(error, ArchiveDamaged | EngineCrashed | FileTooLarge | UnsupportedArchive)


@contextlib.contextmanager
def disk_errors() -> Iterator[None]:
    """Turn a full disk into :class:`DiskFull`."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFull(Text("the disk is full.")) from error
        raise
