"""``python -m demo [--archive FILE] [--json]``: a server, the bot and a person who sends it an archive."""

from __future__ import annotations

import argparse
import asyncio
import getpass
import json
import re
import shutil
import signal
import sys
import time
from asyncio.subprocess import Process
from collections.abc import Sequence
from pathlib import Path

from telethon import events
from telethon.tl.custom import Message

from demo.narrator import Narrator, to
from demo.page import write_page
from demo.processes import DemoFailed, Server, last_words, running_bot, running_server
from demo.sample import make_sample, sample_path
from sandbox.clients import API_HASH, API_ID, new_client
from sandbox.export import StoredMessage
from sandbox.person import Person
from utils.constants import ROOT
from utils.errors import AlreadyRunning
from utils.storage.lock import InstanceLock

FOLDER = ROOT / "data" / "demo"
BOT_ID, BOT_NAME, BOT_TITLE = 7000000001, "archive_demo_bot", "Archive Bot"
TOKEN = f"{BOT_ID}:demo-token-that-opens-nothing-elsewhere"
PHONE, PERSON = "+15550100", "reader"
PEOPLES_DC = "2"

#: Seconds in which nothing at all happens before the demo gives up.
SILENCE = 1800.0
#: Keys of the JSON lines.
KEYS = ("kind", "name", "size", "width", "height", "duration", "caption", "album", "sha256", "text")

#: Exit codes.
OK, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130


def main(arguments: Sequence[str]) -> int:
    """Run the demo; returns its exit code."""
    parser = argparse.ArgumentParser(
        prog="./bot demo", description="See the bot work, on this machine alone."
    )
    parser.add_argument(
        "--archive", type=Path, metavar="FILE", help="send this archive instead of the sample"
    )
    parser.add_argument("--password", default="", help="the archive's password, if it needs one")
    parser.add_argument("--json", action="store_true", help="print what arrived as JSON lines on stdout")
    options = parser.parse_args(arguments)
    narrator = Narrator(to(options.json))
    if options.archive is not None and not options.archive.is_file():
        narrator.tell(f"❌ {options.archive} is not a file.")
        return USAGE
    try:
        FOLDER.mkdir(parents=True, exist_ok=True)
        with InstanceLock(FOLDER):
            return asyncio.run(demo(options, narrator))
    except AlreadyRunning as error:
        narrator.tell(f"❌ Another demo is running. {error.told}")
    except DemoFailed as error:
        narrator.tell(f"❌ {error}")
    except (KeyboardInterrupt, asyncio.CancelledError):
        narrator.tell("🛑 Stopped.")
        return INTERRUPTED
    return FAILED


async def demo(options: argparse.Namespace, narrator: Narrator) -> int:
    """The whole story; returns the exit code."""
    whole = asyncio.current_task()
    assert whole is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, whole.cancel)
    archive = options.archive or await the_sample(narrator)
    for stale in ("sandbox", "bot", "files"):
        await asyncio.to_thread(shutil.rmtree, FOLDER / stale, ignore_errors=True)
    narrator.tell("🖥  Starting a Telegram on this machine, the bot, and somebody who writes to it …")
    account = f"{TOKEN}:{BOT_NAME}"
    async with running_server(FOLDER / "sandbox", bot=account, person=f"{PHONE}:{PERSON}") as server:
        async with running_bot(settings_for(server), FOLDER / "bot.out") as bot:
            began = time.monotonic()
            summary, me = await converse(server, bot, archive, options.password, narrator)
            took = time.monotonic() - began
        messages = await server.messages(me, BOT_ID)
        page = write_page(FOLDER, messages, me=me, title=BOT_TITLE, subtitle="bot")
    received = [message for message in messages if message.sent_by != me]
    if options.json:
        print_json(received)
    narrator.tell(f"\n{counted(received)} in {took:.0f} s. The chat as a page: {page}")
    if summary.startswith("❌"):
        narrator.tell(summary.splitlines()[0])
        return FAILED
    return OK


async def the_sample(narrator: Narrator) -> Path:
    """The sample archive, made if need be."""
    cache = FOLDER / "sample"
    if not sample_path(cache).exists():
        narrator.tell("🎨 Making a sample archive (only the first time) …")
    return await asyncio.to_thread(make_sample, cache)


