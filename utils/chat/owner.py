"""What the owner of the bot can say and press, in the private chat with it. Nobody else has any of it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from telethon import TelegramClient
from telethon.tl.custom import Button, Message
from telethon.tl.tlobject import TLObject

from utils.chat.access import Access
from utils.chat.conversation import Conversation
from utils.chat.log_tail import masked, tail
from utils.chat.machines import Machines, words_of
from utils.chat.restarting import Restarting
from utils.errors import guarded
from utils.jobs.albums import shorten
from utils.jobs.intake import Reply, topic_of
from utils.jobs.status_text import size_words
from utils.jobs.summary import TEXT_UNITS
from utils.storage.quarantine import Entry, Quarantine
from utils.storage.users import Users, split_names, user_of
from utils.telegram.account import Account
from utils.telegram.arrivals import Press
from utils.telegram.status import Words
from utils.texts import Text, listed, said, tr, tr_n

log = logging.getLogger(__name__)

#: What is in the owner's menu beside what everybody has.
OWNERS = {
    "users": Text("Who may use the bot"),
    "log": Text("The last lines of the log"),
    "cleanup": Text("What failed and is kept"),
    "restart": Text("Start the bot again"),
}

#: Callback data: who comes in or goes; up to which entry (by its time) quarantine is emptied.
LET_IN, PUT_OUT, EMPTY = b"users+:", b"users-:", b"cleanup:"

#: Buttons below a list, and entries in one.
BUTTONS, SHOWN = 40, 10

LOG_NAME = "bot.log.txt"

HOW_TO = Text("“/users @name” or “/users 123” lets somebody in, “/users remove …” puts them out.")


@dataclass(frozen=True)
class Owner:
    """The account ``id`` (0: nobody), and what it may look at and change. ``secrets`` appear in no log."""

    id: int
    users: Users
    access: Access
    quarantine: Quarantine
    log: Path
    secrets: Sequence[str]
    restarting: Restarting
    farm: Machines | None = None


class OwnersCommands:
    """Does what the owner says. ``menu``: the commands that everybody has, with what they do."""

    def __init__(
        self, owner: Owner, account: Account, talk: Conversation, menu: Mapping[str, str], *, is_bot: bool
    ) -> None:
        self._owner = owner
        self._account = account
        self._talk = talk
        self._menu = {**menu, **OWNERS}
        self._is_bot = is_bot
        self._published = False

    async def on_text(self, message: Message, chat: TLObject) -> bool:
        """Do what ``message`` says, if it is the owner's to say; returns whether it was."""
        if not self._is_owner(message.sender_id, message.chat_id):
            return False
        await self._publish(chat)
        command, *words = message.message.split()
        command = command.partition("@")[0].lower()
        if command == "/users":
            await self._say(message, chat, await self._change_users(words))
        elif command == "/log":
            await self._send_log(message, chat)
        elif command == "/cleanup":
            await self._say(message, chat, await self._kept())
        elif command == "/restart":
            await self._restart(message, chat)
        else:
            if command == "/status" and self._owner.farm is not None:
                # Beside what everybody is told.
                await self._say(message, chat, Words(words_of(self._owner.farm)))
            return False
        return True

    async def press(self, press: Press) -> str | None:
        """Do what a button says that :func:`is_owners`; returns what to tell. Others' presses do nothing."""
        if not self._is_owner(press.sender.id, press.chat_id):
            return None
        act, _, rest = press.data.decode("utf-8", "replace").partition(":")
        if act == "cleanup":
            told = await self._empty(float(rest) if rest.isdecimal() else 0.0)
            now = await self._kept()
        else:
            told = await self._change([rest], let_in=act == "users+")
            now = self._users(told)
        await guarded(self._account.edit(press.chat, press.message, now), "A list could not be changed")
        return told

    def _is_owner(self, sender: int | None, chat: int) -> bool:
        return bool(self._owner.id) and sender == self._owner.id == chat

    async def _publish(self, chat: TLObject) -> None:
        """Have the owner's menu show the owner's commands. Telegram remembers them."""
        if self._is_bot and not self._published:
            self._published = True
            menu = {name: said(meaning) for name, meaning in self._menu.items()}
            await self._account.publish_commands(menu, only=chat)

    async def _say(self, message: Message, chat: TLObject, words: Words) -> None:
        buttons = words.buttons if self._is_bot else None
        await self._talk.say(chat, words.text, reply_to=Reply(0, topic_of(message)), buttons=buttons)

    # -- /users -------------------------------------------------------------------------------------

    async def _change_users(self, words: Sequence[str]) -> Words:
        verb = words[0].lower() if words else ""
        listed = words[1:] if verb in ("add", "remove") else words
        return self._users(await self._change(listed, let_in=verb != "remove") if listed else "")

    async def _change(self, words: Sequence[str], *, let_in: bool) -> str:
        """Let those named in, or put them out; returns what was done."""
        users = [user_of(word) for word in words]
        if "" in users:
            wrong = shorten(words[users.index("")], 40)
            return tr("{name} is neither an id nor a @username.", name=wrong)
        if not let_in and not (users := [user for user in users if user in self._owner.users.all()]):
            return tr("{name} is none of them.", name=shorten(words[0], 40))
        for user in users:
            (self._owner.users.add if let_in else self._owner.users.remove)(user)
        self._owner.access.serve(*split_names(self._owner.users.all()))
        if not let_in:
            await self._owner.access.forget(users)
        await guarded(asyncio.to_thread(self._owner.users.save), "Who may use the bot could not be written")
        names = ", ".join(map(_shown, users))
        log.info("👥 %s may use the bot now" if let_in else "👥 %s may use the bot no more", names)
        shown = listed(map(_shown, users))
        if let_in:
            return tr("✅ {names} may use me now.", names=shown)
        return tr("✅ {names} may use me no more.", names=shown)

    def _users(self, told: str) -> Words:
        """All of them, with a button for each, below what was ``told``."""
        users = self._owner.users
        lines, rows = [told, ""] if told else [], []
        lines.append(tr("👥 These may use me:"))
        for user in sorted(users.all()):
            account = None if user.lstrip("-").isdigit() else self._owner.access.id_of(user)
            where = tr("in the settings") if user in users.of_settings else tr("added here")
            if account is not None:
                where = tr("{where}, account {id}", where=where, id=str(account))
            lines.append(tr("• {name} ({note})", name=_shown(user), note=where))
            rows.append([Button.inline(f"✖️ {_shown(user)}", PUT_OUT + user.encode())])
        if users.removed:
            lines.append(tr("Put out here, though the settings name them:"))
        for user in sorted(users.removed):
            lines.append(f"• {_shown(user)}")
            rows.append([Button.inline(f"➕ {_shown(user)}", LET_IN + user.encode())])
        return _words([*lines, "", said(HOW_TO)], rows[:BUTTONS])

    # -- /log ---------------------------------------------------------------------------------------

    async def _send_log(self, message: Message, chat: TLObject) -> None:
        lines = masked(await asyncio.to_thread(tail, self._owner.log), self._owner.secrets)
        if not lines:
            await self._say(message, chat, Words(tr("The log is empty.")))
            return
        content = "\n".join(lines).encode()
        caption = tr_n(
            "🧾 The last {count} line of the log", "🧾 The last {count} lines of the log", len(lines)
        )
        reply_to = Reply(message.id, topic_of(message)).input()
        await self._account.attach(chat, LOG_NAME, content, caption, reply_to=reply_to)

    # -- /cleanup -----------------------------------------------------------------------------------

    async def _kept(self) -> Words:
        """What is in quarantine, and the button that empties it."""
        entries, lines = await asyncio.to_thread(self._look_at_quarantine)
        if not entries:
            return Words(tr("🗄️ Nothing is kept: nothing failed."))
        size = size_words(sum(entry.size for entry in entries))
        head = tr_n(
            "🗄️ What failed for good, {count} item, {size}:",
            "🗄️ What failed for good, {count} items, {size}:",
            len(entries),
            size=size,
        )
        more = [tr("… and {count} more", count=len(entries) - SHOWN)] if len(entries) > SHOWN else []
        # What comes between this and the press stays.
        data = EMPTY + b"%d" % (max(entry.since for entry in entries) + 1)
        label = tr("🗑️ Delete all of it ({size})", size=size)
        return _words([head, *lines, *more], [[Button.inline(label, data)]])

    def _look_at_quarantine(self) -> tuple[list[Entry], list[str]]:
        """Blocking."""
        now, quarantine = time.time(), self._owner.quarantine
        entries = quarantine.entries()
        lines: list[str] = []
        for entry in entries[:SHOWN]:
            days = quarantine.days_left(entry, now)
            size = size_words(entry.size)
            if days is not None:
                left = max(1, round(days))
                size = tr_n("{size}, goes in {count} day", "{size}, goes in {count} days", left, size=size)
            name = shorten(entry.reason or entry.name, 200)
            lines.append(tr("• {name} ({note})", name=name, note=size))
        return entries, lines

    async def _empty(self, until: float) -> str:
        def empty() -> int:
            gone = [entry for entry in self._owner.quarantine.entries() if entry.since <= until]
            self._owner.quarantine.remove(gone)
            return len(gone)

        count = await asyncio.to_thread(empty)
        log.info("🗑️ %d items in quarantine were deleted, as the owner asked", count)
        return tr_n("🗑️ {count} item deleted.", "🗑️ {count} items deleted.", count)

    # -- /restart -----------------------------------------------------------------------------------

    async def _restart(self, message: Message, chat: TLObject) -> None:
        if not self._owner.restarting.is_new(message.chat_id, message.id):
            return
        await self._say(message, chat, Words(tr("♻️ I start again, and go on where I was.")))
        await self._owner.restarting.begin(message.chat_id, message.id)


def is_owners(data: bytes) -> bool:
    """Whether the button with ``data`` is one of the owner's."""
    return data.startswith((LET_IN, PUT_OUT, EMPTY))


def _shown(user: str) -> str:
    return user if user.lstrip("-").isdigit() else f"@{user}"


def _words(lines: Sequence[str], rows: Sequence[Sequence[Button]]) -> Words:
    buttons = TelegramClient.build_reply_markup(list(rows)) if rows else None
    return Words(shorten("\n".join(lines), TEXT_UNITS), buttons)
