"""Basic groups: chats of a few that are no channels (https://core.telegram.org/api/channel#basic-groups).

As in a private chat each member has a copy of each message, under a number of their own.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from telethon.tl import TLObject, TLRequest, functions, types

from .rpc import Result, RpcError
from .store import Store, new_id

if TYPE_CHECKING:
    from .accounts import Account, Accounts
    from .messages import Message
    from .session import Serve, Session

#: Account and number of a copy.
Place = tuple[int, int]


class Copies:
    """Who has copies of a message, and which copies are of one message of a basic group."""

    def __init__(self, store: Store, accounts: Accounts) -> None:
        self._store, self._accounts = store, accounts

    def is_basic(self, number: int) -> bool:
        peer = self._accounts.get(number)
        return peer is not None and peer.chat

    def owners(self, sender: Account, peer: Account) -> list[int]:
        """Who gets a copy of what `sender` sends, the sender's own first."""
        if peer.chat:
            return [sender.id, *(one for one in self._accounts.members(peer.id) if one != sender.id)]
        return [peer.id] if peer.channel or sender.id == peer.id else [sender.id, peer.id]

    def peer(self, message: Message) -> TLObject:
        """The chat in which a copy stands."""
        if message.post:
            return types.PeerChannel(message.peer)
        return (types.PeerChat if self.is_basic(message.peer) else types.PeerUser)(message.peer)

    def sides(self, message: Message) -> list[tuple[int, int, int]]:
        """(account, number, peer) of the copies, the owner's first."""
        if copies := self.of(message.account, message.id):
            return [(account, number, message.peer) for account, number in copies]
        own = (message.account, message.id, message.peer)
        return [own, (message.peer, message.twin, message.account)] if message.twin else [own]

    def note(self, db: sqlite3.Connection, places: Sequence[Place]) -> None:
        """These are of one message."""
        one = new_id()
        db.executemany("INSERT INTO copies VALUES (?, ?, ?)", [(*place, one) for place in places])

    def of(self, account: int, number: int) -> list[Place]:
        """All copies of the message that is that account's of that number, that one first."""
        same = "SELECT copy FROM copies WHERE account = ? AND id = ?"
        query = f"SELECT account, id FROM copies WHERE copy = ({same}) ORDER BY account != ?"
        rows = self._store.all(query, account, number, account)
        return [(int(row["account"]), int(row["id"])) for row in rows]

    def at(self, account: int, number: int | None, other: int) -> int | None:
        """The number that ``other`` knows that account's message by."""
        return dict(self.of(account, number)).get(other) if number is not None else None


class BasicGroups:
    """What is asked of a basic group alone."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    def serves(self) -> Mapping[type[TLRequest], Serve]:
        return {functions.messages.GetFullChatRequest: self._get_full}

    async def _get_full(self, session: Session, request: TLRequest) -> Result:
        me = session.me
        group = self._accounts.resolve(me, types.InputPeerChat(request.chat_id))
        members = self._accounts.members(group.id)
        full = types.ChatFull(
            id=group.id,
            about="",
            participants=types.ChatParticipants(group.id, [self._member(group, n) for n in members], 1),
            notify_settings=types.PeerNotifySettings(),
        )
        users = self._accounts.users(me, set(members))
        return types.messages.ChatFull(full, chats=self._accounts.chats(me, {group.id}), users=users)

    def _member(self, group: Account, member: int) -> TLObject:
        runs = self._accounts.membership(group.id, member)
        kind = types.ChatParticipantAdmin if runs else types.ChatParticipant
        return kind(member, inviter_id=member, date=None)


def group_resolved(accounts: Accounts, viewer: Account, number: int) -> Account:
    """The basic group of that number, for a member. Raises PEER_ID_INVALID."""
    target = accounts.get(number)
    if target is None or not target.chat or accounts.membership(number, viewer.id) is None:
        raise RpcError(400, "PEER_ID_INVALID")
    return target


def group_shown(accounts: Accounts, viewer: Account, group: Account) -> types.Chat:
    """The basic group as ``viewer`` sees it."""
    members = accounts.members(group.id)
    return types.Chat(
        id=group.id,
        title=group.first_name,
        photo=types.ChatPhotoEmpty(),
        participants_count=len(members),
        date=None,
        version=1,
        left=viewer.id not in members,
    )
