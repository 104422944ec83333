"""Messages as they are kept: each side of a private chat has its own copy under its own number.

A channel has one copy for all, as an account of its own that is in a chat with itself.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from telethon.tl import TLObject, types

from .accounts import Account, Accounts
from .basic import Copies
from .media import MediaShelf
from .reacted import reactions_to
from .store import Store
from .tl import pack, unpack
from .updates import Event, Updates


@dataclass(frozen=True)
class Draft:
    """A message about to be sent."""

    text: str
    random_id: int
    entities: bytes = b""
    media: int | None = None
    markup: bytes = b""
    album: int | None = None
    reply_to: int | None = None
    forwarded: bytes = b""
    #: The topic of a forum that it goes to.
    top: int | None = None


@dataclass(frozen=True)
class Message:
    """One account's copy of a message. `twin` is the number of the other side's copy (0: none)."""

    account: int
    id: int
    peer: int
    sender: int
    twin: int
    date: float
    edited: float | None
    text: str
    entities: bytes
    media: int | None
    markup: bytes
    album: int | None
    reply_to: int | None
    forwarded: bytes
    pts: int
    deleted: bool

    @property
    def post(self) -> bool:
        """Whether it stands in a channel or supergroup."""
        return self.account == self.peer and self.sender != self.account


COLUMNS: Final = ", ".join(Message.__dataclass_fields__)


class Messages:
    """Sending, editing and deleting in the store, and how a message looks to its owner."""

    def __init__(self, store: Store, accounts: Accounts, shelf: MediaShelf, updates: Updates) -> None:
        self._store = store
        self._accounts = accounts
        self._shelf = shelf
        self._updates = updates
        self.copies = Copies(store, accounts)
        updates.render = self.render

    # -- finding

    def get(self, account: int, number: int) -> Message | None:
        """That account's message of that number, unless deleted."""
        found = self._get(account, number)
        return None if found is None or found.deleted else found

    def _get(self, account: int, number: int) -> Message | None:
        row = self._store.one(f"SELECT {COLUMNS} FROM messages WHERE account = ? AND id = ?", account, number)
        return message_of(row) if row is not None else None

    def find(self, where: str, *values: object) -> list[Message]:
        """Messages that are not deleted, newest first unless `where` orders otherwise."""
        query = f"SELECT {COLUMNS} FROM messages WHERE NOT deleted AND {where}"
        return [message_of(row) for row in self._store.all(query, *values)]

    def has_written(self, account: int, peer: int) -> bool:
        """Whether `account` ever sent anything to `peer` (deleted or not): a bot needs that to write."""
        query = "SELECT 1 FROM messages WHERE account = ? AND peer = ? AND sender = ? LIMIT 1"
        return self._store.one(query, account, peer, account) is not None

    def sent_before(self, sender: Account, peer: Account, random_id: int) -> Message | None:
        """The message that this random_id made toward that peer, ever."""
        row = self._store.one(
            "SELECT message FROM sent WHERE account = ? AND peer = ? AND random_id = ?",
            sender.id,
            peer.id,
            random_id,
        )
        return self._get(owner(sender, peer), row["message"]) if row is not None else None

    # -- changing

    def send(
        self, sender: Account, peer: Account, drafts: Sequence[Draft]
    ) -> tuple[list[Message], list[Event]]:
        """Keeps all drafts for all sides, at once. Returns the sender's copies and what to announce."""
        mine: list[int] = []
        events: list[Event] = []
        with self._store.transaction() as db:
            for draft in drafts:
                sides = self.copies.owners(sender, peer)
                numbers = [_next_number(db, side) for side in sides]
                if peer.chat:
                    self.copies.note(db, list(zip(sides, numbers, strict=True)))
                for side, number in zip(sides, numbers, strict=True):
                    other = peer.id if peer.chat or side == sides[0] else sender.id
                    twin = 0 if peer.chat else sum(numbers) - number
                    event = self._updates.append(db, side, "new", other, (number,))
                    reply = (
                        draft.reply_to
                        if side == sides[0]
                        else self._known_as(sender.id, draft.reply_to, side)
                    )
                    _insert(db, draft, side, number, other, sender.id, twin, reply, event.pts)
                    if draft.top is not None:
                        db.execute("INSERT INTO threads VALUES (?, ?, ?)", (side, number, draft.top))
                    events.append(event)
                db.execute(
                    "INSERT INTO sent VALUES (?, ?, ?, ?)", (sender.id, peer.id, draft.random_id, numbers[0])
                )
                mine.append(numbers[0])
        kept = [self._get(sides[0], number) for number in mine]
        return [message for message in kept if message is not None], events

    def _known_as(self, account: int, number: int | None, other: int) -> int | None:
        """The number that `other` knows that account's message by."""
        message = self._get(account, number) if number is not None else None
        return (self.copies.at(account, number, other) or message.twin or None) if message else None

    def edit(
        self, message: Message, *, text: str, entities: bytes, markup: bytes, media: int | None
    ) -> list[Event]:
        """Changes all copies. Returns what to announce, the editor's own event first."""
        with self._store.transaction() as db:
            events = []
            for account, number, peer in self.copies.sides(message):
                db.execute(
                    "UPDATE messages SET text = ?, entities = ?, markup = ?, media = ?, edited = ?"
                    " WHERE account = ? AND id = ?",
                    (text, entities, markup, media, time.time(), account, number),
                )
                events.append(self._updates.append(db, account, "edit", peer, (number,)))
        return events

    def delete(self, account: int, messages: Sequence[Message], *, both: bool) -> list[Event]:
        """Deletes own copies and, if `both`, the other side's. Returns what to announce, own events first."""
        gone: dict[tuple[int, int], list[int]] = {}
        for message in messages:
            for side, number, peer in self.copies.sides(message)[: None if both else 1]:
                gone.setdefault((side, peer if side != account else 0), []).append(number)
        events = []
        with self._store.transaction() as db:
            for (side, peer), numbers in gone.items():
                marks = ",".join("?" * len(numbers))
                db.execute(
                    f"UPDATE messages SET deleted = 1 WHERE account = ? AND id IN ({marks})", (side, *numbers)
                )
                ids = tuple(numbers)
                events.append(self._updates.append(db, side, "delete", peer, ids, len(numbers)))
        return events

    def read(self, account: int, peer: int, up_to: int) -> list[Event]:
        """Marks what `peer` wrote as read up to that number of ours; tells both sides."""
        last = self.find(
            "account = ? AND peer = ? AND sender = ? AND id <= ? ORDER BY id DESC LIMIT 1",
            account,
            peer,
            peer,
            up_to or 2**31 - 1,
        )
        if not last or self.marks(account, peer)[0] >= last[0].id:
            return []
        with self._store.transaction() as db:
            _mark(db, account, peer, "inbox", last[0].id)
            events = [self._updates.append(db, account, "inbox", peer, (last[0].id,))]
            if last[0].twin:
                _mark(db, peer, account, "outbox", last[0].twin)
                events.append(self._updates.append(db, peer, "outbox", account, (last[0].twin,)))
        return events

    def marks(self, account: int, peer: int) -> tuple[int, int]:
        """Read up to: the peer's messages by us, ours by the peer."""
        row = self._store.one("SELECT inbox, outbox FROM marks WHERE account = ? AND peer = ?", account, peer)
        return (row["inbox"], row["outbox"]) if row is not None else (0, 0)

    # -- showing

    def shown(self, message: Message, viewer: Account) -> TLObject:
        """As that account's client sees it."""
        if message.deleted:
            return types.MessageEmpty(id=message.id, peer_id=None)
        if (title := self._topic_made_by(message)) is not None:
            action = types.MessageActionTopicCreate(title, 0x6FB9F0)
            return types.MessageService(
                id=message.id,
                peer_id=types.PeerChannel(message.peer),
                from_id=types.PeerUser(message.sender),
                date=int(message.date),
                action=action,
            )
        media = self._shelf.get(message.media) if message.media is not None else None
        out = message.sender == viewer.id
        basic = self.copies.is_basic(message.peer)
        group = basic or (message.post and self._accounts.is_group(message.peer))
        return types.Message(
            id=message.id,
            peer_id=self.copies.peer(message),
            from_id=types.PeerUser(message.sender) if group or (out and not message.post) else None,
            date=int(message.date),
            message=message.text,
            out=out,
            post=message.post and not group,
            entities=unpack(message.entities) or None,
            media=self._shelf.shown(media) if media is not None else None,
            reply_markup=next(iter(unpack(message.markup)), None),
            reply_to=self._reply_header(message),
            reactions=self.reactions(message, viewer.id),
            fwd_from=next(iter(unpack(message.forwarded)), None),
            grouped_id=message.album,
            edit_date=int(message.edited) if message.edited is not None else None,
        )

    def reactions(self, message: Message, viewer: int) -> types.MessageReactions | None:
        """What was reacted to a message, and by whom, as that account sees it."""
        return reactions_to(self._store, message.account, message.id, viewer)

    def thread(self, account: int, number: int) -> int | None:
        """The topic in which a message of a forum stands; None: General."""
        row = self._store.one("SELECT top FROM threads WHERE account = ? AND id = ?", account, number)
        return int(row["top"]) if row is not None else None

    def _topic_made_by(self, message: Message) -> str | None:
        """The title of the topic that a service message made."""
        row = self._store.one(
            "SELECT title FROM topics WHERE channel = ? AND id = ?", message.account, message.id
        )
        return str(row["title"]) if row is not None else None

    def _reply_header(self, message: Message) -> types.MessageReplyHeader | None:
        """https://core.telegram.org/api/forum: in a topic, what answers nothing answers the topic itself."""
        top = self.thread(message.account, message.id)
        if top is None:
            return types.MessageReplyHeader(reply_to_msg_id=message.reply_to) if message.reply_to else None
        return types.MessageReplyHeader(
            forum_topic=True,
            reply_to_msg_id=message.reply_to or top,
            reply_to_top_id=top if message.reply_to not in (None, top) else None,
        )

    def render(self, account: Account, event: Event) -> tuple[TLObject | None, set[int]]:
        """The client's update for an event, and whom it speaks of."""
        number, about = event.ids[-1], {event.peer} - {0}
        if event.kind == "delete" and event.account != account.id:
            ids, about = list(event.ids), {event.account}
            return types.UpdateDeleteChannelMessages(event.account, ids, event.pts, event.count), about
        if event.kind == "delete":
            return types.UpdateDeleteMessages(list(event.ids), event.pts, event.count), about
        if event.kind == "inbox":
            peer = types.PeerUser(event.peer)
            return types.UpdateReadHistoryInbox(peer, number, 0, event.pts, event.count), about
        if event.kind == "outbox":
            peer = types.PeerUser(event.peer)
            return types.UpdateReadHistoryOutbox(peer, number, event.pts, event.count), about
        message = self.get(event.account, number)
        if message is None:
            return None, about
        if self.copies.is_basic(message.peer) or (message.post and self._accounts.is_group(message.peer)):
            about |= {message.sender}
        return self.update(message, account, event.kind == "new", event.pts), about

    def update(self, message: Message, viewer: Account, new: bool, pts: int) -> TLObject:
        """What tells `viewer` of a message that is new, or was edited."""
        kinds = (types.UpdateEditMessage, types.UpdateNewMessage)
        if message.post:
            kinds = (types.UpdateEditChannelMessage, types.UpdateNewChannelMessage)
        return kinds[new](self.shown(message, viewer), pts, 1)


