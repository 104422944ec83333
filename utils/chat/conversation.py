"""What the bot and a chat say to each other beside the job's own messages: commands, passwords, buttons."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass

from telethon import errors as rpc
from telethon.tl import functions
from telethon.tl.tlobject import TLObject

from utils.constants import Settings
from utils.errors import PasswordNeeded
from utils.jobs.albums import shorten
from utils.jobs.buttons import again_button, again_in_words
from utils.jobs.delivery import Delivery
from utils.jobs.intake import Incoming, Reply
from utils.jobs.proof import Call
from utils.jobs.refusals import NO_REPLY
from utils.jobs.services import Says
from utils.jobs.summary import TEXT_UNITS
from utils.telegram.pauses import error_name
from utils.texts import Text, said, tr

#: To words that say nothing to us, to links, and to what holds no file that we could take.
WORDS = Text("Send me an archive, or pictures and videos as files. /help says more.")
LINK = Text("I cannot fetch links. Send me the file itself.")
NO_FILE = Text("There is nothing in it for me. Send me an archive, or pictures and videos as files.")

_LINK = re.compile(r"(?i)\b(?:[a-z][a-z0-9+.-]{1,9}://|www\.|magnet:\?|t\.me/)\S")

WHICH = Text("I am waiting for more than one password. Reply to the question of the archive that you mean.")

COMMANDS = {
    "help": Text("How this works"),
    "status": Text("What the bot is doing"),
    "queue": Text("All that is to be done"),
    "stats": Text("How much came here"),
    "retry": Text("In reply to an archive: do it again"),
    "settings": Text("What you get, and how"),
    "pause": Text("Pause it"),
    "resume": Text("Go on with it"),
    "cancel": Text("Stop it"),
}


@dataclass
class Question:
    """A password that was asked for in a chat; ``messages`` are those that a reply to which answers it."""

    chat: int
    messages: list[int]
    answer: asyncio.Future[str]


class Conversation:
    """The questions that are open, and the texts that are not part of a job.

    ``call`` sends one request and waits out what Telegram asks to wait for.
    """

    def __init__(self, call: Call, attempts: int) -> None:
        self._call = call
        self._attempts = attempts
        self._questions: list[Question] = []
        #: Passwords that were put under archives about which nothing was asked yet, by chat and message.
        self._edited: dict[tuple[int, int], str] = {}
        #: The message with the archive that was last offered to be done again, for each chat.
        self.offered: dict[int, int] = {}

    def follow(self, settings: Settings) -> None:
        """From now on a password is asked for so often."""
        self._attempts = settings.PASSWORD_ATTEMPTS

    async def say(
        self, chat: TLObject, text: str, *, reply_to: Reply, buttons: TLObject | None = None
    ) -> None:
        """Send ``text``, in the language that is spoken; names of files are no Markdown."""
        request = functions.messages.SendMessageRequest(
            chat,
            shorten(said(text), TEXT_UNITS),
            no_webpage=True,
            reply_to=reply_to.input(),
            reply_markup=buttons,
        )
        try:
            await self._call(request)
        except rpc.RPCError as error:
            if error_name(error) != NO_REPLY:
                raise
            request.reply_to = reply_to.to_nobody().input()
            await self._call(request)

    async def ask_password(
        self, item: Incoming, delivery: Delivery, error: PasswordNeeded, asked: int
    ) -> str:
        """The password for the archive ``item``, from its chat. Raises ``error`` after the last attempt."""
        edited = self._edited.pop((item.chat, item.message), None)
        if edited is not None:
            return edited
        if asked >= self._attempts:
            raise error
        text = tr(
            "🔒 {name}: {reason}\nReply with the password (attempt {attempt} of {attempts}).",
            name=item.name,
            reason=error.told,
            attempt=asked + 1,
            attempts=self._attempts,
        )
        # Open before it is sent: an answer may come before we hear that the question arrived.
        question = Question(item.chat, [item.message], asyncio.get_running_loop().create_future())
        self._questions.append(question)
        try:
            question.messages.append(await delivery.send_text(f"password-{asked}", text))
            return await question.answer
        finally:
            self._questions.remove(question)

    def edited(self, chat: int, message: int, password: str) -> None:
        """Somebody has put ``password`` under the archive: it answers the question about it, or will."""
        if not self.answer(chat, password, message):
            self._edited[chat, message] = password

    def answer(self, chat: int, text: str, reply_to: int | None) -> bool:
        """Take ``text`` as an answer, if it is one; returns whether it was.

        A reply to a question, or to its archive, answers it. Any other text answers the only open question
        of the chat, unless it looks like a command.
        """
        here = self._open_in(chat)
        replied = [question for question in here if reply_to in question.messages]
        if not replied and len(here) == 1 and not text.startswith("/"):
            replied = here
        for question in replied:
            if not question.answer.done():
                question.answer.set_result(text)
        return bool(replied)

    def help(self, chat: int, text: str) -> str:
        """What to say to a ``text`` that was neither a command that we know nor an answer."""
        command = text.split()[0].partition("@")[0]
        if text.startswith("/"):
            return tr("I do not know {command}. /help says what I can do.", command=shorten(command, 40))
        if len(self._open_in(chat)) > 1:
            return WHICH
        return LINK if _LINK.search(text) else WORDS

    def _open_in(self, chat: int) -> list[Question]:
        return [question for question in self._questions if question.chat == chat]

    async def offer_again(
        self, item: Incoming, known: str, *, buttons: bool, say: Says | None = None
    ) -> None:
        """Say that the file is ``known``, and how to have it handled again: by a button, or in words.

        ``say`` is the last word of the job that it ends, if it was a job already.
        """
        self.offered[item.chat] = item.message
        button = again_button([item.message]) if buttons else None
        words = again_in_words([item.message], reply=not buttons)
        text = f"{said(known)} {tr('Shall I do it again?') if buttons else words}"
        if say is None:
            await self.say(item.peer.input(), text, reply_to=item.reply, buttons=button)
        else:
            await say(text, button, instead=words)