def settings_for(server: Server) -> dict[str, str]:
    """Everything that the bot is told; the rest are its defaults."""
    return {
        "API_ID": str(API_ID),
        "API_HASH": API_HASH,
        "BOT_TOKEN": TOKEN,
        "AUTHORIZED_USERS": f"@{PERSON}",
        "DATA_DIR": str(FOLDER / "bot"),
        "LOG_FILE": str(FOLDER / "bot.log"),
        "TELEGRAM_SERVER": server.address,
        "TELEGRAM_SERVER_KEY": str(server.key_file),
        "TELEGRAM_SERVER_DC": str(server.dc_id),
    }


async def converse(
    server: Server, bot: Process, archive: Path, password: str, narrator: Narrator
) -> tuple[str, int]:
    """Press start, send the archive, wait for the summary; returns its text and the person's id."""
    client = new_client(server.addresses[PEOPLES_DC], server.key_file, dc_id=int(PEOPLES_DC))

    async def arrived(event: events.NewMessage.Event) -> None:
        narrator.hear(event.message)

    async def edited(event: events.MessageEdited.Event) -> None:
        narrator.hear_edit(event.message)

    client.add_event_handler(arrived, events.NewMessage(incoming=True))
    client.add_event_handler(edited, events.MessageEdited(incoming=True))

    async def code() -> str:
        return str(await server.ask(do="login_code", phone=PHONE))

    async with Person(client, PHONE, code) as person:
        me = (await client.get_me()).id
        dying = asyncio.create_task(bot.wait())
        talking = asyncio.create_task(talk(person, archive, password, narrator))
        try:
            await asyncio.wait([dying, talking], return_when=asyncio.FIRST_COMPLETED)
            if not talking.done():
                words = last_words(FOLDER / "bot.out")
                raise DemoFailed(f"The bot ended with exit code {dying.result()}. {words}")
            return await talking, me
        finally:
            narrator.close()
            for task in (dying, talking):
                task.cancel()
            await asyncio.gather(dying, talking, return_exceptions=True)


async def talk(person: Person, archive: Path, password: str, narrator: Narrator) -> str:
    """What the person does; returns the text of the bot's summary."""
    narrator.tell("")
    await tell(person, narrator, "/start")
    await someone_answers(person, narrator)
    await send(person, archive, password, narrator)
    summary = re.compile(rf"(✅|⚠️|❌|ℹ️) {re.escape(archive.name)}: ")
    answered: set[int] = set()
    while True:
        for message in list(person.received.values()):
            text = message.raw_text or ""
            if summary.match(text) and not message.media:
                return text
            if text.startswith("🔒") and message.id not in answered:
                answered.add(message.id)
                await answer_password(person, message, narrator)
        if time.monotonic() - narrator.last_event > SILENCE:
            raise DemoFailed(f"Nothing happened for {SILENCE / 60:.0f} minutes; see {FOLDER / 'bot.log'}.")
        await asyncio.sleep(0.1)


async def tell(person: Person, narrator: Narrator, text: str) -> None:
    """Say something, and show that it was said."""
    narrator.hear(await person.say(BOT_NAME, text))


async def someone_answers(person: Person, narrator: Narrator) -> None:
    """Wait until the bot has said something."""
    while not person.received:
        if time.monotonic() - narrator.last_event > 60:
            raise DemoFailed(f"The bot does not answer; see {FOLDER / 'bot.log'}.")
        await asyncio.sleep(0.1)


async def send(person: Person, archive: Path, password: str, narrator: Narrator) -> None:
    """Send the archive, with progress."""

    def progress(sent: int, total: int) -> None:
        narrator.progress(f"          you  ⬆ {archive.name}: {100 * sent / max(1, total):.0f} %")

    caption = f"pass: {password}" if password else ""
    message = await person.client.send_file(
        BOT_NAME, archive, caption=caption, force_document=True, progress_callback=progress
    )
    narrator.hear(message)


async def answer_password(person: Person, question: Message, narrator: Narrator) -> None:
    """Ask whoever sits at the terminal."""
    if not sys.stdin.isatty():
        raise DemoFailed("The archive is encrypted. Give its password with --password.")
    narrator.close()
    words = await asyncio.to_thread(getpass.getpass, "Password of the archive: ")
    await person.client.send_message(BOT_NAME, words, reply_to=question.id)


def print_json(messages: Sequence[StoredMessage]) -> None:
    """One JSON object a line."""
    for message in messages:
        print(json.dumps({key: getattr(message, key) for key in KEYS}, ensure_ascii=False))


def counted(messages: Sequence[StoredMessage]) -> str:
    """ "23 photos, 5 videos and 0 files"."""
    photos, videos, files = (
        sum(message.kind == kind for message in messages) for kind in ("photo", "video", "document")
    )
    return f"{photos} photos, {videos} videos and {files} files"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
