"""``./bot restore FILE``: what ``./bot backup`` kept becomes the bot's data; what was there is put aside."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from utils.constants import Settings, load_settings, settings_file
from utils.errors import BotError, SettingsError
from utils.jobs.albums import plural
from utils.processes.guard import guard_this_process
from utils.storage.atomic import make_folder, sync_folder, write_json
from utils.storage.lock import LOCK_NAME, InstanceLock
from utils.storage.private import logs
from utils.storage.version import refuse_newer
from utils.storage.workspace import disk_errors
from utils.terminal.backup import (
    ASIDE,
    CHANGED,
    DATA,
    FORM,
    HEAD,
    MAKING,
    QUARANTINE,
    RECOVERY,
    SECRETS,
    STATES,
)
from utils.terminal.main import OK, USAGE

_BLOCK = 1 << 20
_KEPT = (LOCK_NAME, ".gitkeep")


@dataclass(frozen=True)
class Restored:
    """``aside`` is where that lies which was there before, None when there was nothing."""

    archives: int
    aside: Path | None


def restore(file: Path) -> Restored:
    """Put what is in ``file`` in the place of the bot's data. Blocking.

    Raises :class:`SettingsError` for what is no backup, :class:`TooNew`, :class:`AlreadyRunning` while a bot
    is at work, and :class:`DiskFull`; then all is as it was. Settings that are there stay.
    """
    try:
        with tarfile.open(file, format=tarfile.PAX_FORMAT) as tar:
            head = _head(tar, file)
            _write_settings(tar)
            settings = load_settings()
            data = settings.path("DATA_DIR")
            make_folder(data)
            with InstanceLock(data), tempfile.TemporaryDirectory(dir=data, prefix=MAKING) as made:
                with disk_errors(f"There is not enough room on the disk of {data}."):
                    _unpack(tar, Path(made))
                    _relocate(Path(made, DATA, STATES), head["folders"], settings)
                aside = _put_aside(settings)
                return Restored(_put_in_place(Path(made), settings), aside)
    except (tarfile.TarError, EOFError) as error:
        why = str(error).partition("\n")[0].removesuffix(":")
        raise SettingsError(f"{file} is no backup, or damaged ({why}).") from None


def _head(tar: tarfile.TarFile, file: Path) -> Mapping[str, Any]:
    first = tar.next()
    try:
        content = tar.extractfile(first) if first is not None and first.name == HEAD else None
        head = json.loads(content.read(_BLOCK)) if content is not None else None
    except ValueError:
        head = None
    if not isinstance(head, dict) or not isinstance(head.get("folders"), dict) or head.get("form") != FORM:
        raise SettingsError(f"{file} is no backup that this version of the bot can read.")
    refuse_newer(head, f"What is in {file}")
    return head


def _write_settings(tar: tarfile.TarFile) -> None:
    """The settings of the backup, where there are none."""
    target = settings_file()
    for member in tar.getmembers():
        if member.name == SECRETS and member.isreg() and not os.path.lexists(target):
            make_folder(target.parent)
            _write(tar, member, target)


def _unpack(tar: tarfile.TarFile, folder: Path) -> None:
    """Plain files alone, each below ``folder``; a name that leads elsewhere is refused."""
    for member in tar.getmembers():
        parts = PurePosixPath(member.name).parts
        if member.name in (HEAD, SECRETS):
            continue
        strange = not parts or parts[0] not in (DATA, RECOVERY, QUARANTINE) or {"..", "/"} & {*parts}
        if strange or not member.isreg() or "\0" in member.name or parts[1:2] == (LOCK_NAME,):
            raise SettingsError("The backup holds what no backup of the bot does; nothing was restored.")
        target = folder.joinpath(*parts)
        target.parent.mkdir(parents=True, exist_ok=True)
        _write(tar, member, target)


def _write(tar: tarfile.TarFile, member: tarfile.TarInfo, target: Path) -> None:
    """The file as it was, on disk when this returns."""
    source = tar.extractfile(member)
    assert source is not None
    with target.open("xb") as file:
        shutil.copyfileobj(source, file, _BLOCK)
        file.flush()
        os.fchmod(file.fileno(), member.mode & 0o777)
        os.fsync(file.fileno())
    changed = member.pax_headers.get(CHANGED, "")
    if changed.isdecimal():
        os.utime(target, ns=(int(changed), int(changed)))


def _relocate(states: Path, was: Mapping[str, str], settings: Settings) -> None:
    """Conversions know their files by whole paths; those are others where the folders are others."""
    if not states.exists():
        return
    now = {DATA: "DATA_DIR", RECOVERY: "RECOVERY_DIR", QUARANTINE: "QUARANTINE_DIR"}
    moves = [(str(was[name]), str(settings.path(now[name]))) for name in now if name in was]
    # The innermost folder first.
    moves.sort(key=lambda move: len(move[0]), reverse=True)
    write_json(states, _moved(json.loads(states.read_bytes()), moves))


def _moved(value: Any, moves: Sequence[tuple[str, str]]) -> Any:
    if isinstance(value, str):
        for was, now in moves:
            if value == was or value.startswith(was + "/"):
                return now + value[len(was) :]
        return value
    if isinstance(value, dict):
        return {_moved(name, moves): _moved(inner, moves) for name, inner in value.items()}
    return [_moved(inner, moves) for inner in value] if isinstance(value, list) else value


def _places(settings: Settings) -> Iterator[Path]:
    """All that the bot has now: what lies in its folder, and what the settings have put elsewhere."""
    data = settings.path("DATA_DIR")
    apart = {*logs(settings.path("LOG_FILE"))}
    for path in sorted(data.iterdir()):
        if path.name not in _KEPT and path not in apart and not path.name.startswith((ASIDE, MAKING)):
            yield path
    for name in ("RECOVERY_DIR", "QUARANTINE_DIR", "CONVERSION_STATE_FILE"):
        path = settings.path(name)
        if not path.is_relative_to(data) and path.exists():
            yield path


def _put_aside(settings: Settings) -> Path | None:
    """Move it into a folder of its own beside."""
    found = list(_places(settings))
    if not found:
        return None
    data = settings.path("DATA_DIR")
    aside = data / f"{ASIDE}{time.strftime('%Y%m%d-%H%M%S')}-{time.time_ns() % 10**9:09d}"
    aside.mkdir(mode=0o700)
    for path in found:
        shutil.move(path, aside / path.name)
    sync_folder(data)
    return aside


def _put_in_place(made: Path, settings: Settings) -> int:
    """Move what was unpacked to where the settings have it; returns the number of archives in it."""
    data = settings.path("DATA_DIR")
    states = settings.path("CONVERSION_STATE_FILE")
    moves = [(made / RECOVERY, settings.path("RECOVERY_DIR"))]
    moves += [(made / QUARANTINE, settings.path("QUARANTINE_DIR"))]
    for path in sorted((made / DATA).iterdir()) if (made / DATA).is_dir() else ():
        moves.append((path, states if path.name == STATES else data / path.name))
    for source, target in moves:
        if source.exists():
            make_folder(target.parent)
            shutil.move(source, target)
            sync_folder(target.parent)
    return len(list((data / "jobs").iterdir())) if (data / "jobs").is_dir() else 0


def main(arguments: Sequence[str]) -> int:
    """``restore FILE``."""
    parser = argparse.ArgumentParser(prog="./bot restore", description="Go on from what ./bot backup kept.")
    parser.add_argument("file", type=Path, metavar="FILE")
    options = parser.parse_args(arguments)
    guard_this_process()
    os.umask(0o077)
    try:
        done = restore(options.file.absolute())
    except (BotError, OSError) as error:
        told = error.told if isinstance(error, BotError) else f"{error.filename}: {error.strerror}."
        print(f"❌ {told}", file=sys.stderr)
        return USAGE
    print(f"✅ Restored, with {plural(done.archives, 'archive')} under way.")
    if done.aside is not None:
        print(f"What was there before is in {done.aside}. Delete it when all is well.")
    return OK


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
