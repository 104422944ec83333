"""A photo and its film become a live photo, or both come side by side: neither lost, neither twice."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from sandbox import RpcError, Sandbox
from sandbox.faults import Call
from tests.files import photo, video
from tests.jobs.test_delivery import Post
from tests.transport import Bot
from utils.jobs import lines
from utils.jobs.albums import MediaFile


@pytest.fixture
def post(bot: Bot, sandbox: Sandbox, tmp_path: Path) -> Post:
    return Post(bot, sandbox, tmp_path / "job")


def pair(post: Post, number: int) -> list[MediaFile]:
    """A photo and its film, journaled."""
    return [post.photo(number), replace(post.video(20 + number), name=f"{number}.MP4", key=f"{number}#film")]


async def put(post: Post, files: list[MediaFile], key: str = "") -> None:
    await post.journal.write(*(lines.File(file) for file in files if file.number not in post.record.files))
    outbox = post.outbox()
    await outbox.put(tuple(files), key)
    await outbox.drain()


def came(post: Post) -> dict[str, list[int]]:
    """The numbers of the photos, alone and with their films, and of the films by themselves; no documents."""
    photos = {hashlib.sha256(photo(n)).hexdigest(): n for n in range(1, 13)}
    films = {hashlib.sha256(video("mp4", seed=20 + n)).hexdigest(): n for n in range(1, 13)}
    found: dict[str, list[int]] = {"plain": [], "live": [], "film": []}
    for message in post.arrived():
        if message.kind == "video":
            found["film"].append(films[message.sha256])
            continue
        if message.kind == "document":
            continue
        number = photos[message.sha256]
        found["live" if message.live else "plain"].append(number)
        if message.live:
            assert films[hashlib.sha256(message.live.read_bytes()).hexdigest()] == number
    return found


def settled(post: Post, *numbers: int) -> bool:
    """Photos and films of ``numbers`` are delivered, and nothing of them is on the disk."""
    wanted = {n for number in numbers for n in (number, 20 + number)}
    return wanted <= post.record.delivered and not [p for p in post.files.iterdir() if p.name != "thumb"]


def is_live(call: Call) -> bool:
    items = getattr(call.request, "multi_media", None) or [call.request]
    return any(getattr(item.media, "live_photo", False) for item in items)


async def test_ten_live_photos_are_one_album_and_one_is_a_message(post: Post) -> None:
    await put(post, [file for n in range(1, 11) for file in pair(post, n)])
    await put(post, pair(post, 11))
    assert came(post) == {"plain": [], "live": list(range(1, 12)), "film": []}
    albums = [message.album for message in post.arrived()]
    assert len(set(albums[:10])) == 1 and albums[0] and albums[10] is None
    assert settled(post, *range(1, 12)) and post.record.live == set(range(21, 32))
    assert "MP4" not in post.arrived()[0].caption


@pytest.mark.parametrize("error", ["MEDIA_INVALID", "LIVE_PHOTO_NOT_ALLOWED"])
async def test_where_they_are_refused_they_come_side_by_side(post: Post, error: str) -> None:
    for request in ("messages.sendMultiMedia", "messages.sendMedia"):
        post.sandbox.faults.fail(request, RpcError(400, error), times=None, when=is_live)
    files = [file for n in range(1, 7) for file in pair(post, n)]
    await put(post, files)
    assert came(post) == {"plain": [1, 2, 3, 4, 5, 6], "live": [], "film": [1, 2, 3, 4, 5, 6]}
    albums = [message.album for message in post.arrived()]
    assert [len(list(found)) for _, found in itertools.groupby(albums)] == [10, 2]
    assert [message.kind for message in post.arrived()] == ["photo", "video"] * 6
    # From now on it is not tried again.
    tried = post.count("messages.sendMedia")
    await put(post, pair(post, 7))
    assert post.count("messages.sendMedia") == tried and settled(post, *range(1, 8))
    assert came(post)["film"][-1] == 7 and not post.record.refused


async def test_a_photo_that_is_refused_for_itself_does_not_end_live_photos(post: Post) -> None:
    post.sandbox.faults.refuse_media(lambda media: media.photo and media.name == "2.jpg")
    await put(post, [file for n in (1, 2) for file in pair(post, n)])
    await put(post, [file for n in (3, 4) for file in pair(post, n)])
    assert came(post) == {"plain": [1], "live": [3, 4], "film": [1, 2]}
    assert [m.name for m in post.arrived() if m.kind == "document"] == ["2.jpg"]
    assert settled(post, 1, 2, 3, 4)


async def test_a_film_that_a_server_passes_over_comes_by_itself(post: Post) -> None:
    post.sandbox.faults.make_plain_photos()
    await put(post, [file for n in (1, 2) for file in pair(post, n)])
    await put(post, pair(post, 3))
    assert came(post) == {"plain": [1, 2, 3], "live": [], "film": [1, 2, 3]}
    assert settled(post, 1, 2, 3) and not post.record.live


async def test_a_reference_that_expired_is_that_of_the_photo_or_of_its_film(post: Post) -> None:
    files = [file for n in (1, 2) for file in pair(post, n)]
    for file in files:
        await post.delivery.prepare(file)
    post.sandbox.faults.expire_references()
    await put(post, files)
    assert came(post) == {"plain": [], "live": [1, 2], "film": []} and settled(post, 1, 2)


def without_sent(story: list[str]) -> list[str]:
    return [line for line in story if json.loads(line)["t"] != "sent"]


def up_to_announced(story: list[str]) -> list[str]:
    """What is announced is on the disk before it is sent."""
    place = max(n for n, line in enumerate(story) if json.loads(line)["t"] == "announce")
    return story[: place + 1]


@pytest.mark.parametrize("server", ["live", "plain", "refuses"])
@pytest.mark.parametrize("cut", [without_sent, up_to_announced], ids=["unanswered", "announced"])
async def test_after_a_kill_nothing_comes_twice_and_nothing_is_lost(
    post: Post, server: str, cut: Callable[[list[str]], list[str]]
) -> None:
    """The journal as a kill leaves it before the answer was heard; its files are still there."""
    if server == "plain":
        post.sandbox.faults.make_plain_photos()
    if server == "refuses":
        post.sandbox.faults.fail("messages.sendMultiMedia", RpcError(400, "X"), times=None, when=is_live)
    files = [file for n in (1, 2) for file in pair(post, n)]
    kept = {path: path.read_bytes() for path in post.files.iterdir()}
    await put(post, files)
    post.path.write_text("\n".join(cut(post.path.read_text().splitlines())) + "\n")
    for path, content in kept.items():
        path.write_bytes(content)
    again = post.again()
    for file in files:
        if file.number in again.record.delivered:
            (post.files / file.path).unlink()
    for key, numbers in again.record.in_doubt().items():
        await put(again, [file for file in files if file.number in numbers], key)
    left = [file for file in files if file.number not in again.record.delivered]
    if left:
        await put(again, left)
    live = [1, 2] if server == "live" else []
    apart = [n for n in (1, 2) if n not in live]
    assert came(again) == {"plain": apart, "live": live, "film": apart} and settled(again, 1, 2)


@pytest.mark.parametrize("once", [True, False])
async def test_a_live_photo_whose_answer_got_lost_is_asked_for_with_its_film(post: Post, once: bool) -> None:
    """Of an album of which two were made before it failed, the third comes live as well."""
    post.sandbox.faults.habits.albums.once = once
    post.sandbox.faults.habits.albums.fail_after(2, RpcError(500, "SOMETHING_BROKE"))
    await put(post, [file for n in (1, 2, 3) for file in pair(post, n)])
    assert came(post) == {"plain": [], "live": [1, 2, 3], "film": []} and settled(post, 1, 2, 3)
