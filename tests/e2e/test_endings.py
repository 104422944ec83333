"""How a job ends, and what is kept on the disk until then."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from tests.files import photo, zip_of
from tests.world import BOT, BOT_ID, World, until
from utils.conversion_state import ConversionStateManager


def texts(world: World) -> list[str]:
    return [message.text for message in world.chat() if message.kind == "text"]


async def test_an_archive_that_failed_can_be_had_again_by_a_button_and_one_that_was_sent_can_not(
    world: World, tmp_path: Path
) -> None:
    (tmp_path / "bad.zip").write_bytes(b"this is only text " * 50)
    async with world.running():
        await world.send(tmp_path / "bad.zip")
        failed = await world.person.wait_for_text("❌ bad.zip: ")
        await until(lambda: not world.leftovers())
        assert failed.buttons[0][0].text == "🔁 Again"
        await world.person.press(failed, "🔁 Again")
        await until(lambda: sum(text.startswith("❌ bad.zip: ") for text in texts(world)) == 2)
        await until(lambda: not world.leftovers())
        await world.send(zip_of(tmp_path / "good.zip", {"a.jpg": photo(1)}))
        sent = await world.person.wait_for_text("good.zip: 1 picture sent", 30)
        assert "🔁 Again" not in [button.text for row in sent.buttons for button in row]
        await until(lambda: not world.leftovers())
        # The status messages became all that.
        assert len(texts(world)) == 3


async def test_what_was_delivered_is_known_as_such_before_the_summary_says_so(
    world: World, tmp_path: Path
) -> None:
    archive = zip_of(tmp_path / "a.zip", {"a.jpg": photo(1)})
    summary = world.sandbox.faults.hold(
        "messages.editMessage", after=True, when=lambda call: " sent." in call.request.message
    )
    async with world.running():
        await world.send(archive)
        await world.summary()
        await summary.reached()
        await world.send(archive)
        await world.wait("I sent you what is in a.zip on")
        summary.open()
        await until(lambda: not world.leftovers())
    assert len(world.media()) == 1


async def test_a_cancelled_job_says_so_and_leaves_what_it_had_sent(world: World, tmp_path: Path) -> None:
    photos = {f"{folder}/{n}.jpg": photo(10 * k + n) for k, folder in enumerate("ab") for n in range(3)}
    gate = world.sandbox.faults.hold(
        "messages.sendMultiMedia",
        when=lambda call: call.user == BOT_ID and "› b" in call.request.multi_media[0].message,
    )
    async with world.running():
        await world.send(zip_of(tmp_path / "a.zip", photos))
        await gate.reached(30)
        await world.person.say(BOT, "/cancel")
        await world.wait("🛑 Cancelled: a.zip")
        summary = await world.wait("a.zip: cancelled.")
        await until(lambda: not world.leftovers())
        gate.open()
        await world.person.say(BOT, "/cancel")
        await world.wait("There is nothing to cancel.")
    assert "3 pictures sent before that." in summary
    assert not any(text.startswith("📦") for text in texts(world))


async def test_no_more_is_taken_out_than_may_wait_to_be_sent(world: World, tmp_path: Path) -> None:
    photos = {f"{n:02d}.jpg": photo(n) + os.urandom(200_000) for n in range(40)}
    gate = world.sandbox.faults.hold("messages.sendMultiMedia", when=lambda call: call.user == BOT_ID)

    def waiting() -> int:
        return sum(path.stat().st_size for path in world.data.glob("jobs/*/files/*"))

    async with world.running(SPOOL_LIMIT_MB=1):
        await world.send(zip_of(tmp_path / "a.zip", photos))
        await gate.reached(30)
        await until(lambda: waiting() > 1_000_000)
        await asyncio.sleep(0.5)
        # A file that is just being taken out, and one read ahead, may come on top.
        assert waiting() < 2_000_000
        gate.open()
        assert "40 pictures sent" in await world.summary()
        await until(lambda: not world.leftovers())


@pytest.mark.parametrize("journal", [b"", b'{"t":"done"}\n'], ids=["not begun", "over"])
async def test_it_starts_though_it_was_killed_before_it_forgot_the_conversions_of_a_job(
    world: World, journal: bytes
) -> None:
    folder = world.data / "jobs" / "7_1"
    source = folder / "files" / "000001"
    source.parent.mkdir(parents=True)
    source.write_bytes(b"film")
    (folder / "journal.jsonl").write_bytes(journal)
    states = ConversionStateManager(world.data / "conversion_state.json")
    details = {"name": "a.avi", "job": "7_1"}
    states.save_state(source, "pending", 0, source.with_suffix(".mp4"), details=details)
    async with world.running():
        assert world.leftovers() == []
    assert states.get_incomplete_conversions() == []
    assert list((world.data / "quarantine").iterdir()) == []
