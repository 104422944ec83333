"""In a group: what is meant for the bot, and who may steer what."""

from __future__ import annotations

import re

from telethon.tl import types
from telethon.tl.custom import Message
from telethon.tl.tlobject import TLObject

from utils.telegram.account import Account
from utils.texts import Text

#: To who wants to steer what somebody else has sent.
NOT_YOURS = Text("Only whoever sent it can do that, or an administrator.")
#: To who wants to change the settings of a group that others run.
NOT_RUN = Text("Only administrators of this group can change that.")

_COMMAND = re.compile(r"/\w+(?:@(\w+))?(?:\s|$)")


class Groups:
    """``me``: the bot's username, ``owner``: who runs it (0: nobody is set).

    ``everything``: all that the people it serves write is meant for it. Otherwise in groups only what names
    it (@username), replies to a message of its own, or is a command. What Telegram does not pass on (privacy
    mode) cannot be meant.
    """

    def __init__(self, account: Account, me: str, *, everything: bool, owner: int = 0) -> None:
        self._account = account
        self._me = me
        self._owner = owner
        self._everything = everything
        # Without a username there is none to be named by.
        self._name = re.compile(rf"@{re.escape(me)}\b" if me else r"(?!)", re.IGNORECASE)

    def names_me(self, words: str) -> bool:
        """Whether ``words``, a text or a caption, name the bot, or are a command that may be its own."""
        command = _COMMAND.match(words)
        return bool(self._name.search(words) or (command and not self._of_another(words)))

    async def is_meant(self, message: Message, chat: TLObject, words: str) -> bool:
        """Whether ``message`` with these ``words`` is meant for the bot."""
        if isinstance(chat, types.InputPeerUser) or message.post:
            return True
        if self._of_another(words):
            return False
        if self._everything or message.mentioned or self.names_me(words):
            return True
        answered = message.reply_to_msg_id
        if not answered or _only_topic(message):
            return False
        return any(found.out for found in await self._account.messages(chat, [answered]))

    def without_name(self, text: str) -> str:
        """``text`` without the bot's name, as in a private chat."""
        return self._name.sub("", text).strip()

    async def may_steer(self, chat: TLObject, person: int | None, sender: int) -> bool:
        """Whether ``person`` may steer what ``sender`` sent: their own, or as one who runs ``chat``."""
        if isinstance(chat, types.InputPeerUser) or (person and person == sender):
            return True
        return await self._account.is_administrator(chat, person)

    async def may_set(self, chat: TLObject, person: int | None) -> bool:
        """Whether ``person`` may change the settings of ``chat``: who runs it, or the bot.

        Where Telegram does not tell who that is, nobody else may.
        """
        if isinstance(chat, types.InputPeerUser) or (person and person == self._owner):
            return True
        return await self._account.is_administrator(chat, person)

    def _of_another(self, words: str) -> bool:
        """Whether it is a command to another bot."""
        command = _COMMAND.match(words)
        return bool(command and command[1] and command[1].lower() != self._me.lower())


def _only_topic(message: Message) -> bool:
    """Whether ``message`` replies to nothing but the topic that it stands in."""
    header = message.reply_to
    return bool(getattr(header, "forum_topic", False)) and not header.reply_to_top_id
