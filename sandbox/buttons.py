"""Inline buttons: a person presses, the bot is told, its answer goes back."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from telethon.tl import TLObject, TLRequest, functions, types

from .accounts import Accounts
from .messages import Message, Messages, owner
from .rpc import Result, RpcError
from .session import Serve, Session
from .store import new_id
from .tl import unpack
from .updates import Updates


class Buttons:
    """messages.getBotCallbackAnswer and setBotCallbackAnswer."""

    def __init__(self, accounts: Accounts, messages: Messages, updates: Updates) -> None:
        self._accounts = accounts
        self._messages = messages
        self._updates = updates
        self._pressed: dict[int, tuple[int, asyncio.Future[TLObject]]] = {}
        #: How long a bot has to answer, in seconds.
        self.patience: float = 15.0
        #: Whether a press is passed on only of a button that is there; a bot must not rely on that.
        self.careful = True

    def serves(self) -> Mapping[type[TLRequest], Serve]:
        return {
            functions.messages.GetBotCallbackAnswerRequest: self._press,
            functions.messages.SetBotCallbackAnswerRequest: self._answer,
        }

    async def _press(self, session: Session, request: TLRequest) -> Result:
        person = session.person
        peer = self._accounts.resolve(person, request.peer)
        message = self._messages.get(owner(person, peer), request.msg_id)
        if message is None or message.peer != peer.id:
            raise RpcError(400, "MESSAGE_ID_INVALID")
        bot = self._accounts.get(message.sender)
        if bot is None or not bot.bot or (self.careful and request.data not in _payloads(message.markup)):
            raise RpcError(400, "DATA_INVALID")
        grouped = peer.channel or peer.chat
        query, answer = new_id(), asyncio.get_running_loop().create_future()
        update = types.UpdateBotCallbackQuery(
            query_id=query,
            user_id=person.id,
            peer=self._messages.copies.peer(message) if grouped else types.PeerUser(person.id),
            msg_id=message.id if peer.channel else dict(self._places(message))[bot.id],
            chat_instance=self._accounts.access_hash(bot.id, person.id),
            data=request.data,
        )
        self._pressed[query] = (bot.id, answer)
        self._updates.tell(bot, update, {person.id, peer.id}, keep=True)
        try:
            return await asyncio.wait_for(answer, self.patience)
        except TimeoutError:
            raise RpcError(502, "BOT_RESPONSE_TIMEOUT") from None
        finally:
            del self._pressed[query]

    def _places(self, message: Message) -> list[tuple[int, int]]:
        return [(account, number) for account, number, _ in self._messages.copies.sides(message)]

    async def _answer(self, session: Session, request: TLRequest) -> Result:
        bot, answer = self._pressed.get(request.query_id, (None, None))
        if bot != session.bot.id or answer is None:
            raise RpcError(400, "QUERY_ID_INVALID")
        if not answer.done():
            answer.set_result(
                types.messages.BotCallbackAnswer(
                    cache_time=request.cache_time,
                    alert=request.alert,
                    message=request.message,
                    url=request.url,
                    has_url=bool(request.url) or None,
                )
            )
        return True


def _payloads(markup: bytes) -> set[bytes]:
    """What the buttons of a keyboard carry."""
    return {
        button.type.data
        for keyboard in unpack(markup)
        if isinstance(keyboard, types.ReplyInlineMarkup)
        for row in keyboard.rows
        for button in row.buttons
        if isinstance(button.type, types.InlineButtonTypeCallback)
    }
