"""Nobody else on the machine may look: what was made by an older version, or by hand, is shut."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from utils.storage.lock import LOCK_NAME

#: What the bot keeps in its folder: folders, and files, which may have endings (of rotated logs, and of what
#: is being written).
FOLDERS = ("jobs", "recovery", "quarantine", "sessions", "cluster")
FILES = (
    "conversion_state.json",
    "conversion_state.changes",
    "intake.jsonl",
    "usernames.json",
    "version.json",
    "users.json",
    "restart.json",
    "failures.json",
    "stats.json",
    "chats.json",
    "menu.sha256",
    "history.json",
    "bot.log",
    LOCK_NAME,
)

#: Rights of others.
OTHERS = 0o077


def keep_private(data: Path) -> None:
    """Shut ``data`` and the bot's folders in it. Blocking. Raises OSError.

    ``data`` itself is left as it is when anything else is in it: others may need that.
    """
    for name in FOLDERS:
        shut(data / name)
    if all(_is_ours(path) for path in data.iterdir()):
        shut(data)


def shut(path: Path) -> None:
    """Take from others all rights to a folder or file of ours; nothing else is touched. Blocking."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    plain = stat.S_ISDIR(found.st_mode) or stat.S_ISREG(found.st_mode)
    # Where everybody may put files, as in /tmp, others are meant to be.
    if plain and is_open(found) and found.st_uid == os.geteuid() and not found.st_mode & stat.S_ISVTX:
        path.chmod(stat.S_IMODE(found.st_mode) & ~OTHERS)


def is_open(found: os.stat_result) -> bool:
    """Whether others may do anything with it."""
    return bool(found.st_mode & OTHERS)


def logs(file: Path) -> Iterator[Path]:
    """The log ``file`` and older ones beside it."""
    yield file
    yield from file.parent.glob(f"{file.name}.[0-9]")


def _is_ours(path: Path) -> bool:
    return path.name in FOLDERS or any(
        path.name == name or path.name.startswith(f"{name}.") for name in FILES
    )
