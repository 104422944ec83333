"""messages.sendReaction, of bots and people (https://core.telegram.org/api/reactions)."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Final

from telethon.tl import TLObject, TLRequest, functions, types

from .accounts import Account, Accounts
from .messages import Message, Messages, owner
from .rpc import Result, RpcError
from .session import Serve, Session
from .store import Store
from .updates import Updates

#: Some of those that everybody may use (messages.getAvailableReactions), without variation selectors.
EMOJI: Final = frozenset("👍👎❤🔥🥰👏😁🤔🤯😱😢🎉🤩🙏👌🕊😍💯⚡🏆💔👀🤝✍🤗🫡")


class Reactions:
    """One reaction a message for whoever has no Premium, which bots never have."""

    def __init__(self, store: Store, accounts: Accounts, messages: Messages, updates: Updates) -> None:
        self._store = store
        self._accounts = accounts
        self._messages = messages
        self._updates = updates

    def serves(self) -> Mapping[type[TLRequest], Serve]:
        return {functions.messages.SendReactionRequest: self._react}

    async def _react(self, session: Session, request: TLRequest) -> Result:
        me, peer = session.me, self._accounts.resolve(session.me, request.peer)
        message = self._messages.get(owner(me, peer), request.msg_id)
        if message is None or message.peer != peer.id:
            raise RpcError(400, "MESSAGE_ID_INVALID")
        wanted = request.reaction or []
        if len(wanted) > 1:
            raise RpcError(400, "REACTIONS_TOO_MANY")
        emoji = _emoji(wanted[0]) if wanted else ""
        sides = self._messages.copies.sides(message)
        for account, number, _ in sides:
            self._keep(account, number, me.id, emoji)
        for other, number, about in sides[1:]:
            if (viewer := self._accounts.get(other)) is not None:
                self._updates.tell(viewer, self._update(viewer, number, other), {me.id, about})
        update = self._update(me, message.id, message.account)
        return self._updates.wrap(me, [update], {peer.id})

    def _keep(self, account: int, number: int, reactor: int, emoji: str) -> None:
        where = (account, number, reactor)
        self._store.run("DELETE FROM reactions WHERE account = ? AND id = ? AND reactor = ?", *where)
        if emoji:
            self._store.run("INSERT INTO reactions VALUES (?, ?, ?, ?, ?)", *where, emoji, time.time())

    def _update(self, viewer: Account, number: int, account: int) -> TLObject:
        message: Message | None = self._messages.get(account, number)
        assert message is not None
        peer = self._messages.copies.peer(message)
        reactions = self._messages.reactions(message, viewer.id) or types.MessageReactions(results=[])
        return types.UpdateMessageReactions(peer=peer, msg_id=number, reactions=reactions)


def _emoji(reaction: TLObject) -> str:
    """The emoji of a reaction. Raises REACTION_INVALID for any that is not offered."""
    if not isinstance(reaction, types.ReactionEmoji) or reaction.emoticon not in EMOJI:
        raise RpcError(400, "REACTION_INVALID")
    return str(reaction.emoticon)
