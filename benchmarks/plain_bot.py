"""The plain way, to compare with: download all, unpack all, send one by one with stock calls.

Started by :mod:`benchmarks.pipeline`; the server and the token come from the settings in the environment.
"""

from __future__ import annotations

import asyncio
import shutil
import sys
from pathlib import Path

from telethon import events

from benchmarks.pipeline_archives import unpack_all
from utils.constants import load_settings
from utils.telegram.client import build_client, login

MEDIA = (".jpg", ".mp4")


async def serve(data: Path) -> None:
    """Answer every file until the process is ended; ``data`` is a folder that is there."""
    settings = load_settings()
    client = build_client(settings, data / "plain.session")

    async def on_file(event: events.NewMessage.Event) -> None:
        if event.message.file is None:
            return
        folder = data / "work"
        folder.mkdir()
        path = Path(await client.download_media(event.message, str(data / event.message.file.name)))
        for file in await asyncio.to_thread(lambda: list(unpack_all(path, folder))):
            if file.suffix in MEDIA:
                await client.send_file(event.chat_id, file, supports_streaming=True)
        await client.send_message(event.chat_id, "all sent.")
        await asyncio.to_thread(shutil.rmtree, folder)

    client.add_event_handler(on_file, events.NewMessage(incoming=True))
    await login(client, settings)
    print("ready", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1])))
