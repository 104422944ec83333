"""Files that are neither pictures nor videos, and everything untouched, when that is asked for."""

from __future__ import annotations

import hashlib
import io
import itertools
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from sandbox import StoredMessage
from tests.e2e.test_crashes import finished, journaled, request, tell
from tests.files import photo, song, video, zip_of
from tests.world import BOT, World, until
from utils.telegram.client import Ask

OTHERS = "📎 Send the other files"


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def albums(messages: Sequence[StoredMessage]) -> list[list[str]]:
    """The names in each album, or of each file by itself."""
    grouped = itertools.groupby(messages, key=lambda message: message.album or message.id)
    return [[message.name for message in album] for _, album in grouped]


async def test_as_files_everything_comes_as_it_is(world: World, tmp_path: Path) -> None:
    entries = {
        **{f"a/img{n}.jpg": photo(n) for n in range(1, 12)},
        "b/dark.tif": photo(1, kind="TIFF"),
        "b/film.avi": video("avi"),
        "b/moving.mp4": video("silent"),
        "b/notes.txt": b"words",
        "b/song.mp3": song("mp3", "One", cover=True),
        "b/sticker.webp": photo(2, kind="WEBP"),
    }
    async with world.running(AS_FILES=True):
        await world.send(zip_of(tmp_path / "a.zip", entries))
        summary = await world.summary()
        await until(lambda: not world.leftovers())
    assert summary == "✅ a.zip: 17 files sent."
    came = world.media()
    assert {message.kind for message in came} == {"document"}
    # Folder by folder, ten at a time, in natural order, and not a byte is another.
    names = [name.partition("/")[2] for name in entries]
    assert albums(came) == [names[:10], names[10:11], names[11:]]
    assert [message.sha256 for message in came] == [sha(content) for content in entries.values()]
    assert not any("Deferred" in line or "onversion" in line for line in world.lines())
    for message in await world.person.history(BOT):
        assert not (message.audio or message.gif or message.video or message.sticker), message.file.name


async def test_other_files_are_left_out_until_the_button_is_pressed(world: World, tmp_path: Path) -> None:
    entries = {
        "a.jpg": photo(1),
        "b.mp4": song("mp4", "Voice"),
        "empty.txt": b"",
        "gpj\u202e.exe": b"MZ" + bytes(200),
        "music/1.mp3": song("mp3", "First", cover=True),
        "music/2.flac": song("flac", "Second"),
        "music/3.m4a": song("m4a", "Third", cover=True),
        "music/4.opus": song("opus", "Fourth"),
        "music/5.wav": song("wav", "Fifth"),
        "music/6.mp3": b"ID3\x04" + bytes(5000),
        "music/7.ogg": song("ogg", "Seventh"),
        **{f"texts/{n}.txt": b"%d" % n for n in range(1, 13)},
    }
    async with world.running():
        await world.send(zip_of(tmp_path / "a.zip", entries))
        summary = await world.person.wait_for_text(" sent.")
        await until(lambda: not world.leftovers())
        left = "21 files (empty.txt, gpj�.exe, 1.mp3".replace("1.mp3", "music/1.mp3")
        assert f"📄 Left out, neither picture nor video: {left}" in summary.raw_text
        # And the names of all of them, in a file.
        assert [message.name for message in world.media()[1:]] == ["b.mp4", "a.zip.txt"]
        assert summary.raw_text.startswith("✅ a.zip: 1 picture and 1 audio file sent.")
        await world.person.press(summary, OTHERS)
        second = await world.wait("files sent.")
        await until(lambda: not world.leftovers())
        # The same file is known by what was sent of it first.
        await world.send(tmp_path / "a.zip")
        known = await world.wait("I sent you")
    assert known.startswith("I sent you what is in a.zip on")
    assert second.startswith("⚠️ a.zip: 6 audio files and 14 files sent.")
    assert "empty.txt: it is empty, and Telegram takes no empty files." in second
    came = world.media()[3:]
    songs = ["1.mp3", "2.flac", "3.m4a", "4.opus", "5.wav", "7.ogg"]
    texts = [f"{n}.txt" for n in range(1, 13)]
    assert albums(came) == [["gpj�.exe"], songs, ["6.mp3"], texts[:10], texts[10:]]
    by_name = {message.name: message for message in came}
    assert all(
        by_name[name.rpartition("/")[2].replace("\u202e", "�")].sha256 == sha(content)
        for name, content in entries.items()
        if content and name not in ("a.jpg", "b.mp4")
    )
    heard = {message.file.name: message for message in await world.person.history(BOT) if message.audio}
    assert list(heard) == ["b.mp4", *songs]
    for name, title in zip(songs, ("First", "Second", "Third", "Fourth", "Fifth", "Seventh"), strict=True):
        file = heard[name].file
        assert (file.title, file.performer, file.duration) == (title, "Ann & Bob", 2)
        cover = by_name[name].thumb
        assert (cover is not None) == (name in ("1.mp3", "3.m4a"))
        if cover is not None:
            with Image.open(io.BytesIO(cover.read_bytes())) as picture:
                red, green, blue = picture.convert("RGB").resize((1, 1)).getpixel((0, 0))  # type: ignore[misc]
                assert picture.size == (320, 320) and red > 230 and green < 25 and blue < 25
    assert heard["1.mp3"].file.mime_type == "audio/mpeg" and heard["4.opus"].file.mime_type == "audio/ogg"


