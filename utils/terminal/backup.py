"""``./bot backup FILE``: all that the bot keeps, and its settings, in one tar file, also while it runs.

Each part is taken as of one moment, in an order in which later ones may know more: so what is in the file is
what a kill at that moment could have left, and the bot goes on from it.
"""

from __future__ import annotations

import argparse
import io
import os
import shutil
import sqlite3
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from utils.constants import Settings, load_settings, settings_file
from utils.conversion_state import read_states
from utils.errors import BotError, SettingsError, StorageError
from utils.processes.guard import guard_this_process
from utils.storage.atomic import as_json, sync_folder
from utils.storage.lock import folder_lock
from utils.storage.private import logs
from utils.storage.version import version_of
from utils.storage.workspace import Workspace, disk_errors
from utils.terminal.main import OK, USAGE

#: Of the form of the file.
FORM = 1
HEAD = "backup.json"
DATA, RECOVERY, QUARANTINE, SECRETS = "data", "recovery", "quarantine", "secrets.properties"
STATES = "conversion_state.json"
#: What says to the nanosecond when a file was changed, by which a conversion knows its source.
CHANGED = "BOT.mtime_ns"
#: How often a job is looked at again that went on meanwhile.
ATTEMPTS = 50
#: How folders begin that are no data of the bot: what a restore put aside, and what is being made.
ASIDE, MAKING = "before-restore-", "backup-"
#: What of the bot's folder has a way of its own, or is of no use elsewhere. What stands beside a database
#: is in the copy of it.
_OWN_WAY = ("bot.lock", "jobs", STATES, "conversion_state.changes", "sessions", ".gitkeep")


class Backup:
    """Writes the bot's data into ``tar``. Blocking."""

    def __init__(self, settings: Settings, tar: tarfile.TarFile, *, archives: bool) -> None:
        """``archives``: with those under way and their conversions."""
        self._settings, self._tar, self._archives = settings, tar, archives
        self._data = settings.path("DATA_DIR")

    def write(self) -> None:
        """All of it. What came in is taken first, so that no archive is known as taken that is not there."""
        head = {
            "form": FORM,
            "version": version_of(self._data),
            "made": time.time(),
            "archives": self._archives,
            "folders": {name: str(folder) for name, folder in self._folders().items()},
        }
        self._add_bytes(HEAD, as_json(head))
        self._add_if_there(settings_file(), SECRETS)
        self._add_rest()
        self._add_sessions()
        if self._archives:
            with folder_lock(self._states.parent):  # else it might be written between its two files
                states = read_states(self._states)
            self._add_bytes(f"{DATA}/{STATES}", as_json(states))
            with self._linked(self._settings.path("RECOVERY_DIR")) as recovery:
                self._add_tree(recovery, RECOVERY)
            for job in sorted(filter(Path.is_dir, _inside(self._data / "jobs"))):
                self._add_job(job)
        self._add_tree(self._settings.path("QUARANTINE_DIR"), QUARANTINE)

    @property
    def _states(self) -> Path:
        return self._settings.path("CONVERSION_STATE_FILE")

    def _folders(self) -> dict[str, Path]:
        settings = self._settings
        return {
            DATA: self._data,
            RECOVERY: settings.path("RECOVERY_DIR"),
            QUARANTINE: settings.path("QUARANTINE_DIR"),
        }

    def _add_rest(self) -> None:
        """What else is in the bot's folder: small files, each replaced as a whole or only ever longer."""
        others = {*self._folders().values(), self._states, *logs(self._settings.path("LOG_FILE"))}
        intake = self._data / "intake.jsonl"
        for path in sorted(_inside(self._data), key=lambda path: path != intake):
            passing = path.name.startswith((ASIDE, MAKING)) or path.suffix == ".tmp"
            if path.name not in _OWN_WAY and path not in others and not passing:
                if path.is_dir():
                    self._add_tree(path, f"{DATA}/{path.name}")
                else:
                    self._add_if_there(path, f"{DATA}/{path.name}")

    def _add_sessions(self) -> None:
        """Log-ins are databases that are written to: SQLite copies them as of one moment."""
        for file in sorted((self._data / "sessions").glob("*.session")):
            with tempfile.NamedTemporaryFile(dir=self._data, prefix=MAKING) as copy:
                with (
                    suppress(sqlite3.DatabaseError),  # a damaged one would be set aside anyway
                    closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as source,
                    closing(sqlite3.connect(copy.name)) as target,
                ):
                    source.backup(target)
                self._add_if_there(Path(copy.name), f"{DATA}/sessions/{file.name}")

    def _add_job(self, job: Path) -> None:
        """A journal, with the files that it names. Deaths in its steps are no longer of interest."""
        for _ in range(ATTEMPTS):
            try:
                journal = Workspace(job).journal.read_bytes()
            except FileNotFoundError:
                return  # it has come to its end
            with self._linked(Workspace(job).files) as files:
                if journal != _content(Workspace(job).journal):
                    continue
                self._add_bytes(f"{DATA}/jobs/{job.name}/journal.jsonl", journal)
                self._add_tree(files, f"{DATA}/jobs/{job.name}/files")
                return
        raise StorageError("The bot writes too much at once; try again a little later.")

    @contextmanager
    def _linked(self, folder: Path) -> Iterator[Path]:
        """A folder with the same files, which stay there though the bot deletes them meanwhile."""
        with tempfile.TemporaryDirectory(dir=self._data, prefix=MAKING) as made:
            for place, _, names in os.walk(folder):
                inside = Path(made, Path(place).relative_to(folder))
                inside.mkdir(exist_ok=True)
                for name in names:
                    with suppress(FileNotFoundError):
                        _link(Path(place, name), inside / name)
            yield Path(made)

    # -- into the file

    def _add_tree(self, folder: Path, name: str) -> None:
        for place, _, names in os.walk(folder):
            inside = "/".join((name, *Path(place).relative_to(folder).parts))
            for one in sorted(names):
                self._add_if_there(Path(place, one), f"{inside}/{one}")

    def _add_if_there(self, path: Path, name: str) -> None:
        """A plain file, as long as it is now."""
        try:
            handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:
            return  # gone meanwhile, or a link, which the bot makes nowhere
        with os.fdopen(handle, "rb") as file:
            found = os.fstat(handle)
            member = tarfile.TarInfo(name)
            member.size, member.mode, member.mtime = found.st_size, found.st_mode & 0o777, int(found.st_mtime)
            member.pax_headers = {CHANGED: str(found.st_mtime_ns)}
            self._tar.addfile(member, file)

    def _add_bytes(self, name: str, content: bytes) -> None:
        member = tarfile.TarInfo(name)
        member.size, member.mode, member.mtime = len(content), 0o600, int(time.time())
        self._tar.addfile(member, io.BytesIO(content))


