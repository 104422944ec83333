"""How ``version-1.0.0.tar.xz`` was made: by that version, killed at work on two archives.

In a clone of the last commit before the list of changes had a part “Unreleased” in it, with this file's text:

    python making.py FOLDER && tar -C FOLDER --format=pax -cJf version-1.0.0.tar.xz data telegram

The first archive has two pictures, which were sent, and a film whose conversion was at 13 %. The second has
eighteen pictures, of which six were sent, and a film of two seconds.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path

from tests.e2e.process import environment, start
from tests.files import photo, zip_of
from tests.world import World, until, world_in

SMALL = (64, 48)


def film(folder: Path, seconds: int) -> bytes:
    source = f"testsrc=size=128x96:rate=10:duration={seconds}"
    command = ("ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", source, "-c:v", "mpeg4", "-q:v", "31")
    subprocess.run([*command, str(folder / "film.avi")], check=True)
    return (folder / "film.avi").read_bytes()


async def main(folder: Path) -> None:
    async with world_in(folder) as world:
        slow = {"CONVERSION_SEGMENT_SECONDS": "5", "CONVERSION_THREADS": "1", "VIDEO_PRESET": "veryslow"}
        bot = await start(environment(world, **slow, CONVERSION_STATE_SAVE_INTERVAL="1"))
        await until(lambda: any("Ready" in line for line in world.lines()))
        first = {f"one/{n}.jpg": photo(n, SMALL) for n in (1, 2)}
        first["one/film.avi"] = film(folder, 90)
        await world.send(zip_of(folder / "first.zip", first))
        await until(lambda: _converts(world))
        second = {
            f"{name}/{n}.jpg": photo(10 * i + n + 3, SMALL)
            for i, name in enumerate("abcdef")
            for n in range(3)
        }
        second["z/film.avi"] = film(folder, 2)
        await world.send(zip_of(folder / "second.zip", second))
        await until(lambda: len(world.media()) == 8)
        bot.kill()
        await bot.wait()


def _converts(world: World) -> bool:
    try:
        states = json.loads((world.data / "conversion_state.json").read_text())
    except (OSError, ValueError):
        return False
    return any(state["progress"] > 10 for state in states.values())


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
