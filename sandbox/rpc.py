"""The border between protocol and API: who asks, what may be answered, what the two ask of each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, TypeAlias

from telethon.tl import TLObject, TLRequest


class RpcError(Exception):
    """A request is refused: `code` (420) and Telegram's `message` ("FLOOD_WAIT_3")."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"{code} {message}")
        self.code = code
        self.message = message


@dataclass
class Caller:
    """The session that a request came from, as far as the protocol knows it."""

    dc_id: int
    auth_key_id: int
    session_id: int
    layer: int | None  #: from invokeWithLayer; None until the session said it
    api_id: int | None  #: from initConnection; None until the session said it
    receives_updates: bool  #: False once the session wrapped a request in invokeWithoutUpdates
    address: str  #: "127.0.0.1:51234" of the connection in use


#: What a request may be answered with.
Result: TypeAlias = TLObject | bool | int | list[TLObject] | list[int] | bytes


class Handler(Protocol):
    """The API, as the protocol sees it."""

    async def handle(self, caller: Caller, request: TLRequest) -> Result:
        """Answers a request; wrappers are already peeled off. Raises RpcError."""

    async def session_opened(self, caller: Caller) -> None:
        """Called with the first message of a session, before its first request."""


class Connections(Protocol):
    """The protocol, as the API sees it."""

    async def push(self, auth_key_id: int, update: TLObject) -> int:
        """Sends `update` to every live session of that key that wants updates; how many it reached."""

    def drop(self, auth_key_id: int) -> None:
        """Closes the key's connections."""

    def forget(self, auth_key_id: int) -> None:
        """Destroys the key: from now on the transport answers -404 to it."""
