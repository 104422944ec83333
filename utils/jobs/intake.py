"""What came in: a message as plain data, and which messages were taken before."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from telethon.tl import types
from telethon.tl.custom import Message
from telethon.tl.tlobject import TLObject

from utils.archives.names import JOINERS, shortened
from utils.errors import JournalBroken
from utils.jobs.codec import BadValue, from_json, to_json
from utils.storage.atomic import set_aside, write_bytes
from utils.storage.journal import Journal, Record, salvage
from utils.telegram.remote_file import place_of
from utils.texts import current

log = logging.getLogger(__name__)

#: Messages remembered at most; older ones are dropped when the program starts.
REMEMBERED = 10_000

#: Bytes at each end of a file that, with its size, make its fingerprint.
FINGERPRINT_BYTES = 65_536


@dataclass(frozen=True)
class Peer:
    """A chat as it can be kept in JSON: ``kind`` is user, chat or channel."""

    kind: str
    id: int
    access_hash: int = 0

    def input(self) -> TLObject:
        """The same for a request."""
        if self.kind == "user":
            return types.InputPeerUser(self.id, self.access_hash)
        if self.kind == "chat":
            return types.InputPeerChat(self.id)
        return types.InputPeerChannel(self.id, self.access_hash)

    @classmethod
    def of(cls, peer: TLObject) -> Peer:
        """From an ``InputPeer…``."""
        if isinstance(peer, types.InputPeerUser):
            return cls("user", peer.user_id, peer.access_hash)
        if isinstance(peer, types.InputPeerChat):
            return cls("chat", peer.chat_id)
        return cls("channel", peer.channel_id, peer.access_hash)


@dataclass(frozen=True)
class Reply:
    """What our messages answer: a ``message`` (0: none), in a ``topic`` of a forum (0: none, or General)."""

    message: int = 0
    topic: int = 0

    def to_nobody(self) -> Reply:
        """In the same topic, but to no message: that one was deleted."""
        return Reply(0, self.topic)

    def input(self) -> types.InputReplyToMessage | None:
        """The same for a request. Without its topic a message would land in General.

        https://core.telegram.org/constructor/inputReplyToMessage
        """
        if not self.message and not self.topic:
            return None
        return types.InputReplyToMessage(self.message or self.topic, top_msg_id=self.topic or None)


@dataclass(frozen=True)
class Incoming:
    """One message with a file: where it is, and what Telegram says of the file (sizes in bytes).

    ``topic`` is that of a forum in which it stands, 0: General, or no forum; ``language`` is the code of the
    one in which it is answered, "": English.
    """

    peer: Peer
    chat: int
    message: int
    name: str
    size: int
    document: int
    caption: str
    sender: int = 0
    dc: int = 0
    album: int = 0
    topic: int = 0
    language: str = ""

    @property
    def job(self) -> str:
        """The job's id: the same message never becomes two jobs."""
        return f"{self.chat}_{self.message}"

    @property
    def reply(self) -> Reply:
        """What answers it."""
        return Reply(self.message, self.topic)


def incoming(message: Message, chat: TLObject) -> Incoming | None:
    """``message`` as data, or None when it holds no file that could be an archive, picture or video.

    ``chat`` is where it came in, as a request takes it. It is answered in the language that is spoken.
    """
    # Telethon's shortcuts also give what the preview of a link shows; that is no file of the message.
    media = message.document or message.photo
    if place_of(message) is None or message.sticker or message.voice:
        return None
    return Incoming(
        peer=Peer.of(chat),
        chat=message.chat_id,
        message=message.id,
        name=file_name(message),
        size=message.file.size or 0,
        document=media.id,
        caption=message.message or "",
        sender=message.sender_id or 0,
        dc=media.dc_id,
        album=message.grouped_id or 0,
        topic=topic_of(message),
        language=current().code,
    )


def topic_of(message: Message) -> int:
    """The topic of a forum in which ``message`` stands; 0: in General, or in no forum."""
    answered = message.reply_to
    if not isinstance(answered, types.MessageReplyHeader) or not answered.forum_topic:
        return 0
    return answered.reply_to_top_id or answered.reply_to_msg_id or 0


def file_name(message: Message) -> str:
    """The file's name as its sender gave it, in one line; one of ours where it has none."""
    given = "".join(c for c in message.file.name or "" if c.isprintable() or c in JOINERS).strip()
    if given.strip(JOINERS):
        return shortened(given)
    return f"{'photo' if message.photo else 'file'}_{message.id}{message.file.ext or ''}"


