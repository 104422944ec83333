"""A Telegram, a person and the bot, all real, in one process: what end-to-end tests are written against."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from sandbox import Sandbox, StoredMessage
from sandbox.person import Person
from utils.bot import Bot
from utils.cluster.farm import ProcessFarm
from utils.constants import Settings, load_settings
from utils.telegram.client import Ask

TOKEN = "4242:a-token-of-no-worth"
BOT_ID, BOT = 4242, "archive_bot"
PHONE = "+15550001"
#: Seconds that something may take on a machine that has much else to do; a quiet one needs far less.
PATIENCE = 120.0
#: What Python says of errors that nobody looked at, and of work that nobody waited for.
UNHEARD = ("was never retrieved", "was never awaited", "was destroyed but it is pending")


async def nobody() -> str:
    """Stands for a person at the terminal, who must not be needed."""
    raise AssertionError("the terminal was asked for something")


async def until(condition: Callable[[], object], seconds: float = PATIENCE) -> None:
    """Wait until ``condition`` holds. Raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.02)


class World:
    """One test's surroundings. ``data`` is the bot's folder, ``log`` its bot.log."""

    def __init__(self, folder: Path, sandbox: Sandbox, person: Person, person_id: int) -> None:
        self.folder = folder
        self.sandbox = sandbox
        self.person = person
        self.person_id = person_id
        self.data = folder / "data"
        self.log = folder / "bot.log"
        environment = {
            "API_ID": "12345",
            "API_HASH": "0123456789abcdef0123456789abcdef",
            "BOT_TOKEN": TOKEN,
            "AUTHORIZED_USERS": str(person_id),
            "TELEGRAM_SERVER": sandbox.address,
            "TELEGRAM_SERVER_KEY": str(sandbox.key_file),
            "DATA_DIR": str(self.data),
            "LOG_FILE": str(self.log),
            "DISK_RESERVE_MB": "1",
            "SECRETS_FILE": str(folder / "none"),
        }
        self.settings = load_settings(environment)
        self.bot: Bot | None = None

    @asynccontextmanager
    async def running(
        self, *, ask: Ask | None = None, farm: ProcessFarm | None = None, **changes: object
    ) -> AsyncIterator[Bot]:
        """The bot runs inside; its log goes to ``log`` in the form of the real one."""
        settings: Settings = replace(self.settings, **changes)  # type: ignore[arg-type]
        handler = logging.FileHandler(self.log, encoding="utf-8")
        handler.setFormatter(logging.Formatter("%(levelname)s: %(message)s"))
        root = logging.getLogger()
        level = root.level
        root.addHandler(handler)
        root.setLevel(logging.INFO)
        self.bot = Bot(settings, ask=ask or Ask(nobody, nobody, nobody), farm=farm)
        task = asyncio.create_task(self.bot.run())
        ready = asyncio.create_task(self.bot.ready.wait())
        try:
            await asyncio.wait([task, ready], return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                task.result()
            yield self.bot
        finally:
            ready.cancel()
            self.bot.stop()
            await task
            root.removeHandler(handler)
            root.setLevel(level)
            handler.close()

    async def send(self, path: Path, caption: str = "") -> int:
        """The person sends a file; returns the message's id."""
        return int((await self.person.send_file(BOT, path, caption)).id)

    async def wait(self, words: str, seconds: float = PATIENCE) -> str:
        """The first text from the bot that holds ``words``."""
        return str((await self.person.wait_for_text(words, seconds)).raw_text)

    async def summary(self, seconds: float = PATIENCE) -> str:
        """The next summary."""
        return await self.wait(" sent.", seconds)

    def chat(self) -> list[StoredMessage]:
        """What the person has in the chat from the bot, oldest first."""
        messages = self.sandbox.messages(self.person_id, BOT_ID)
        return [message for message in messages if message.sent_by == BOT_ID]

    def media(self) -> list[StoredMessage]:
        """The same without texts."""
        return [message for message in self.chat() if message.kind != "text"]

    def lines(self) -> list[str]:
        """The log so far."""
        return self.log.read_text(encoding="utf-8").splitlines() if self.log.exists() else []

    def leftovers(self) -> list[Path]:
        """Files that a finished job should have removed."""
        return below(self.data / "jobs") + below(self.data / "recovery")


def below(top: Path) -> list[Path]:
    """All files and folders below ``top``. Some may be removed meanwhile: os.walk does not mind."""
    return [Path(folder, name) for folder, folders, files in os.walk(top) for name in folders + files]


@asynccontextmanager
async def world_in(folder: Path, server_key: Path | None = None) -> AsyncIterator[World]:
    """A sandbox with a bot account and a person who has pressed Start.

    ``server_key`` is a folder with a key that the server may use instead of making one.
    """
    if server_key is not None:
        shutil.copytree(server_key, folder / "telegram")
    async with Sandbox(folder / "telegram") as sandbox:
        await sandbox.add_bot(TOKEN, BOT, "Archive bot")
        person_id = await sandbox.add_person(PHONE, "Ann", "ann")
        async with sandbox.person(PHONE) as person:
            await person.say(BOT, "/start")
            world = World(folder, sandbox, person, person_id)
            yield world
            lost = [line for line in world.lines() if any(words in line for words in UNHEARD)]
            assert not lost, lost
