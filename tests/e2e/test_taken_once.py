"""A message that comes again, a job that breaks off again and again, and in which order things are done."""

from __future__ import annotations

import asyncio
import os
import shutil
import stat
from pathlib import Path

import pytest

from sandbox.faults import Call
from sandbox.rpc import RpcError
from tests.files import photo, zip_of
from tests.world import BOT, BOT_ID, World, until


async def test_a_message_that_telegram_hands_out_again_is_not_taken_again(
    world: World, tmp_path: Path
) -> None:
    """The place among the updates is one of before: killed before it was kept, or a backup of the log-in."""
    sessions, before = world.data / "sessions", tmp_path / "sessions"
    async with world.running():
        pass
    shutil.copytree(sessions, before)
    async with world.running():
        await world.send(zip_of(tmp_path / "a.zip", {"a.jpg": photo(1)}))
        await world.summary()
        await until(lambda: not world.leftovers())
    chat = world.chat()
    shutil.rmtree(sessions)
    shutil.copytree(before, sessions)
    requests = len(world.sandbox.faults.called("updates.getDifference", BOT_ID))
    async with world.running():
        await until(lambda: len(world.sandbox.faults.called("updates.getDifference", BOT_ID)) > requests)
        await world.person.say(BOT, "/status")
        await world.wait("I have nothing to do for you.")
        assert not world.leftovers()
    assert world.chat()[:-1] == chat
    assert sum("📥 Received a.zip" in line for line in world.lines()) == 1


async def test_a_job_that_breaks_off_for_ever_is_tried_after_growing_pauses_and_kept(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    sleep = asyncio.sleep

    async def hurried(seconds: float, result: object = None) -> object:
        """The pauses of a job take no time."""
        if seconds in (5.0, 60.0, 600.0):
            slept.append(seconds)
            seconds = 0.01
        return await sleep(seconds, result)

    def by_the_bot(call: Call) -> bool:
        return call.user == BOT_ID

    error = RpcError(400, "SOMETHING_NEW")
    world.sandbox.faults.fail("messages.sendMedia", error, times=None, when=by_the_bot)
    async with world.running():
        monkeypatch.setattr(asyncio, "sleep", hurried)
        await world.send(zip_of(tmp_path / "a.zip", {"a.jpg": photo(1)}))
        await until(lambda: sum("a.zip broke off" in line for line in world.lines()) == 4)
    monkeypatch.undo()
    assert [seconds for seconds in slept if seconds > 5] == [60, 600]
    assert 5 in slept
    world.sandbox.faults.clear()
    async with world.running():
        assert "1 picture sent" in await world.summary()
    assert len(world.media()) == 1


async def test_what_the_bot_keeps_of_somebody_else_is_read_by_its_owner_alone(
    world: World, tmp_path: Path
) -> None:
    mask = os.umask(0o022)
    try:
        async with world.running():
            gate = world.sandbox.faults.hold("messages.uploadMedia", when=lambda call: call.user == BOT_ID)
            await world.send(zip_of(tmp_path / "a.zip", {"a.jpg": photo(1)}), "pass: secret")
            await gate.reached()
            private = [*world.data.rglob("*.jsonl"), *world.data.rglob("*.session")]
            modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in private}
            assert modes == dict.fromkeys(("intake.jsonl", "journal.jsonl", "bot.session"), 0o600)
            assert stat.S_IMODE((world.data / "sessions").stat().st_mode) == 0o700
            gate.open()
            await world.summary()
    finally:
        os.umask(mask)


async def test_a_file_stays_on_disk_until_telegram_has_named_its_message(
    world: World, tmp_path: Path
) -> None:
    faults = world.sandbox.faults
    before = faults.hold("messages.sendMultiMedia", when=lambda call: call.user == BOT_ID)
    after = faults.hold("messages.sendMultiMedia", after=True, when=lambda call: call.user == BOT_ID)

    def files() -> list[Path]:
        return list(world.data.glob("jobs/*/files/*"))

    async with world.running():
        await world.send(zip_of(tmp_path / "a.zip", {f"{n}.jpg": photo(n) for n in range(3)}))
        await before.reached()
        assert len(files()) == 3
        before.open()
        await after.reached()
        # They are in the chat; but that was not heard yet.
        assert len(files()) == len(world.media()) == 3
        after.open()
        await world.summary()
        await until(lambda: not world.leftovers())