def owner(account: Account, peer: Account) -> int:
    """In whose copy a chat with `peer` is kept, as `account` sees it."""
    return peer.id if peer.channel else account.id


def message_of(row: sqlite3.Row) -> Message:
    facts = dict(row)
    facts["deleted"] = bool(facts["deleted"])
    return Message(**facts)


def _next_number(db: sqlite3.Connection, account: int) -> int:
    db.execute("UPDATE accounts SET last_message = last_message + 1 WHERE id = ?", (account,))
    row = db.execute("SELECT last_message FROM accounts WHERE id = ?", (account,)).fetchone()
    return int(row["last_message"])


def _insert(
    db: sqlite3.Connection,
    draft: Draft,
    account: int,
    number: int,
    peer: int,
    sender: int,
    twin: int,
    reply_to: int | None,
    pts: int,
) -> None:
    values = (
        *(account, number, peer, sender, twin, time.time(), None, draft.text, draft.entities, draft.media),
        *(draft.markup, draft.album, reply_to, draft.forwarded, pts, 0),
    )
    db.execute(f"INSERT INTO messages ({COLUMNS}) VALUES ({','.join('?' * len(values))})", values)


def _mark(db: sqlite3.Connection, account: int, peer: int, column: str, number: int) -> None:
    db.execute("INSERT OR IGNORE INTO marks (account, peer) VALUES (?, ?)", (account, peer))
    db.execute(
        f"UPDATE marks SET {column} = MAX({column}, ?) WHERE account = ? AND peer = ?",
        (number, account, peer),
    )


def packed(markup: TLObject | None) -> bytes:
    """A keyboard as it is kept."""
    return pack([markup] if markup is not None else None)
