"""The end of the log, fit to be sent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from utils.constants import SETTINGS, Settings

#: Lines and bytes at most.
LINES, BYTES = 2000, 400_000

#: What stands where a secret stood, and how short one may be: less is a word like any other.
MASK, SHORT = "•••", 4


def tail(file: Path) -> list[str]:
    """The last lines of the log ``file``, and of the one before it where it is short. Blocking."""
    lines: list[str] = []
    for part in (file, file.with_name(f"{file.name}.1")):
        if len(lines) < LINES and part.is_file():
            lines = [*_last_lines(part), *lines][-LINES:]
    while lines and sum(map(len, lines)) > BYTES:
        del lines[: max(1, len(lines) // 10)]
    return lines


def _last_lines(file: Path) -> Sequence[str]:
    with file.open("rb") as opened:
        size = opened.seek(0, 2)
        opened.seek(max(0, size - BYTES))
        lines = opened.read().decode("utf-8", "replace").splitlines()
    # Of the first one there may be only an end.
    return lines[1:] if size > BYTES else lines


def masked(lines: Iterable[str], secrets: Iterable[str]) -> list[str]:
    """``lines`` without ``secrets``: they are in no log, and this sees to it."""
    hidden = sorted({secret for secret in secrets if len(secret) >= SHORT}, key=len, reverse=True)
    return [_masked(line, hidden) for line in lines]


def _masked(line: str, secrets: Iterable[str]) -> str:
    for secret in secrets:
        line = line.replace(secret, MASK)
    return line


def secrets_in(settings: Settings) -> list[str]:
    """What of ``settings`` nobody may read."""
    values = [getattr(settings, info.name) for info in SETTINGS if info.secret]
    return [text for value in values for text in ((value,) if isinstance(value, str) else value) if text]
