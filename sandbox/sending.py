"""Requests that make, change and delete messages."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from telethon.tl import TLObject, TLRequest, functions, types

from . import limits
from .accounts import Account, Accounts
from .habits import Habits
from .media import Media, MediaShelf
from .messages import Draft, Message, Messages, owner, packed
from .rpc import Result, RpcError
from .session import Serve, Session
from .store import new_id
from .tl import pack
from .updates import Event, Updates

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Refusal:
    """A question to the fault script: may this media be used by this request?"""

    request: TLRequest
    media: Media


class Sending:
    """messages.sendMessage, sendMedia, sendMultiMedia, uploadMedia, editMessage, deleteMessages and kin."""

    def __init__(
        self, accounts: Accounts, shelf: MediaShelf, messages: Messages, updates: Updates, habits: Habits
    ) -> None:
        self._accounts = accounts
        self._shelf = shelf
        self._messages = messages
        self._updates = updates
        self._habits = habits
        #: Asked before a media is used; raises RpcError to refuse. The fault script sets it.
        self.admit: Callable[[Refusal], None] = _anything

    def serves(self) -> Mapping[type[TLRequest], Serve]:
        messages = functions.messages
        return {
            messages.SendMessageRequest: self._send_message,
            messages.SendMediaRequest: self._send_media,
            messages.SendMultiMediaRequest: self._send_multi_media,
            messages.UploadMediaRequest: self._upload_media,
            messages.EditMessageRequest: self._edit_message,
            messages.DeleteMessagesRequest: self._delete_messages,
            messages.DeleteHistoryRequest: self._delete_history,
            messages.ForwardMessagesRequest: self._forward,
            messages.StartBotRequest: self._start_bot,
        }

    # -- new messages

    async def _send_message(self, session: Session, request: TLRequest) -> Result:
        peer = self._peer(session.me, request.peer)
        limits.check_text(request.message)
        draft = self._draft(session.me, peer, request, media=None)
        answer = self._deliver(session, peer, [draft])
        return _short(answer) if self._habits.short_answers and not peer.channel else answer

    async def _send_media(self, session: Session, request: TLRequest) -> Result:
        peer = self._peer(session.me, request.peer)
        limits.check_caption(request.message)
        if self._messages.sent_before(session.me, peer, request.random_id) is not None:
            return self._deliver(session, peer, [Draft("", request.random_id)])
        media = await self._take(session.me, request, request.media)
        return self._deliver(session, peer, [self._draft(session.me, peer, request, media=media.id)])

    async def _send_multi_media(self, session: Session, request: TLRequest) -> Result:
        peer = self._peer(session.me, request.peer)
        items = request.multi_media
        if len(items) > limits.MAX_ALBUM:
            raise RpcError(400, "MULTI_MEDIA_TOO_LONG")
        self._habits.albums.admit(session.me.id, peer.id, request)
        album = self._album(session.me, peer, items)
        drafts, groups = [], []
        for index, item in enumerate(items):
            if self._messages.sent_before(session.me, peer, item.random_id) is not None:
                drafts.append(Draft("", item.random_id))
                continue
            limits.check_caption(item.message)
            media = await self._album_item(session.me, request, index, item)
            groups.append(media.album_group)
            drafts.append(
                Draft(
                    item.message,
                    item.random_id,
                    entities=pack(item.entities),
                    media=media.id,
                    album=album,
                    reply_to=self._reply(session.me, peer, request),
                    top=self._topic(peer, request),
                )
            )
        if groups or not drafts:
            limits.check_album(groups)
        made, error = self._habits.albums.cut(drafts)
        answer = self._deliver(session, peer, made)
        if error is not None:
            raise error
        return answer

    def _album(self, sender: Account, peer: Account, items: list[types.InputSingleMedia]) -> int:
        """The album's number: that of items which were sent already, else a new one."""
        for item in items:
            before = self._messages.sent_before(sender, peer, item.random_id)
            if before is not None and before.album is not None:
                return before.album
        return new_id()

    async def _album_item(
        self, sender: Account, request: TLRequest, index: int, item: types.InputSingleMedia
    ) -> Media:
        if not isinstance(item.media, types.InputMediaPhoto | types.InputMediaDocument):
            raise RpcError(400, "MEDIA_INVALID")  # albums take what messages.uploadMedia returned
        try:
            return await self._take(sender, request, item.media)
        except RpcError as error:
            if error.message == "FILE_REFERENCE_EXPIRED":
                raise RpcError(400, f"FILE_REFERENCE_{index}_EXPIRED") from None
            raise

    async def _upload_media(self, session: Session, request: TLRequest) -> Result:
        self._accounts.resolve(session.me, request.peer)
        return self._shelf.shown(await self._take(session.me, request, request.media))

    async def _take(self, owner: Account, request: TLRequest, media: TLObject) -> Media:
        taken = await self._shelf.take(owner, media)
        self.admit(Refusal(request, taken))
        return taken

    async def _start_bot(self, session: Session, request: TLRequest) -> Result:
        bot = self._accounts.resolve(session.person, request.bot)
        text = f"/start {request.start_param}".strip()
        return self._deliver(session, bot, [Draft(text, request.random_id)])

    async def _forward(self, session: Session, request: TLRequest) -> Result:
        peer = self._peer(session.me, request.to_peer)
        source = self._accounts.resolve(session.me, request.from_peer)
        if len(request.id) != len(request.random_id):
            raise RpcError(400, "RANDOM_ID_INVALID")
        drafts = []
        albums: dict[int, int] = {}
        for number, random_id in zip(request.id, request.random_id, strict=True):
            message = self._messages.get(session.me.id, number)
            if message is None or message.peer != source.id:
                raise RpcError(400, "MESSAGE_ID_INVALID")
            album = None if message.album is None else albums.setdefault(message.album, new_id())
            drafts.append(_forwarded(message, random_id, album, named=not request.drop_author))
        return self._deliver(session, peer, drafts)

    # -- what they have in common

    def _peer(self, sender: Account, given: TLObject) -> Account:
        """Whom to write to. A bot may not begin: the other must have written first (or pressed Start)."""
        peer = self._accounts.resolve(sender, given)
        if peer.chat:
            return peer
        if peer.channel:
            admin = self._accounts.membership(peer.id, sender.id)
            if admin is None or not (admin or self._accounts.is_group(peer.id)):
                raise RpcError(self._habits.closed_code, "CHAT_ADMIN_REQUIRED")
            return peer
        if sender.bot and peer.bot and sender.id != peer.id:
            raise RpcError(400, "USER_IS_BOT")
        if self._accounts.has_blocked(peer.id, sender.id):
            raise RpcError(self._habits.closed_code, "USER_IS_BLOCKED" if sender.bot else "YOU_BLOCKED_USER")
        if sender.bot and not self._messages.has_written(peer.id, sender.id):
            raise RpcError(400, "PEER_ID_INVALID")
        return peer

    def _draft(self, sender: Account, peer: Account, request: TLRequest, *, media: int | None) -> Draft:
        if request.reply_markup is not None:
            limits.check_markup(request.reply_markup)
            if self._habits.strict_markup and not sender.bot:
                raise RpcError(400, "REPLY_MARKUP_INVALID")
        return Draft(
            request.message,
            request.random_id,
            entities=pack(request.entities),
            media=media,
            markup=packed(request.reply_markup if sender.bot else None),
            reply_to=self._reply(sender, peer, request),
            top=self._topic(peer, request),
        )

    def _reply(self, sender: Account, peer: Account, request: TLRequest) -> int | None:
        """The number of the message answered to; one that is gone is left out, as Telegram does for bots."""
        if not isinstance(request.reply_to, types.InputReplyToMessage):
            return None
        number: int = request.reply_to.reply_to_msg_id
        there = self._messages.get(owner(sender, peer), number) is not None
        if not there and self._habits.strict_replies:
            raise RpcError(400, "REPLY_MESSAGE_ID_INVALID")
        return number if there else None

    def _topic(self, peer: Account, request: TLRequest) -> int | None:
        """The topic that a message goes to; None: General, or no forum. Raises TOPIC_CLOSED and _DELETED."""
        answered = request.reply_to
        if not isinstance(answered, types.InputReplyToMessage) or not self._accounts.is_forum(peer.id):
            return None
        number = answered.reply_to_msg_id
        topic = number if self._accounts.topic(peer.id, number) else self._messages.thread(peer.id, number)
        topic = topic or answered.top_msg_id
        known = self._accounts.topic(peer.id, topic) if topic else None
        if topic and (known is None or self._messages.get(peer.id, topic) is None):
            raise RpcError(self._habits.closed_code, "TOPIC_DELETED")
        if known is not None and known["closed"]:
            raise RpcError(self._habits.closed_code, "TOPIC_CLOSED")
        return topic or None

    def _deliver(self, session: Session, peer: Account, drafts: list[Draft]) -> types.Updates:
        """Sends what was not sent before under the same random_id; answers with old and new alike."""
        sender = session.me
        before = {
            draft.random_id: message
            for draft in drafts
            for message in [self._messages.sent_before(sender, peer, draft.random_id)]
            if message is not None
        }
        fresh = [draft for draft in drafts if draft.random_id not in before]
        made, events = self._messages.send(sender, peer, fresh)
        after = before | {draft.random_id: message for draft, message in zip(fresh, made, strict=True)}
        self._updates.announce(events, besides=session.caller.auth_key_id)
        answers: list[TLObject] = [types.UpdateMessageID(after[d.random_id].id, d.random_id) for d in drafts]
        for draft in drafts:
            message = after[draft.random_id]
            if not message.deleted:
                answers.append(self._messages.update(message, sender, True, message.pts))
        return self._updates.wrap(sender, answers, {peer.id})

    # -- changes

    async def _edit_message(self, session: Session, request: TLRequest) -> Result:
        sender = session.me
        peer = self._accounts.resolve(sender, request.peer)
        message = self._messages.get(owner(sender, peer), request.id)
        if message is None or message.peer != peer.id:
            raise RpcError(400, "MESSAGE_ID_INVALID")
        if message.sender != sender.id:
            raise RpcError(403, "MESSAGE_AUTHOR_REQUIRED")
        edited = await self._edited(sender, request, message)
        if _same(message, edited):
            raise RpcError(400, "MESSAGE_NOT_MODIFIED")
        events = self._messages.edit(
            message, text=edited.text, entities=edited.entities, markup=edited.markup, media=edited.media
        )
        self._updates.announce(events, besides=session.caller.auth_key_id)
        return self._answer(sender, events[0])

    async def _edited(self, sender: Account, request: TLRequest, message: Message) -> Message:
        media = message.media
        if request.media is not None:
            media = (await self._take(sender, request, request.media)).id
        text = message.text if request.message is None else request.message
        (limits.check_text if media is None else limits.check_caption)(text)
        if request.reply_markup is not None:
            limits.check_markup(request.reply_markup)
        return replace(
            message,
            text=text,
            entities=message.entities if request.message is None else pack(request.entities),
            media=media,
            markup=packed(request.reply_markup if sender.bot else None),
        )

    def _answer(self, sender: Account, event: Event) -> Result:
        update, about = self._updates.render(sender, event)
        return self._updates.wrap(sender, [update] if update is not None else [], about)

    async def _delete_messages(self, session: Session, request: TLRequest) -> Result:
        account = session.me
        found = [self._messages.get(account.id, number) for number in request.id]
        messages = [message for message in found if message is not None]
        return self._delete(session, messages, both=bool(request.revoke) or account.bot)

    async def _delete_history(self, session: Session, request: TLRequest) -> Result:
        peer = self._accounts.resolve(session.person, request.peer)
        top = request.max_id or 2**31 - 1
        messages = self._messages.find("account = ? AND peer = ? AND id <= ?", session.me.id, peer.id, top)
        answer = self._delete(session, messages, both=bool(request.revoke))
        return types.messages.AffectedHistory(answer.pts, answer.pts_count, offset=0)

    def _delete(
        self, session: Session, messages: list[Message], *, both: bool
    ) -> types.messages.AffectedMessages:
        if not messages:
            return types.messages.AffectedMessages(self._updates.pts(session.me.id), 0)
        events = self._messages.delete(session.me.id, messages, both=both)
        self._updates.announce(events, besides=session.caller.auth_key_id)
        return types.messages.AffectedMessages(events[0].pts, events[0].count)


def _anything(refusal: Refusal) -> None:
    """Without a fault script every media is admitted."""


def _short(answer: types.Updates) -> TLObject:
    """The same with nothing in it that whoever sent a text knows already."""
    for update in answer.updates:
        if isinstance(update, types.UpdateNewMessage):
            return types.UpdateShortSentMessage(
                id=update.message.id,
                pts=update.pts,
                pts_count=update.pts_count,
                date=update.message.date,
                out=True,
                entities=update.message.entities,
            )
    return answer


def _same(before: Message, after: Message) -> bool:
    return (before.text, before.entities, before.markup, before.media) == (
        after.text,
        after.entities,
        after.markup,
        after.media,
    )


def _forwarded(message: Message, random_id: int, album: int | None, *, named: bool) -> Draft:
    header = types.MessageFwdHeader(date=int(message.date), from_id=types.PeerUser(message.sender))
    return Draft(
        message.text,
        random_id,
        entities=message.entities,
        media=message.media,
        album=album,
        forwarded=(message.forwarded or packed(header)) if named else b"",
    )
