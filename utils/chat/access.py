"""Who may use the bot."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from typing import Protocol

from utils.errors import guarded

log = logging.getLogger(__name__)


class KeepsBindings(Protocol):
    """Which account each username stands for."""

    def id_of(self, name: str) -> int | None: ...

    def bind(self, name: str, account: int) -> None: ...

    def save(self) -> None: ...


def split_names(authorized: Iterable[str]) -> tuple[set[int], set[str]]:
    """Ids and usernames (with or without @, in any case) of AUTHORIZED_USERS; the names in small letters."""
    names = {name.strip().removeprefix("@").casefold() for name in authorized} - {""}
    ids = {name for name in names if name.lstrip("-").isdigit()}
    return {int(name) for name in ids}, names - ids


class Access:
    """The people named in AUTHORIZED_USERS, by id or by username.

    A name stands for the account that has it when it first writes, and for no other from then on: whoever
    takes the name over later is a stranger.
    """

    def __init__(self, ids: Iterable[int], names: Iterable[str], bindings: KeepsBindings) -> None:
        self._ids = set(ids)
        self._names = sorted(names)
        self._bindings = bindings

    async def allows(self, user_id: int | None, usernames: Iterable[str | None]) -> bool:
        """Whether the sender with this id and these usernames is one of them."""
        if user_id is None:
            return False
        if user_id in self._ids or any(self._bindings.id_of(name) == user_id for name in self._names):
            return True
        named = {name.casefold() for name in usernames if name}
        for name in named.intersection(self._names):
            owner = self._bindings.id_of(name)
            if owner is None:
                await self._bind(name, user_id)
                return True
            log.error(
                "🚫 %d has the username @%s now, which belonged to %d when it first wrote. If both are the "
                "same person, write the new id into AUTHORIZED_USERS instead of the name",
                user_id, name, owner,
            )  # fmt: skip
        return False

    async def _bind(self, name: str, account: int) -> None:
        # At once, and then on the disk: two may write at the same time.
        self._bindings.bind(name, account)
        log.info("🔗 @%s is the account %d from now on", name, account)
        await guarded(asyncio.to_thread(self._bindings.save), f"Whose @{name} is could not be written")
