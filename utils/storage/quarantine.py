"""What failed for good, kept with the reason beside it, for some days."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from utils.constants import Settings

REASON = ".reason.txt"
DAY = 86_400.0

#: A video that could not be converted: its job and its number. It was sent as a file.
_SENT_AS_FILE = re.compile(r"(?P<job>-?[0-9]+_[0-9]+(?:_[0-9a-f]{8})?)-[0-9]{6}")


@dataclass(frozen=True)
class Entry:
    """Something that is kept: its size in bytes, ``since`` when (Unix time), and why.

    ``job``: the archive whose video it is, which was sent as a file when that job is over; "" of others.
    """

    path: Path
    size: int
    since: float
    reason: str
    job: str = ""

    @property
    def name(self) -> str:
        return self.path.name


class Quarantine:
    """``folder``, of which entries go after so many ``days`` (0: never); those that were sent after one."""

    def __init__(self, folder: Path, jobs: Path, days: int) -> None:
        """``jobs`` has a folder for each job that is not over."""
        self.folder, self._jobs, self._days = folder, jobs, days

    @classmethod
    def of(cls, settings: Settings) -> Quarantine:
        """The one that ``settings`` name."""
        jobs = settings.path("DATA_DIR") / "jobs"
        return cls(settings.path("QUARANTINE_DIR"), jobs, settings.QUARANTINE_DAYS)

    def entries(self) -> list[Entry]:
        """All, the oldest first. Blocking."""
        return sorted(_entries(self.folder), key=lambda entry: (entry.since, entry.name))

    def days_left(self, entry: Entry, now: float) -> float | None:
        """Days until ``entry`` goes by itself, at most 0 when it is time; None: never. Blocking."""
        if not self._days:
            return None
        sent = entry.job and not (self._jobs / entry.job).exists()
        return (1 if sent else self._days) - (now - entry.since) / DAY

    def due(self, now: float) -> list[Entry]:
        """What goes by itself. Blocking."""
        kept = [(entry, self.days_left(entry, now)) for entry in self.entries()]
        return [entry for entry, days in kept if days is not None and days <= 0]

    @staticmethod
    def remove(entries: Iterable[Entry]) -> None:
        """Delete them, and their reasons. Blocking. Raises OSError."""
        for entry in entries:
            if entry.path.is_dir() and not entry.path.is_symlink():
                shutil.rmtree(entry.path)
            else:
                entry.path.unlink(missing_ok=True)
            # Last: what is left of a kill in between still says what it is.
            for reason in _reasons(entry.path):
                reason.unlink(missing_ok=True)


def _reasons(path: Path) -> tuple[Path, Path]:
    """Where the reason for ``path`` may stand."""
    return path.with_suffix(REASON), path.with_name(path.name + REASON)


def _entries(folder: Path) -> Iterator[Entry]:
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.name.endswith(REASON):
            continue
        try:
            yield _entry(path)
        except FileNotFoundError:
            continue  # just deleted


def _entry(path: Path) -> Entry:
    found = path.lstat()
    since, reason = found.st_mtime, ""
    for beside in _reasons(path):
        if beside.is_file():
            # A second name of a file has the time of the first.
            since = beside.stat().st_mtime
            reason = beside.read_text(encoding="utf-8", errors="replace").strip()
    size = sum(inner.lstat().st_size for inner in path.rglob("*")) if path.is_dir() else found.st_size
    match = _SENT_AS_FILE.fullmatch(path.name)
    return Entry(path, size, since, reason, match["job"] if match else "")
