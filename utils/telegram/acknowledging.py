"""Acknowledging answers along with what is sent next.

Telethon sends a packet for it each time: one answer in two cost as much as another request. Telegram lets it
wait (https://core.telegram.org/mtproto/service_messages_about_messages#acknowledgment-of-receipt).
"""

from __future__ import annotations

import asyncio
from typing import Any

from telethon.extensions.messagepacker import MessagePacker
from telethon.network import MTProtoSender
from telethon.network.requeststate import RequestState
from telethon.tl.types import MsgsAck

#: Seconds that an answer waits at most to be acknowledged.
LATEST = 0.5
#: Bytes of what is sent up to which it takes acknowledgements along: large parts are not copied for them.
_SMALL = 1 << 16


class _Owed(set[int]):
    """What is to be acknowledged. It counts as nothing for who would do so at once."""

    def __init__(self, wake: asyncio.Event) -> None:
        super().__init__()
        self._wake = wake
        self._timer: asyncio.TimerHandle | None = None
        self.is_due = False

    def __bool__(self) -> bool:
        return False

    def add(self, message: int) -> None:
        super().add(message)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(LATEST, self._remind)

    def _remind(self) -> None:
        self._timer, self.is_due = None, len(self) > 0
        if self.is_due:
            self._wake.set()

    def take(self) -> list[int]:
        owed = list(self)
        self.clear()
        self.is_due = False
        return owed


class _Packer(MessagePacker):  # type: ignore[misc]
    """Telethon's, which puts acknowledgements to what is small, or sends them when they are due."""

    def __init__(self, sender: MTProtoSender) -> None:
        super().__init__(sender._state, sender._loggers)
        self._sender = sender
        self.owed = _Owed(self._ready)

    async def get(self) -> tuple[Any, Any]:
        if not self._deque and not self.owed.is_due:
            self._ready.clear()
            await self._ready.wait()
        small = self._deque and sum(len(state.data) for state in self._deque) < _SMALL
        if len(self.owed) and (small or self.owed.is_due):
            acknowledgement = RequestState(MsgsAck(self.owed.take()))
            self._deque.append(acknowledgement)
            # Where Telethon looks for it when it has to be sent again.
            self._sender._last_acks.append(acknowledgement)
        return await super().get()  # type: ignore[no-any-return]


def acknowledge_late(sender: MTProtoSender) -> None:
    """From now on ``sender``, which is not connected yet, acknowledges along with what it sends next."""
    sender._send_queue = packer = _Packer(sender)
    sender._pending_ack = packer.owed
