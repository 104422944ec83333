"""One conversion under way: what every step of it needs to know."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from utils.media.checkpoint import Checkpoint
from utils.media.disk import FreeSpace
from utils.media.elsewhere import Farm
from utils.media.inspection import Inspection
from utils.media.plan import ConversionPlan
from utils.media.processors import Processors
from utils.media.settings import EncodeSettings
from utils.media.tools import OnProgress, Progress, Tools

#: Of the percentage, what is left for joining and checking once all frames are encoded.
_FOR_THE_END = 1.0

T = TypeVar("T")
Snapshot = Callable[[], Mapping[str, Any]]


@dataclass
class Work:
    """Source, output and folder of a conversion, with what it runs on."""

    source: Path
    output: Path
    folder: Path
    inspection: Inspection
    plan: ConversionPlan
    settings: EncodeSettings
    tools: Tools
    checkpoint: Checkpoint
    on_progress: Callable[[float], Awaitable[None]]
    free: FreeSpace
    processors: Processors
    on_idle: Callable[[], None]
    farm: Farm | None = None
    #: For people.
    name: str = ""
    _saved_at: float = field(default_factory=time.monotonic)
    _saving: asyncio.Lock = field(default_factory=asyncio.Lock)

    def __post_init__(self) -> None:
        # Some ffmpeg calls are run in the conversion's folder.
        self.source = self.source.absolute()
        self.output = self.output.absolute()
        self.folder = self.folder.absolute()

    @property
    def part(self) -> Path:
        """The result while it is not verified yet; on the disk of the output, so that renaming is atomic."""
        return self.output.with_name(f"{self.output.name}.part")

    @property
    def length_factor(self) -> float:
        """How many segments long the source is: a step over all of it may take that many times as long."""
        return max(1.0, self.inspection.duration / self.settings.segment_seconds)

    async def convert(
        self,
        arguments: Sequence[str],
        to: Path,
        *,
        factor: float = 1.0,
        on_progress: OnProgress | None = None,
        cwd: Path | None = None,
    ) -> Progress:
        """One ffmpeg call of this conversion, which writes the file ``to``; see :meth:`Tools.convert`.

        It may take ``factor`` times as long as a step may.
        """
        return await self.tools.convert(
            arguments,
            within=self.settings.timeout_seconds * factor,
            stall=self.settings.stall_seconds,
            on_progress=on_progress,
            cwd=cwd,
            file_bytes=await self.room(to.parent),
        )

    async def room(self, folder: Path) -> int:
        """Bytes that may be written to ``folder`` now."""
        return max(0, await asyncio.to_thread(self.free, folder) - self.settings.disk_reserve)

    async def save(self, snapshot: Snapshot, progress: float) -> None:
        """Checkpoint what ``snapshot`` gives. One at a time: an older state must not replace a newer one."""
        async with self._saving:
            await self.checkpoint.save(snapshot(), progress)
            self._saved_at = time.monotonic()

    async def show(self, done: float, snapshot: Snapshot | None = None) -> None:
        """``done`` (0 to 1) of the frames are encoded; also checkpointed when that was long ago."""
        percent = self.percent(done)
        await self.on_progress(percent)
        if snapshot is not None and time.monotonic() - self._saved_at >= self.settings.save_interval:
            await self.save(snapshot, percent)

    @staticmethod
    def percent(done: float) -> float:
        """The percentage to show while ``done`` (0 to 1) of the frames are encoded."""
        return min(1.0, max(0.0, done)) * (100.0 - _FOR_THE_END)


async def together(*jobs: Coroutine[Any, Any, T]) -> list[T]:
    """What ``jobs`` give, done at the same time; the first that fails ends the others."""
    tasks = [asyncio.ensure_future(job) for job in jobs]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
