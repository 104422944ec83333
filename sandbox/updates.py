"""What happened to an account, numbered (pts): pushed to those who are here, kept for those who come back.

https://core.telegram.org/api/updates
"""

from __future__ import annotations

import asyncio
import json
import logging
import sqlite3
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from telethon.tl import TLObject, TLRequest, functions, types

from .accounts import Account, Accounts
from .habits import Habits
from .rpc import Connections, Result
from .session import Serve, Session
from .store import Store

log = logging.getLogger(__name__)

#: Updates in one answer to getDifference; more come as slices.
SLICE: Final = 100


@dataclass(frozen=True)
class Event:
    """One numbered thing that happened: "new", "edit", "delete", "inbox" or "outbox" (read up to)."""

    account: int
    pts: int
    count: int
    kind: str
    peer: int
    ids: tuple[int, ...]


@dataclass(frozen=True)
class _Push:
    """An update for some keys of an account; `keep` is put aside if none of them is here to take it."""

    account: int
    keys: tuple[int, ...]
    update: TLObject
    keep: TLObject | None = None


class Updates:
    """The log of events, getState and getDifference, and the pushing."""

    def __init__(self, store: Store, accounts: Accounts, connections: Callable[[], Connections]) -> None:
        self._store = store
        self._accounts = accounts
        self._connections = connections
        #: Turns an event into the client's update and the account ids it speaks of; set by Messages.
        self.render: Callable[[Account, Event], tuple[TLObject | None, set[int]]] = _nothing
        #: How updates are told; the API puts the fault script's here.
        self.habits = Habits()
        #: A client further behind than this many events is told that it is too long.
        self.too_long: int = 100_000
        self._queue: deque[_Push] = deque()
        self._pump: asyncio.Task[None] | None = None
        self._undelivered: dict[int, list[TLObject]] = {}

    def serves(self) -> Mapping[type[TLRequest], Serve]:
        return {
            functions.updates.GetStateRequest: self._get_state,
            functions.updates.GetDifferenceRequest: self._get_difference,
            functions.updates.GetChannelDifferenceRequest: self._get_channel_difference,
        }

    # -- the log

    def append(
        self, db: sqlite3.Connection, account: int, kind: str, peer: int, ids: tuple[int, ...], count: int = 1
    ) -> Event:
        """Numbers an event, inside the transaction that makes it happen."""
        db.execute("UPDATE accounts SET pts = pts + ? WHERE id = ?", (count, account))
        pts: int = db.execute("SELECT pts FROM accounts WHERE id = ?", (account,)).fetchone()["pts"]
        db.execute(
            "INSERT INTO updates VALUES (?, ?, ?, ?, ?, ?)",
            (account, pts, count, kind, peer, json.dumps(ids)),
        )
        return Event(account, pts, count, kind, peer, ids)

    def pts(self, account: int) -> int:
        row = self._store.one("SELECT pts FROM accounts WHERE id = ?", account)
        return int(row["pts"]) if row is not None else 1

    # -- pushed

    def announce(self, events: list[Event], *, besides: int | None = None) -> None:
        """Pushes committed events to all keys of their accounts but `besides`, which has them already."""
        for number in dict.fromkeys(event.account for event in events):
            account = self._accounts.get(number)
            if account is None:
                continue
            viewers = self._accounts.members(number) if account.channel else [number]
            for viewer in (self._accounts.get(member) for member in viewers):
                if viewer is None:
                    continue
                # What happened at once (an album) is told at once.
                told = [self.render(viewer, event) for event in events if event.account == number]
                updates = [update for update, _ in told if update is not None]
                about = set[int]().union(*(seen for _, seen in told))
                if updates:
                    self._push(viewer, self._told(viewer, updates, about, account), besides)

    def _told(self, viewer: Account, updates: list[TLObject], about: set[int], account: Account) -> TLObject:
        """What is pushed of what happened to ``account``, in the form of the day."""
        whole = self.wrap(viewer, updates, about)
        if self.habits.pushed == "combined":
            return types.UpdatesCombined(updates, whole.users, whole.chats, whole.date, seq_start=0, seq=0)
        # Of a channel, the difference of the account tells nothing.
        return types.UpdatesTooLong() if self.habits.pushed == "too long" and not account.channel else whole

    def tell(self, account: Account, update: TLObject, about: set[int], *, keep: bool = False) -> None:
        """Pushes something without a number; `keep` it for getDifference if nobody is here to take it."""
        self._push(account, self.wrap(account, [update], about), None, update if keep else None)

    def wrap(self, account: Account, updates: list[TLObject], about: set[int]) -> types.Updates:
        return types.Updates(
            updates=updates,
            users=self._accounts.users(account, about | {account.id}),
            chats=self._accounts.chats(account, about),
            date=int(time.time()),
            seq=0,
        )

    def _push(
        self, account: Account, update: TLObject, besides: int | None, keep: TLObject | None = None
    ) -> None:
        keys = tuple(key for key in self._accounts.keys(account.id, account.dc) if key != besides)
        self._queue.append(_Push(account.id, keys, update, keep))
        if self._pump is None or self._pump.done():
            self._pump = asyncio.create_task(self._push_all())

    async def _push_all(self) -> None:
        """One after another, so that numbers arrive in order."""
        while self._queue:
            push = self._queue.popleft()
            reached = 0
            for key in push.keys:
                try:
                    reached += await self._connections().push(key, push.update)
                except OSError as error:
                    log.debug("not pushed to key %x: %s", key, error)
            if push.keep is not None and not reached:
                self._undelivered.setdefault(push.account, []).append(push.keep)

    async def stop(self) -> None:
        if self._pump is not None:
            self._pump.cancel()
            await asyncio.gather(self._pump, return_exceptions=True)

    # -- asked for

    def _state(self, account: Account, pts: int | None = None) -> types.updates.State:
        now = self.pts(account.id) if pts is None else pts
        return types.updates.State(pts=now, qts=0, date=int(time.time()), seq=0, unread_count=0)

    async def _get_state(self, session: Session, request: TLRequest) -> Result:
        return self._state(session.me)

    async def _get_difference(self, session: Session, request: TLRequest) -> Result:
        account, now = session.me, self.pts(session.me.id)
        extra = self._undelivered.pop(account.id, [])
        if request.pts >= now and not extra:
            return types.updates.DifferenceEmpty(date=int(time.time()), seq=0)
        if now - request.pts > min(self.too_long, request.pts_total_limit or self.too_long):
            return types.updates.DifferenceTooLong(pts=now)
        size = min(SLICE, request.pts_limit or SLICE)
        rows = self._store.all(
            "SELECT * FROM updates WHERE account = ? AND pts > ? ORDER BY pts LIMIT ?",
            account.id,
            request.pts,
            size + 1,
        )
        events = [_event(row) for row in rows[:size]]
        return self._difference(account, events, extra, whole=len(rows) <= size)

    async def _get_channel_difference(self, session: Session, request: TLRequest) -> Result:
        """What happened in a channel, all at once; too much is told as its newest message."""
        account, channel = session.me, self._accounts.resolve(session.me, request.channel)
        if self.pts(channel.id) - request.pts > self.too_long:
            return self._channel_too_long(account, channel)
        rows = self._store.all(
            "SELECT * FROM updates WHERE account = ? AND pts > ? ORDER BY pts", channel.id, request.pts
        )
        told = [self.render(account, _event(row)) for row in rows]
        if not rows:
            return types.updates.ChannelDifferenceEmpty(pts=request.pts, final=True)
        new = [update.message for update, _ in told if isinstance(update, types.UpdateNewChannelMessage)]
        return types.updates.ChannelDifference(
            pts=self.pts(channel.id),
            new_messages=new,
            other_updates=[u for u, _ in told if u and not isinstance(u, types.UpdateNewChannelMessage)],
            chats=self._accounts.chats(account, {channel.id}),
            users=self._accounts.users(account, {account.id}),
            final=True,
        )

    def _channel_too_long(self, account: Account, channel: Account) -> types.updates.ChannelDifferenceTooLong:
        """https://core.telegram.org/constructor/updates.channelDifferenceTooLong"""
        newest = self._store.all(
            "SELECT * FROM updates WHERE account = ? AND kind = 'new' ORDER BY pts DESC LIMIT 1", channel.id
        )
        told = [self.render(account, _event(row)) for row in newest]
        messages = [update.message for update, _ in told if update is not None]
        dialog = types.Dialog(
            peer=types.PeerChannel(channel.id),
            top_message=max((message.id for message in messages), default=0),
            read_inbox_max_id=0,
            read_outbox_max_id=0,
            unread_count=len(messages),
            unread_mentions_count=0,
            unread_reactions_count=0,
            unread_poll_votes_count=0,
            notify_settings=types.PeerNotifySettings(),
            pts=self.pts(channel.id),
        )
        about = {account.id}.union(*(seen for _, seen in told))
        return types.updates.ChannelDifferenceTooLong(
            dialog=dialog,
            messages=messages,
            chats=self._accounts.chats(account, {channel.id}),
            users=self._accounts.users(account, about),
            final=True,
        )

    def _difference(
        self, account: Account, events: list[Event], extra: list[TLObject], *, whole: bool
    ) -> TLObject:
        messages: list[TLObject] = []
        others: list[TLObject] = list(extra)
        about = {account.id} | {getattr(update, "user_id", account.id) for update in extra}
        for event in events:
            update, seen = self.render(account, event)
            about |= seen
            if isinstance(update, types.UpdateNewMessage):
                messages.append(update.message)
            elif update is not None:
                others.append(update)
        facts = {
            "new_messages": messages,
            "new_encrypted_messages": [],
            "other_updates": others,
            "chats": self._accounts.chats(account, about),
            "users": self._accounts.users(account, about),
        }
        if whole:
            return types.updates.Difference(**facts, state=self._state(account))
        state = self._state(account, events[-1].pts)
        return types.updates.DifferenceSlice(**facts, intermediate_state=state)


def _nothing(account: Account, event: Event) -> tuple[TLObject | None, set[int]]:
    return None, set()


def _event(row: sqlite3.Row) -> Event:
    return Event(
        row["account"], row["pts"], row["count"], row["kind"], row["peer"], tuple(json.loads(row["ids"]))
    )
