"""Files on the disk: how they begin, room for results asked for before, and results made durable."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from utils.errors import DiskFull
from utils.media.kinds import HEAD_SIZE
from utils.texts import Text

MB = 1_000_000
#: Free bytes on the disk that holds a folder.
FreeSpace = Callable[[Path], int]


def read_head(path: Path) -> bytes:
    """As much of ``path`` as tells its kind. Blocking."""
    with path.open("rb") as file:
        return file.read(HEAD_SIZE)


def free_bytes(folder: Path) -> int:
    """Free bytes on the disk that holds ``folder``."""
    return shutil.disk_usage(folder).free


def require_room(folder: Path, needed: float, *, reserve: int, free: FreeSpace) -> None:
    """Raise :class:`DiskFull`, with the figures, unless ``needed`` bytes fit beside the reserve."""
    available = free(folder) - reserve
    if needed > available:
        raise DiskFull(
            Text(
                "The conversion may need {needed:,.0f} MB of disk, but only {available:,.0f} MB may be "
                "used ({reserve:,.0f} MB are kept free).",
                needed=needed / MB,
                available=max(0, available) / MB,
                reserve=reserve / MB,
            )
        )


def settle(part: Path, final: Path) -> int:
    """Make ``part`` durable under its ``final`` name; returns its size. Blocking."""
    sync(part)
    part.replace(final)
    sync(final.parent)
    return final.stat().st_size


def sync(path: Path) -> None:
    """Have a file's bytes, or the names in a folder, survive a power cut. Blocking."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
