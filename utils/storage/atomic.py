"""JSON files that are replaced as a whole and never edited, so that a kill leaves the old or the new one."""

from __future__ import annotations

import json
import logging
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

log = logging.getLogger(__name__)

T = TypeVar("T")


def sync_folder(folder: Path) -> None:
    """Make a rename or a new name in ``folder`` survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_file(path: Path) -> None:
    """Make the bytes of ``path`` survive a power cut."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


def make_folder(folder: Path) -> None:
    """Make ``folder`` where it is missing, and what is above it; a power cut takes none of them away."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    sync_folder(folder.parent)


def write_bytes(path: Path, content: bytes) -> None:
    """Replace ``path`` by ``content``: write beside it, fsync, rename, fsync the folder."""
    beside = path.with_name(path.name + ".tmp")
    try:
        with beside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        # What a full disk took of it would only take room from others.
        beside.unlink(missing_ok=True)
        raise
    beside.replace(path)
    sync_folder(path.parent)


def write_json(path: Path, value: Any) -> None:
    """Replace ``path`` by ``value`` as JSON that a person can read."""
    write_bytes(path, as_json(value))


def as_json(value: Any) -> bytes:
    """``value`` as JSON that a person can read."""
    try:
        content = json.dumps(value, ensure_ascii=False, indent=1).encode()
    except UnicodeEncodeError:
        # File names may hold bytes that are no text.
        content = json.dumps(value, indent=1).encode()
    return content + b"\n"


def read_json(path: Path) -> Any:
    """The JSON value in ``path``, or None when there is no such file. Raises ValueError for no JSON."""
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError:
        return None


def set_aside(path: Path, quarantine: Path, reason: str) -> Path:
    """Move ``path`` into ``quarantine`` with ``reason`` in a text file beside it; returns where it is now."""
    make_folder(quarantine)
    target = quarantine / f"{time.strftime('%Y%m%d-%H%M%S')}-{time.time_ns() % 10**9:09d}-{path.name}"
    shutil.move(path, target)  # which copies where quarantine is on another disk
    if target.is_file():
        sync_file(target)
    write_bytes(target.with_name(target.name + ".reason.txt"), f"{reason}\n".encode())
    return target


def load_or_set_aside(path: Path, quarantine: Path, parse: Callable[[Any], T]) -> T | None:
    """What ``parse`` makes of the JSON value in ``path``; what it raises ValueError for goes to quarantine.

    Returns None when there is no (usable) file: a damaged state file never keeps the bot from starting.
    """
    try:
        value = read_json(path)
    except (ValueError, RecursionError) as error:
        problem = f"it is not JSON ({error})"
    except IsADirectoryError:
        problem = "it is a folder"
    else:
        if value is None:
            return None
        try:
            return parse(value)
        except ValueError as error:
            problem = str(error)
    kept = set_aside(path, quarantine, f"{path.name} was set aside when the bot read it: {problem}.")
    log.error("⚠️ State file set aside: %s, because %s; it is kept as %s", path.name, problem, kept)
    return None
