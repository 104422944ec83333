"""``convert INPUT OUTPUT``: the bot's conversion without Telegram, resumed when it was cut off."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from utils.cluster.farm import ProcessFarm
from utils.conversion_state import COMPLETED, FAILED, IN_PROGRESS, PENDING, ConversionStateManager
from utils.conversions.checkpoint import StateCheckpoint
from utils.errors import ConversionTimeout, DiskFull, MediaError, NotMedia
from utils.media import Converter, Inspection, MediaTools, Verdict
from utils.storage.lock import alone_in

#: Exit codes beside 0 and 2 (usage): no video, the conversion failed, it took too long, no room on the disk.
NO_VIDEO, NOT_CONVERTED, TIMEOUT, NO_ROOM = 3, 4, 5, 6


class Show(Protocol):
    """Shows how far it is."""

    def show(self, percent: float, /) -> None:
        """It is at ``percent`` (0 to 100)."""

    def end(self) -> None:
        """No more comes; what is printed next begins a line."""


@dataclass(frozen=True)
class Conversion:
    """One call of the command. The result is in ``output`` only when it is whole."""

    source: Path
    output: Path
    recovery: Path
    states: ConversionStateManager
    converter: Converter
    media: MediaTools
    #: Keeps other machines at hand, where some are wanted.
    farm: ProcessFarm | None = None

    @property
    def folder(self) -> Path:
        """Where its segments are, named by where the source is: two of one name may share ``recovery``."""
        return self.recovery / f"convert-{hashlib.sha256(os.fsencode(self.source)).hexdigest()[:16]}"

    async def run(self, show: Show) -> int:
        """Convert; returns the exit code. What went wrong is told on standard error."""
        farm = asyncio.ensure_future(self.farm.run()) if self.farm else None
        try:
            result = await self._convert(show)
        except NotMedia as error:
            return self._failed(error, NO_VIDEO)
        except ConversionTimeout as error:
            return self._failed(error, TIMEOUT)
        except MediaError as error:
            return self._failed(error, NOT_CONVERTED)
        except DiskFull as error:
            print(f"❌ {self.source.name}: {error.told}", file=sys.stderr)
            return NO_ROOM
        finally:
            if farm is not None:
                farm.cancel()
                await asyncio.gather(farm, return_exceptions=True)
            await self.media.close()
        self.states.mark_completed(self.source)
        print(f"✅ {self.output}: {result.width}x{result.height}, {result.duration:.1f} s", file=sys.stderr)
        return 0

    async def _convert(self, show: Show) -> Inspection:
        inspection = await self.media.inspect(self.source, self.source.name)
        if inspection.plan is None or inspection.verdict not in (Verdict.READY, Verdict.DEFERRED):
            raise NotMedia(inspection.reason)
        print(f"🎬 {self.source.name}: {inspection.plan.action.value}. {inspection.reason}", file=sys.stderr)
        state = self.states.load_state(self.source)
        if state is None or state["status"] in (COMPLETED, FAILED):
            # What took too long goes on where it was: of other failures the engine itself keeps nothing.
            details = state["details"] if state else {}
            details = {**details, "name": self.source.name}
            self.states.save_state(self.source, PENDING, 0, self.output, details=details)
        checkpoint = StateCheckpoint(self.states, self.source)
        await asyncio.to_thread(self._fetch, checkpoint)
        resumed = await asyncio.to_thread(self.converter.resumed_from, checkpoint, self.folder)
        if resumed > 0:
            print(f"♻️ Resumed after {resumed:.0f} %", file=sys.stderr)

        async def progress(percent: float) -> None:
            show.show(percent)

        try:
            return await self.converter.convert(
                self.source,
                self.output,
                inspection=inspection,
                checkpoint=checkpoint,
                work_dir=self.folder,
                on_progress=progress,
            )
        finally:
            show.end()

    def _fetch(self, checkpoint: StateCheckpoint) -> None:
        """Bring the segments here that an earlier call was told to keep elsewhere. Blocking.

        Raises :class:`AlreadyRunning`. From another disk they are not fetched: then it starts over.
        """
        before = Path((checkpoint.load() or {}).get("folder", self.folder))
        if before != self.folder and before.name == self.folder.name and before.is_dir():
            with alone_in(before.parent), suppress(OSError):
                before.rename(self.folder)

    def _failed(self, error: MediaError, code: int) -> int:
        self.states.save_state(self.source, IN_PROGRESS, 0, self.output)
        self.states.mark_failed(self.source, error.told)
        print(f"❌ {self.source.name}: {error.told}", file=sys.stderr)
        return code


class JsonLines:
    """One JSON object a line on standard output."""

    def show(self, percent: float, /) -> None:
        """Print ``percent`` (0 to 100)."""
        print(json.dumps({"progress": round(percent, 1)}), flush=True)

    def end(self) -> None:
        """Each line has ended already."""
