"""What a person in the chat notices: how many messages come, and how soon the bot answers.

An archive of photos in five folders to an idle bot: the first sign, and how many messages it makes. Then a
crowd has sent an archive each, and while these are at work: the first sign for one more archive, answers to
/status, and to the presses of a button. Server, bot and person are separate; the server delays and limits
what passes.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
import time
import zipfile
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from telethon import events
from telethon.tl import TLObject, types
from telethon.tl.custom import Message

from benchmarks.pipeline import verdict
from benchmarks.pipeline_archives import KB, MB, photo
from benchmarks.server import Server, running
from sandbox.clients import new_client
from sandbox.person import Person
from tests.world import until
from utils.constants import ROOT, SETTINGS
from utils.jobs.albums import ALBUM_SIZE
from utils.jobs.buttons import PAUSE, RESUME, steered

BOT, BOT_ID, TOKEN = "chat_bot", 7000000009, "7000000009:benchmark-benchmark-benchmark-0000"
PHONE = "+15550001"
FOLDERS = 5
#: Photos in the archive of each one of the crowd, and the bytes of a photo.
CROWD_PHOTOS, PHOTO = 200, 60 * KB


@dataclass
class Bench:
    """One server, one person, and how many ``photos`` the first archive has."""

    server: Server
    person: Person
    folder: Path
    options: argparse.Namespace

    async def alone(self) -> list[str]:
        """To a bot that has nothing else to do."""
        photos = self.options.photos
        archive = archive_of(self.folder / "first.zip", photos)
        sign = await self.first_sign(archive)
        await self.person.wait_for_text("sent.", 300)
        messages = await self.person.history(BOT)
        ours = [message for message in messages if not message.out]
        albums = {message.grouped_id for message in ours if message.grouped_id}
        others = [message for message in ours if not message.grouped_id]
        expected = FOLDERS * -(-photos // FOLDERS // ALBUM_SIZE)
        print(f"{photos} photos in {FOLDERS} folders: {len(albums)} albums + {len(others)} messages")
        return [
            verdict(sign, 1, "s to the first sign, alone"),
            verdict(len(albums), expected, "albums"),
            verdict(len(others), 1, "messages beside them"),
        ]

    async def crowded(self) -> list[str]:
        """While the archives of many others are under way."""
        await self.person.send_file(BOT, archive_of(self.folder / "crowd.zip", CROWD_PHOTOS))
        reader = (await self.person.client.get_me()).id
        for number in range(self.options.people):
            name = f"crowd{number}"
            one = await self.server.do("add_person", phone=f"+1666{number:04}", name=name, username=name)
            await self.server.do("send_like", sender=one, bot=BOT_ID, like=reader)
        sign = await self.first_sign(archive_of(self.folder / "more.zip", CROWD_PHOTOS))
        statuses = [await self.answer_to_status() for _ in range(self.options.tries)]
        presses = [await self.answer_to_press(act) for act in [PAUSE, RESUME] * (self.options.tries // 2)]
        people = self.options.people
        print(
            f"{people} people's archives under way:\n{line('/status', statuses)}\n{line('button', presses)}"
        )
        return [
            verdict(sign, 2, f"s to the first sign, beside {people}"),
            verdict(statistics.median(statuses), 1, "s until /status is answered, median"),
            verdict(max(statuses), 3, "s until /status is answered, at most"),
            verdict(statistics.median(presses), 1, "s until a button is answered, median"),
            verdict(max(presses), 3, "s until a button is answered, at most"),
        ]

    async def first_sign(self, archive: Path) -> float:
        """Seconds from the archive's message to the first answer or reaction of the bot to it."""
        seen, sent, first = [], 0, asyncio.Event()

        async def on_update(update: TLObject) -> None:
            seen.append((time.perf_counter(), update))
            if sent and is_sign(update, sent):
                first.set()

        handle = await self.person.client.upload_file(archive, file_name=archive.name)
        self.person.client.add_event_handler(on_update, events.Raw())
        try:
            name = [types.DocumentAttributeFilename(archive.name)]
            message = await self.person.client.send_file(BOT, handle, force_document=True, attributes=name)
            began, sent = time.perf_counter(), message.id
            if not any(is_sign(update, sent) for _, update in seen):
                await asyncio.wait_for(first.wait(), 60)
            return max(0.0, next(at for at, update in seen if is_sign(update, sent)) - began)
        finally:
            self.person.client.remove_event_handler(on_update)

    async def answer_to_status(self) -> float:
        """Seconds from /status to its answer."""
        began = time.perf_counter()
        sent = await self.person.say(BOT, "/status")
        await self.person.wait_for(lambda message: message.id > sent.id and "📦" in message.raw_text)
        return time.perf_counter() - began

    async def answer_to_press(self, act: str) -> float:
        """Seconds from the press of a button to the notice that answers it."""
        message = await self.person.wait_for(lambda message: bool(_data(message, act)))
        began = time.perf_counter()
        answer = await message.click(data=_data(message, act))
        assert answer.message is not None
        return time.perf_counter() - began


