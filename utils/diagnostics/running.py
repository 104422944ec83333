"""Whether a bot runs on a data folder, found out without touching its lock.

Trying the lock, even for a moment and shared, could make a bot that starts at that moment refuse to. The
kernel's own list of locks tells as much; where it is not to be had, the process id in the file must do.
"""

from __future__ import annotations

import os
from pathlib import Path

from utils.storage.lock import LOCK_NAME

KERNEL_LOCKS = Path("/proc/locks")


def running(data_dir: Path) -> int | None:
    """Process id of the bot that runs on ``data_dir``, or None."""
    try:
        with (data_dir / LOCK_NAME).open("rb") as file:
            inode = os.fstat(file.fileno()).st_ino
            text = file.read(32).strip()
    except OSError:
        return None
    if not text.isdigit():
        return None
    pid = int(text)
    try:
        locks = KERNEL_LOCKS.read_text()
    except OSError:
        return pid if _alive(pid) else None
    return pid if any(_is_lock(line, pid, inode) for line in locks.splitlines()) else None


def _is_lock(line: str, pid: int, inode: int) -> bool:
    """A line such as ``3: FLOCK  ADVISORY  WRITE 812 08:01:131090 0 EOF``, of this process and file."""
    fields = line.split()
    return (
        len(fields) >= 6
        and fields[1] == "FLOCK"
        and fields[4] == str(pid)
        and fields[5].rpartition(":")[2] == str(inode)
    )


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
