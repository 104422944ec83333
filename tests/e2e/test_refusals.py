"""What Telegram refuses, and a bot that is stopped in the middle of it: each file still arrives once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from telethon.tl import types

from sandbox.faults import Call
from sandbox.media import Media
from sandbox.rpc import RpcError
from tests.files import photo, video, zip_of
from tests.world import BOT_ID, World, until
from utils.jobs import proof, running

#: Each has a height of its own, by which Telegram knows it.
PHOTOS = {f"{n}.jpg": photo(n, (640, 480 + n)) for n in range(10)}


def refused(*numbers: int) -> Callable[[Media], bool]:
    """True of those of PHOTOS, as pictures."""
    return lambda media: media.kind == "photo" and media.height in [480 + n for n in numbers]


def is_document(call: Call) -> bool:
    return isinstance(call.request.media, types.InputMediaDocument)


def check_each_came_once(world: World, count: int) -> None:
    media = world.media()
    assert len({message.sha256 for message in media}) == len(media) == count


async def test_an_album_that_was_taken_apart_before_a_restart_comes_once(
    world: World, tmp_path: Path
) -> None:
    world.sandbox.faults.refuse_media(refused(7))
    gate = world.sandbox.faults.hold("messages.sendMedia", when=is_document)
    async with world.running():
        await world.send(zip_of(tmp_path / "a.zip", PHOTOS))
        await gate.reached()
    gate.open()
    async with world.running():
        await world.summary()
        await until(lambda: not world.leftovers())
    check_each_came_once(world, 10)


async def test_an_album_that_was_taken_apart_before_its_job_broke_off_comes_once(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "RETRY_PAUSES", (0.1,))
    world.sandbox.faults.refuse_media(refused(7))
    world.sandbox.faults.fail("messages.sendMedia", RpcError(400, "SOMETHING_NEW"), when=is_document)
    async with world.running():
        await world.send(zip_of(tmp_path / "a.zip", PHOTOS))
        await world.summary()
        await until(lambda: not world.leftovers())
    check_each_came_once(world, 10)


async def test_after_a_restart_what_was_refused_in_every_form_is_not_looked_for(
    world: World, tmp_path: Path
) -> None:
    def is_the_second(media: Media) -> bool:
        return media.height == 482 or media.size == len(PHOTOS["2.jpg"])

    def is_summary(call: Call) -> bool:
        return " sent." in call.request.message

    world.sandbox.faults.refuse_media(is_the_second)
    entries = {name: PHOTOS[name] for name in ("1.jpg", "2.jpg", "3.jpg")}
    last = world.sandbox.faults.hold("messages.editMessage", when=is_summary)
    async with world.running():
        await world.send(zip_of(tmp_path / "a.zip", {**entries, "film.avi": video("avi")}))
        await last.reached()
    last.open()
    async with world.running():
        assert "Skipped: 2.jpg" in await world.summary()
        await until(lambda: not world.leftovers())
    check_each_came_once(world, 3)


async def test_a_converted_video_that_is_refused_in_every_form_ends_its_job(
    world: World, tmp_path: Path
) -> None:
    world.sandbox.faults.refuse_media(lambda media: media.name.endswith("_converted.mp4"))
    async with world.running():
        await world.send(zip_of(tmp_path / "a.zip", {"film.avi": video("avi"), "a.jpg": photo(1)}))
        assert "Skipped: film_converted.mp4" in await world.summary()
        await until(lambda: not world.leftovers())
    assert [message.kind for message in world.media()] == ["photo"]
    kept = [path for path in (world.data / "quarantine").iterdir() if path.suffix == ".mp4"]
    assert len(kept) == 1


async def test_an_album_of_which_a_part_was_made_before_a_restart_comes_once(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rest is asked for one by one, under the random_ids of the album; the restart comes amid that."""
    monkeypatch.setattr(proof, "PAUSES", (0.1, 0.1))
    albums = world.sandbox.faults.habits.albums
    albums.once = True
    albums.fail_after(3, RpcError(500, "SOMETHING_BROKE"))
    calls = world.sandbox.faults.hold(
        "messages.sendMedia", after=True, when=lambda call: first_is_over(world)
    )
    async with world.running():
        await world.send(zip_of(tmp_path / "a.zip", PHOTOS))
        await calls.reached()
    calls.open()
    async with world.running():
        assert "10 pictures sent" in await world.summary()
        await until(lambda: not world.leftovers())
    check_each_came_once(world, 10)
    assert [bool(message.album) for message in world.media()] == [True] * 3 + [False] * 7


def first_is_over(world: World) -> bool:
    return len(world.sandbox.faults.called("messages.sendMedia", BOT_ID)) > 1
