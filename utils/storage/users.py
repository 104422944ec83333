"""Who may use the bot: those of the settings, and what its owner changed of that in the chat."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from utils.storage.atomic import load_or_set_aside, write_json
from utils.storage.version import of_version
from utils.texts import END, ISOLATE

#: Raised when what is written changes its meaning.
VERSION = 1
USERS_FILE = "users.json"

#: An id of a person, or of a channel, or a username: https://core.telegram.org/api/bots/ids and
#: https://core.telegram.org/method/account.updateUsername
_USER = re.compile(r"(?:-100)?[1-9][0-9]{0,15}|[a-z][a-z0-9_]{2,31}")


def user_of(word: str) -> str:
    """The id or the username (in small letters, without @) that ``word`` is; "" when it is neither."""
    user = word.strip(f"{ISOLATE}{END} ").removeprefix("https://t.me/").removeprefix("@").casefold()
    return user if _USER.fullmatch(user) else ""


def split_names(users: Iterable[str]) -> tuple[set[int], set[str]]:
    """Ids and usernames (with or without @, in any case) among ``users``; the names in small letters."""
    names = {name.strip().removeprefix("@").casefold() for name in users} - {""}
    ids = {name for name in names if name.lstrip("-").isdigit()}
    return {int(name) for name in ids}, names - ids


@dataclass(frozen=True)
class _Changes:
    added: frozenset[str] = frozenset()
    removed: frozenset[str] = frozenset()


class Users:
    """Ids and usernames: those of the settings, and what was ``added`` and ``removed`` since, in ``path``."""

    def __init__(self, path: Path, quarantine: Path, authorized: Iterable[str]) -> None:
        """Read the file; a damaged one is set aside. Blocking."""
        self._path = path
        self.authorize(authorized)
        changes = load_or_set_aside(path, quarantine, _parse) or _Changes()
        self.added, self.removed = set(changes.added), set(changes.removed)

    def authorize(self, authorized: Iterable[str]) -> None:
        """These are those of the settings."""
        ids, names = split_names(authorized)
        self.of_settings = frozenset({*map(str, ids), *names})

    def all(self) -> set[str]:
        """Who may use it now."""
        return {*self.of_settings - self.removed, *self.added}

    def add(self, user: str) -> None:
        """From now on ``user`` may; :meth:`save` makes that durable."""
        self.removed.discard(user)
        if user not in self.of_settings:
            self.added.add(user)

    def remove(self, user: str) -> None:
        """From now on ``user`` may not; :meth:`save` makes that durable."""
        self.added.discard(user)
        if user in self.of_settings:
            self.removed.add(user)

    def save(self) -> None:
        """Blocking. Raises OSError."""
        changes = {"added": sorted(self.added), "removed": sorted(self.removed)}
        write_json(self._path, {"version": VERSION, **changes})


def _parse(value: Any) -> _Changes:
    """Raises ValueError, and :class:`TooNew`."""
    value = of_version(value, USERS_FILE, VERSION)
    return _Changes(*(_users(value.get(name)) for name in ("added", "removed")))


def _users(listed: Any) -> frozenset[str]:
    if not isinstance(listed, list) or not all(isinstance(user, str) for user in listed):
        raise ValueError("it does not say who was added and removed")
    return frozenset(listed)
