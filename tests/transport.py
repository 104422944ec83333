"""A Telegram that runs here, a bot that is logged in to it, and time that does not pass."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from telethon.tl import functions, types

from sandbox import Sandbox
from sandbox.clients import new_client
from sandbox.person import Person
from utils.constants import Settings
from utils.telegram.archive_client import ArchiveBotClient
from utils.telegram.client import Ask, build_client, login
from utils.telegram.remote_file import RemoteFile
from utils.telegram.transfers import Transfers
from utils.telegram.upload import upload

PHONE = "+15550100"
TOKEN = "7000000042:a-token-that-nobody-should-ever-see"


async def nobody() -> str:
    raise AssertionError("nobody should be asked")


def settings_for(sandbox: Sandbox, token: str = TOKEN) -> Settings:
    return Settings(
        API_ID=1,
        API_HASH="0",
        BOT_TOKEN=token,
        TELEGRAM_SERVER=sandbox.address,
        TELEGRAM_SERVER_KEY=str(sandbox.key_file),
        TELEGRAM_SERVER_DC=sandbox.dc_id,
    )


@dataclass
class Clock:
    """Sleeps that take no time are remembered; so is what was told about them."""

    slept: list[float] = field(default_factory=list)
    told: list[tuple[float, str]] = field(default_factory=list)
    #: Real seconds for each second that is slept.
    scale: float = 0.0

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await asyncio.sleep(seconds * self.scale)

    async def tell(self, seconds: float, reason: str) -> None:
        self.told.append((seconds, reason))

    async def told_times(self, times: int) -> None:
        """Return once so many waits were told."""
        async with asyncio.timeout(60):
            while len(self.told) < times:  # noqa: ASYNC110 - a list has no event
                await asyncio.sleep(0.01)


@dataclass
class Bot:
    """The program's side: a client that is logged in, and its transfers."""

    id: int
    client: ArchiveBotClient
    transfers: Transfers
    clock: Clock
    #: Someone who has started the bot.
    reader: types.InputPeerUser

    async def send(self, path: Path, name: str = "file.bin") -> types.Document:
        """Upload and register a file, as delivery does."""
        return await self.register(await upload(self.transfers, path, name=name))

    async def register(self, handle: types.InputFile | types.InputFileBig) -> types.Document:
        media = types.InputMediaUploadedDocument(
            handle, "application/octet-stream", [types.DocumentAttributeFilename("file.bin")], force_file=True
        )
        request = functions.messages.UploadMediaRequest(self.reader, media)
        return (await self.transfers.caller(request)).document

    def file_of(
        self, document: types.Document, on_fetched: Callable[[int], None] | None = None
    ) -> RemoteFile:
        return RemoteFile.of(self.transfers, message_with(document), on_fetched=on_fetched)


def message_with(document: types.Document, number: int = 1) -> types.Message:
    media = types.MessageMediaDocument(document=document)
    return types.Message(id=number, peer_id=types.PeerUser(1), date=None, message="", media=media)


@pytest.fixture
async def sandbox(tmp_path: Path, server_key: Path) -> AsyncIterator[Sandbox]:
    shutil.copytree(server_key, tmp_path / "server")
    async with Sandbox(tmp_path / "server") as running:
        await running.add_bot(TOKEN, "archive_bot", "Archive bot")
        yield running


@pytest.fixture
async def ann(sandbox: Sandbox) -> AsyncIterator[Person]:
    await sandbox.add_person(PHONE, "Ann", "ann")
    client = new_client(sandbox.address, sandbox.key_file, dc_id=sandbox.dc_id)
    async with Person(client, PHONE, lambda: sandbox.login_code(PHONE)) as person:
        await person.say("archive_bot", "/start")
        yield person


@pytest.fixture
async def bot(sandbox: Sandbox, ann: Person, tmp_path: Path) -> AsyncIterator[Bot]:
    settings = settings_for(sandbox)
    client = build_client(settings, tmp_path / "sessions" / "bot.session")
    me = await login(client, settings, Ask(nobody, nobody, nobody))
    clock = Clock()
    transfers = Transfers(client, connections=4, sleep=clock.sleep, on_wait=clock.tell)
    reader = types.InputPeerUser((await ann.client.get_me()).id, 0)
    yield Bot(me.id, client, transfers, clock, reader)
    await transfers.close()
    await client.disconnect()


@pytest.fixture
def make_file(tmp_path: Path):  # type: ignore[no-untyped-def]
    """Makes a file of so many random bytes."""

    def make(size: int, name: str = "source.bin") -> Path:
        path = tmp_path / name
        path.write_bytes(os.urandom(size))
        return path

    return make
