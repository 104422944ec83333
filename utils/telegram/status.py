"""The one status message of a job: edited every few seconds at the most, never in the way of the work.

Edits count against Telegram's limits, and users report waits of hours after progress edits. So only the
newest text is ever sent, stale ones are dropped, and after a refusal the message rests as long as Telegram
asks, while the job goes on.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from telethon import errors as rpc

from utils.errors import BotError

log = logging.getLogger(__name__)

#: Seconds between two edits at least.
EDIT_INTERVAL = 5.0

#: Seconds that the last edit, and what is under way before it, may keep the job waiting.
LAST_EDIT_TIMEOUT = 5.0

#: Seconds until the message is tried again that could not be sent, such as to somebody who blocked the bot.
SEND_REST = 60.0

#: What keeps the message from being shown and must disturb nobody. Lost connections are OSErrors too.
TROUBLE = (rpc.RPCError, OSError, EOFError, BotError)


class StatusMessage:
    """Sends the first text with ``send`` (which gives the message's id) and later ones with ``edit``.

    ``message`` is the id when an earlier process has sent the first one.
    """

    def __init__(
        self,
        *,
        send: Callable[[str], Awaitable[int]],
        edit: Callable[[int, str], Awaitable[object]],
        message: int = 0,
        interval: float = EDIT_INTERVAL,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._send = send
        self._edit = edit
        self._interval = interval
        self._clock = clock
        self._message = message
        self._wanted = self._shown = ""
        self._resting_until = 0.0
        self._task: asyncio.Task[None] | None = None
        self._saying: asyncio.Task[None] | None = None

    @property
    def busy(self) -> bool:
        """Whether the message does not say yet what it should."""
        return self._task is not None and not self._task.done()

    def show(self, text: str) -> None:
        """Have the message say ``text`` soon, unless something newer comes first."""
        self._wanted = text
        if not self.busy:
            self._task = asyncio.create_task(self._keep_up())

    async def end(self, text: str) -> None:
        """Have the message, if there is one, say ``text`` now.

        If Telegram does not let us, it will when its rest is over: :attr:`busy` until then.
        """
        if self._saying is not None:
            # It may be the message itself, which would come last and never be corrected.
            await asyncio.wait([self._saying], timeout=LAST_EDIT_TIMEOUT)
        await self.close()
        self._wanted = text
        if not self._message:
            return
        try:
            await asyncio.wait_for(self._say(), LAST_EDIT_TIMEOUT)
        except TimeoutError:
            log.debug("The last edit of a status message took too long")
        if self._shown != text:
            self._task = asyncio.create_task(self._keep_up())

    async def close(self) -> None:
        """Stop; the message stays as it is."""
        tasks = [task for task in (self._task, self._saying) if task is not None]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _keep_up(self) -> None:
        while self._wanted != self._shown:
            await asyncio.sleep(max(0.0, self._resting_until - self._clock()))
            self._saying = asyncio.create_task(self._say())
            await asyncio.shield(self._saying)
            await asyncio.sleep(self._interval)

    async def _say(self) -> None:
        text = self._wanted
        if text == self._shown or self._clock() < self._resting_until:
            return
        try:
            if self._message:
                await self._edit(self._message, text)
            else:
                self._message = await self._send(text)
        except rpc.FloodError as error:
            self._rest(getattr(error, "seconds", 60))
            return
        except TROUBLE as error:
            log.debug("Status message not shown: %s", type(error).__name__)
            if not self._message:
                self._rest(SEND_REST)
        self._shown = text

    def _rest(self, seconds: float) -> None:
        self._resting_until = self._clock() + seconds
        log.info("Status message rests for %s seconds", seconds)
