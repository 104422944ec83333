"""The story that the demo plays: somebody presses start and sends the bot an archive."""

from __future__ import annotations

import asyncio
import getpass
import re
import shutil
import sys
import time
from asyncio.subprocess import Process
from dataclasses import dataclass
from pathlib import Path

from telethon import events
from telethon.tl.custom import Message

from demo.narrator import Narrator
from demo.page import write_page
from demo.processes import DemoFailed, Server, last_words, running_bot, running_server
from demo.tour import Tour, make_archive
from sandbox.clients import API_HASH, API_ID, new_client
from sandbox.export import StoredMessage
from sandbox.person import Person

BOT_ID, BOT_NAME, BOT_TITLE = 7000000001, "archive_demo_bot", "Archive Bot"
TOKEN = f"{BOT_ID}:demo-token-that-opens-nothing-elsewhere"
PHONE, PERSON = "+15550100", "reader"
PEOPLES_DC = "2"

#: Seconds until the bot must have said its first word, and seconds of silence after which the demo gives up.
PATIENCE, SILENCE = 60.0, 900.0
#: What the bot logs when it serves.
READY = "✅ Ready"
#: How the bot's last word on an archive begins, which is a reply to the message with it.
SUMMARY = re.compile("✅|⚠️|❌|ℹ️")
#: Folders and files of an earlier run.
STALE = ("sandbox", "bot", "files")


@dataclass(frozen=True)
class Ending:
    """What the person ended up with. ``summary`` is the bot's last word, ``seconds`` how long it all took."""

    received: list[StoredMessage]
    summary: str
    seconds: float
    page: Path

    @property
    def went_well(self) -> bool:
        """Whether the bot could open what it was sent."""
        return not self.summary.startswith("❌")


