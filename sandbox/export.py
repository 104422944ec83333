"""What an account has in a chat, read from the server's own store."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from telethon.tl import types

from .media import Media, MediaShelf
from .messages import Message, Messages
from .store import Store
from .tl import unpack


@dataclass(frozen=True)
class StoredMessage:
    """One message. `kind` is "text", "photo", "video" or "document" (also a GIF).

    Dates are unix seconds, sizes bytes, `duration` seconds. `path`, `size` and `sha256` are those of the
    bytes that the sender uploaded, also for a photo. `buttons` are the rows of labels.
    """

    id: int
    date: float
    sent_by: int
    kind: str
    text: str
    caption: str
    name: str
    size: int
    mime: str
    width: int | None
    height: int | None
    duration: float | None
    album: str | None
    sha256: str
    path: Path | None
    thumb: Path | None
    reply_to: int | None
    edited: float | None
    supports_streaming: bool
    nosound: bool
    buttons: tuple[tuple[str, ...], ...]
    #: The emoji of reactions, oldest first.
    reactions: tuple[str, ...] = ()
    #: The topic of a forum; None: General, or no forum.
    topic: int | None = None
    #: The bytes of the short film of a live photo.
    live: Path | None = None
    #: The bytes of the photo that covers a video.
    cover: Path | None = None


class Export:
    """Reads chats."""

    def __init__(self, store: Store, messages: Messages, shelf: MediaShelf) -> None:
        self._store = store
        self._messages = messages
        self._shelf = shelf

    def messages(self, account: int, peer: int) -> list[StoredMessage]:
        """All messages of a chat as `account` has them, oldest first. Blocks while it hashes new files."""
        found = self._messages.find("account = ? AND peer = ? ORDER BY id", account, peer)
        return [self._stored(message) for message in found]

    def _stored(self, message: Message) -> StoredMessage:
        media = self._shelf.get(message.media) if message.media is not None else None
        path = self._shelf.path(media.blob) if media is not None else None
        return StoredMessage(
            id=message.id,
            date=message.date,
            sent_by=message.sender,
            kind="text" if media is None else media.kind,
            text=message.text if media is None else "",
            caption="" if media is None else message.text,
            name="" if media is None else media.name,
            size=0 if media is None else media.size,
            mime="" if media is None else media.mime,
            width=None if media is None else media.width,
            height=None if media is None else media.height,
            duration=None if media is None else media.duration,
            album=None if message.album is None else str(message.album),
            sha256="" if media is None else self._sha256(media.blob),
            path=path,
            thumb=self._thumb(media),
            reply_to=message.reply_to,
            edited=message.edited,
            supports_streaming=media is not None and media.streaming,
            nosound=media is not None and media.nosound,
            buttons=_labels(message.markup),
            reactions=self._reactions(message),
            topic=self._messages.thread(message.account, message.id),
            live=self._live(media),
            cover=self._cover(media),
        )

    def _reactions(self, message: Message) -> tuple[str, ...]:
        found = self._messages.reactions(message, message.account)
        return tuple(item.reaction.emoticon for item in found.recent_reactions) if found is not None else ()

    def _live(self, media: Media | None) -> Path | None:
        film = self._shelf.film_of(media) if media is not None else None
        return self._shelf.path(film.blob) if film is not None else None

    def _cover(self, media: Media | None) -> Path | None:
        cover = self._shelf.cover_of(media) if media is not None else None
        return self._shelf.path(cover.blob) if cover is not None else None

    def _thumb(self, media: Media | None) -> Path | None:
        return self._shelf.path(media.sizes[0].blob) if media is not None and media.sizes else None

    def _sha256(self, blob: int) -> str:
        row = self._store.one("SELECT sha256 FROM blobs WHERE id = ?", blob)
        if row is not None and row["sha256"]:
            return str(row["sha256"])
        with self._shelf.path(blob).open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        self._store.run("UPDATE blobs SET sha256 = ? WHERE id = ?", digest, blob)
        return digest


def _labels(markup: bytes) -> tuple[tuple[str, ...], ...]:
    return tuple(
        tuple(button.text for button in row.buttons)
        for keyboard in unpack(markup)
        if isinstance(keyboard, types.ReplyInlineMarkup | types.ReplyKeyboardMarkup)
        for row in keyboard.rows
    )
