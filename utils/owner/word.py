"""A message to the owner when something is wrong, at most one an hour for one thing."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from utils.owner.sight import Sight
from utils.owner.watch import Said, Watch

#: Seconds between two messages about one thing, and between two looks at the disk.
PAUSE, LOOK = 3600.0, 60.0
#: Quarantine is large from this share of the disk on.
LARGE = 0.1

#: What the log says that the owner is to know: how a line begins -> the thing that it is about.
_LINES = {
    "☠️ ": "a step that kills was passed over",
    "⚠️ Job ": "a job was set aside",
    "⚠️ State file ": "a state file was set aside",
    "⚠️ Log-in set aside": "the log-in was set aside",
    "❌ The disk is too full": "disk",
}


class Word:
    """``send`` delivers a text; ``look`` says what there is."""

    def __init__(
        self,
        send: Callable[[str], Awaitable[None]],
        look: Callable[[], Awaitable[Sight]],
        watch: Watch,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._send, self._look, self._watch, self._clock = send, look, watch, clock
        self._told: dict[str, float] = {}
        self._texts: asyncio.Queue[str] = asyncio.Queue()
        self._loop = asyncio.get_running_loop()
        watch.listeners.append(self._hear)

    def tell(self, thing: str, text: str) -> None:
        """Have ``text`` sent, unless something was said of ``thing`` within the hour."""
        now = self._clock()
        if now - self._told.get(thing, float("-inf")) >= PAUSE:
            self._told[thing] = now
            self._texts.put_nowait(text)

    async def run(self) -> None:
        """Send what there is to tell, and look at the disk, until cancelled."""
        looking = asyncio.create_task(self._look_on())
        try:
            while True:
                await self._send(await self._texts.get())
        finally:
            looking.cancel()
            self._watch.listeners.remove(self._hear)

    def _hear(self, said: Said) -> None:
        """A line of the log, of whichever thread."""
        if said.level in ("WARNING", "ERROR", "CRITICAL"):
            self._loop.call_soon_threadsafe(self._weigh, said)

    def _weigh(self, said: Said) -> None:
        for begins, thing in _LINES.items():
            if said.words.startswith(begins):
                self.tell(thing, said.words)
        if said.words.startswith("❌ Conversion failed") and self._watch.keeps_failing:
            row = self._watch.failed_in_a_row
            self.tell("conversions", f"❌ {row} attempts at conversions failed in a row. {said.words}")

    async def _look_on(self) -> None:
        while True:
            self.judge(await self._look())
            await asyncio.sleep(LOOK)

    def judge(self, sight: Sight) -> None:
        """Tell of a disk, or a quarantine, that fills up."""
        disk, kept = sight.disk, sight.kept
        if disk.fills_up:
            free, reserve = disk.free // 1_000_000, disk.reserve // 1_000_000
            self.tell(
                "disk", f"💾 The disk fills up: {free} MB are free, of which {reserve} MB are never used."
            )
        if kept > LARGE * disk.total:
            self.tell("quarantine", f"🗄️ Quarantine fills up: {kept // 1_000_000} MB. It is yours to delete.")
