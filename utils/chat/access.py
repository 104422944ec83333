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

    def free(self, name: str) -> None: ...

    def save(self) -> None: ...


class Access:
    """The people who may use the bot, by id or by username, and its ``owner`` (an id; 0: none).

    A name stands for the account that has it when it first writes, and for no other from then on: whoever
    takes the name over later is a stranger.
    """

    def __init__(
        self, ids: Iterable[int], names: Iterable[str], bindings: KeepsBindings, owner: int = 0
    ) -> None:
        self._owner = owner
        self._bindings = bindings
        self.serve(ids, names)

    def serve(self, ids: Iterable[int], names: Iterable[str]) -> None:
        """From now on these are the people."""
        self._ids = {*ids, *({self._owner} - {0})}
        self._names = sorted(names)

    def id_of(self, name: str) -> int | None:
        """The account that ``name`` stands for; None as long as nobody wrote who has it."""
        return self._bindings.id_of(name)

    async def forget(self, names: Iterable[str]) -> None:
        """Whoever has one of these names when it is let in again is who it stands for."""
        for name in names:
            self._bindings.free(name)
        await guarded(asyncio.to_thread(self._bindings.save), "Whose names are free could not be written")

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
