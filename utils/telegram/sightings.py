"""What Telegram tells of our own messages otherwise than in the answer to the request that sent them.

A call may be answered too late to be heard, or not at all; what it made is told to whoever is connected, or
asks for what it missed (https://core.telegram.org/api/updates).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from telethon import events, utils
from telethon.tl import types
from telethon.tl.tlobject import TLObject

from utils.telegram.archive_client import ArchiveBotClient


@dataclass
class Watch:
    """What is looked for: messages by their random_ids, or in ``chat`` by the media in them.

    Both name a place; ``seen`` has the message ids of the places that were told of.
    """

    chat: TLObject
    random_ids: Mapping[int, int]
    media: Mapping[int, int]
    seen: dict[int, int] = field(default_factory=dict)

    def take(self, update: TLObject) -> None:
        """Look at one update."""
        if isinstance(update, types.UpdateMessageID):
            place = self.random_ids.get(update.random_id)
            if place is not None:
                self.seen[place] = update.id
        else:
            self.take_message(update.message)

    def take_message(self, message: TLObject) -> None:
        """Look at one message."""
        if isinstance(message, types.Message) and is_in(message, self.chat):
            place = self.media.get(medium_id(message))
            if place is not None:
                self.seen[place] = message.id


def is_in(message: types.Message, chat: TLObject) -> bool:
    """Whether ``message`` is in ``chat``, which is given as a request takes it."""
    return bool(utils.get_peer_id(message.peer_id) == utils.get_peer_id(chat))


def medium_id(message: types.Message) -> int:
    """Telegram's number for the picture or file in ``message``; 0 when there is none."""
    media = message.media
    if isinstance(media, types.MessageMediaPhoto | types.MessageMediaDocument):
        item = media.photo if isinstance(media, types.MessageMediaPhoto) else media.document
        return int(item.id) if item is not None else 0
    return 0


class Sightings:
    """Hears of our own messages through ``client``, for those who look out for some."""

    def __init__(self, client: ArchiveBotClient) -> None:
        self._watches: list[Watch] = []
        kinds = [types.UpdateMessageID, types.UpdateNewMessage, types.UpdateNewChannelMessage]
        client.add_event_handler(self._on_update, events.Raw(kinds))

    async def _on_update(self, update: TLObject) -> None:
        for watch in self._watches:
            watch.take(update)

    @contextmanager
    def __call__(self, watch: Watch) -> Iterator[None]:
        """What is told meanwhile is in ``watch``."""
        self._watches.append(watch)
        try:
            yield
        finally:
            self._watches.remove(watch)
