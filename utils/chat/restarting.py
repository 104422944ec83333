"""A restart that somebody asked for: obeyed once, and told when it is done."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path

from utils.errors import guarded
from utils.storage.atomic import read_json, write_json

log = logging.getLogger(__name__)

RESTART_FILE = "restart.json"


class Restarting:
    """``restart`` has the bot start again. Which message asked for it is in ``path`` until that is done."""

    def __init__(self, path: Path, restart: Callable[[], None]) -> None:
        """Blocking."""
        self._path = path
        self._restart = restart
        #: Chat and message that asked for the restart by which this process began.
        self.asked = _read(path)

    def is_new(self, chat: int, message: int) -> bool:
        """Whether that message was not obeyed yet: one that came just before the end comes again."""
        return (chat, message) != self.asked

    async def begin(self, chat: int, message: int) -> None:
        """Have the bot start again, as that message asks."""
        note = {"chat": chat, "message": message}
        await guarded(asyncio.to_thread(write_json, self._path, note), "The restart could not be noted")
        log.info("♻️ Starting again, as the owner asked")
        self._restart()

    async def tell(self, tell: Callable[[int, str], Awaitable[None]]) -> None:
        """Whoever asked for the restart by which this process began is told that it is over."""
        if self.asked is not None:
            chat, _ = self.asked
            await tell(chat, "✅ I am back.")
            await asyncio.to_thread(self._path.unlink, missing_ok=True)


def _read(path: Path) -> tuple[int, int] | None:
    try:
        note = read_json(path)
        return int(note["chat"]), int(note["message"])
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        # It is a courtesy.
        return None
