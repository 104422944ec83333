"""Which account each username of the settings stands for: the one that had it when it first wrote."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from utils.storage.atomic import load_or_set_aside, read_json, write_json
from utils.storage.version import of_version

log = logging.getLogger(__name__)

#: Raised when what is written changes its meaning.
VERSION = 1
FILE_NAME = "usernames.json"


class Bindings:
    """Usernames (in small letters, without @) and the ids of their accounts, in ``path``.

    Only ``names`` are kept: who takes one out of the settings frees it.
    """

    def __init__(self, path: Path, quarantine: Path, names: Iterable[str]) -> None:
        """Read the file; a damaged one is set aside, and its names are free again. Blocking."""
        self._path = path
        found = load_or_set_aside(path, quarantine, parse) or {}
        self._ids = {name: found[name] for name in names if name in found}
        if self._ids != found:
            self.save()

    def id_of(self, name: str) -> int | None:
        """The account that ``name`` stands for, or None as long as nobody wrote who has it."""
        return self._ids.get(name)

    def bind(self, name: str, account: int) -> None:
        """From now on ``name`` stands for ``account`` alone; :meth:`save` makes that durable."""
        self._ids[name] = account

    def free(self, name: str) -> None:
        """From now on ``name`` stands for nobody; :meth:`save` makes that durable."""
        self._ids.pop(name, None)

    def save(self) -> None:
        """Blocking. Raises OSError."""
        write_json(self._path, {"version": VERSION, "ids": self._ids})


def read(path: Path) -> Mapping[str, int]:
    """What is bound in the file ``path``, of which nothing is changed. Raises ValueError and OSError."""
    value = read_json(path)
    return {} if value is None else parse(value)


def parse(value: Any) -> dict[str, int]:
    """The ids by their names, out of the file's JSON. Raises ValueError and :class:`TooNew`."""
    ids = of_version(value, FILE_NAME, VERSION).get("ids")
    if not isinstance(ids, dict) or not all(type(account) is int for account in ids.values()):
        raise ValueError("it does not say which ids the names stand for")
    return ids