def _data(message: Message, act: str) -> bytes:
    """What the button of ``message`` that does ``act`` carries; empty: it has none."""
    buttons = [button for row in message.buttons or [] for button in row]
    return next((button.data for button in buttons if steered(button.data or b"")[0] == act), b"")


def is_sign(update: TLObject, sent: int) -> bool:
    """Whether the bot shows by ``update`` that the message ``sent`` came: by an answer, or a reaction."""
    if isinstance(update, types.UpdateMessageReactions):
        return bool(update.msg_id == sent)
    if isinstance(update, types.UpdateEditMessage):
        # A reaction may come as one.
        return bool(update.message.id == sent)
    answered = getattr(getattr(update, "message", None), "reply_to", None)
    return isinstance(update, types.UpdateNewMessage) and getattr(answered, "reply_to_msg_id", 0) == sent


def archive_of(path: Path, photos: int) -> Path:
    """A ZIP of so many photos in five folders."""
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(photos):
            name = f"Day {1 + number % FOLDERS}/IMG_{number:04}.jpg"
            archive.writestr(name, photo(number, PHOTO))
    return path


def line(what: str, seconds: Sequence[float]) -> str:
    """A row of the table."""
    middle, most = statistics.median(seconds), max(seconds)
    return f"  {what:<10} {len(seconds):3d} times, median {middle:5.2f} s, at most {most:5.2f} s"


@asynccontextmanager
async def bot(server: Server, folder: Path, people: int) -> AsyncIterator[None]:
    """The bot as a process, which serves the reader and the crowd."""
    known = {info.name for info in SETTINGS}
    environment = {name: text for name, text in os.environ.items() if name not in known}
    environment |= server.environment | {
        "API_ID": "1",
        "API_HASH": "0" * 32,
        "BOT_TOKEN": TOKEN,
        "AUTHORIZED_USERS": ",".join(["reader", *(f"crowd{number}" for number in range(people))]),
        "DATA_DIR": str(folder / "data"),
        "LOG_FILE": str(folder / "bot.log"),
        "SECRETS_FILE": str(folder / "none"),
        "DISK_RESERVE_MB": "1",
    }
    program = str(ROOT / "extract-compressed-files.py")
    with (folder / "output").open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable, program, cwd=ROOT, env=environment, stdout=output, stderr=output
        )
    try:
        await until(lambda: "✅ Ready" in (folder / "output").read_text())
        yield
    finally:
        process.terminate()
        await process.wait()


async def run(options: argparse.Namespace) -> int:
    with tempfile.TemporaryDirectory(prefix="chat-", dir=options.scratch) as name:
        folder = Path(name)
        async with running(folder / "server", "--bot", f"{TOKEN}:{BOT}") as server:
            await server.do("add_person", phone=PHONE, name="Reader", username="reader")

            async def code() -> str:
                return str(await server.do("login_code", phone=PHONE))

            client = new_client(server.address, server.key_file, dc_id=server.dc_id)
            async with Person(client, PHONE, code) as person:
                await person.say(BOT, "/start")
                async with bot(server, folder, options.people):
                    await server.do("rtt", seconds=options.rtt / 1000)
                    await server.do("bandwidth", total=options.bandwidth * MB, connection=None)
                    found = await measured(Bench(server, person, folder, options))
    print("", *found, sep="\n")
    return 0


async def measured(bench: Bench) -> list[str]:
    """The verdicts of what the options ask for."""
    parts: list[Callable[[], Awaitable[list[str]]]] = [bench.alone]
    if bench.options.people:
        parts.append(bench.crowded)
    return [row for part in parts for row in await part()]


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks chat", description=__doc__)
    parser.add_argument("--photos", type=int, default=500, help="in the archive that is sent first")
    parser.add_argument("--people", type=int, default=80, help="whose archives are under way; 0: no crowd")
    parser.add_argument("--tries", type=int, default=20, help="of /status, and of the button")
    parser.add_argument("--rtt", type=float, default=40, help="ms")
    parser.add_argument("--bandwidth", type=float, default=20, help="MB/s, of all together")
    parser.add_argument("--scratch", type=Path, help="folder for what it makes")
    return asyncio.run(run(parser.parse_args(arguments)))
