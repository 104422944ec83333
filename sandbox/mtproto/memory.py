"""Messages that a session remembers: what it sent, what it received."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass, field

from .envelope import Piece


@dataclass(eq=False)
class Sent:
    """A message to the client. Those that tell something (content-related) wait for an acknowledgement."""

    msg_id: int
    seqno: int
    body: list[Piece]
    answers: int | None = None  #: the id of the message that it answers

    @property
    def content(self) -> bool:
        return bool(self.seqno % 2)

    @property
    def size(self) -> int:
        return sum(map(len, self.body))


@dataclass
class Received:
    """A message from the client."""

    task: asyncio.Task[bool] | None = None  #: acts on it; True when all went well
    answer: Sent | None = None
    answered: bool = False
    unwanted: bool = False  #: rpc_drop_answer came before the answer


@dataclass
class Kept:
    """Sent messages within a budget of bytes, the oldest given up first."""

    budget: int
    sent: OrderedDict[int, Sent] = field(default_factory=OrderedDict)
    size: int = 0

    def add(self, key: int, sent: Sent) -> list[Sent]:
        """Keeps it; which ones were given up for it."""
        self.sent[key] = sent
        self.size += sent.size
        given_up = []
        while self.size > self.budget and len(self.sent) > 1:
            oldest = self.pop(next(iter(self.sent)))
            given_up += [oldest] if oldest is not None else []
        return given_up

    def pop(self, key: int) -> Sent | None:
        """Keeps it no longer."""
        sent = self.sent.pop(key, None)
        if sent is not None:
            self.size -= sent.size
        return sent
