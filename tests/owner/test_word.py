"""The owner hears what is wrong, once an hour."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from tests.e2e.process import environment, start
from tests.ports import free_port
from tests.world import World, until
from utils.owner.sight import Disk, Kept, Sight
from utils.owner.watch import Watch
from utils.owner.word import PAUSE, Word
from utils.storage.lock import LOCK_NAME, LOGGED_OUT, InstanceLock
from utils.texts import Text, said, speaking

log = logging.getLogger("utils.jobs.steps")


async def test_a_bot_that_was_killed_says_so_once_and_that_the_disk_fills_up(world: World) -> None:
    free = shutil.disk_usage(world.folder).free // 1_000_000
    await world.sandbox.set_language(world.person_id, "es")
    port, reserve = free_port(), str(free * 2 // 3)
    environ = environment(world, OWNER=str(world.person_id), DISK_RESERVE_MB=reserve, STATUS_PORT=str(port))

    def told(words: str) -> int:
        return sum(words in message.text for message in world.chat())

    def ready() -> int:
        return sum("✅ Ready" in line for line in world.lines())

    process = await start(environ)
    await until(lambda: told("💾 El disco se llena") == 1)
    process.kill()
    await process.communicate()
    process = await start(environ)
    await until(lambda: told("♻️ He vuelto y sigo donde estaba: alguien o algo mató mi proceso") == 1)
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as browser:
        async with browser.get("/metrics") as answer:
            figures = await answer.text()
        async with browser.get("/") as answer:
            page = await answer.text()
    assert 'archive_bot_alerts_total{thing="killed"} 1.0' in figures and "What went wrong" in page
    process.terminate()
    await process.communicate()
    process = await start(environ)
    await until(lambda: ready() == 3 and told("💾 El disco se llena") >= 2)
    process.terminate()
    await process.communicate()
    assert told("♻️ He vuelto y sigo donde estaba: alguien o algo mató mi proceso") == 1


class Told:
    """What was sent, and a clock."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.language = "en"
        self.now = 0.0
        self.watch = Watch(lambda: self.now)

    async def send(self, text: Text) -> None:
        with speaking(self.language):
            self.texts.append(said(text))

    async def look(self) -> Sight:
        return sight()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Word]:
        word = Word(self.send, self.look, self.watch, clock=lambda: self.now)
        with self.watch.listening():
            task = asyncio.create_task(word.run())
            yield word
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        assert not self.watch.listeners

    async def so_far(self) -> list[str]:
        for _ in range(5):
            await asyncio.sleep(0)
        return self.texts


def sight(free: int = 90, kept: int = 0) -> Sight:
    disk = Disk(free * 10**9, 100 * 10**9, 10**9)
    return Sight([], [], [], False, "", 0, 0, disk, [Kept("a", kept * 10**9, "")])


async def test_one_thing_is_said_once_an_hour_and_others_beside_it() -> None:
    told = Told()
    async with told.running() as word:
        for _ in range(3):
            log.error("☠️ %s: passed over: %s (step “%s”)", "a.zip", "The bot died 3 times", "open")
        # Whoever works elsewhere logs as well.
        await asyncio.to_thread(log.error, "⚠️ State file set aside: %s (%s) as %s", "a.json", "no", "kept")
        log.info("☠️ said by the way")
        assert await told.so_far() == [
            "☠️ a.zip: I passed over something at which I was killed again and again. The bot died 3 times.",
            "⚠️ a.json was damaged, and I began without it. It is kept as kept.",
        ]
        word.judge(sight(free=1))
        word.judge(sight(free=1, kept=11))
        assert [text.split()[1] for text in (await told.so_far())[2:]] == ["The", "Quarantine"]
        told.now = PAUSE - 1
        log.error("☠️ %s: passed over: %s", "b.zip", "It died")
        assert len(await told.so_far()) == 4
        told.now = PAUSE
        log.error("☠️ %s: passed over: %s", "c.zip", "It died")
        assert [text[:9] for text in (await told.so_far())[4:]] == ["☠️ c.zip:"]


@pytest.mark.parametrize("success", [False, True])
async def test_conversions_are_worth_a_word_when_they_fail_in_a_row(
    success: bool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    told = Told()
    async with told.running():
        for number in range(3):
            if success and number == 2:
                log.info("✅ Conversion completed: %s -> %s", "b.avi", "b.mp4")
            log.error("❌ Conversion failed: %s - %s", "a.avi", "Timeout")
        assert len(await told.so_far()) == (0 if success else 1)


def test_a_lock_that_was_not_let_go_of_says_how_its_holder_ended(tmp_path: Path) -> None:
    with InstanceLock(tmp_path) as first:
        assert first.killed == ""
    with InstanceLock(tmp_path) as second:
        assert second.killed == ""
    with InstanceLock(tmp_path) as ended:
        ended.logged_out = True
    with InstanceLock(tmp_path) as back:
        assert back.killed == LOGGED_OUT
    (tmp_path / LOCK_NAME).write_text("812\n")
    with InstanceLock(tmp_path) as third:
        assert third.killed.startswith("I was killed")
    (tmp_path / LOCK_NAME).write_text("812\n")
    os.utime(tmp_path / LOCK_NAME, (1, 1))
    with InstanceLock(tmp_path) as fourth:
        assert fourth.killed == "the machine went down"
