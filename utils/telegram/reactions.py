"""Reactions to messages: a quiet sign of what became of them. A convenience, never in the way.

https://core.telegram.org/api/reactions
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from telethon import errors as rpc
from telethon.tl import functions, types
from telethon.tl.tlobject import TLObject

from utils.telegram.pauses import TROUBLE, trouble_name
from utils.telegram.waits import Caller

log = logging.getLogger(__name__)


class Reactions:
    """Shows the newest reaction to each message, one message after another.

    What a chat does not allow is not shown there; while Telegram asks for a pause nothing is.
    """

    def __init__(self, call: Caller, clock: Callable[[], float] = time.monotonic) -> None:
        self._call = call
        self._clock = clock
        self._wanted: dict[tuple[int, int], tuple[TLObject, str]] = {}
        self._resting_until = 0.0
        self._task: asyncio.Task[None] | None = None

    def show(self, chat: int, peer: TLObject, message: int, emoji: str) -> None:
        """React with ``emoji`` ("": with none any more) to ``message`` in ``chat``, some time soon."""
        self._wanted[chat, message] = peer, emoji
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._work())

    async def close(self) -> None:
        """Show nothing more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _work(self) -> None:
        while self._wanted:
            place = next(iter(self._wanted))
            peer, emoji = self._wanted.pop(place)
            if self._clock() < self._resting_until:
                continue
            reaction = [types.ReactionEmoji(emoji)] if emoji else []
            try:
                await self._call.once(
                    functions.messages.SendReactionRequest(peer, place[1], reaction=reaction)
                )
            except rpc.FloodError as error:
                self._resting_until = self._clock() + getattr(error, "seconds", 60)
            except TROUBLE as error:
                log.debug("No reaction: %s", trouble_name(error))
