"""Who needs no word gets none: pictures and videos by themselves, and reactions instead of words."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from sandbox.rpc import RpcError
from tests.files import photo, video, zip_of
from tests.world import BOT, BOT_ID, World, until
from utils.chat.reception import PHOTO
from utils.jobs import job


def reactions(world: World, message: int) -> tuple[str, ...]:
    """To a message of the person."""
    (found,) = [m for m in world.sandbox.messages(world.person_id, BOT_ID) if m.id == message]
    return found.reactions


async def test_a_picture_or_video_by_itself_comes_back_without_a_word(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "one.bmp").write_bytes(photo(1, kind="BMP"))
    (tmp_path / "old.avi").write_bytes(video("avi"))
    (tmp_path / "bad.jpg").write_bytes(b"\xff\xd8\xff")
    async with world.running():
        sent = [await world.send(tmp_path / "one.bmp"), await world.send(tmp_path / "old.avi")]
        await until(lambda: len(world.media()) == 2)
        await until(lambda: not world.leftovers())
        assert sorted((m.kind, m.reply_to or 0) for m in world.chat()) == [
            ("photo", sent[0]),
            ("video", sent[1]),
        ]
        assert not world.sandbox.faults.called("messages.sendMessage", BOT_ID)
        # One that takes its time has a status, which goes in the end.
        monkeypatch.setattr(job, "QUIET_SECONDS", 0.0)
        gate = world.sandbox.faults.hold("messages.sendMedia", when=lambda call: call.user == BOT_ID)
        (tmp_path / "two.bmp").write_bytes(photo(2, kind="BMP"))
        await world.send(tmp_path / "two.bmp")
        await gate.reached()
        await until(lambda: any(m.text.startswith("📦 two.bmp") for m in world.chat()))
        gate.open()
        await until(lambda: not world.leftovers())
    assert [m.kind for m in world.chat() if m.kind == "text"] == []


async def test_a_photo_is_not_echoed_and_an_album_of_them_has_one_answer(
    world: World,
) -> None:
    def picture(number: int) -> io.BytesIO:
        content = io.BytesIO(photo(number))
        content.name = f"{number}.jpg"
        return content

    async with world.running():
        await world.person.client.send_file(BOT, [picture(n) for n in range(3)])
        await world.wait(PHOTO)
        await world.person.client.send_file(BOT, picture(4))
        await until(lambda: len(world.chat()) == 2)
        await world.person.say(BOT, "/status")
        await world.wait("nothing to do")
    assert [m.text for m in world.chat()][:2] == [PHOTO, PHOTO] and not world.media()


async def test_reactions_say_that_it_is_taken_and_done(world: World, tmp_path: Path) -> None:
    gate = world.sandbox.faults.hold("messages.sendMedia", when=lambda call: call.user == BOT_ID)
    async with world.running():
        good = await world.send(zip_of(tmp_path / "a.zip", {"a.jpg": photo(1)}))
        await gate.reached()
        await until(lambda: reactions(world, good) == ("👀",))
        gate.open()
        await world.summary()
        await until(lambda: reactions(world, good) == ("👍",))
        (tmp_path / "bad.zip").write_bytes(b"nothing")
        bad = await world.send(tmp_path / "bad.zip")
        await world.wait("❌ bad.zip: ")
        await until(lambda: not world.leftovers())
        await until(lambda: reactions(world, bad) == ())


@pytest.mark.parametrize("name", ["REACTION_INVALID", "CHAT_ADMIN_REQUIRED", "FLOOD"])
async def test_where_there_are_no_reactions_all_else_is_as_ever(
    world: World, tmp_path: Path, name: str
) -> None:
    if name == "FLOOD":
        world.sandbox.faults.flood("messages.sendReaction", 3600, times=None)
    else:
        world.sandbox.faults.fail("messages.sendReaction", RpcError(400, name), times=None)
    async with world.running():
        for number in range(2):
            await world.send(zip_of(tmp_path / f"{number}.zip", {"a.jpg": photo(number)}))
            await world.wait(f"{number}.zip: 1 picture sent")
        await until(lambda: not world.leftovers())
    # Once in 256 times a key has to be agreed on twice, which Telethon says.
    lines = [line for line in world.lines() if "new auth_key failed" not in line]
    assert not any(word in line for line in lines for word in ("WARNING", "ERROR", name))
    # Telegram asked for a pause, so nothing more was asked for.
    assert name != "FLOOD" or len(world.sandbox.faults.called("messages.sendReaction")) == 1
