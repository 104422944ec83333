"""Trouble that concerns the whole account, said once when it begins and once when it is over.

Everything that meets it says so and goes on trying; only the first of them, and the end of the last, is a
line in the log. So an hour without a network is two lines, however often, and by how many, it was tried.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from telethon import errors

from utils.errors import seconds_words
from utils.telegram.pauses import Reason, error_name

log = logging.getLogger(__name__)

#: Seconds without trouble after which it counts as over; no less than a connection must last (``BRIEF``).
CALM = 5.0

_BEGINS = {
    Reason.CONNECTION: "🔌 Telegram cannot be reached (%s); trying until it can",
    Reason.SERVER: "🔌 Telegram has trouble of its own (%s); trying until it is over",
}
_OVER = {
    Reason.CONNECTION: "✅ Telegram can be reached again, after %s",
    Reason.SERVER: "✅ Telegram's own trouble is over, after %s",
}


class Outage:
    """Who is in which trouble; ``on_over`` is called when nobody is any more."""

    def __init__(self, *, on_over: Callable[[], None] = lambda: None) -> None:
        self._on_over = on_over
        self._troubled: dict[Reason, set[object]] = {reason: set() for reason in _BEGINS}
        self._since: dict[Reason, float] = {}
        self._calm: dict[Reason, asyncio.TimerHandle] = {}
        self._answered = float("-inf")
        #: The last cause, in a few words.
        self.why = ""

    def begins(self, reason: Reason, who: object, why: BaseException | str) -> None:
        """``who`` meets trouble, or still has it. A pause that is asked of one request is no such trouble."""
        if reason not in self._troubled:
            return
        self._troubled[reason].add(who)
        self.why = why if isinstance(why, str) else cause(why)
        calm = self._calm.pop(reason, None)
        if calm is not None:
            calm.cancel()
        if reason not in self._since:
            self._since[reason] = time.monotonic()
            log.warning(_BEGINS[reason], self.why)

    def over(self, who: object) -> None:
        """``who`` has no trouble any more, if it had any."""
        for reason, troubled in self._troubled.items():
            troubled.discard(who)
            if not troubled and reason in self._since and reason not in self._calm:
                loop = asyncio.get_running_loop()
                self._calm[reason] = loop.call_later(CALM, self._say_over, reason, time.monotonic())

    @property
    def lasting(self) -> str:
        """The cause of the trouble that there is, "" without any."""
        return self.why if self._since else ""

    def answered(self) -> None:
        """Telegram did what it was asked for."""
        self._answered = time.monotonic()

    def answered_since(self, moment: float) -> bool:
        """Whether Telegram did anything that it was asked for since then (time.monotonic())."""
        return self._answered > moment

    def _say_over(self, reason: Reason, ended: float) -> None:
        del self._calm[reason]
        log.info(_OVER[reason], _words(ended - self._since.pop(reason)))
        self._on_over()


def cause(error: BaseException) -> str:
    """What went wrong, in a few words."""
    if isinstance(error, errors.RPCError):
        return error_name(error)
    if isinstance(error, TimeoutError):
        return str(error) or "no answer"
    if isinstance(error, EOFError):
        return "the connection ended"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _words(seconds: float) -> str:
    return seconds_words(seconds) if seconds < 120 else f"{seconds / 60:.0f} minutes"