class Story:
    """One run. Everything that is written lies in ``folder``; what an earlier run left there is replaced."""

    def __init__(
        self, folder: Path, archive: Path, password: str, narrator: Narrator, *, tour: bool = False
    ) -> None:
        """``tour``: afterwards also show what else the chat can do."""
        self._tour = tour
        self._folder = folder
        self._archive = archive
        self._password = password
        self._narrator = narrator
        self._answered: set[int] = set()

    async def play(self) -> Ending:
        """Play it to the end; raises :class:`DemoFailed`. Whatever happens, both processes are ended."""
        for stale in STALE:
            await asyncio.to_thread(shutil.rmtree, self._folder / stale, ignore_errors=True)
        self._narrator.tell(
            "🖥  Starting a Telegram on this machine, the bot, and somebody who writes to it …"
        )
        bot, person = f"{TOKEN}:{BOT_NAME}", f"{PHONE}:{PERSON}"
        async with running_server(self._folder / "sandbox", bot=bot, person=person) as server:
            async with running_bot(self._settings(server), self._folder / "bot.out") as process:
                began = time.monotonic()
                summary, me = await self._converse(server, process)
                took = time.monotonic() - began
            messages = await server.messages(me, BOT_ID)
            page = await asyncio.to_thread(
                write_page, self._folder, messages, me=me, title=BOT_TITLE, subtitle="bot"
            )
        received = [message for message in messages if message.sent_by == BOT_ID]
        return Ending(received, summary, took, page)

    def _settings(self, server: Server) -> dict[str, str]:
        """Everything that the bot is told; the rest are its defaults."""
        return {
            "API_ID": str(API_ID),
            "API_HASH": API_HASH,
            "BOT_TOKEN": TOKEN,
            "AUTHORIZED_USERS": f"@{PERSON}",
            "DATA_DIR": str(self._folder / "bot"),
            "LOG_FILE": str(self._folder / "bot.log"),
            "TELEGRAM_SERVER": server.address,
            "TELEGRAM_SERVER_KEY": str(server.key_file),
            "TELEGRAM_SERVER_DC": str(server.dc_id),
        }

    async def _converse(self, server: Server, bot: Process) -> tuple[str, int]:
        """The conversation, as long as the bot lives; returns the summary and the person's id."""
        client = new_client(server.addresses[PEOPLES_DC], server.key_file, dc_id=int(PEOPLES_DC))

        async def arrived(event: events.NewMessage.Event) -> None:
            self._narrator.hear(event.message)

        async def edited(event: events.MessageEdited.Event) -> None:
            self._narrator.hear_edit(event.message)

        async def code() -> str:
            return str(await server.ask(do="login_code", phone=PHONE))

        client.add_event_handler(arrived, events.NewMessage(incoming=True))
        client.add_event_handler(edited, events.MessageEdited(incoming=True))
        async with Person(client, PHONE, code) as person:
            me = (await client.get_me()).id
            dying = asyncio.create_task(bot.wait())
            talking = asyncio.create_task(self._talk(person))
            try:
                await asyncio.wait([dying, talking], return_when=asyncio.FIRST_COMPLETED)
                if not talking.done():
                    words = last_words(self._folder / "bot.out")
                    raise DemoFailed(f"The bot ended with exit code {dying.result()}. {words}")
                return talking.result(), me
            finally:
                self._narrator.close()
                for task in (dying, talking):
                    task.cancel()
                await asyncio.gather(dying, talking, return_exceptions=True)

    async def _talk(self, person: Person) -> str:
        """Press start, send the archive, wait for the summary, and take the tour. Returns its text."""
        await self._bot_is_ready()
        self._narrator.tell("")
        self._narrator.hear(await person.say(BOT_NAME, "/start"))
        await self._first_word(person)
        sent = await self._send(person)
        if not self._tour:
            return await self._summary(person, sent)
        tour = Tour(person, BOT_NAME, self._narrator, self._moment)
        await tour.pause()
        summary = await self._summary(person, sent)
        small = await asyncio.to_thread(make_archive, self._folder)
        await tour.change_language()
        await self._summary(person, await tour.choose(small))
        return summary

    async def _moment(self) -> None:
        self._not_too_long(PATIENCE)
        await asyncio.sleep(0.1)

    async def _summary(self, person: Person, sent: int) -> str:
        """The bot's last word on the archive in the message ``sent``."""
        while True:
            for message in list(person.received.values()):
                text = message.raw_text or ""
                if SUMMARY.match(text) and message.reply_to_msg_id == sent and not message.media:
                    return text
                if text.startswith("🔒") and message.id not in self._answered:
                    await self._give_password(person, message)
            self._not_too_long(SILENCE)
            await asyncio.sleep(0.1)

    async def _bot_is_ready(self) -> None:
        """Who writes to a bot before its very first log-in is not heard, here as on Telegram."""
        log = self._folder / "bot.out"
        while READY not in await asyncio.to_thread(log.read_text, "utf-8", "replace"):
            self._not_too_long(PATIENCE)
            await asyncio.sleep(0.1)

    async def _first_word(self, person: Person) -> None:
        while not person.received:
            self._not_too_long(PATIENCE)
            await asyncio.sleep(0.1)

    def _not_too_long(self, patience: float) -> None:
        if time.monotonic() - self._narrator.last_event > patience:
            log = self._folder / "bot.log"
            raise DemoFailed(f"The bot has said nothing for {patience:.0f} seconds; see {log}.")

    async def _send(self, person: Person) -> int:
        """Send the archive; returns the message's number."""
        with self._narrator.progress(f"⬆ {self._archive.name}") as progress:
            message = await person.client.send_file(
                BOT_NAME,
                self._archive,
                caption=f"pass: {self._password}" if self._password else "",
                force_document=True,
                progress_callback=progress,
            )
        self._narrator.hear(message)
        return int(message.id)

    async def _give_password(self, person: Person, question: Message) -> None:
        """Ask whoever sits at the terminal."""
        self._answered.add(question.id)
        if not sys.stdin.isatty():
            raise DemoFailed("The archive is encrypted. Give its password with --password.")
        self._narrator.close()
        words = await asyncio.to_thread(getpass.getpass, "Password of the archive: ")
        await person.client.send_message(BOT_NAME, words, reply_to=question.id)
