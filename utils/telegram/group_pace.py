"""A group takes 20 messages a minute of a bot (https://core.telegram.org/bots/faq): it is given no more."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from telethon import utils
from telethon.tl import TLObject, TLRequest, functions, types

from utils.telegram.pauses import Reason
from utils.telegram.waits import Caller, OnWait, Sleep

#: Messages in so many seconds. Each item of an album is one.
MESSAGES, SECONDS = 20, 60.0

_PEOPLE = (types.InputPeerUser, types.InputPeerSelf)


@dataclass
class GroupPace:
    """When messages were sent to one group, or are about to be."""

    clock: Callable[[], float] = time.monotonic
    _sent: deque[float] = field(default_factory=deque)

    def take(self, count: int) -> float:
        """Take the next ``count`` messages; returns the seconds until they may go."""
        now = self.clock()
        while self._sent and self._sent[0] <= now - SECONDS:
            self._sent.popleft()
        # Of those before, so many may still be too young when these go.
        room = max(0, MESSAGES - count)
        # And nobody overtakes.
        at = max([now, *list(self._sent)[-1:]])
        if len(self._sent) > room:
            at = max(at, self._sent[len(self._sent) - room - 1] + SECONDS)
        self._sent.extend([at] * count)
        return at - now


#: By the number of the group.
Paces = dict[int, GroupPace]


class PacedCaller:
    """Calls requests as ``call`` does; what makes messages in a group waits for its pace, and says so.

    ``paces`` are those of all groups, whoever sends there.
    """

    def __init__(self, call: Caller, paces: Paces, on_wait: OnWait, sleep: Sleep = asyncio.sleep) -> None:
        self._call, self._paces, self._on_wait, self._sleep = call, paces, on_wait, sleep

    async def __call__(self, request: TLRequest) -> TLObject:
        """Telegram's answer to ``request``."""
        if (count := messages_made(request)) and not isinstance(request.peer, _PEOPLE):
            pace = self._paces.setdefault(utils.get_peer_id(request.peer), GroupPace())
            if (seconds := pace.take(count)) > 0:
                await self._on_wait(seconds, Reason.GROUP.value)
                await self._sleep(seconds)
        return await self._call(request)


def messages_made(request: TLRequest) -> int:
    """How many messages ``request`` makes."""
    if isinstance(request, functions.messages.SendMultiMediaRequest):
        return len(request.multi_media)
    single = functions.messages.SendMessageRequest, functions.messages.SendMediaRequest
    return int(isinstance(request, single))
