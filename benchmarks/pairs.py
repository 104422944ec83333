"""Live Photos and motion photos through the real bot: each a live photo, or a photo and its film; none twice.

    python -m benchmarks pairs [--live 50] [--motion 20] [--refuse]

So many Live Photos, half of them with films of other names, which only Apple's identifier tells, and so many
motion photos of each maker's layout. With --refuse the server takes no live photos. What did not come once is
named. Server, sender and bot are one process.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import tempfile
import time
from collections import Counter
from pathlib import Path

from sandbox import RpcError
from tests.files import photo, video, zip_of
from tests.media.live import HEIC_LAYOUTS, JPEG_LAYOUTS, apple_film, apple_picture, numbered
from tests.media.makers import H264, clip
from tests.world import World, world_in

_SMALL = (160, 120)


def live(count: int, folder: Path) -> tuple[dict[str, bytes], dict[str, str]]:
    """The files of so many Live Photos, and which film (its name) belongs to which picture."""
    files: dict[str, bytes] = {}
    wanted: dict[str, str] = {}
    for number in range(count):
        identifier = f"0B5AB4A8-6C9B-4BF3-9C7D-{number:012X}"
        still = f"live/IMG_{number:04d}.{'HEIC' if number % 4 == 3 else 'JPG'}"
        named = f"live/IMG_{number:04d}.MOV" if number % 2 else f"live/IMG_{number:04d}(film).MOV"
        kind = "HEIF" if number % 4 == 3 else "JPEG"
        files[still] = apple_picture(photo(number, _SMALL), identifier, kind)
        # Each has a length of its own, as what is written anew keeps no bytes that nobody sees.
        film = clip(folder / "film.mov", *H264, size="160x120", seconds=0.4 + 0.04 * number)
        files[named] = apple_film(film.read_bytes(), identifier)
        wanted[still] = named
    return files, wanted


def motion(count: int) -> dict[str, bytes]:
    """So many of each maker's layout."""
    film, files = video("silent", seconds=1), dict[str, bytes]()
    heic = apple_picture(photo(1, _SMALL), "-", "HEIF")
    for maker, before_and_behind in JPEG_LAYOUTS.items():
        for number in range(count):
            own = numbered(film, len(files))
            before, behind = before_and_behind(photo(len(files), _SMALL), own)
            files[f"motion/{maker}/{number}.jpg"] = before + own + behind
    for maker, make in HEIC_LAYOUTS.items():
        for number in range(count):
            files[f"motion/{maker}/{number}.heic"] = make(heic, numbered(film, len(files)))
    return files


def judged(world: World, pictures: int) -> list[str]:
    """What is wrong with what came."""
    photos = [message for message in world.media() if message.kind == "photo"]
    films = Counter(hashlib.sha256(m.live.read_bytes()).hexdigest() for m in photos if m.live)
    films += Counter(message.sha256 for message in world.media() if message.kind == "video")
    others = [message.name for message in world.media() if message.kind not in ("photo", "video")]
    wrong = [f"{len(photos)} photos of {pictures}"] if len(photos) != pictures else []
    wrong += [f"{len(films)} films of {pictures}"] if len(films) != pictures else []
    wrong += [f"a film {count} times" for count in films.values() if count > 1]
    return [*wrong, *(f"{name} came as a file" for name in others)]


async def _run(options: argparse.Namespace) -> int:
    with tempfile.TemporaryDirectory(prefix="pairs-") as name:
        folder = Path(name)
        files, wanted = await asyncio.to_thread(live, options.live, folder)
        files |= await asyncio.to_thread(motion, options.motion)
        archive = await asyncio.to_thread(zip_of, folder / "pairs.zip", files)
        pictures = len(files) - len(wanted)
        (folder / "world").mkdir()
        async with world_in(folder / "world") as world:
            if options.refuse:
                for request in ("messages.sendMultiMedia", "messages.sendMedia"):
                    world.sandbox.faults.fail(
                        request, RpcError(400, "MEDIA_INVALID"), times=None, when=_is_live
                    )
            began = time.monotonic()
            async with world.running():
                await world.send(archive)
                summary = await world.summary(1800)
            print(f"{summary.splitlines()[0]} ({time.monotonic() - began:.0f} s)")
            together = sum(message.live is not None for message in world.media())
            print(f"{pictures} pictures with a film, {together} of them came as live photos")
            wrong = judged(world, pictures)
    for line in wrong:
        print(f"WRONG: {line}")
    return 1 if wrong or (not options.refuse and together != pictures) else 0


def _is_live(call: object) -> bool:
    request = getattr(call, "request", None)
    items = getattr(request, "multi_media", None) or [request]
    return any(getattr(item.media, "live_photo", False) for item in items)


def main(arguments: list[str]) -> int:
    """The benchmark as a program."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks pairs", description=__doc__)
    parser.add_argument("--live", type=int, default=50)
    parser.add_argument("--motion", type=int, default=20, help="of each maker's layout")
    parser.add_argument("--refuse", action="store_true", help="have a server that takes no live photos")
    return asyncio.run(_run(parser.parse_args(arguments)))
