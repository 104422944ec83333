"""What Telegram hands out: messages and presses of buttons, as plain as the rest needs them.

A message counts as taken in when its handler returned; only then is the place among the updates kept, so
that after a kill it comes again.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import Protocol

from telethon import events
from telethon.tl import types
from telethon.tl.custom import Message
from telethon.tl.tlobject import TLObject

from utils.errors import guarded
from utils.telegram.archive_client import ArchiveBotClient

log = logging.getLogger(__name__)

#: Seconds between a message and the note that it need not come again; several share one.
PLACE_PAUSE = 0.5


@dataclass(frozen=True)
class Sender:
    """Who wrote or pressed something: id (None for an anonymous post) and usernames, the main one first.

    ``language`` is the code of that in which Telegram speaks with them; bots are told ("": not known).
    """

    id: int | None
    usernames: tuple[str, ...] = ()
    language: str = ""


@dataclass(frozen=True)
class Arrival:
    """A message that came in, and the chat that it came in as a request takes it."""

    message: Message
    chat: TLObject
    sender: Sender


@dataclass(frozen=True)
class Press:
    """A button that somebody says to have pressed: the id to answer, where it is, and what it carries.

    Where it is no message of a chat, ``message`` is 0.
    """

    id: int
    chat_id: int
    chat: TLObject
    message: int
    sender: Sender
    data: bytes


class Receives(Protocol):
    """Who deals with what came."""

    async def receive(self, arrival: Arrival) -> None: ...

    async def edited(self, arrival: Arrival) -> None: ...

    async def press(self, press: Press) -> None: ...


class Arrivals:
    """Hands out messages and presses of buttons, from :meth:`open` on.

    To be made before the log-in: Telegram tells what came while the bot was away as soon as it is connected.
    """

    def __init__(self, client: ArchiveBotClient) -> None:
        self._client = client
        self._receiver: asyncio.Future[Receives] = asyncio.get_running_loop().create_future()
        self._took = asyncio.Event()
        client.add_event_handler(self._on_message, events.NewMessage(incoming=True))
        client.add_event_handler(self._on_edit, events.MessageEdited(incoming=True))
        client.add_event_handler(self._on_button, events.CallbackQuery())

    def open(self, receiver: Receives) -> None:
        """From now on what comes, and what has come, goes to ``receiver``."""
        self._receiver.set_result(receiver)

    async def keep_place(self) -> None:
        """Until cancelled: soon after each message, note that what was taken in need not come again."""
        while True:
            await guarded(self._client.keep_place(), "The place among the updates could not be kept")
            await self._took.wait()
            self._took.clear()
            await asyncio.sleep(PLACE_PAUSE)

    async def _on_message(self, event: events.NewMessage.Event) -> None:
        self._client.taking_in += 1
        # Cancelled, it was not taken in: the message must come again when the bot is started again.
        await guarded(self._take(event), "A message could not be handled")
        self._client.taking_in -= 1
        self._took.set()

    async def _take(self, event: events.NewMessage.Event) -> None:
        receiver = await asyncio.shield(self._receiver)
        await receiver.receive(await _arrival(event))

    async def _on_edit(self, event: events.MessageEdited.Event) -> None:
        await guarded(self._edited(event), "An edited message could not be handled")

    async def _edited(self, event: events.MessageEdited.Event) -> None:
        receiver = await asyncio.shield(self._receiver)
        await receiver.edited(await _arrival(event))

    async def _on_button(self, event: events.CallbackQuery.Event) -> None:
        await guarded(self._press(event), "The press of a button could not be handled")

    async def _press(self, event: events.CallbackQuery.Event) -> None:
        receiver = await asyncio.shield(self._receiver)
        here = isinstance(event.query, types.UpdateBotCallbackQuery)
        press = Press(
            id=event.query.query_id,
            chat_id=event.chat_id if here else 0,
            chat=await event.get_input_chat() if here else None,
            message=event.query.msg_id if here else 0,
            sender=await _sender(event),
            # That of a game has none.
            data=event.query.data or b"",
        )
        await receiver.press(press)


async def _arrival(event: events.NewMessage.Event) -> Arrival:
    message = event.message
    return Arrival(message, await message.get_input_chat(), await _sender(message))


async def _sender(sent: Message | events.CallbackQuery.Event) -> Sender:
    sender = await sent.get_sender()
    names = [getattr(sender, "username", None)]
    names += [name.username for name in getattr(sender, "usernames", None) or ()]
    language = getattr(sender, "lang_code", None) or ""
    return Sender(sent.sender_id, tuple(name for name in names if name), language)
