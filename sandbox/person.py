"""A scripted person: logs in as people do, sends, reads, presses buttons, and remembers what arrived."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from telethon import TelegramClient, events
from telethon.errors import SessionPasswordNeededError
from telethon.tl import TLObject
from telethon.tl.custom import Message

#: Gives the log-in code once it was sent.
Code = Callable[[], str | Awaitable[str]]


class Person:
    """A person's client. Use as an async context manager, or call start() and stop()."""

    def __init__(self, client: TelegramClient, phone: str, code: Code, password: str | None = None) -> None:
        self.client = client
        self._phone = phone
        self._code = code
        self._password = password
        #: What arrived, by the number of the message, in its newest state.
        self.received: dict[int, Message] = {}
        self._changed = asyncio.Condition()

    async def start(self) -> None:
        """Connects, logs in where needed, and listens from then on."""
        self.client.add_event_handler(self._keep, events.NewMessage(incoming=True))
        self.client.add_event_handler(self._keep, events.MessageEdited(incoming=True))
        await self.client.connect()
        if not await self.client.is_user_authorized():
            await self._log_in()

    async def _log_in(self) -> None:
        await self.client.send_code_request(self._phone)
        code = self._code()
        try:
            await self.client.sign_in(self._phone, code if isinstance(code, str) else await code)
        except SessionPasswordNeededError:
            await self.client.sign_in(password=self._password)

    async def stop(self) -> None:
        await self.client.disconnect()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def _keep(self, event: events.NewMessage.Event) -> None:
        if not event.is_private:
            return  # the posts of a channel are counted by themselves
        async with self._changed:
            self.received[event.message.id] = event.message
            self._changed.notify_all()

    async def say(self, peer: str | int, text: str) -> Message:
        """Sends a text."""
        return await self.client.send_message(peer, text)

    async def send_file(self, peer: str | int | TLObject, path: Path, caption: str = "") -> Message:
        """Sends a file as it is (a document), by Telethon's own way."""
        return await self.client.send_file(peer, path, caption=caption, force_document=True)

    async def wait_for(self, wanted: Callable[[Message], bool], seconds: float = 120.0) -> Message:
        """The first message that arrived, or arrives, of which `wanted` is true. Raises TimeoutError."""

        def found() -> Message | None:
            return next((self.received[n] for n in sorted(self.received) if wanted(self.received[n])), None)

        async with asyncio.timeout(seconds), self._changed:
            await self._changed.wait_for(lambda: found() is not None)
            return found()

    async def wait_for_text(self, words: str, seconds: float = 120.0) -> Message:
        """The first message with these words in its text or caption."""
        return await self.wait_for(lambda message: words in (message.raw_text or ""), seconds)

    async def press(self, message: Message, label: str) -> str | None:
        """Presses the inline button of that label; returns the notice that the bot answered with, if any."""
        fresh = await self.client.get_messages(message.chat_id, ids=message.id)
        answer = await fresh.click(text=label)
        return answer.message if answer is not None else None

    async def history(self, peer: str | int) -> list[Message]:
        """The whole chat, oldest first."""
        # Backwards, as it is paged: forwards, Telethon waits a second for a page that is empty.
        newest_first = [message async for message in self.client.iter_messages(peer)]
        return newest_first[::-1]
