"""The owner sees what is done: the page, and the word about what is wrong, while the bot is at work."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Protocol

from utils.errors import guarded
from utils.owner.eyes import Eyes, Where
from utils.owner.watch import Watch
from utils.owner.word import Word


class Account(Protocol):
    """The bot's account at Telegram."""

    async def tell(self, user: int, text: str) -> None:
        """Write to ``user``."""

    async def thumbnail(self, medium: Any) -> bytes:
        """The small JPEG that Telegram has of what we sent."""


@asynccontextmanager
async def looked_on(
    account: Account, eyes: Eyes, watch: Watch, where: Where | None, *, killed: str
) -> AsyncIterator[None]:
    """Inside, the owner is told what is wrong, if one is set, and there is a page at ``where``.

    ``killed`` says how the last run ended, if not by itself. Raises :class:`SettingsError`.
    """
    async with AsyncExitStack() as looking:
        looking.enter_context(watch.listening())
        if owner := eyes.owner:
            word = Word(lambda text: account.tell(owner, text), eyes.look, watch)
            looking.push_async_callback(_begin(word, killed))
        if where is not None:
            # Loaded here: it takes memory that a bot without a page need not have.
            from utils.owner.server import StatusServer

            server = StatusServer(where, eyes.look, watch, eyes.acts, account.thumbnail)
            await looking.enter_async_context(server.running())
        yield


def _begin(word: Word, killed: str) -> Callable[[], Awaitable[None]]:
    """Begin to tell the owner what is wrong; returns what ends that."""
    if killed:
        word.tell("killed", f"♻️ I am back, and go on where I was: {killed}.")
    task = asyncio.create_task(guarded(word.run(), "The owner is told nothing more"))

    async def end() -> None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    return end
