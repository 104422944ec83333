"""Pauses that Telegram asks for, whatever it is asked: they are obeyed, and nothing breaks off."""

from __future__ import annotations

from pathlib import Path

from tests.files import photo, zip_of
from tests.world import BOT_ID, World, until

KINDS = ("messages.uploadMedia", "messages.sendMedia", "upload.getFile", "upload.saveFilePart")


async def test_each_kind_of_request_waits_as_it_is_told(world: World, tmp_path: Path) -> None:
    for kind in KINDS:
        world.sandbox.faults.flood(kind, 1, when=lambda call: call.user == BOT_ID)
    async with world.running():
        await world.send(zip_of(tmp_path / "a.zip", {"a.jpg": photo(1)}))
        assert "1 picture sent" in await world.summary()
        await until(lambda: not world.leftovers())
    assert len(world.media()) == 1
    assert not any("broke off" in line for line in world.lines())
    for kind in KINDS:
        calls = world.sandbox.faults.called(kind, BOT_ID)
        refused, again = calls[0].time, [call.time for call in calls[1:]]
        assert again and again[-1] - refused >= 1, kind
