"""Who may use the bot."""

from __future__ import annotations

from collections.abc import Iterable


class Access:
    """The people named in AUTHORIZED_USERS, by id or by username (with or without @, in any case)."""

    def __init__(self, authorized: Iterable[str]) -> None:
        names = {name.strip().removeprefix("@").casefold() for name in authorized}
        self._ids = {int(name) for name in names if name.lstrip("-").isdigit()}
        self._names = {name for name in names if name and not name.lstrip("-").isdigit()}

    def allows(self, user_id: int | None, usernames: Iterable[str | None]) -> bool:
        """Whether the sender with this id and these usernames is one of them."""
        named = {name.casefold() for name in usernames if name}
        return user_id in self._ids or bool(named & self._names)