async def test_a_person_s_account_offers_them_in_words(world: World, tmp_path: Path) -> None:
    owner = "+15550009"
    await world.sandbox.add_person(owner, "Owner", "owner")

    async def phone() -> str:
        return owner

    async def code() -> str:
        return world.sandbox.login_code(owner)

    ask = Ask(phone, code, phone)
    async with world.running(ask=ask, BOT_TOKEN="", TELEGRAM_SERVER_DC=1):
        archive = zip_of(tmp_path / "a.zip", {"a.jpg": photo(1), "a.txt": b"words"})
        await world.person.send_file("owner", archive)
        summary = await world.person.wait_for_text(" sent.")
        assert summary.raw_text.endswith("\nReply “others” to have the other files as well.")
        await world.person.client.send_message("owner", "others", reply_to=summary.id)
        await world.person.wait_for_text("1 file sent.")
        names = [message.file.name for message in await world.person.history("owner") if message.document]
        assert names == ["a.zip", "a.txt"]


async def test_killed_again_and_again_each_other_file_comes_once(world: World, tmp_path: Path) -> None:
    entries = {
        "a.jpg": photo(1),
        **{f"{n}.mp3": song("mp3", str(n)) for n in range(1, 3)},
        **{f"{n}.txt": b"%d" % n for n in range(1, 15)},
    }
    async with world.running():
        pass
    story = [
        journaled("file", 3),
        request("messages.sendMultiMedia", cut=True),
        request("messages.sendMultiMedia", after=True),
        request("messages.sendMultiMedia", 2, after=True),
    ]
    archives = await tell(world, story, entries, {"OTHER_FILES": "send"})
    assert finished(world, archives)
    came = sorted(message.name for message in world.media() if message.kind == "document")
    assert came == sorted([*(name for name in entries if name != "a.jpg"), "notes.txt"] * archives)


async def test_one_that_telegram_refuses_keeps_none_of_its_album_back(world: World, tmp_path: Path) -> None:
    entries = {
        **{f"{n}.txt": b"%d" % n for n in range(1, 6)},
        **{f"song{n}.mp3": song("mp3", str(n)) for n in range(1, 4)},
    }
    world.sandbox.faults.refuse_media(lambda media: media.name == "3.txt", "MEDIA_INVALID")
    world.sandbox.faults.refuse_media(
        lambda media: media.name == "song2.mp3" and media.album_group == "audio", "MEDIA_INVALID"
    )
    async with world.running(OTHER_FILES="send"):
        await world.send(zip_of(tmp_path / "a.zip", entries))
        summary = await world.summary()
        await until(lambda: not world.leftovers())
    assert summary.splitlines() == [
        "⚠️ a.zip: 2 audio files and 5 files sent.",
        "⏭️ Skipped: 3.txt: Telegram did not take it (MEDIA_INVALID); it is kept in quarantine",
        "📎 Sent as a file: song2.mp3: Telegram did not take it as an audio file (MEDIA_INVALID)",
    ]
    assert sorted(message.name for message in world.media()) == sorted({*entries} - {"3.txt"})


async def test_the_limits_hold_for_other_files_too(world: World, tmp_path: Path) -> None:
    entries = {"a.txt": b"a" * 900_000, "b.txt": b"b" * 900_000}
    async with world.running(OTHER_FILES="send", ARCHIVE_MAX_TOTAL_MB=1):
        await world.send(zip_of(tmp_path / "a.zip", entries))
        failed = await world.wait("❌ a.zip")
    assert "would exceed 1.0 MB" in failed
    assert [message.name for message in world.media()] in ([], ["a.txt"])
