"""Run as a program: one conversion whose checkpoint is a file. It is there to be killed.

    python -m tests.media.convert_child SOURCE OUTPUT CHECKPOINT [LAST]

LAST: kill yourself right after the checkpoint was saved that many times.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

from tests.media.makers import SIDE_BY_SIDE
from utils.media import Converter, Tools, inspect


class FileCheckpoint:
    """A checkpoint in a file that is replaced as a whole."""

    def __init__(self, path: Path, last: int) -> None:
        self._path = path
        self._left = last

    def load(self) -> dict[str, object] | None:
        if not self._path.exists():
            return None
        value = json.loads(self._path.read_text())
        assert isinstance(value, dict)
        return value

    async def save(self, data: object, progress: float) -> None:
        beside = self._path.with_suffix(".tmp")
        beside.write_text(json.dumps(data))
        beside.replace(self._path)
        with self._path.with_suffix(".log").open("a") as log:
            log.write(f"{progress}\n")
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


async def main(source: Path, output: Path, checkpoint: FileCheckpoint) -> None:
    tools = Tools()
    inspection = await inspect(source, source.name, tools=tools)
    converter = Converter(SIDE_BY_SIDE, tools)
    print(f"resumed from {converter.resumed_from(checkpoint):.1f}", flush=True)

    async def on_progress(percent: float) -> None:
        print(percent, flush=True)

    await converter.convert(
        source,
        output,
        inspection=inspection,
        checkpoint=checkpoint,
        work_dir=output.parent / "work",
        on_progress=on_progress,
    )


if __name__ == "__main__":
    last_save = int(sys.argv[4]) if len(sys.argv) > 4 else 0
    paths = [Path(argument) for argument in sys.argv[1:4]]
    asyncio.run(main(paths[0], paths[1], FileCheckpoint(paths[2], last_save)))
