"""Those who may not use the bot: a line in the log, perhaps a sentence, once a day for each."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from utils.telegram.arrivals import Sender
from utils.texts import Text

log = logging.getLogger(__name__)

#: Seconds until somebody is news again, and strangers remembered at most.
DAY, REMEMBERED = 86_400.0, 10_000

#: The id is what the owner says after /users.
STRANGER = Text("I do not know you. Whoever runs me can let you in: your number is {id}.")


class Strangers:
    """``answer``: they are told their id, which the owner needs; else they get silence."""

    def __init__(self, *, answer: bool, clock: Callable[[], float] = time.monotonic) -> None:
        self._answer = answer
        self._clock = clock
        #: When each wrote that was news, the newest last.
        self._seen: dict[int | None, float] = {}

    def came(self, sender: Sender) -> bool:
        """Log that a stranger wrote, or pressed something; returns whether to answer."""
        now = self._clock()
        if now - self._seen.get(sender.id, float("-inf")) < DAY:
            return False
        self._seen.pop(sender.id, None)
        self._seen[sender.id] = now
        if len(self._seen) > REMEMBERED:
            del self._seen[next(iter(self._seen))]
        name = next(iter(sender.usernames), "no username")
        log.warning("🚫 Ignored a message of %s (%s)", sender.id, name)
        return self._answer and sender.id is not None
