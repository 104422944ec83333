"""One measurement in a process of its own: connects, moves a file, prints what that cost as JSON.

Started by :mod:`benchmarks.transfer`; the server comes from the settings in the environment.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import sys
import time
from pathlib import Path

from telethon import TelegramClient
from telethon.tl import functions, types

from benchmarks import ways
from utils.constants import load_settings
from utils.telegram.client import build_client, login
from utils.telegram.transfers import Transfers
from utils.telegram.upload import upload
from utils.telegram.waits import Caller

MB = 1024 * 1024


def memory(field: str) -> int:
    """``VmRSS`` or ``VmHWM`` (its peak) of this process, in bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024
    return 0


def reset_peak() -> None:
    """Begin the peak of the memory anew (https://man7.org/linux/man-pages/man5/proc_pid_clear_refs.5.html)."""
    Path("/proc/self/clear_refs").write_text("5")


class Meter:
    """Seconds, CPU seconds and memory of what happens between its making and :meth:`read`."""

    def __init__(self) -> None:
        reset_peak()
        self._idle = memory("VmRSS")
        self._cpu, self._began = time.process_time(), time.perf_counter()

    def read(self) -> dict[str, float]:
        return {
            "seconds": time.perf_counter() - self._began,
            "cpu": time.process_time() - self._cpu,
            "memory": memory("VmHWM") - self._idle,
        }


async def move(client: TelegramClient, job: argparse.Namespace) -> dict[str, float | str]:
    """Send ``job.file``, or fetch the document of ``job.document`` to it."""
    way = ways.make(job.way, client, job.connections)
    result: dict[str, float | str] = {}
    if job.direction == "up":
        meter = Meter()
        handle = await way.up(job.file)
        result.update(meter.read())
        result["document"] = await _register(client, handle, job.peer)
    else:
        meter = Meter()
        await way.down(_document(job.document), job.file)
        result.update(meter.read())
    await way.close()
    return result


async def _register(client: TelegramClient, handle: types.InputFileBig, peer: int) -> str:
    """What a later run needs for fetching what was sent; Telegram checks here that all parts are there."""
    media = types.InputMediaUploadedDocument(handle, "application/octet-stream", [], force_file=True)
    request = functions.messages.UploadMediaRequest(types.InputPeerUser(peer, 0), media)
    answer = await Caller(client)(request)
    document = answer.document
    return json.dumps(
        [document.id, document.access_hash, document.file_reference.hex(), document.size, document.dc_id]
    )


def _document(text: str) -> types.Document:
    number, access_hash, reference, size, dc = json.loads(text)
    return types.Document(
        id=number,
        access_hash=access_hash,
        file_reference=bytes.fromhex(reference),
        date=None,
        mime_type="application/octet-stream",
        size=size,
        dc_id=dc,
        attributes=[],
    )


async def album(client: TelegramClient, job: argparse.Namespace) -> dict[str, float | str]:
    """Send the pictures in the folder ``job.file`` as an album, or one after another (``job.way``)."""
    transfers = Transfers(client, connections=job.connections)
    call = transfers.caller
    peer = types.InputPeerUser(job.peer, 0)
    pictures = sorted(job.file.iterdir())

    async def prepare(path: Path) -> types.InputMediaPhoto:
        handle = await upload(transfers, path, name=path.name)
        media = types.InputMediaUploadedPhoto(handle)
        photo = (await call(functions.messages.UploadMediaRequest(peer, media))).photo
        return types.InputMediaPhoto(types.InputPhoto(photo.id, photo.access_hash, photo.file_reference))

    async def together() -> None:
        items = await asyncio.gather(*(prepare(path) for path in pictures))
        ids = [time.time_ns() + number for number in range(len(items))]
        media = [types.InputSingleMedia(item, "", random_id=n) for item, n in zip(items, ids, strict=True)]
        await call(functions.messages.SendMultiMediaRequest(peer, media))

    async def in_turn() -> None:
        items = []
        for path in pictures:
            handle = await client.upload_file(path)
            media = types.InputMediaUploadedPhoto(handle)
            photo = (await client(functions.messages.UploadMediaRequest(peer, media))).photo
            items.append(types.InputPhoto(photo.id, photo.access_hash, photo.file_reference))
        ids = [time.time_ns() + number for number in range(len(items))]
        media = [
            types.InputSingleMedia(types.InputMediaPhoto(item), "", random_id=n)
            for item, n in zip(items, ids, strict=True)
        ]
        await client(functions.messages.SendMultiMediaRequest(peer, media))

    # As the bot does when an archive arrives; reading that takes some round trips, here it is one.
    transfers.pool.prepare(transfers.pool.home)
    await client(functions.updates.GetStateRequest())

    send = together if job.way == "ours" else in_turn
    times = []
    for _ in range(job.repeat):
        began = time.perf_counter()
        await send()
        times.append(time.perf_counter() - began)
    await transfers.close()
    return {"first": times[0], "later": min(times[1:]), "seconds": sum(times)}


async def run(job: argparse.Namespace) -> dict[str, float | str]:
    settings = load_settings()
    client = build_client(settings, job.session)
    await login(client, settings)
    try:
        return await (album if job.direction == "album" else move)(client, job)
    finally:
        await client.disconnect()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--way", choices=("ours", "stock", "eight"), required=True)
    parser.add_argument("--direction", choices=("up", "down", "album"), required=True)
    parser.add_argument("--session", type=Path, required=True)
    parser.add_argument("--file", type=Path, required=True)
    parser.add_argument("--document", default="")
    parser.add_argument("--connections", type=int, required=True)
    parser.add_argument("--peer", type=int, default=0)
    parser.add_argument("--repeat", type=int, default=4)
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    print(json.dumps(asyncio.run(run(parser.parse_args()))))


if __name__ == "__main__":
    main()
