"""How soon it is asked what of a large ZIP is wanted, with its first pictures, and what is fetched for that.

The archive is sparse: its first pictures are whole, of the others there is little beside their names. It is
put into the sandbox past the wire, and then forwarded; the clock runs from that to the question. The bot is a
process of its own; server and person are this one.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import io
import os
import struct
import sys
import tempfile
import time
import zlib
from collections.abc import AsyncIterator
from pathlib import Path

from PIL import Image

from sandbox import Sandbox
from sandbox.person import Person
from utils.constants import ROOT, SETTINGS

MB = 1_000_000
TOKEN, BOT, OTHER = "7000000001:benchmark-benchmark-benchmark-0000", "preview_bot", "shelf_bot"
PHONE, NAME = "+15550001", "large.zip"
#: Pictures that are whole, and pixels of one.
WHOLE, SIZE = 40, (4000, 3000)
#: What is to be reached: seconds, and MB.
SECONDS, FETCHED = 4.0, 20.0


def make_zip(path: Path, count: int, size: int) -> None:
    """A ZIP of ``count`` stored pictures in folders of 100, of about ``size`` bytes in all. Blocking."""
    each = size // count - 200
    noise = Image.effect_noise((SIZE[0] // 4, SIZE[1] // 4), 40).resize(SIZE)
    turned = noise.transpose(Image.Transpose.ROTATE_180)
    whole, little = (io.BytesIO() for _ in range(2))
    for quality in range(75, 0, -5):
        whole = io.BytesIO()
        Image.merge("RGB", (noise, turned, noise)).save(whole, "JPEG", quality=quality)
        if whole.tell() <= each:
            break
    Image.new("RGB", (64, 48), "teal").save(little, "JPEG")
    contents = [picture.getvalue() for picture in (whole, little)]
    sums = [zlib.crc32(content + bytes(each - len(content))) for content in contents]
    directory = io.BytesIO()
    with path.open("wb") as file:
        for number in range(count):
            name = f"{number // 100:02d}/IMG_{number:04d}.jpg".encode()
            place, kind = file.tell(), 0 if number < WHOLE else 1
            fixed = struct.pack("<HHHHHIIIHH", 20, 0, 0, 0, 0x5821, sums[kind], each, each, len(name), 0)
            file.write(b"PK\x03\x04" + fixed + name + contents[kind])
            file.seek(place + 30 + len(name) + each)
            directory.write(b"PK\x01\x02\x14\x00" + fixed + struct.pack("<HHHII", 0, 0, 0, 0, place) + name)
        start = file.tell()
        file.write(directory.getvalue())
        sizes = struct.pack("<HHHHIIH", 0, 0, count, count, directory.tell(), start, 0)
        file.write(b"PK\x05\x06" + sizes)


def put(sandbox: Sandbox, archive: Path, about: os.stat_result) -> None:
    """Have the file that was sent as NAME be ``archive``: on this thread, as the store is its own."""
    store = sandbox._store
    row = store.one("SELECT id, blob FROM media WHERE name = ?", NAME)
    assert row is not None
    size = about.st_size
    archive.replace(store.blob_path(row["blob"]))
    store.run("UPDATE blobs SET size = ? WHERE id = ?", size, row["blob"])
    store.run("UPDATE media SET size = ? WHERE id = ?", size, row["id"])


@contextlib.asynccontextmanager
async def bot(sandbox: Sandbox, data: Path) -> AsyncIterator[None]:
    """The bot as a process, that has logged in."""
    known = {info.name for info in SETTINGS}
    environment = {name: text for name, text in os.environ.items() if name not in known} | {
        "TELEGRAM_SERVER": sandbox.address,
        "TELEGRAM_SERVER_KEY": str(sandbox.key_file),
        "TELEGRAM_SERVER_DC": str(sandbox.dc_id),
        "API_ID": "1",
        "API_HASH": "0" * 32,
        "BOT_TOKEN": TOKEN,
        "AUTHORIZED_USERS": "reader",
        "DATA_DIR": str(data),
        "LOG_FILE": str(data / "bot.log"),
        "SECRETS_FILE": str(data / "none"),
        "DISK_RESERVE_MB": "1",
    }
    await asyncio.to_thread(data.mkdir)
    with (data / "output").open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            str(ROOT / "extract-compressed-files.py"),
            cwd=ROOT,
            env=environment,
            stdout=output,
            stderr=output,
        )
    try:
        for _ in range(1200):
            if await asyncio.to_thread(_is_ready, data / "bot.log"):
                break
            await asyncio.sleep(0.05)
        yield
    finally:
        process.terminate()
        await process.wait()


def _is_ready(log: Path) -> bool:
    """Blocking."""
    return log.exists() and "✅ Ready" in log.read_text()


async def measure(sandbox: Sandbox, person: Person, folder: Path, options: argparse.Namespace) -> int:
    """One question; 0 when both figures are reached."""
    archive = folder / NAME
    archive.write_bytes(b"PK\x05\x06" + bytes(18))
    sent = await person.send_file(OTHER, archive, "?")
    await asyncio.to_thread(make_zip, archive, options.count, round(options.size * MB))
    put(sandbox, archive, await asyncio.to_thread(archive.stat))
    async with bot(sandbox, folder / "data"):
        await person.say(BOT, "/start")
        await person.wait_for_text("Send me an archive")
        link = sandbox.faults.link
        link.rtt, link.bandwidth = options.rtt / 1000, options.bandwidth * MB
        before, began = len(sandbox.faults.called("upload.getFile")), time.perf_counter()
        await person.client.forward_messages(BOT, [sent], OTHER)
        asked = await person.wait_for_text("what of it do you want?")
        seconds = time.perf_counter() - began
        calls = sandbox.faults.called("upload.getFile")[before:]
        fetched = sum(call.request.limit for call in calls) / MB
        link.rtt, link.bandwidth = 0.0, None
    print("\n".join(asked.raw_text.splitlines()[:4]), "…", sep="\n")
    print(f"\nwith a picture: {'yes' if asked.photo else 'NO'}, {len(calls)} requests")
    found = [(seconds, SECONDS, "s to the question"), (fetched, FETCHED, "MB fetched")]
    for value, most, what in found:
        print(f"{'reached' if value <= most else 'MISSED '}  {value:8.2f} {what} (at most {most:.2f})")
    return int(not asked.photo or any(value > most for value, most, _ in found))


async def run(options: argparse.Namespace) -> int:
    with tempfile.TemporaryDirectory(prefix="preview-", dir=options.scratch) as name:
        async with Sandbox(Path(name) / "server") as sandbox:
            await sandbox.add_bot(TOKEN, BOT, "Bot")
            await sandbox.add_bot("7000000002:benchmark", OTHER, "Shelf")
            await sandbox.add_person(PHONE, "Reader", "reader")
            async with sandbox.person(PHONE) as person:
                return await measure(sandbox, person, Path(name), options)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks preview", description=__doc__)
    parser.add_argument("--count", type=int, default=5000, help="pictures in the archive (%(default)s)")
    parser.add_argument("--size", type=float, default=4000, help="MB of it, at most 4200 (%(default)s)")
    parser.add_argument("--rtt", type=int, default=80, help="milliseconds there and back (%(default)s)")
    parser.add_argument("--bandwidth", type=float, default=10, help="MB/s each way (%(default)s)")
    parser.add_argument("--scratch", help="folder for the archive, which is sparse")
    return asyncio.run(run(parser.parse_args(arguments)))
