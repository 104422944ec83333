"""``python -m benchmarks pictures FILE…``: what becomes of pictures in the real bot, and the memory it takes.

Each FILE is sent in a ZIP of its own; of a folder, all files in one. Server and sender are another process.
The peak of the bot is what the kernel keeps for its process, that of all is what it and its children were
seen to take, memory that they share counted once. With --memory, the bot runs in a memory cgroup of so many
MB (root, cgroup v1); with --make, the pictures of docs/benchmarks.md are made first, and sent.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
import zipfile
from collections import Counter
from pathlib import Path

from benchmarks.picture_files import make_pictures
from benchmarks.watched import MB, CGroup, Watch, watched_bot
from sandbox import StoredMessage
from tests.world import World, until, world_in


def archive_of(path: Path, folder: Path) -> Path:
    """The ZIP in which ``path`` is sent: a file, or all files of a folder. Blocking."""
    archive = folder / f"{path.name}.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as whole:
        for file in sorted(path.iterdir()) if path.is_dir() else [path]:
            whole.write(file, file.name)
    return archive


def arrived(media: list[StoredMessage]) -> str:
    """What came, in words: kinds and sizes, and the reason of what came as a file."""
    told = Counter(
        f"{message.kind} {message.width}x{message.height}" if message.kind == "photo" else message.kind
        for message in media
    )
    notes = {line[3:] for message in media for line in message.caption.splitlines() if line.startswith("ℹ️ ")}
    words = ", ".join(f"{count} × {what}" if count > 1 else what for what, count in told.items())
    return " ".join([words or "NOTHING", *sorted(notes)[:2]])


def summaries(world: World) -> list[str]:
    """What was said at the end of each archive."""
    return [message.text for message in world.chat() if message.kind == "text" and " sent." in message.text]


async def one(world: World, path: Path, watch: Watch) -> None:
    """Send it, and print its row."""
    archive = await asyncio.to_thread(archive_of, path, world.folder)
    before, told = len(world.media()), len(summaries(world))
    watch.reset()
    began = time.monotonic()
    await world.send(archive)
    await until(lambda: len(summaries(world)) > told, 900)
    seconds = time.monotonic() - began
    came = world.media()[before:]
    print(
        f"{path.name:<30} {seconds:7.1f} {watch.bot / MB:7.0f} {watch.all / MB:7.0f}  {arrived(came)}",
        flush=True,
    )


async def run(options: argparse.Namespace) -> int:
    files = [*options.files, *(await asyncio.to_thread(make_pictures, options.make) if options.make else [])]
    if options.only_make:
        return 0
    with tempfile.TemporaryDirectory(prefix="pictures-") as name:
        cgroup = CGroup(options.memory * 1024 * 1024) if options.memory else None
        settings = {"PICTURE_MEMORY_MB": str(options.picture_memory)} if options.picture_memory else {}
        try:
            async with (
                world_in(Path(name)) as world,
                watched_bot(world, settings, cgroup) as (process, watch),
            ):
                print(f"{'picture':<30} {'seconds':>7} {'bot MB':>7} {'all MB':>7}  what arrived")
                for path in files:
                    await one(world, path, watch)
                    if process.returncode is not None:
                        print(f"THE BOT DIED ({process.returncode})")
                        return 1
                if cgroup is not None:
                    print(f"cgroup: peak {cgroup.peak() / MB:.0f} MB, {cgroup.kills()} killed by the kernel")
        finally:
            if cgroup is not None:
                cgroup.remove()
    return 0


def main(arguments: list[str]) -> int:
    """The benchmark as a program."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks pictures", description=__doc__)
    parser.add_argument("files", type=Path, nargs="*", metavar="FILE")
    parser.add_argument(
        "--make", type=Path, metavar="FOLDER", help="make large pictures there, and send them"
    )
    parser.add_argument("--only-make", action="store_true", help="make them, and no more")
    parser.add_argument("--memory", type=int, metavar="MB", help="of the cgroup that the bot runs in")
    parser.add_argument("--picture-memory", type=int, metavar="MB", help="PICTURE_MEMORY_MB of the bot")
    return asyncio.run(run(parser.parse_args(arguments)))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