class AlbumCaptions:
    """Gives the caption of an album to all files in it: Telegram puts it under one, mostly the first.

    Only the newest album of each chat is known.
    """

    def __init__(self) -> None:
        self._newest: dict[int, Incoming] = {}

    def complete(self, item: Incoming) -> Incoming:
        """``item`` with the caption that it came under."""
        if not item.album:
            return item
        if item.caption:
            self._newest[item.chat] = item
            return item
        newest = self._newest.get(item.chat)
        return replace(item, caption=newest.caption) if newest and newest.album == item.album else item


class Readable(Protocol):
    """A file that can be read in pieces."""

    size: int

    async def read(self, offset: int, size: int) -> bytes: ...


async def fingerprint(source: Readable) -> str:
    """A hash of size, beginning and end: tells the same file sent again, at the cost of two small reads."""
    size = min(FINGERPRINT_BYTES, source.size)
    head, tail = await asyncio.gather(source.read(0, size), source.read(source.size - size, size))
    return hashlib.sha256(b"%d:" % source.size + head + tail).hexdigest()


@dataclass(frozen=True)
class Taken:
    """A line of ``intake.jsonl``: the message of this job was taken in at ``date`` (Unix time).

    Written once it is in its job's journal. After a crash before that, the next start writes it.
    """

    job: str
    date: float


@dataclass(frozen=True)
class Delivered(Taken):
    """The other line there: that file was delivered to ``chat``; ``print`` is its fingerprint.

    ``skipped`` counts the files in it that could not be sent.

    Written before the summary. After a crash before that, the next process writes it; twice does no harm.
    """

    chat: int
    document: int
    print: str
    name: str
    skipped: int = 0


class Seen:
    """Messages that were taken and files that were delivered, in ``intake.jsonl``."""

    def __init__(self, path: Path, quarantine: Path | None = None) -> None:
        self._journal = Journal(path)
        self._quarantine = quarantine or path.parent / "quarantine"
        self._jobs: set[str] = set()
        self._documents: dict[tuple[int, int], Delivered] = {}
        self._prints: dict[tuple[int, str], Delivered] = {}

    def open(self) -> None:
        """Read the file, and shorten it when it has grown long. Blocking.

        One that is damaged is set aside; what can be read of it is kept.
        """
        try:
            records = self._journal.open()
        except (JournalBroken, IsADirectoryError) as error:
            records = self._set_aside(getattr(error, "told", "It is a folder."))
        if len(records) > 2 * REMEMBERED:
            records = records[-REMEMBERED:]
            self._replace(records)
        for record in records:
            try:
                self._take(from_json(Delivered if "print" in record else Taken, record))
            except BadValue as error:
                log.warning("⚠️ A line of %s cannot be used: %s", self._journal.path.name, error)

    def _set_aside(self, reason: str) -> list[Record]:
        path = self._journal.path
        records = salvage(path.read_bytes()) if path.is_file() else []
        kept = set_aside(path, self._quarantine, reason)
        log.error("⚠️ State file set aside: %s (%s); it is kept as %s", path.name, reason, kept)
        self._replace(records)
        return records

    def _replace(self, records: Sequence[Record]) -> None:
        write_bytes(self._journal.path, b"".join(json.dumps(r).encode() + b"\n" for r in records))

    def has(self, job: str) -> bool:
        """Whether this message was taken before."""
        return job in self._jobs

    async def add(self, item: Incoming) -> None:
        """Remember that the message was taken."""
        await self._write(Taken(item.job, time.time()))

    async def add_delivered(self, item: Incoming, content: str, skipped: int = 0) -> None:
        """Remember that the file was delivered, but for so many in it; ``content`` is its fingerprint."""
        line = Delivered(item.job, time.time(), item.chat, item.document, content, item.name, skipped)
        await self._write(line)

    def delivered_before(self, item: Incoming, content: str = "") -> Delivered | None:
        """The same file delivered to this chat before, by Telegram's id or by its fingerprint."""
        return self._documents.get((item.chat, item.document)) or self._prints.get((item.chat, content))

    async def _write(self, line: Taken) -> None:
        await self._journal.append(to_json(line))
        self._take(line)

    def _take(self, line: Taken) -> None:
        self._jobs.add(line.job)
        if isinstance(line, Delivered):
            self._documents[line.chat, line.document] = line
            self._prints[line.chat, line.print] = line
