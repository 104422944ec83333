"""Folders with their rights, and free disk. Looks only: what is not there is not made."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from utils.constants import Settings
from utils.diagnostics.check import Check, Level
from utils.storage import private

GROUP = "Folders"
MB = 1_000_000
#: Less than this above the reserve is too little for what people send.
COMFORTABLE = 5_000 * MB


def check_folders(settings: Settings) -> Iterator[Check]:
    """Each folder that the bot writes to, the log-in's rights, and the disk."""
    data = settings.path("DATA_DIR")
    yield check_folder("DATA_DIR", data)
    yield from check_private(settings)
    for name in ("RECOVERY_DIR", "QUARANTINE_DIR"):
        folder = settings.path(name)
        if folder.resolve() in (data.resolve(), *data.resolve().parents):
            advice = "Name a folder of its own, such as the default one."
            yield Check(GROUP, name, Level.FAIL, f"{folder} holds all other data, too", advice)
        else:
            yield check_folder(name, folder)
    yield check_folder("Folder of CONVERSION_STATE_FILE", settings.path("CONVERSION_STATE_FILE").parent)
    yield check_file("LOG_FILE", settings.path("LOG_FILE"))
    yield from check_sessions(data / "sessions")
    yield check_disk(data, shutil.disk_usage(existing(data)).free, settings)


def existing(path: Path) -> Path:
    """``path``, or the nearest folder above it that is there."""
    return next(place for place in (path, *path.parents) if place.exists())


def check_folder(name: str, folder: Path) -> Check:
    """Whether the bot can write into ``folder``, or make it."""
    place = existing(folder)
    if not place.is_dir():
        return Check(GROUP, name, Level.FAIL, f"{place} is no folder", "Move that file away.")
    if os.statvfs(place).f_flag & os.ST_RDONLY:
        advice = "Mount it to be written to, or name a folder elsewhere."
        return Check(GROUP, name, Level.FAIL, f"{place} is on a disk that can only be read", advice)
    if not os.access(place, os.W_OK | os.X_OK):
        advice = f"Give it to the user that runs the bot: chown -R $(id -un) '{place}'"
        return Check(GROUP, name, Level.FAIL, f"{place} may not be written to", advice)
    return Check(GROUP, name, Level.OK, f"{folder}{'' if place == folder else ' (will be made)'}")


def check_file(name: str, file: Path) -> Check:
    """Whether the bot can write the file."""
    if file.exists() and (file.is_dir() or not os.access(file, os.W_OK)):
        advice = f"Give it to the user that runs the bot: chown $(id -un) '{file}'"
        return Check(GROUP, name, Level.FAIL, f"{file} may not be written to", advice)
    inside = check_folder(name, file.parent)
    return inside if inside.level is not Level.OK else Check(GROUP, name, Level.OK, str(file))


def check_private(settings: Settings) -> Iterator[Check]:
    """What others may look into: folders and the log. The folders in DATA_DIR are shut by that."""
    data = settings.path("DATA_DIR")
    kept = [data] + [settings.path(name) for name in ("RECOVERY_DIR", "QUARANTINE_DIR")]
    outer = [folder for folder in kept if folder == data or data not in folder.parents]
    for path in (*outer, *private.logs(settings.path("LOG_FILE"))):
        if path.exists() and (path.is_dir() or path.is_file()) and private.is_open(path.stat()):
            found = f"others may look into {path} (mode {stat.S_IMODE(path.stat().st_mode):o})"
            advice = f"chmod go= '{path}', unless they are to"
            yield Check(GROUP, f"Privacy of {path.name}", Level.WARN, found, advice)


def check_sessions(folder: Path) -> Iterator[Check]:
    """Who has a log-in's file has the account."""
    for file in sorted(folder.glob("*.session")) if folder.is_dir() else ():
        mode = stat.S_IMODE(file.stat().st_mode)
        if mode & 0o077:
            found, advice = f"others may read it (mode {mode:o})", f"chmod 600 '{file}'"
            yield Check(GROUP, f"Log-in {file.name}", Level.WARN, found, advice)
        elif not is_database(file):
            advice = (
                "Nothing; the bot sets it aside and logs in anew. A person is asked for phone and code again."
            )
            yield Check(GROUP, f"Log-in {file.name}", Level.WARN, "it is damaged", advice)
        else:
            yield Check(GROUP, f"Log-in {file.name}", Level.OK, "readable by its owner alone")


def is_database(file: Path) -> bool:
    """Whether SQLite can read the file, of which nothing is changed; an empty one will be filled."""
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?immutable=1", uri=True)) as database:
            database.execute("SELECT name FROM sqlite_master").fetchall()
    except sqlite3.DatabaseError:
        return False
    return True


def check_disk(folder: Path, free: int, settings: Settings) -> Check:
    """``free`` bytes on the disk of ``folder`` against what is kept free and what work needs."""
    reserve = settings.DISK_RESERVE_MB * MB
    found = f"{free / MB:,.0f} MB free, of which {settings.DISK_RESERVE_MB:,} MB are never used"
    if free < reserve + settings.SPOOL_LIMIT_MB * MB:
        return Check(GROUP, "Disk", Level.FAIL, found, f"Make room on the disk of {folder}.")
    if free < reserve + COMFORTABLE:
        return Check(GROUP, "Disk", Level.WARN, found, "Large archives will be refused; make some room.")
    return Check(GROUP, "Disk", Level.OK, found)
