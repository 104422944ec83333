"""A job's folder: files under names of ours."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from utils.errors import DiskFull
from utils.storage.atomic import make_folder
from utils.texts import Text

MB = 1_000_000


#: What the system calls a disk, or a person's share of it, that is full.
FULL = (errno.ENOSPC, errno.EDQUOT)


@contextmanager
def disk_errors(told: str = Text("the disk is full.")) -> Iterator[None]:
    """Turn a write that found no room into :class:`DiskFull` with the sentence ``told``."""
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise DiskFull(told) from error
        raise


class Workspace:
    """``<data>/jobs/<job>/``: the journal, the steps under way, ``files/`` and ``scratch/``."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.files = root / "files"
        self.scratch = root / "scratch"
        self.journal = root / "journal.jsonl"
        self.marks = root / "steps"

    def prepare(self) -> None:
        """Make the folders; what an extraction that was cut off left in scratch is removed. Blocking."""
        make_folder(self.files)
        shutil.rmtree(self.scratch, ignore_errors=True)
        self.scratch.mkdir()

    def remove(self) -> None:
        """Delete the whole folder. Blocking.

        The journal goes last, so that a kill half-way leaves a job that still knows it is finished.
        """
        shutil.rmtree(self.files, ignore_errors=True)
        shutil.rmtree(self.scratch, ignore_errors=True)
        shutil.rmtree(self.root, ignore_errors=True)
