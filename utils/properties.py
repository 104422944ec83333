"""How settings are written: lines of names and values. Pure: no I/O."""

from __future__ import annotations

from typing import Any, Literal, get_args, get_origin

from utils.errors import SettingsError

_TRUE, _FALSE = {"1", "true", "yes", "on"}, {"0", "false", "no", "off"}


def parse_properties(text: str) -> dict[str, str]:
    """``NAME=value`` lines; ``#`` begins a comment where a line, or a space before it, begins."""
    values: dict[str, str] = {}
    for line in text.splitlines():
        name, separator, value = line.strip().partition("=")
        if separator and not name.startswith("#"):
            values[name.strip()] = value.split(" #", 1)[0].strip()
    return values


def value_of(name: str, kind: Any, text: str, source: str) -> Any:
    """The value that ``text`` is of the setting ``name``, which is of that ``kind``.

    Raises :class:`SettingsError`, which says from which ``source`` it is.
    """
    if kind is bool:
        if text.lower() not in _TRUE | _FALSE:
            raise SettingsError(f"{name} must be True or False, not {text!r} (from {source}).")
        return text.lower() in _TRUE
    if kind is int:
        try:
            return int(text or 0)
        except ValueError:
            raise SettingsError(f"{name} must be a whole number (from {source}).") from None
    if kind is str:
        return text
    if get_origin(kind) is Literal:
        if text.lower() not in get_args(kind):
            raise SettingsError(
                f"{name} must be {' or '.join(get_args(kind))}, not {text!r} (from {source})."
            )
        return text.lower()
    return tuple(part.strip() for part in text.split(",") if part.strip())