def _inside(folder: Path) -> list[Path]:
    return list(folder.iterdir()) if folder.is_dir() else []


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _link(source: Path, target: Path) -> None:
    try:
        target.hardlink_to(source)
    except FileNotFoundError:
        raise
    except OSError:  # another disk, or one without links
        shutil.copy2(source, target, follow_symlinks=False)


def write_backup(settings: Settings, file: Path, *, archives: bool = True) -> None:
    """Write ``file``, readable by its owner alone. Raises :class:`StorageError` and :class:`SettingsError`.

    Nothing is left of it when that breaks off. Blocking.
    """
    data = settings.path("DATA_DIR")
    if not data.is_dir():
        raise SettingsError(f"There is nothing to back up: {data} is no folder.")
    if os.path.lexists(file):
        raise SettingsError(f"{file} is there already. Name another file.")
    handle, made = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with disk_errors(f"There is not enough room on the disk of {file}."):
            with os.fdopen(handle, "wb") as target:
                with tarfile.open(fileobj=target, mode="w", format=tarfile.PAX_FORMAT) as tar:
                    Backup(settings, tar, archives=archives).write()
                target.flush()
                os.fsync(target.fileno())
            Path(made).rename(file)
            sync_folder(file.parent)
    finally:
        Path(made).unlink(missing_ok=True)


def main(arguments: Sequence[str]) -> int:
    """``backup FILE``."""
    parser = argparse.ArgumentParser(
        prog="./bot backup", description="Keep all that the bot has, in one file."
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="a new tar file; it holds secrets")
    parser.add_argument(
        "--without-archives", action="store_true", help="leave out what is under way; log-in and memory only"
    )
    options = parser.parse_args(arguments)
    guard_this_process()
    os.umask(0o077)
    file = options.file.absolute()
    try:
        write_backup(load_settings(), file, archives=not options.without_archives)
    except (BotError, OSError) as error:
        told = error.told if isinstance(error, BotError) else f"{error.filename}: {error.strerror}."
        print(f"❌ {told}", file=sys.stderr)
        return USAGE
    print(f"✅ {file} ({file.stat().st_size / 1_000_000:.1f} MB). Keep it safe: it holds log-in and secrets.")
    return OK


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
