"""The one status message of a job: edited every few seconds at the most, never in the way of the work.

Edits count against Telegram's limits, and users report waits of hours after progress edits. So only the
newest words are ever sent, stale ones are dropped, the messages of one chat take turns, and after a refusal
the message rests as long as Telegram asks, while the job goes on.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from telethon import errors as rpc
from telethon.tl.tlobject import TLObject

from utils.errors import BotError

log = logging.getLogger(__name__)

#: Seconds between two edits at least.
EDIT_INTERVAL = 5.0

#: Seconds between the edits of different messages in one chat at least; about so many messages it may get.
CHAT_INTERVAL = 1.0

#: The same in a group, which takes fewer.
GROUP_INTERVAL = 4.0

#: Seconds that what is under way at the end may keep the job waiting.
SETTLE_TIMEOUT = 5.0

#: Seconds until the message is tried again that could not be sent, such as to somebody who blocked the bot.
SEND_REST = 60.0

#: What keeps the message from being shown and must disturb nobody. Lost connections are OSErrors too.
TROUBLE = (rpc.RPCError, OSError, EOFError, BotError)


@dataclass(frozen=True)
class Words:
    """What a message says, with its ``buttons``; ``every`` so many seconds it may say something else."""

    text: str
    buttons: TLObject | None = None
    every: float = field(default=EDIT_INTERVAL, compare=False)


class Pace:
    """The edits of the messages of one chat take turns, ``gap`` seconds apart."""

    def __init__(self, gap: float = CHAT_INTERVAL) -> None:
        self._gap = gap
        self._next = 0.0

    def turn(self) -> float:
        """Take the next one; returns the seconds until it comes."""
        now = asyncio.get_running_loop().time()
        mine = max(now, self._next)
        self._next = mine + self._gap
        return mine - now


class Paces:
    """Those of all chats."""

    def __init__(self) -> None:
        self._known: dict[int, Pace] = {}

    def of(self, chat: int, *, group: bool) -> Pace:
        """That of ``chat``; a group takes 20 messages a minute (https://core.telegram.org/bots/faq)."""
        return self._known.setdefault(chat, Pace(GROUP_INTERVAL if group else CHAT_INTERVAL))


class StatusMessage:
    """Says ``words``, which are asked for every few seconds; None: nothing, for the time being.

    The first ones go through ``send`` (which gives the message's id), later ones through ``edit``.
    ``message`` is the id when an earlier process has sent the first one.
    """

    def __init__(
        self,
        *,
        words: Callable[[], Words | None],
        send: Callable[[Words], Awaitable[int]],
        edit: Callable[[int, Words], Awaitable[object]],
        message: int = 0,
        pace: Pace | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._words = words
        self._send = send
        self._edit = edit
        self._pace = pace or Pace(0.0)
        self._clock = clock
        self._message = message
        self._shown: Words | None = None
        self._resting_until = 0.0
        self._news = asyncio.Event()
        self._hurried = asyncio.Event()
        self._over = False
        self._task: asyncio.Task[None] | None = None
        self._saying: asyncio.Task[None] | None = None

    @property
    def resting(self) -> float:
        """Seconds until Telegram lets us edit it again."""
        return max(0.0, self._resting_until - self._clock())

    def show(self) -> None:
        """Look soon whether there is something new to say. Never waits."""
        self._news.set()
        if self._task is None and not self._over:
            self._task = asyncio.create_task(self._keep_up())

    def hurry(self) -> None:
        """Say at once what is new, whatever was said a moment ago: somebody has pressed a button."""
        self._hurried.set()
        self.show()

    async def settle(self) -> None:
        """Say nothing more; what is being said comes first, if it does not take too long."""
        self._over = True
        if self._saying is not None:
            await asyncio.wait([self._saying], timeout=SETTLE_TIMEOUT)
        await self.close()

    async def close(self) -> None:
        """Stop; the message stays as it is."""
        tasks = [task for task in (self._task, self._saying) if task is not None]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _keep_up(self) -> None:
        while True:
            self._news.clear()
            words = self._words()
            if words is None or words == self._shown:
                self._hurried.clear()
                await self._until_news(words.every if words else EDIT_INTERVAL)
                continue
            await asyncio.sleep(self.resting)
            if self._message:
                await self._pause(self._pace.turn())
            self._hurried.clear()
            self._saying = asyncio.create_task(self._say())
            await asyncio.shield(self._saying)
            await self._pause(words.every)

    async def _pause(self, seconds: float) -> None:
        """Wait so long, unless there is a hurry."""
        try:
            await asyncio.wait_for(self._hurried.wait(), seconds)
        except TimeoutError:
            return

    async def _until_news(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._news.wait(), seconds)
        except TimeoutError:
            return

    async def _say(self) -> None:
        # What was new before it was our turn may be old now.
        words = self._words()
        if words is None or words == self._shown:
            return
        try:
            if self._message:
                await self._edit(self._message, words)
            else:
                self._message = await self._send(words)
        except rpc.FloodError as error:
            self._rest(getattr(error, "seconds", 60))
            return
        except TROUBLE as error:
            log.debug("Status message not shown: %s", type(error).__name__)
            if not self._message:
                self._rest(SEND_REST)
        self._shown = words

    def _rest(self, seconds: float) -> None:
        self._resting_until = self._clock() + seconds
        log.info("Status message rests for %s seconds", seconds)
