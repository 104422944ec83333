"""/cancel, and what it must still mean when something comes in between."""

from __future__ import annotations

from pathlib import Path

from sandbox.faults import Call
from sandbox.rpc import RpcError
from tests.files import photo, zip_of
from tests.world import BOT, World, until

PHOTOS = {f"{n}.jpg": photo(n) for n in range(3)}


def is_end(call: Call) -> bool:
    """The summary of a job that was cancelled."""
    return "cancelled." in call.request.message


async def test_what_was_cancelled_just_before_a_restart_stays_cancelled(world: World, tmp_path: Path) -> None:
    faults = world.sandbox.faults
    pictures = faults.hold("messages.uploadMedia", times=None)
    for request in ("messages.editMessage", "messages.sendMessage"):
        faults.fail(request, RpcError(400, "SOMETHING_NEW"), when=is_end)
    async with world.running():
        await world.send(zip_of(tmp_path / "a.zip", PHOTOS))
        await pictures.reached()
        await world.person.say(BOT, "/cancel")
        await until(lambda: any("SOMETHING_NEW" in line for line in world.lines()))
    pictures.open()
    async with world.running():
        await world.wait("a.zip: cancelled.")
        await until(lambda: not world.leftovers())
    assert world.media() == []
    assert len([message for message in world.chat() if "cancelled." in message.text]) == 1


async def test_of_two_archives_none_takes_the_others_turn(world: World, tmp_path: Path) -> None:
    faults = world.sandbox.faults
    pictures = faults.hold("messages.uploadMedia", times=None)
    summary = faults.hold("messages.editMessage", when=is_end)
    async with world.running() as bot:
        await world.send(zip_of(tmp_path / "a.zip", PHOTOS))
        await pictures.reached()
        await world.send(zip_of(tmp_path / "b.zip", {"b.jpg": photo(9)}))
        await until(lambda: len(bot.desk.jobs) == 2)
        await world.person.say(BOT, "/cancel")
        await summary.reached()
        pictures.open()
        await world.wait("🛑 Cancelled: a.zip, b.zip")
        summary.open()
        await until(lambda: not world.leftovers())
        await world.send(zip_of(tmp_path / "c.zip", {"c.jpg": photo(10)}))
        await world.wait("c.zip: 1 picture sent")
    assert len(world.media()) == 1
    assert len([message for message in world.chat() if "cancelled." in message.text]) == 2
