"""A bot's side of a farm in this process, the farm itself, and workers: real processes on this machine."""

from __future__ import annotations

import asyncio
import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from tests.files import ffmpeg_after
from tests.media.makers import Memory
from tests.ports import free_port
from utils.cluster.farm import Address, ProcessFarm
from utils.constants import ROOT
from utils.media import Converter, EncodeSettings, Farm, Tools, inspect

#: Segments of a second, two at a time.
SETTINGS = EncodeSettings(preset="ultrafast", crf=28, threads=2, segment_seconds=2.0)
#: Seconds that something which takes two may take on a machine that has much else to do.
PATIENCE = 60.0
#: Of ffmpeg's arguments, those of a segment that is encoded here, and of one on a worker.
HERE, THERE = "*libx264*segment-0*.part*", "*libx264*result.mp4*"


class Labour:
    """A worker that was started."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self.process = process
        self.log = log

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def said(self) -> str:
        return self.log.read_text()


class Yard:
    """``line`` is what the farm has the owner type."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lines: list[str] = []
        self.started: list[Labour] = []
        self.port = free_port(2)
        self.farm = self.another_farm()

    def another_farm(self, *, folder: Path | None = None) -> ProcessFarm:
        return ProcessFarm(
            Address.of(f"127.0.0.1:{self.port}"),
            folder=folder or self.folder / "cluster",
            reads=(self.folder,),
            writes=(self.folder / "out",),
            local=True,
            tell=self.lines.append,
        )

    async def line(self) -> list[str]:
        await until(lambda: bool(self.lines))
        return self.lines[-1].split()[2:]

    async def worker(self, *options: str, path: str = "", **environment: str) -> Labour:
        """One more worker, with the programs of ``path``."""
        log = self.folder / f"worker-{len(self.started)}.log"
        line = await self.line()
        with log.open("wb") as file:
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", "utils.terminal.worker", *line, "--slots", "1", *options],
                cwd=ROOT,
                env={
                    **os.environ,
                    "PYTHONPATH": str(ROOT),
                    "DATA_DIR": str(self.folder / "workers"),
                    **({"PATH": path} if path else {}),
                    **environment,
                },
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
            )
        self.started.append(Labour(process, log))
        return self.started[-1]

    async def convert(
        self, source: Path, *, tools: Tools | None = None, checkpoint: Memory | None = None
    ) -> tuple[str, Memory]:
        """The SHA-256 of the result, and what was saved."""
        return await convert(source, self.folder / "out", self.farm, tools=tools, checkpoint=checkpoint)

    def segments(self) -> int:
        """How many segments all machines have handed in."""
        return sum(machine.done for machine in self.farm.machines)

    def held(self, name: str, arguments: str) -> tuple[str, Path]:
        """A PATH whose ffmpeg does nothing with these arguments while the file beside it is there."""
        folder = self.folder / name
        path = ffmpeg_after(folder, arguments, f"while [ -e '{folder}/held' ]; do sleep 0.05; done")
        (folder / "held").touch()
        return path, folder / "held"

    def end(self) -> None:
        for labour in self.started:
            with suppress(ProcessLookupError):
                labour.process.send_signal(signal.SIGCONT)
                labour.process.kill()
            labour.process.wait()


async def convert(
    source: Path,
    folder: Path,
    farm: Farm | None,
    *,
    tools: Tools | None = None,
    checkpoint: Memory | None = None,
) -> tuple[str, Memory]:
    """The SHA-256 of the result of ``source``, and what was saved."""
    tools = tools or Tools()
    checkpoint = checkpoint or Memory()
    folder.mkdir(exist_ok=True)
    output = folder / f"{source.stem}.mp4"
    output.unlink(missing_ok=True)

    async def on_progress(_: float) -> None:
        return None

    await Converter(SETTINGS, tools, farm=farm).convert(
        source,
        output,
        inspection=await inspect(source, source.name, tools=tools),
        checkpoint=checkpoint,
        work_dir=folder / "work",
        on_progress=on_progress,
    )
    return hashlib.sha256(output.read_bytes()).hexdigest(), checkpoint


@asynccontextmanager
async def yard_in(folder: Path) -> AsyncIterator[Yard]:
    """A farm that runs; all that was started is gone afterwards."""
    yard = Yard(folder)
    running = asyncio.ensure_future(yard.farm.run())
    try:
        yield yard
    finally:
        yard.end()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def until(condition: Callable[[], object], within: float = PATIENCE) -> float:
    """Wait for ``condition``; returns after how many seconds it held."""
    started = time.monotonic()
    while not condition():
        assert time.monotonic() - started < within, "it did not come to that"
        await asyncio.sleep(0.02)
    return time.monotonic() - started
