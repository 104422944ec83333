"""A job's folder: files under names of ours, and the disk they may take."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from utils.errors import DiskFull

MB = 1_000_000

FreeSpace = Callable[[Path], int]


def free_bytes(folder: Path) -> int:
    """Free bytes on the disk that holds ``folder``."""
    return shutil.disk_usage(folder).free


def require_space(folder: Path, needed: int, *, reserve: int, free: FreeSpace = free_bytes) -> None:
    """Raise :class:`DiskFull`, with the figures, unless ``needed`` bytes fit and ``reserve`` stay free."""
    available = free(folder) - reserve
    if needed > available:
        raise DiskFull(
            f"This needs {needed / MB:,.0f} MB of disk, but only {max(0, available) / MB:,.0f} MB may be used"
            f" ({reserve / MB:,.0f} MB are kept free)."
        )


class Workspace:
    """``<data>/jobs/<job>/``: the journal, ``files/`` and ``scratch/``."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.files = root / "files"
        self.scratch = root / "scratch"
        self.journal = root / "journal.jsonl"

    def prepare(self) -> None:
        """Make the folders; what an extraction that was cut off left in scratch is removed. Blocking."""
        self.files.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(self.scratch, ignore_errors=True)
        self.scratch.mkdir()

    def remove(self) -> None:
        """Delete the whole folder. Blocking.

        The journal goes last, so that a kill half-way leaves a job that still knows it is finished.
        """
        shutil.rmtree(self.files, ignore_errors=True)
        shutil.rmtree(self.scratch, ignore_errors=True)
        shutil.rmtree(self.root, ignore_errors=True)
