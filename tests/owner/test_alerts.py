"""Whatever goes wrong is a message to the owner, a line on the page, and a figure."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.owner.test_word import Told, sight
from utils.errors import PassedOver
from utils.jobs.gate import Gate
from utils.jobs.marks import DEATHS, Marks
from utils.jobs.steps import Steps
from utils.owner.history import History
from utils.owner.looking import Start, tell_how
from utils.owner.metrics import exposition
from utils.owner.page import Seen, page
from utils.owner.watch import THINGS
from utils.owner.word import LONG, Word
from utils.storage.lock import LOCK_NAME, LOGGED_OUT, InstanceLock
from utils.telegram import outage
from utils.telegram.pauses import Reason

runner = logging.getLogger("utils.conversions.runner")


async def killed(_: Told, word: Word, folder: Path) -> None:
    (folder / LOCK_NAME).write_text("812\n")
    with InstanceLock(folder) as lock:
        tell_how(word, Start(killed=lock.killed))


async def deaf(told: Told, _: Word, __: Path) -> None:
    trouble = outage.Outage()
    for seconds in (LONG - 60, LONG):
        trouble.begins(Reason.CONNECTION, "somebody", "no route to host")
        told.now += seconds
        trouble.over("somebody")
        while trouble.lasting:
            await asyncio.sleep(0.001)


async def disk_full(_: Told, word: Word, __: Path) -> None:
    word.judge(sight(free=1))
    word.judge(sight(free=1))


async def conversions_fail(_: Told, __: Word, ___: Path) -> None:
    for _number in range(3):
        runner.error("❌ Conversion failed: %s - %s", "a.avi", "Timeout")


async def poison(_: Told, __: Word, folder: Path) -> None:
    (folder / "steps").write_text(f"{DEATHS} opening\n")
    marks = Marks(folder / "steps")
    marks.open()
    with pytest.raises(PassedOver):
        Steps(marks, Gate(), "a.zip").check("opening", "opening it")


@pytest.mark.parametrize(
    ("happens", "thing", "english", "spanish"),
    [
        (killed, "killed", "♻️ I am back, and go on where I was: I was killed", "♻️ He vuelto"),
        (deaf, "cut_off", "🔌 I was cut off from Telegram for 5 minutes.", "🔌 Estuve 5 minutos sin"),
        (disk_full, "disk", "💾 The disk fills up: 1,000 MB", "💾 El disco se llena: quedan 1.000 MB"),
        (conversions_fail, "conversions", "❌ 3 attempts at conversions failed in a row.", "❌ Fallaron 3"),
        (poison, "passed_over", "☠️ a.zip: I passed over something", "☠️ a.zip: he saltado algo"),
    ],
)
async def test_what_goes_wrong_is_told_shown_and_counted(
    happens: Callable[[Told, Word, Path], asyncio.Future[None]],
    thing: str,
    english: str,
    spanish: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(outage, "CALM", 0.0)
    told = Told()
    told.language = "es"
    async with told.running() as word:
        await happens(told, word, tmp_path)
        (message,) = await told.so_far()
        shown = page(Seen(sight(), told.watch, History(), ""))
        figures = exposition(sight(), told.watch).decode()
    assert message.startswith(spanish)
    assert english in shown.partition("What went wrong")[2].partition("</section>")[0]
    counted = {name: f'archive_bot_alerts_total{{thing="{name}"}} {float(name == thing)}' for name in THINGS}
    assert all(line in figures for line in counted.values())


async def test_another_version_and_a_new_log_in_are_told_too() -> None:
    told = Told()
    async with told.running() as word:
        tell_how(word, Start(killed=LOGGED_OUT, was="1.0 (aaa)", now="1.1 (bbb)"))
        back, upgraded = await told.so_far()
    assert "my log-in was ended" in back and "1.1 (bbb). I was 1.0 (aaa)." in upgraded
    assert told.watch.alerted == {"log_in": 1}
