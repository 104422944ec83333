"""Of which version the data are: older ones are carried over, newer ones left alone.

``version.json`` says it for the whole folder; where there is none, version 1.0.0 of the bot wrote the data,
or nobody yet. Files that may lie elsewhere, or alone, say it themselves as well.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

from utils.errors import TooNew
from utils.storage.atomic import read_json, write_json

#: Raised when what is written changes its meaning, so that who does not know that would do harm.
#: What an older reader may pass over (another line in a journal, another field) raises nothing.
VERSION = 1
FILE_NAME = "version.json"


def version_in(value: object) -> int:
    """The version that ``value``, some file's JSON, says of itself; 0 where it says none."""
    found = value.get("version") if isinstance(value, dict) else None
    return found if type(found) is int else 0


def refuse_newer(value: object, what: str, known: int = VERSION) -> None:
    """Raise :class:`TooNew` when ``value``, the JSON of ``what``, is of a version above ``known``."""
    found = version_in(value)
    if found > known:
        raise TooNew(
            f"{what} is of version {found}, and this bot knows version {known} at most: a newer one wrote "
            "it. Upgrade the bot (./bot upgrade), or name another DATA_DIR. Nothing was changed."
        )


def of_version(value: Any, what: str, known: int) -> dict[str, Any]:
    """``value``, the JSON of ``what``, if it is of the version ``known``.

    Raises :class:`TooNew`, and ValueError for everything else.
    """
    refuse_newer(value, what, known)
    if not isinstance(value, dict) or value.get("version") != known:
        raise ValueError(f"it is not of version {known}")
    return value


def version_of(data: Path) -> int:
    """Of the data in that folder. Raises :class:`TooNew`, and OSError. Blocking."""
    try:
        value = read_json(data / FILE_NAME)
    except (ValueError, RecursionError, IsADirectoryError):
        return 0  # each file is looked at as it is read
    refuse_newer(value, f"What is in {data}")
    return version_in(value)


def carry_over(data: Path, program: str = "") -> str:
    """Make what an older version left in ``data`` of this one; those who read it fill in what it lacks.

    ``program`` is at work from now on. Returns the one before, "" where that is the same or not known.
    Raises :class:`TooNew` before anything is changed, and OSError. Blocking.
    """
    version, was = version_of(data), ""
    with suppress(ValueError, RecursionError, OSError):
        value = read_json(data / FILE_NAME)
        was = str(value.get("program", "")) if isinstance(value, dict) else ""
    if version < VERSION or program != was:
        write_json(data / FILE_NAME, {"version": VERSION} | ({"program": program} if program else {}))
    return was if was != program else ""


def program_in(root: Path, version: str) -> str:
    """The program in the folder ``root``: its ``version``, and the commit where Git has it. Blocking."""
    git = root / ".git"
    try:
        head = (git / "HEAD").read_text().strip()
        branch = head.removeprefix("ref: ")
        if branch != head:
            packed = (git / "packed-refs").read_text().splitlines() if not (git / branch).is_file() else ()
            named = [line.split()[0] for line in packed if line.endswith(f" {branch}")]
            head = named[0] if named else (git / branch).read_text().strip()
    except OSError:
        return version
    return f"{version} ({head[:7]})"
