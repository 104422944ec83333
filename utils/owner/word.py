"""What is wrong: a message to the owner, at most one an hour for one thing; page and figures have it, too."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping

from utils.owner.sight import Sight
from utils.owner.watch import Said, Watch
from utils.texts import Text, text_n

#: Seconds between two messages about one thing, and between two looks at the disk.
PAUSE, LOOK = 3600.0, 60.0
#: Quarantine is large from this share of the disk on.
LARGE = 0.1
#: Seconds without Telegram from which on it is worth a word.
LONG = 300.0

#: What the log says that the owner is to know: how a line begins -> the thing that it is about, and how it is
#: said of what was put into the line.
_LINES: Mapping[str, tuple[str, Callable[..., Text]]] = {
    "☠️ ": (
        "passed_over",
        lambda name, why, *_: Text(
            "☠️ {name}: I passed over something at which I was killed again and again. {why}.",
            name=name,
            why=why,
        ),
    ),
    "⚠️ Job ": (
        "set_aside",
        lambda _, why, kept: Text(
            "⚠️ I could not go on with an archive, and set it aside: {why} It is kept as {file}.",
            why=why,
            file=kept,
        ),
    ),
    "⚠️ State file ": (
        "set_aside",
        lambda name, _, kept: Text(
            "⚠️ {name} was damaged, and I began without it. It is kept as {file}.", name=name, file=kept
        ),
    ),
    "⚠️ Log-in set aside": (
        "log_in",
        lambda why, kept: Text(
            "⚠️ My log-in could not be used, and I made another one: {why} It is kept as {file}.",
            why=why,
            file=kept,
        ),
    ),
    "❌ The disk is too full": (
        "disk",
        lambda name, *_: Text("💾 My disk is full: I cannot take in {name}.", name=name),
    ),
}
#: What begins or ends an outage -> which it is.
_BEGINS = {"🔌 Telegram cannot be reached": "connection", "🔌 Telegram has trouble": "server"}
_ENDS = {"✅ Telegram can be reached": "connection", "✅ Telegram's own trouble": "server"}


class Word:
    """``send`` delivers a text, None: there is nobody to tell; ``look`` says what there is."""

    def __init__(
        self,
        send: Callable[[Text], Awaitable[None]] | None,
        look: Callable[[], Awaitable[Sight]],
        watch: Watch,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """What ``watch`` heard before is weighed as well."""
        self._send, self._look, self._watch, self._clock = send, look, watch, clock
        self._told: dict[str, float] = {}
        self._texts: asyncio.Queue[Text] = asyncio.Queue()
        self._cut_off: dict[str, float] = {}
        self._loop = asyncio.get_running_loop()
        for said in list(watch.warnings):
            self._weigh(said)
        watch.listeners.append(self._hear)

    def tell(self, thing: str, text: Text) -> None:
        """Have ``text`` sent, unless something was said of ``thing`` within the hour."""
        now = self._clock()
        if now - self._told.get(thing, float("-inf")) >= PAUSE:
            self._told[thing] = now
            self._texts.put_nowait(text)

    def alert(self, thing: str, text: Text) -> None:
        """The same of something wrong, which page and figures show each time."""
        self._watch.alert(thing, text)
        self.tell(thing, text)

    async def run(self) -> None:
        """Send what there is to tell, and look at the disk, until cancelled."""
        looking = asyncio.create_task(self._look_on())
        try:
            while True:
                text = await self._texts.get()
                if self._send is not None:
                    await self._send(text)
        finally:
            looking.cancel()
            self._watch.listeners.remove(self._hear)

    def _hear(self, said: Said) -> None:
        """A line of the log, of whichever thread."""
        if said.level != "INFO" or said.line.startswith(tuple(_ENDS)):
            self._loop.call_soon_threadsafe(self._weigh, said)

    def _weigh(self, said: Said) -> None:
        if said.level == "INFO":
            self._reached_again(said)
            return
        for begins, (thing, words) in _LINES.items():
            if said.line.startswith(begins):
                self.alert(thing, words(*said.args))
        for begins, outage in _BEGINS.items():
            if said.line.startswith(begins):
                self._cut_off[outage] = said.when
        if said.line.startswith("❌ Conversion failed") and self._watch.keeps_failing:
            self._conversions_fail(*said.args)

    def _conversions_fail(self, name: object, why: object) -> None:
        told = text_n(
            "❌ {count} attempt at a conversion failed. The last one: {name}, {why}",
            "❌ {count} attempts at conversions failed in a row. The last one: {name}, {why}",
            self._watch.failed_in_a_row,
            name=name,
            why=why,
        )
        self._lasts("conversions", True, told)

    def _reached_again(self, said: Said) -> None:
        for begins, outage in _ENDS.items():
            since = self._cut_off.pop(outage, said.when) if said.line.startswith(begins) else said.when
            if said.when - since >= LONG:
                minutes = round((said.when - since) / 60)
                told = text_n(
                    "🔌 I was cut off from Telegram for {count} minute. I go on with what came meanwhile.",
                    "🔌 I was cut off from Telegram for {count} minutes. I go on with what came meanwhile.",
                    minutes,
                )
                self.alert("cut_off", told)

    async def _look_on(self) -> None:
        while True:
            self.judge(await self._look())
            await asyncio.sleep(LOOK)

    def judge(self, sight: Sight) -> None:
        """Tell of a disk, or a quarantine, that fills up."""
        disk, kept = sight.disk, sight.kept
        self._lasts(
            "disk",
            disk.fills_up,
            Text(
                "💾 The disk fills up: {free:,} MB are free, of which {reserve:,} MB are never used.",
                free=disk.free // 1_000_000,
                reserve=disk.reserve // 1_000_000,
            ),
        )
        size = kept // 1_000_000
        full = Text("🗄️ Quarantine fills up: {size:,} MB. What is there is yours to delete.", size=size)
        self._lasts("quarantine", kept > LARGE * disk.total, full)

    def _lasts(self, thing: str, wrong: bool, text: Text) -> None:
        """While something stays wrong it is one thing for page and figures, and said every hour."""
        if wrong and self._clock() - self._told.get(thing, float("-inf")) >= PAUSE:
            self.alert(thing, text)
