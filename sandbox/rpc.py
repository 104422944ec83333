"""The border between the protocol (sandbox.mtproto) and the API behind it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, TypeAlias

from telethon.tl import TLObject, TLRequest

#: What a request may be answered with: a TL object, a bare value, or a vector of either.
Result: TypeAlias = TLObject | bool | int | bytes | list[TLObject] | list[int]


class RpcError(Exception):
    """Telegram's answer when it does not do what was asked: a code and a name, such as 420 FLOOD_WAIT_3."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"{code} {message}")
        self.code = code
        self.message = message


class AnswerLost(Exception):  # noqa: N818 - it is no error of ours
    """The act is done; its answer is never to reach the client."""


@dataclass
class Caller:
    """The session that a request came from. ``auth_key_id`` is what a log-in belongs to."""

    dc_id: int
    auth_key_id: int
    session_id: int
    layer: int | None = None
    api_id: int | None = None
    receives_updates: bool = True
    address: str = ""


class Handler(Protocol):
    """The API, as the protocol sees it."""

    async def handle(self, caller: Caller, request: TLRequest) -> Result:
        """Answer ``request``, out of which invokeWithLayer and its like were peeled.

        Raises :class:`RpcError`, or :class:`AnswerLost` when the client shall never hear of it.
        """
        ...

    async def session_opened(self, caller: Caller) -> None:
        """A session sent its first message."""
        ...


class Connections(Protocol):
    """What the API may ask of the protocol."""

    async def push(self, auth_key_id: int, update: TLObject) -> int:
        """Send ``update`` to every live session of that key that wants updates; how many there are."""
        ...

    def drop(self, auth_key_id: int) -> None:
        """Close the connections of that key."""
        ...

    def forget(self, auth_key_id: int) -> None:
        """Destroy the key: its client is answered -404."""
        ...
