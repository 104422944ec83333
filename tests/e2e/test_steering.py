"""Pause, go on and cancel: by buttons, by commands, by words, over restarts."""

from __future__ import annotations

import asyncio
from pathlib import Path

from telethon.tl.custom import Message

from tests.files import photo, zip_of
from tests.world import BOT, World, until
from utils.chat.reception import ALREADY, OLD_BUTTON
from utils.jobs.buttons import PAUSE, steered
from utils.telegram.client import Ask

PAUSED, GO_ON, CANCEL = "⏸️ Pause", "▶️ Go on", "✖️ Cancel"


def archive(folder: Path, name: str, first: int) -> Path:
    return zip_of(folder / name, {f"{n:02d}.jpg": photo(n) for n in range(first, first + 12)})


async def status(world: World, name: str, *labels: str) -> Message:
    """The status of that archive, once it has these buttons."""

    def is_it(message: Message) -> bool:
        shown = [button.text for row in message.buttons or [] for button in row]
        return (message.raw_text or "").startswith(f"📦 {name}") and shown == list(labels)

    return await world.person.wait_for(is_it)


async def test_paused_by_a_button_it_stays_so_over_a_restart_until_it_is_to_go_on(
    world: World, tmp_path: Path
) -> None:
    gate = world.sandbox.faults.hold("messages.uploadMedia", times=None)
    async with world.running():
        await world.send(archive(tmp_path, "a.zip", 1))
        await gate.reached()
        shown = await status(world, "a.zip", PAUSED, CANCEL)
        # Two presses are one.
        said = await asyncio.gather(*(world.person.press(shown, PAUSED) for _ in range(2)))
        assert sorted(map(str, said)) in (
            sorted(["⏸️ Paused: a.zip", ALREADY[PAUSE]]),
            sorted(["⏸️ Paused: a.zip", OLD_BUTTON]),
        )
        await status(world, "a.zip", GO_ON, CANCEL)
        await world.person.say(BOT, "/pause")
        await world.wait(ALREADY[PAUSE])
    gate.open()
    tried = len(world.sandbox.faults.called("messages.uploadMedia"))
    async with world.running():
        # Others do not wait for it.
        await world.send(archive(tmp_path, "b.zip", 20))
        await world.wait("b.zip: 12 pictures sent")
        assert len(world.sandbox.faults.called("messages.uploadMedia")) == tried + 12
        shown = await status(world, "a.zip", GO_ON, CANCEL)
        assert await world.person.press(shown, GO_ON) == "▶️ Going on: a.zip"
        await world.wait("a.zip: 12 pictures sent")
        await until(lambda: not world.leftovers())
    assert len({m.sha256 for m in world.media()}) == len(world.media()) == 24
    assert len([m for m in world.chat() if m.kind == "text"]) == 3


async def test_one_of_two_is_cancelled_by_its_button_and_an_old_button_says_that_it_is_old(
    world: World, tmp_path: Path
) -> None:
    gate = world.sandbox.faults.hold("messages.uploadMedia", times=None)
    async with world.running():
        first = await world.send(archive(tmp_path, "a.zip", 1))
        await gate.reached()
        await world.send(archive(tmp_path, "b.zip", 20))
        waiting = await status(world, "b.zip", PAUSED, CANCEL)
        assert "behind a.zip" in waiting.raw_text
        await world.person.say(BOT, "/queue")
        queue = await world.person.wait_for_text("2. b.zip: ⏳ Waiting")
        assert [[b.text for b in row] for row in queue.buttons] == [
            ["⏸️ Pause: a.zip", "✖️ Cancel: a.zip"],
            ["⏸️ Pause: b.zip", "✖️ Cancel: b.zip"],
        ]
        assert await world.person.press(waiting, CANCEL) == "🛑 Cancelled: b.zip"
        await world.wait("b.zip: cancelled.")
        assert await world.person.press(queue, "⏸️ Pause: b.zip") == OLD_BUTTON
        # A command that replies to an archive means that one.
        await world.person.client.send_message(BOT, "/pause", reply_to=first)
        await world.wait("⏸️ Paused: a.zip")
        await world.person.say(BOT, "/resume")
        await world.wait("▶️ Going on: a.zip")
        gate.open()
        await world.wait("a.zip: 12 pictures sent")
        await until(lambda: not world.leftovers())
        await world.person.say(BOT, "/resume")
        await world.wait("There is nothing to go on with.")
    assert len(world.media()) == 12


async def test_a_persons_account_is_told_in_words(world: World, tmp_path: Path) -> None:
    owner_id = await world.sandbox.add_person("+15550009", "Owner", "owner")
    gate = world.sandbox.faults.hold("messages.uploadMedia", times=None)

    async def phone() -> str:
        return "+15550009"

    async def code() -> str:
        return world.sandbox.login_code("+15550009")

    world.sandbox.faults.habits.strict_markup = True
    async with world.running(ask=Ask(phone, code, phone), BOT_TOKEN="", TELEGRAM_SERVER_DC=1):
        await world.person.send_file("owner", archive(tmp_path, "a.zip", 1))
        await gate.reached()
        shown = await world.person.wait_for_text("Reply “pause” or “cancel” to this.")
        await world.person.client.send_message("owner", "Pause", reply_to=shown.id)
        await world.wait("⏸️ Paused: a.zip")
        await world.wait("Reply “resume” or “cancel” to this.")
        await world.person.client.send_message("owner", "cancel", reply_to=shown.id)
        await world.wait("a.zip: cancelled.")
        gate.open()
        await world.person.send_file("owner", archive(tmp_path, "b.zip", 40), "?")
        asked = await world.person.wait_for_text("Reply with one of these words: “all”, “photos”")
        await world.person.client.send_message("owner", "videos", reply_to=asked.id)
        await world.wait("b.zip: there is no picture or video in it that was chosen")
    chat = world.sandbox.messages(owner_id, world.person_id)
    assert all(message.kind == "text" for message in chat if message.sent_by == owner_id)


def test_only_what_steers_is_understood() -> None:
    assert steered(b"pause:-1007_12_0123abcd") == ("pause", "-1007_12_0123abcd")
    for data in (b"pause:", b"pause:7_1\n", b"again:7", b"stop:7_1", b"pause:7_1_zz", b"xpause:7_1"):
        assert steered(data) == ("", "")
