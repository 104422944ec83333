"""Requests that read messages: by number, by chat, by words, chats themselves; and marking as read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from telethon.tl import TLObject, TLRequest, functions, types

from .accounts import Account, Accounts
from .messages import Message, Messages, owner
from .rpc import Result, RpcError
from .session import Serve, Session
from .store import Store
from .updates import Updates

PAGE: Final = 100
_TOP: Final = 2**31 - 1


class History:
    """messages.getMessages, getHistory, search, getDialogs, readHistory, setTyping."""

    def __init__(self, store: Store, accounts: Accounts, messages: Messages, updates: Updates) -> None:
        self._store = store
        self._accounts = accounts
        self._messages = messages
        self._updates = updates

    def serves(self) -> Mapping[type[TLRequest], Serve]:
        messages = functions.messages
        return {
            messages.GetMessagesRequest: self._get_messages,
            functions.channels.GetMessagesRequest: self._get_channel_messages,
            messages.GetHistoryRequest: self._get_history,
            messages.SearchRequest: self._search,
            messages.GetDialogsRequest: self._get_dialogs,
            messages.GetPeerDialogsRequest: self._get_peer_dialogs,
            messages.GetPinnedDialogsRequest: self._get_pinned_dialogs,
            messages.ReadHistoryRequest: self._read_history,
            messages.SetTypingRequest: self._set_typing,
            messages.ReadMessageContentsRequest: self._read_contents,
        }

    async def _get_messages(self, session: Session, request: TLRequest) -> Result:
        shown, about = [], {session.me.id}
        for wanted in request.id:
            message = self._wanted(session.me.id, wanted)
            if message is None:
                shown.append(types.MessageEmpty(wanted.id, None))
                continue
            about |= {message.peer, message.sender}
            shown.append(self._messages.shown(message, session.me))
        return types.messages.Messages(
            messages=shown,
            topics=[],
            chats=self._accounts.chats(session.me, about),
            users=self._accounts.users(session.me, about),
        )

    async def _get_channel_messages(self, session: Session, request: TLRequest) -> Result:
        channel = self._accounts.resolve(session.me, request.channel)
        found = [(wanted.id, self._wanted(channel.id, wanted)) for wanted in request.id]
        return types.messages.ChannelMessages(
            pts=self._updates.pts(channel.id),
            count=len(found),
            messages=[
                types.MessageEmpty(number, None)
                if message is None
                else self._messages.shown(message, session.me)
                for number, message in found
            ],
            topics=[],
            chats=self._accounts.chats(session.me, {channel.id}),
            users=self._accounts.users(session.me, {session.me.id}),
        )

    def _wanted(self, account: int, wanted: TLObject) -> Message | None:
        if isinstance(wanted, types.InputMessageID):
            return self._messages.get(account, wanted.id)
        if isinstance(wanted, types.InputMessageReplyTo):
            answer = self._messages.get(account, wanted.id)
            reply = answer.reply_to if answer is not None else None
            return self._messages.get(account, reply) if reply is not None else None
        raise RpcError(400, "MESSAGE_ID_INVALID")

    async def _get_history(self, session: Session, request: TLRequest) -> Result:
        peer = self._accounts.resolve(session.person, request.peer)
        where, values = "account = ? AND peer = ?", [owner(session.me, peer), peer.id]
        return self._page(session.me, peer, request, where, values, before=request.offset_date)

    async def _search(self, session: Session, request: TLRequest) -> Result:
        """Words in the text, and whether there is media of a kind; other filters find nothing."""
        where, values = "account = ?", [session.person.id]
        peer = session.me
        if not isinstance(request.peer, types.InputPeerEmpty):
            peer = self._accounts.resolve(session.me, request.peer)
            where, values = where + " AND peer = ?", [*values, peer.id]
        if request.q:
            where, values = where + " AND instr(lower(text), lower(?))", [*values, request.q]
        where += _FILTERS.get(type(request.filter), " AND 0")
        return self._page(session.me, peer, request, where, values, before=request.max_date)

    def _page(
        self,
        me: Account,
        peer: Account,
        request: TLRequest,
        where: str,
        values: Sequence[object],
        *,
        before: object,
    ) -> Result:
        """Newest first from offset_id (0: the newest), moved by add_offset, as Telegram pages."""
        found = self._messages.find(where + " ORDER BY id DESC", *values)
        count = len(found)
        limit = min(max(request.limit, 0), PAGE)
        start = 0
        if request.offset_id:
            start = sum(message.id >= request.offset_id for message in found)
        elif isinstance(before, datetime) and before.timestamp() > 0:
            start = sum(message.date >= before.timestamp() for message in found)
        start += request.add_offset
        found = found[max(start, 0) : max(start + limit, 0)]
        found = [m for m in found if request.min_id < m.id < (request.max_id or _TOP)]
        about = {me.id, peer.id} | {message.peer for message in found}
        return types.messages.MessagesSlice(
            count=count,
            messages=[self._messages.shown(message, me) for message in found],
            topics=[],
            chats=self._accounts.chats(me, about),
            users=self._accounts.users(me, about),
        )

    # -- chats

    async def _get_dialogs(self, session: Session, request: TLRequest) -> Result:
        tops = self._tops(session.person)
        if request.folder_id:  # nothing is ever archived here
            tops = []
        if request.offset_id:
            tops = [top for top in tops if top.id < request.offset_id]
        return self._dialogs(
            session.me, tops[: max(request.limit, 1)], types.messages.DialogsSlice, len(tops)
        )

    async def _get_peer_dialogs(self, session: Session, request: TLRequest) -> Result:
        peers = {self._accounts.resolve(session.person, item.peer).id for item in request.peers}
        tops = [top for top in self._tops(session.me) if top.peer in peers]
        return self._dialogs(session.me, tops, types.messages.PeerDialogs, None)

    async def _get_pinned_dialogs(self, session: Session, request: TLRequest) -> Result:
        return self._dialogs(session.person, [], types.messages.PeerDialogs, None)

    def _tops(self, account: Account) -> list[Message]:
        """The newest message of each chat, newest first; those of channels come last."""
        newest = "SELECT MAX(id) FROM messages WHERE account = ? AND NOT deleted GROUP BY peer"
        where = f"account = ? AND id IN ({newest}) ORDER BY id DESC"
        owners = [account.id, *self._accounts.channels_of(account.id)]
        return [top for owner in owners for top in self._messages.find(where, owner, owner)]

    def _dialogs(self, me: Account, tops: list[Message], kind: type[TLObject], count: int | None) -> Result:
        facts: dict[str, object] = {
            "dialogs": [self._dialog(me, top) for top in tops],
            "messages": [self._messages.shown(top, me) for top in tops],
            "chats": self._accounts.chats(me, {top.peer for top in tops}),
            "users": self._accounts.users(me, {me.id} | {top.peer for top in tops}),
        }
        if count is None:
            pts = self._updates.pts(me.id)
            return kind(**facts, state=types.updates.State(pts=pts, qts=0, date=0, seq=0, unread_count=0))
        return kind(**facts, count=count)

    def _dialog(self, me: Account, top: Message) -> types.Dialog:
        inbox, outbox = self._messages.marks(me.id, top.peer)
        unread = self._messages.find(
            "account = ? AND peer = ? AND sender != ? AND id > ?", me.id, top.peer, me.id, inbox
        )
        return types.Dialog(
            peer=self._messages.copies.peer(top),
            pts=self._updates.pts(top.peer) if top.post else None,
            top_message=top.id,
            read_inbox_max_id=inbox,
            read_outbox_max_id=outbox,
            unread_count=len(unread),
            unread_mentions_count=0,
            unread_reactions_count=0,
            unread_poll_votes_count=0,
            notify_settings=types.PeerNotifySettings(),
        )

    # -- marks

    async def _read_history(self, session: Session, request: TLRequest) -> Result:
        peer = self._accounts.resolve(session.person, request.peer)
        events = self._messages.read(session.me.id, peer.id, request.max_id)
        self._updates.announce(events, besides=session.caller.auth_key_id)
        pts = events[0].pts if events else self._updates.pts(session.me.id)
        return types.messages.AffectedMessages(pts, len(events[:1]))

    async def _read_contents(self, session: Session, request: TLRequest) -> Result:
        return types.messages.AffectedMessages(self._updates.pts(session.me.id), 0)

    async def _set_typing(self, session: Session, request: TLRequest) -> Result:
        peer = self._accounts.resolve(session.me, request.peer)
        if peer.id != session.me.id and not peer.chat:
            update = types.UpdateUserTyping(user_id=session.me.id, action=request.action)
            self._updates.tell(peer, update, {session.me.id})
        return True


_FILTERS: Final[Mapping[type[TLObject], str]] = {
    types.InputMessagesFilterEmpty: "",
    types.InputMessagesFilterPhotos: " AND media IN (SELECT id FROM media WHERE photo)",
    types.InputMessagesFilterDocument: " AND media IN (SELECT id FROM media WHERE NOT photo)",
    types.InputMessagesFilterVideo: " AND media IN (SELECT id FROM media WHERE mime LIKE 'video/%')",
    types.InputMessagesFilterPhotoVideo: (
        " AND media IN (SELECT id FROM media WHERE photo OR mime LIKE 'video/%')"
    ),
}
