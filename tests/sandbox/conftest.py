"""A sandbox, a bot's client and a person, for whoever needs a Telegram to talk to."""

from __future__ import annotations

import contextlib
import io
import shutil
import socket
from collections.abc import AsyncIterator, Iterable, Iterator
from pathlib import Path

import pytest
from PIL import Image
from telethon import TelegramClient
from telethon.crypto import rsa
from telethon.tl import types

from sandbox import Sandbox
from sandbox.mtproto import MtprotoServer
from sandbox.person import Person

from .mtproto_client import Echo

TOKEN = "1234:the-bots-token"
BOT_ID = 1234
BOT = "archive_bot"
PHONE = "+15550001"
PASSWORD = "correct horse"


@pytest.fixture
def sandbox_dir(tmp_path: Path, server_key: Path) -> Path:
    """An empty folder for a sandbox, but for the key."""
    return Path(shutil.copytree(server_key, tmp_path / "sandbox"))


@pytest.fixture
def echo() -> Echo:
    """What stands behind the bare server."""
    return Echo()


@pytest.fixture
async def server(sandbox_dir: Path, echo: Echo) -> AsyncIterator[MtprotoServer]:
    """The protocol alone, with two data centres."""
    server = MtprotoServer(echo, sandbox_dir, {1: 0, 2: 0})
    await server.start()
    rsa.add_key(server.public_key_file.read_bytes(), old=False)
    yield server
    await server.stop()


@pytest.fixture
async def sandbox(sandbox_dir: Path) -> AsyncIterator[Sandbox]:
    """A server of this test's own, on free ports."""
    async with Sandbox(sandbox_dir) as server:
        await server.add_bot(TOKEN, BOT, "Archive bot")
        await server.add_person(PHONE, "Ann", "ann")
        yield server


@pytest.fixture
async def bot_client(sandbox: Sandbox) -> AsyncIterator[TelegramClient]:
    """The bot BOT, logged in by its token."""
    client = sandbox.client()
    await client.start(bot_token=TOKEN)
    yield client
    await client.disconnect()


@pytest.fixture
async def person(sandbox: Sandbox) -> AsyncIterator[Person]:
    """Ann, logged in by phone and code; she has not written to the bot yet."""
    async with sandbox.person(PHONE) as someone:
        yield someone


@pytest.fixture
async def chat(person: Person, bot_client: TelegramClient) -> types.InputPeerUser:
    """Ann as the bot addresses her, after she pressed Start."""
    await person.say(BOT, "/start")
    return types.InputPeerUser((await person.client.get_me()).id, 0)


@contextlib.contextmanager
def kept(ports: Iterable[int]) -> Iterator[None]:
    """Inside, these ports go to nobody but a server that asks for them by number."""
    with contextlib.ExitStack() as closing:
        for port in ports:
            bound = closing.enter_context(socket.socket())
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind(("127.0.0.1", port))
        yield


def jpeg(width: int, height: int, *, quality: int = 80, seed: int = 0) -> bytes:
    """A picture that does not compress to nothing."""
    picture = Image.linear_gradient("L").rotate(seed).resize((width, height)).convert("RGB")
    data = io.BytesIO()
    picture.save(data, "JPEG", quality=quality)
    return data.getvalue()
