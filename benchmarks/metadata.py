"""Healthy pictures of every format with damaged metadata: how many of them are sent whole.

    python -m benchmarks metadata [--pictures 2000] [--seed 0]

Each is drawn by a number, which is printed with what went wrong: ``--seed N --pictures 1`` does it again.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
import warnings
from collections import Counter
from pathlib import Path

from tests.pictures.odd_metadata import drawn
from tests.pictures.scene import is_turned_scene
from utils.errors import MediaError
from utils.media import Tools, Verdict, inspect, prepare_photo
from utils.pictures.pool import Pictures

_MEMORY = 512_000_000


def main(arguments: list[str]) -> int:
    """Prints a line for each picture that was not sent whole, and the sums; the exit code says if any."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks metadata", description=__doc__)
    parser.add_argument("--pictures", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    warnings.simplefilter("ignore")
    return asyncio.run(_run(range(options.seed, options.seed + options.pictures)))


async def _run(seeds: range) -> int:
    tools = Tools(pictures=Pictures(_MEMORY))
    tried, wrong = Counter[str](), Counter[str]()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        for seed in seeds:
            kind, data = drawn(seed)
            name = kind.partition(",")[0]
            tried[name] += 1
            what = await _tried(tools, Path(folder) / "picture", data)
            if what:
                wrong[name] += 1
                print(f"{seed}: {kind}: {what}")
    await tools.pictures.close()
    for name, count in sorted(tried.items()):
        print(f"{name:5} {count - wrong[name]:5} of {count} sent whole")
    print(f"{len(seeds) - wrong.total()} of {len(seeds)} in {time.monotonic() - began:.0f} s")
    return 1 if wrong else 0


async def _tried(tools: Tools, path: Path, data: bytes) -> str:
    """What is wrong with what came of it; empty: nothing."""
    await asyncio.to_thread(path.write_bytes, data)
    try:
        found = await inspect(path, path.name, tools=tools)
        if found.verdict is not Verdict.PHOTO:
            return found.reason
        photo = await prepare_photo(path, path.with_suffix(".out"), tools=tools)
    except MediaError as error:
        return error.told
    if photo.note and not photo.note.startswith("Converted from"):
        return photo.note
    return "" if is_turned_scene(photo.path) else "Its pixels are wrong."
