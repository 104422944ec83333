"""The owner sees what is done: the page, and the word about what is wrong, while the bot is at work."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from utils.errors import guarded
from utils.owner.eyes import Eyes, Where
from utils.owner.history import History
from utils.owner.watch import Watch
from utils.owner.word import Word
from utils.storage.lock import LOGGED_OUT
from utils.texts import Text, said, speaking


class Account(Protocol):
    """The bot's account at Telegram."""

    async def tell(self, user: int, text: str) -> None:
        """Write to ``user``."""

    async def language_of(self, user: int) -> str:
        """The code of the language in which Telegram speaks with ``user``, or ""."""

    async def thumbnail(self, medium: Any) -> bytes:
        """The small JPEG that Telegram has of what we sent."""


@dataclass(frozen=True)
class Start:
    """How this start came about: how the last run ended, if not by itself, and which program that was, and
    which this is, if it is another one.
    """

    killed: str = ""
    was: str = ""
    now: str = ""


@asynccontextmanager
async def looked_on(
    account: Account,
    eyes: Eyes,
    watch: Watch,
    where: Where | None,
    *,
    start: Start,
    language: Callable[[int, str], str],
) -> AsyncIterator[None]:
    """Inside, the owner is told what is wrong, if one is set, and there is a page at ``where``.

    ``watch`` hears the log. ``language`` is the one that is spoken with somebody with whom Telegram speaks
    another. Raises :class:`SettingsError`.
    """

    async def send(text: Text) -> None:
        with speaking(language(eyes.owner, await account.language_of(eyes.owner))):
            await account.tell(eyes.owner, said(text))

    async with AsyncExitStack() as looking:
        word = Word(send if eyes.owner else None, eyes.look, watch)
        tell_how(word, start)
        looking.push_async_callback(_begin(word))
        if where is not None:
            # Loaded here: it takes memory that a bot without a page need not have.
            from utils.owner.server import StatusServer

            history = await asyncio.to_thread(History.kept_in, *eyes.history)
            server = StatusServer(where, eyes.look, watch, eyes.acts, account.thumbnail, history)
            await looking.enter_async_context(server.running())
        yield


def tell_how(word: Word, start: Start) -> None:
    """Tell how the bot came to be started, if that is worth a word."""
    if start.killed:
        thing = "log_in" if start.killed == LOGGED_OUT else "killed"
        word.alert(thing, Text("♻️ I am back, and go on where I was: {why}.", why=start.killed))
    if start.was:
        now, was = start.now, start.was
        word.tell("upgraded", Text("⬆️ I am another version now: {now}. I was {was}.", now=now, was=was))


def _begin(word: Word) -> Callable[[], Awaitable[None]]:
    """Begin to tell the owner what is wrong; returns what ends that."""
    task = asyncio.create_task(guarded(word.run(), "The owner is told nothing more"))

    async def end() -> None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    return end
