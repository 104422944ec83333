"""/settings: what a chat wishes for is shown, and changed, by buttons or in words."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Collection

from telethon import errors as rpc
from telethon.tl.tlobject import TLObject

from utils.chat import menu
from utils.chat.conversation import Conversation
from utils.chat.groups import NOT_RUN
from utils.chat.menu import Chosen
from utils.errors import BotError
from utils.jobs.intake import Reply
from utils.jobs.wishes import OPTIONS, WishesOfChats
from utils.telegram.account import Account
from utils.telegram.arrivals import Press
from utils.telegram.status import Words
from utils.texts import Said, Text, current, said, speaking, tr

log = logging.getLogger(__name__)

#: To who writes something behind /settings that is no setting.
NO_SETTING = Text("There is no such setting. /settings shows all of them.")

#: To who chose something when the disk was full.
NOT_KEPT = Text("That could not be written down, so all stays as it was. Is my disk full?")

#: To who has taken back all that was chosen.
RESET_DONE = Text("All is as it was set up.")


class ChatSettings:
    """Shows the wishes of chats to whoever is served there, and has who ``may_set`` them change them.

    ``is_bot``: a bot's account, which can send buttons. ``language``: which one is spoken in a chat, with
    whom Telegram speaks in that other one. ``hidden``: settings of no use here.
    """

    def __init__(
        self,
        wishes: WishesOfChats,
        *,
        conversation: Conversation,
        account: Account,
        is_bot: bool,
        language: Callable[[int, str], str],
        may_set: Callable[[TLObject, int | None], Awaitable[bool]],
        hidden: Collection[str] = (),
    ) -> None:
        self._wishes = wishes
        self._conversation = conversation
        self._account = account
        self._is_bot = is_bot
        self._language = language
        self._may_set = may_set
        self._hidden = hidden

    async def asked(self, chat_id: int, chat: TLObject, words: str, by: int | None, reply_to: Reply) -> None:
        """Somebody (``by``) wrote /settings, and perhaps ``words`` behind it."""
        text, buttons = "", None
        chosen = menu.chosen_in(words) if words else Chosen("")
        if chosen is None or (chosen.name in OPTIONS and not chosen.word and not self._is_bot):
            text = menu.words_for(words.split()[0]) or NO_SETTING
        elif not chosen.word and chosen.name != menu.RESET:
            shown = self._page(chat_id, chosen)
            text, buttons = shown.text, shown.buttons
        elif not await self._may_set(chat, by):
            text = NOT_RUN
        else:
            text = await self._choose(chat_id, chosen)
        await self._conversation.say(chat, text, reply_to=reply_to, buttons=buttons)

    async def pressed(self, press: Press, chosen: Chosen) -> str | None:
        """A button of the menu was pressed, which is there; returns what to tell."""
        told = None
        if chosen.word or chosen.name == menu.RESET:
            if not await self._may_set(press.chat, press.sender.id):
                return NOT_RUN
            told = await self._choose(press.chat_id, chosen)
        with speaking(self._language(press.chat_id, press.sender.language)):
            shown = self._page(press.chat_id, Chosen("") if told else chosen)
        try:
            await self._account.edit(press.chat, press.message, shown)
        except (rpc.RPCError, BotError) as error:
            # It says so already, or will when it is asked for again.
            log.debug("The settings are not shown: %s", type(error).__name__)
        return told

    async def _choose(self, chat: int, chosen: Chosen) -> Said:
        try:
            if chosen.name == menu.RESET:
                await self._wishes.forget(chat)
                told = said(RESET_DONE)
            else:
                await self._wishes.choose(chat, chosen.name, chosen.word)
                # Perhaps it was chosen just now.
                with speaking(self._wishes.language_of(chat) or current().code):
                    word = menu.shown_word(chosen.name, self._wishes.of(chat))
                    told = tr("{title}: {word}", title=said(menu.TITLES[chosen.name].title), word=word)
        except OSError:
            log.exception("❌ The settings of a chat could not be written")
            return said(NOT_KEPT)
        log.info("⚙️ Chat %d chose %s", chat, f"{chosen.name} {chosen.word}".strip())
        return told

    def _page(self, chat: int, chosen: Chosen) -> Words:
        wishes = self._wishes.of(chat)
        if chosen.name:
            return Words(menu.one_text(chosen.name), menu.one_buttons(chosen.name, wishes))
        text = menu.all_text(wishes, self._hidden, buttons=self._is_bot)
        return Words(text, menu.all_buttons(self._hidden) if self._is_bot else None)
