"""One request's surroundings, and the table from request to the room that serves it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from telethon.tl import TLRequest

from .accounts import Account
from .rpc import Caller, Result, RpcError


@dataclass(frozen=True)
class Session:
    """Who asks: the connection's facts and the account that its key is logged in as, if any."""

    caller: Caller
    account: Account | None

    @property
    def me(self) -> Account:
        """The account. Raises AUTH_KEY_UNREGISTERED when nobody is logged in."""
        if self.account is None:
            raise RpcError(401, "AUTH_KEY_UNREGISTERED")
        return self.account

    @property
    def person(self) -> Account:
        """The account, which must be a person's."""
        if self.me.bot:
            raise RpcError(400, "BOT_METHOD_INVALID")
        return self.me

    @property
    def bot(self) -> Account:
        """The account, which must be a bot's."""
        if not self.me.bot:
            raise RpcError(400, "USER_BOT_REQUIRED")
        return self.me


Serve = Callable[[Session, TLRequest], Awaitable[Result]]


class Room(Protocol):
    """A part of the API: which requests it serves, and how."""

    def serves(self) -> Mapping[type[TLRequest], Serve]: ...
