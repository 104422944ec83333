"""The way in: what somebody sent, typed or pressed, and to whom it goes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from telethon import TelegramClient
from telethon.tl.custom import Message
from telethon.tl.tlobject import TLObject

from utils.chat.access import Access
from utils.chat.conversation import NO_FILE, WORDS, Conversation
from utils.chat.groups import NOT_YOURS, Groups
from utils.chat.help import help_words, topic_of_button
from utils.chat.menu import chosen_by
from utils.chat.owner import OwnersCommands, is_owners
from utils.chat.settings import ChatSettings
from utils.chat.strangers import STRANGER, Strangers
from utils.errors import DiskFull
from utils.jobs.buttons import (
    AGAIN_WORD,
    CANCEL,
    PAUSE,
    RESUME,
    Steering,
    has_button,
    messages_of_button,
    steered,
    word_of,
)
from utils.jobs.buttons import WORDS as WORDS_AGAIN
from utils.jobs.desk import Desk
from utils.jobs.intake import AlbumCaptions, Incoming, Reply, incoming, topic_of
from utils.jobs.job import Job
from utils.jobs.opening import caption_passwords
from utils.jobs.question import WHOLES, picked
from utils.jobs.status_text import queue_line
from utils.telegram.account import Account
from utils.telegram.arrivals import Arrival, Press
from utils.texts import Text, listed, said, speaking, tr

#: To a photo.
PHOTO = Text("That is a photo already. Send me archives, or pictures and videos as files.")

#: To who asks what came.
NOTHING_YET = Text("Nothing came here yet.")

#: To who asks what is being done.
NOTHING = Text("I have nothing to do for you.")

#: To the press of a button that is no longer right.
OLD_BUTTON = Text("This button is old: it is done, or something else was pressed.")

#: What was done with jobs, that it was done before, and that there are none.
DONE = {
    PAUSE: Text("⏸️ Paused: {names}"),
    RESUME: Text("▶️ Going on: {names}"),
    CANCEL: Text("🛑 Cancelled: {names}"),
}
ALREADY = {
    PAUSE: Text("It is paused already."),
    RESUME: Text("It goes on already."),
    CANCEL: Text("It is over already."),
}
NOTHING_TO = {
    PAUSE: Text("There is nothing to pause."),
    RESUME: Text("There is nothing to go on with."),
    CANCEL: Text("There is nothing to cancel."),
}

#: Jobs that have buttons in the answer to /queue.
QUEUE_BUTTONS = 20

#: To who does not say what is to be done again.
RETRY = Text("Reply /retry to the archive that you mean, or to what I said of it.")

#: To the press of a button that no message of this version has.
UNKNOWN_BUTTON = Text("I do not know this button. Send the file again instead.")


class Reception:
    """Serves those who may use the bot. ``is_bot``: a bot's account, which can send buttons.

    ``language``: which one is spoken in a chat, with whom Telegram speaks in that other one.
    """

    def __init__(
        self,
        *,
        access: Access,
        strangers: Strangers,
        groups: Groups,
        desk: Desk,
        conversation: Conversation,
        settings: ChatSettings,
        account: Account,
        owner: OwnersCommands,
        is_bot: bool,
        language: Callable[[int, str], str],
    ) -> None:
        self._access = access
        self._strangers = strangers
        self._groups = groups
        self._owner = owner
        self._desk = desk
        self._conversation = conversation
        self._settings = settings
        self._account = account
        self._is_bot = is_bot
        self._language = language
        self._captions = AlbumCaptions()
        #: The captions of messages that were edited, by chat and message.
        self._edits: dict[tuple[int, int], str] = {}
        #: The album of the last photo of each chat.
        self._photos: dict[int, int | None] = {}
        #: Chat and first message of what is to be done again and is not a job yet.
        self._repeating: set[tuple[int, int]] = set()

    async def receive(self, arrival: Arrival) -> None:
        """A message: a file, a command, an answer, or small talk."""
        with speaking(self._language(arrival.message.chat_id, arrival.sender.language)):
            if await self._access.allows(arrival.sender.id, arrival.sender.usernames):
                await self._receive(arrival)
            elif arrival.message.is_private or self._groups.names_me(arrival.message.message or ""):
                await self._send_away(arrival)

    async def _send_away(self, arrival: Arrival) -> None:
        if self._strangers.came(arrival.sender) and self._is_bot and arrival.message.is_private:
            who_it_is = tr(STRANGER, id=str(arrival.sender.id))
            await self._conversation.say(arrival.chat, who_it_is, reply_to=Reply(arrival.message.id))

    async def _receive(self, arrival: Arrival) -> None:
        item = incoming(arrival.message, arrival.chat)
        item = self._captions.complete(item) if item is not None else None
        words = item.caption if item is not None else arrival.message.message or ""
        if not await self._groups.is_meant(arrival.message, arrival.chat, words):
            return
        if arrival.message.photo:
            await self._on_photo(arrival.message, arrival.chat)
        elif item is not None:
            await self._take(item)
        elif arrival.message.message:
            await self._on_text(arrival.message, arrival.chat)
        elif arrival.message.media and self._is_bot and arrival.message.is_private:
            reply_to = Reply(arrival.message.id, topic_of(arrival.message))
            await self._conversation.say(arrival.chat, NO_FILE, reply_to=reply_to)

    async def edited(self, arrival: Arrival) -> None:
        """A caption that has got a password."""
        item = incoming(arrival.message, arrival.chat)
        if item is None or not await self._access.allows(arrival.sender.id, arrival.sender.usernames):
            return
        for job in self._desk.about(item.chat, item.message):
            place = item.chat, item.message
            # Reactions come as edits, too.
            if item.caption not in (job.record.origin.caption, self._edits.get(place)):
                self._edits[place] = item.caption
                for password in caption_passwords(item.caption)[-1:]:
                    self._conversation.edited(item.chat, job.record.origin.message, password)

    async def _on_photo(self, message: Message, chat: TLObject) -> None:
        """What somebody sends as a photo is one already. In groups people send them to each other."""
        album, message_album = self._photos.get(message.chat_id), message.grouped_id
        self._photos[message.chat_id] = message_album
        if self._is_bot and message.is_private and (album is None or album != message_album):
            await self._conversation.say(chat, PHOTO, reply_to=Reply(message.id, topic_of(message)))

    async def press(self, press: Press) -> None:
        """A button: each has something done with files that were sent before."""
        if not await self._access.allows(press.sender.id, press.sender.usernames):
            self._strangers.came(press.sender)
            return
        with speaking(self._language(press.chat_id, press.sender.language)):
            answer = await self._pressed(press)
            await self._account.answer_button(press.id, said(answer) if answer else None)

    async def _pressed(self, press: Press) -> str | None:
        """Do what the button says, if it is one of ours; returns what to tell, if anything."""
        archive, (act, job) = messages_of_button(press.data), steered(press.data)
        owners, chosen, topic = is_owners(press.data), chosen_by(press.data), topic_of_button(press.data)
        pick, asked = picked(press.data)
        if not (archive or act or owners or chosen or topic or pick) or not press.message:
            return UNKNOWN_BUTTON
        # A client may send what it likes: what is pressed has to be there, in a message of ours.
        for message in await self._account.messages(press.chat, [press.message]):
            if (message.out or message.post) and has_button(message.reply_markup, press.data):
                if owners:
                    return await self._owner.press(press)
                if topic:
                    await self._account.change(press.chat, press.message, help_words(topic))
                    return None
                if chosen:
                    return await self._settings.pressed(press, chosen)
                jobs = [j for j in self._desk.of_chat(press.chat_id) if j.id in (job, asked)]
                steer = self._pick if pick else self._steer
                if pick or act:
                    return await steer(pick or act, jobs, press.chat, press.sender.id)
                word = word_of(press.data)
                return await self._again(press.chat_id, press.chat, archive, by=press.sender.id, word=word)
        # What it said may just have changed.
        return OLD_BUTTON if act or owners or chosen or pick else UNKNOWN_BUTTON

    async def _pick(self, act: str, jobs: Sequence[Job], chat: TLObject, person: int | None) -> str | None:
        if jobs and not (jobs := await self._theirs(jobs, chat, person)):
            return NOT_YOURS
        return None if jobs and await jobs[0].asking.press(act) else OLD_BUTTON

    async def _theirs(self, jobs: Sequence[Job], chat: TLObject, person: int | None) -> list[Job]:
        return [j for j in jobs if await self._groups.may_steer(chat, person, j.record.origin.sender)]

    async def _steer(self, act: str, jobs: Sequence[Job], chat: TLObject, person: int | None) -> str:
        """Do ``act`` with those of ``jobs`` that are the ``person``'s to steer; returns what to tell."""
        if not jobs:
            return OLD_BUTTON
        if not (jobs := await self._theirs(jobs, chat, person)):
            return NOT_YOURS
        if act == CANCEL:
            done = await self._desk.cancel_jobs(jobs)
        else:
            done = await self._desk.pause(jobs, on=act == PAUSE)
        return tr(DONE[act], names=listed(done)) if done else ALREADY[act]

    async def _take(self, item: Incoming) -> None:
        try:
            known = await self._desk.take(item)
        except DiskFull as error:
            await self._say_full(item, error)
            return
        if known:
            await self._conversation.offer_again(item, known, buttons=self._is_bot)

    async def _say_full(self, item: Incoming, error: DiskFull) -> None:
        text = tr("❌ {reason}", reason=error.told)
        await self._conversation.say(item.peer.input(), text, reply_to=item.reply)

    async def _on_text(self, message: Message, chat: TLObject) -> None:
        if await self._owner.on_text(message, chat):
            return
        answer = await self._answer_to(message, chat)
        if answer:
            await self._conversation.say(chat, answer, reply_to=Reply(0, topic_of(message)))

    async def _answer_to(self, message: Message, chat: TLObject) -> str:
        text, by = self._groups.without_name(message.message), message.sender_id
        if not text:
            return await self._take_replied(message, chat)
        command = text.split()[0].partition("@")[0].lower()
        if command[1:] in DONE and command[0] == "/":
            jobs = self._meant_jobs(message) or self._desk.of_chat(message.chat_id)
            return await self._steer(command[1:], jobs, chat, by) if jobs else NOTHING_TO[command[1:]]
        if command == "/retry":
            archive = await self._meant(message, chat) if message.reply_to_msg_id else 0
            if not archive:
                return RETRY
            return await self._again(message.chat_id, chat, [archive], by=by, word=AGAIN_WORD) or ""
        if command == "/settings":
            words = text.partition(" ")[2].strip()
            reply_to = Reply(0, topic_of(message))
            await self._settings.asked(message.chat_id, chat, words, by, reply_to)
            return ""
        if command == "/queue":
            await self._show_queue(message, chat)
            return ""
        if command == "/stats":
            return self._desk.failures.stats.words_of(message.chat_id) or NOTHING_YET
        if command == "/status":
            return self._desk.status_of(message.chat_id) or NOTHING
        if command in ("/help", "/start"):
            about = help_words(text.partition(" ")[2].strip().lower(), buttons=self._is_bot)
            reply_to = Reply(0, topic_of(message))
            await self._conversation.say(chat, about.text, reply_to=reply_to, buttons=about.buttons)
            return ""
        word = "" if self._is_bot else text.lower()
        if word in DONE and (jobs := self._meant_jobs(message)):
            return await self._steer(word, jobs, chat, by)
        if word in WHOLES and (jobs := [job for job in self._meant_jobs(message) if job.asking.is_open]):
            return await self._pick(word, jobs, chat, by) or ""
        if word in WORDS_AGAIN and (archive := await self._meant(message, chat)):
            return await self._again(message.chat_id, chat, [archive], by=by, word=word) or ""
        if self._conversation.answer(message.chat_id, text, message.reply_to_msg_id):
            # It was a password, which nobody need read any more.
            await self._account.delete(chat, message.id)
            return ""
        # A person's chats hold more than what is said to the bot.
        if not self._is_bot:
            return ""
        return self._conversation.help(message.chat_id, text)

    async def _take_replied(self, message: Message, chat: TLObject) -> str:
        """Take the file that ``message``, with nothing in it but the bot's name, replies to."""
        replied = [message.reply_to_msg_id] if message.reply_to_msg_id else []
        for found in await self._account.messages(chat, replied) if replied else ():
            item = incoming(found, chat)
            if item is not None and not found.photo:
                # Theirs from now on, whoever sent it.
                await self._take(replace(item, sender=message.sender_id or 0))
                return ""
        return WORDS

    def _meant_jobs(self, message: Message) -> list[Job]:
        """The job whose file, or whose status, ``message`` replies to."""
        return self._desk.about(message.chat_id, message.reply_to_msg_id or 0)

    async def _show_queue(self, message: Message, chat: TLObject) -> None:
        """All jobs of the chat, each with its buttons."""
        jobs = self._desk.of_chat(message.chat_id)
        text = "\n".join(queue_line(job.look(), place) for place, job in enumerate(jobs, 1))
        rows = [Steering(job.id, paused=job.record.paused).row(job.name) for job in jobs[:QUEUE_BUTTONS]]
        buttons = TelegramClient.build_reply_markup(rows) if rows and self._is_bot else None
        reply_to = Reply(0, topic_of(message))
        await self._conversation.say(chat, text or NOTHING, reply_to=reply_to, buttons=buttons)

    async def _meant(self, message: Message, chat: TLObject) -> int:
        """The message with the archive that is to be done again: the one replied to, or that it is about."""
        if not message.reply_to_msg_id:
            return self._conversation.offered.get(message.chat_id, 0)
        for replied in await self._account.messages(chat, [message.reply_to_msg_id]):
            theirs = replied.file and not replied.out
            return int(replied.id if theirs else replied.reply_to_msg_id or 0)
        return self._conversation.offered.get(message.chat_id, 0)

    async def _again(
        self, chat_id: int, chat: TLObject, ids: Sequence[int], *, by: int | None, word: str
    ) -> str | None:
        """Make a new job of the files in the messages ``ids``, whatever was done with them before.

        ``by`` says who wants it, and ``word`` what of it.
        Returns what to tell when that cannot be, or is being done.
        """
        origin = chat_id, ids[0]
        if origin in self._repeating or self._desk.is_at_work_on(*origin):
            return tr("I am at it already.")
        wanted = self._desk.wanted(chat_id, ids[0], word)
        if wanted is None:
            return OLD_BUTTON
        self._repeating.add(origin)
        try:
            found = [incoming(message, chat) for message in await self._account.messages(chat, ids)]
            items = [item for item in found if item is not None]
            if not items:
                return tr("That message is gone; send it again.")
            if not await self._groups.may_steer(chat, by, items[0].sender):
                return NOT_YOURS
            await self._desk.repeat(items, wanted)
        except DiskFull as error:
            await self._say_full(items[0], error)
        finally:
            self._repeating.discard(origin)
        return None
