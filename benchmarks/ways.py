"""The ways of moving a file that are compared: this program's, stock Telethon's, and eight senders'.

Each is run in a process of its own by :mod:`benchmarks.transfer`, for its CPU time and memory alone.
"""

from __future__ import annotations

import asyncio
import secrets
from pathlib import Path
from typing import Protocol

from telethon import TelegramClient
from telethon.network import MTProtoSender
from telethon.tl import functions, types
from telethon.tl.alltlobjects import LAYER

from utils.telegram.remote_file import Place, RemoteFile
from utils.telegram.transfers import Transfers
from utils.telegram.upload import upload

UP_PART, DOWN_PART = 512 * 1024, 1024 * 1024
SENDERS = 8


class Way(Protocol):
    """Moves one file there or back."""

    async def up(self, path: Path) -> types.InputFileBig: ...
    async def down(self, document: types.Document, path: Path) -> None: ...
    async def close(self) -> None: ...


class Ours:
    """This program."""

    def __init__(self, client: TelegramClient, connections: int) -> None:
        self._transfers = Transfers(client, connections=connections)

    async def up(self, path: Path) -> types.InputFileBig:
        return await upload(self._transfers, path, name=path.name)

    async def down(self, document: types.Document, path: Path) -> None:
        place = Place("file", document.size, document.dc_id, location(document), str(document.id))
        await RemoteFile(self._transfers, place).download_to(path)

    async def close(self) -> None:
        await self._transfers.close()


class Stock:
    """Telethon as it comes: one request in flight."""

    def __init__(self, client: TelegramClient) -> None:
        self._client = client

    async def up(self, path: Path) -> types.InputFileBig:
        return await self._client.upload_file(path)

    async def down(self, document: types.Document, path: Path) -> None:
        await self._client.download_media(document, file=str(path))

    async def close(self) -> None:
        pass


class Eight:
    """Eight connections with one request each: how most helpers for fast downloads do it."""

    def __init__(self, client: TelegramClient) -> None:
        self._client = client
        self._senders: list[MTProtoSender] = []

    async def up(self, path: Path) -> types.InputFileBig:
        await self._connect()
        parts = -(-path.stat().st_size // UP_PART)  # noqa: ASYNC240
        file_id = secrets.randbits(62)

        async def some(number: int) -> None:
            with path.open("rb") as file:
                for part in range(number, parts, SENDERS):
                    file.seek(part * UP_PART)
                    data = file.read(UP_PART)
                    request = functions.upload.SaveBigFilePartRequest(file_id, part, parts, data)
                    await self._senders[number].send(request)

        await asyncio.gather(*(some(number) for number in range(SENDERS)))
        return types.InputFileBig(file_id, parts, path.name)

    async def down(self, document: types.Document, path: Path) -> None:
        await self._connect()
        parts = -(-document.size // DOWN_PART)
        with path.open("wb") as file:

            async def some(number: int) -> None:
                for part in range(number, parts, SENDERS):
                    request = functions.upload.GetFileRequest(location(document), part * DOWN_PART, DOWN_PART)
                    answer = await self._senders[number].send(request)
                    file.seek(part * DOWN_PART)
                    file.write(answer.bytes)

            await asyncio.gather(*(some(number) for number in range(SENDERS)))

    async def _connect(self) -> None:
        client = self._client
        for _ in range(SENDERS):
            sender = MTProtoSender(client.session.auth_key, loggers=client._log)
            session = client.session
            await sender.connect(
                client._connection(
                    session.server_address, session.port, session.dc_id, loggers=client._log, proxy=None
                )
            )
            client._init_request.query = functions.help.GetConfigRequest()
            await sender.send(functions.InvokeWithLayerRequest(LAYER, client._init_request))
            self._senders.append(sender)

    async def close(self) -> None:
        await asyncio.gather(*(sender.disconnect() for sender in self._senders))


def location(document: types.Document) -> types.InputDocumentFileLocation:
    return types.InputDocumentFileLocation(
        document.id, document.access_hash, document.file_reference, thumb_size=""
    )


def make(name: str, client: TelegramClient, connections: int) -> Way:
    """The way called ``name``."""
    if name == "ours":
        return Ours(client, connections)
    return Stock(client) if name == "stock" else Eight(client)
