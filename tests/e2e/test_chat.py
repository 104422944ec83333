"""Whole stories, from an archive in the chat to what a person has in the end."""

from __future__ import annotations

import asyncio
import hashlib
import io
import os
import subprocess
import tarfile
from pathlib import Path

import pytest
from PIL import Image

from sandbox.rpc import RpcError
from tests.files import encrypted, held_ffmpeg, photo, video, zip_of
from tests.world import BOT, BOT_ID, World, until
from utils.archives.engine import find_engine
from utils.chat.conversation import COMMANDS
from utils.errors import SettingsError
from utils.jobs.progress import Count, JobProgress
from utils.telegram.client import Ask


async def test_strangers_are_ignored_and_logged(world: World, tmp_path: Path) -> None:
    stranger_id = await world.sandbox.add_person("+15550666", "Eve", "eve")
    async with world.running(), world.sandbox.person("+15550666") as stranger:
        await stranger.say(BOT, "/start")
        await stranger.send_file(BOT, zip_of(tmp_path / "a.zip", {"a.jpg": photo(1)}))
        await until(lambda: any("🚫 Ignored" in line for line in world.lines()))
        await asyncio.sleep(0.5)
    assert sum("🚫 Ignored" in line for line in world.lines()) == 1
    assert any(f"🚫 Ignored a message of {stranger_id} (eve)" in line for line in world.lines())
    got = world.sandbox.messages(stranger_id, BOT_ID)
    assert all(message.sent_by == stranger_id for message in got)
    assert world.leftovers() == []


async def test_people_may_be_named_by_username(world: World, tmp_path: Path) -> None:
    async with world.running(AUTHORIZED_USERS=("@ANN",)):
        await world.send(zip_of(tmp_path / "a.zip", {"a.jpg": photo(1)}))
        assert "1 picture sent" in await world.summary()


@pytest.mark.parametrize("kind", ["TIFF", "BMP", "WEBP", "HEIF", "PNG"])
async def test_pictures_that_telegram_would_refuse_are_corrected(
    world: World, tmp_path: Path, kind: str
) -> None:
    import pillow_heif

    pillow_heif.register_heif_opener()
    async with world.running():
        await world.send(zip_of(tmp_path / "a.zip", {"a.pic": photo(5, kind=kind)}))
        await world.summary()
    (got,) = world.media()
    assert (got.kind, got.width, got.height) == ("photo", 640, 480)
    assert got.path is not None
    with Image.open(got.path) as sent, Image.open(io.BytesIO(photo(5, kind="PNG"))) as original:
        assert sent.format in ("JPEG", "PNG")
        difference = [abs(a - b) for a, b in zip(_mean(sent), _mean(original), strict=True)]
    assert max(difference) < 3


def _mean(picture: Image.Image) -> tuple[float, ...]:
    pixel = picture.convert("RGB").resize((1, 1), Image.Resampling.BOX).getpixel((0, 0))
    assert isinstance(pixel, tuple)
    return tuple(float(value) for value in pixel)


async def test_too_large_too_long_and_turned_pictures_arrive_right(world: World, tmp_path: Path) -> None:
    noise = Image.effect_noise((4200, 3600), 90).convert("RGB")
    big = io.BytesIO()
    noise.save(big, "JPEG", quality=98)
    assert big.tell() > 10 * 1024 * 1024
    turned = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.open(io.BytesIO(photo(1))).save(turned, "JPEG", exif=exif)
    entries = {
        "1 big.jpg": big.getvalue(),
        "2 long.jpg": photo(2, (4000, 100)),
        "3 wide.png": photo(3, (9000, 1500), "PNG"),
        "4 turned.jpg": turned.getvalue(),
    }
    async with world.running():
        await world.send(zip_of(tmp_path / "a.zip", entries))
        await world.summary()
    first, long, wide, turned_photo = world.media()
    assert all(message.kind == "photo" for message in world.media())
    assert first.size <= 10 * 1024 * 1024
    assert long.width is not None and long.height is not None and long.width / long.height <= 20
    assert wide.width is not None and wide.height is not None and wide.width + wide.height <= 10_000
    assert turned_photo.path is not None
    with Image.open(turned_photo.path) as picture:
        upright = picture.size if picture.getexif().get(0x0112, 1) == 1 else picture.size[::-1]
    assert upright == (480, 640)


async def test_names_in_any_script_are_shown(world: World, tmp_path: Path) -> None:
    entries = {"Отпуск/море.jpg": photo(1), "京都/紅葉.jpg": photo(2)}
    async with world.running():
        await world.send(zip_of(tmp_path / "Фото 写真.zip", entries))
        await world.summary()
    assert [message.caption for message in world.media()] == [
        "📦 Фото 写真.zip › Отпуск\nморе.jpg",
        "📦 Фото 写真.zip › 京都\n紅葉.jpg",
    ]


async def test_a_new_archive_during_a_conversion_is_served_at_once(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, _ = held_ffmpeg(tmp_path / "tools")
    monkeypatch.setenv("PATH", path)
    async with world.running():
        await world.send(zip_of(tmp_path / "slow.zip", {"slow.avi": video("avi")}))
        await until(lambda: any("🎬 Starting" in line for line in world.lines()))
        await world.send(zip_of(tmp_path / "quick.zip", {"a.jpg": photo(1), "b.jpg": photo(2)}))
        await world.wait("quick.zip: 2 pictures sent")
        assert not any("✅ Conversion completed" in line for line in world.lines())
        assert [message.kind for message in world.media()] == ["photo", "photo"]
        await world.person.say(BOT, "/cancel")
        await world.wait("Cancelled: slow.zip")
        await until(lambda: not world.leftovers())


async def test_several_people_and_several_archives_in_a_row(world: World, tmp_path: Path) -> None:
    bob_id = await world.sandbox.add_person("+15550002", "Bob", "bob")
    async with (
        world.running(AUTHORIZED_USERS=("ann", "bob")),
        world.sandbox.person("+15550002") as bob,
    ):
        await bob.say(BOT, "/start")
        for number in range(3):
            names = {f"{number}-{n}.jpg": photo(10 * number + n) for n in range(3)}
            await world.send(zip_of(tmp_path / f"ann{number}.zip", names))
            await bob.send_file(BOT, zip_of(tmp_path / f"bob{number}.zip", names))
        for number in range(3):
            await world.wait(f"ann{number}.zip: 3 pictures sent")
            await bob.wait_for_text(f"bob{number}.zip: 3 pictures sent")
        await until(lambda: not world.leftovers())
    for person in (world.person_id, bob_id):
        photos = [m for m in world.sandbox.messages(person, BOT_ID) if m.kind == "photo"]
        assert len(photos) == 9
        albums = [message.album for message in photos]
        assert albums == sorted(albums, key=albums.index) and len(set(albums)) == 3
    assert world.leftovers() == []


async def test_one_persons_wait_holds_up_nobody_else(world: World, tmp_path: Path) -> None:
    bob_id = await world.sandbox.add_person("+15550002", "Bob", "bob")
    async with (
        world.running(AUTHORIZED_USERS=("ann", "bob")),
        world.sandbox.person("+15550002") as bob,
    ):
        await bob.say(BOT, "/start")
        world.sandbox.faults.flood(
            "messages.sendMultiMedia", 3600, when=lambda call: call.request.peer.user_id == world.person_id
        )
        entries = {f"{n}.jpg": photo(n) for n in range(3)}
        await world.send(zip_of(tmp_path / "ann.zip", entries))
        await until(lambda: world.sandbox.faults.called("messages.sendMultiMedia"))
        await bob.send_file(BOT, zip_of(tmp_path / "bob.zip", entries))
        await bob.wait_for_text("bob.zip: 3 pictures sent")
        assert world.media() == []
        await world.wait("Telegram asks for a pause")
    assert len([m for m in world.sandbox.messages(bob_id, BOT_ID) if m.kind == "photo"]) == 3


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("notes.zip", b"this is only text " * 50, "no archive, picture or video"),
        ("cut.zip", "cut", "cut off"),
        ("texts.zip", {"a.txt": b"a", "b.pdf": b"%PDF-1.4"}, "no picture or video in it"),
        ("nothing.zip", {}, "no picture or video in it"),
    ],
)
async def test_what_can_not_be_used_is_answered_and_leaves_nothing(
    world: World, tmp_path: Path, name: str, content: bytes | str | dict[str, bytes], words: str
) -> None:
    path = tmp_path / name
    if isinstance(content, dict):
        zip_of(path, content)
    elif content == "cut":
        whole = zip_of(tmp_path / "whole.zip", {"a.jpg": photo(1, (2000, 2000))}).read_bytes()
        path.write_bytes(whole[: len(whole) // 2])
    else:
        assert isinstance(content, bytes)
        path.write_bytes(content)
    async with world.running():
        await world.send(path)
        assert words in await world.wait(f"{name}: ")
        await until(lambda: not world.leftovers())
        await world.send(zip_of(tmp_path / "good.zip", {"a.jpg": photo(1)}))
        await world.wait("good.zip: 1 picture sent")


async def test_an_archive_larger_than_the_disk_is_refused_with_the_figures(
    world: World, tmp_path: Path
) -> None:
    async with world.running(DISK_RESERVE_MB=10_000_000):
        await world.send(zip_of(tmp_path / "a.zip", {"a.jpg": photo(1)}))
        assert "MB" in await world.wait("❌ a.zip: ")
        await until(lambda: not world.leftovers())


@pytest.mark.parametrize("options", [[], ["-mhe=on"]])
async def test_the_password_is_asked_for_until_it_is_right_and_never_logged(
    world: World, tmp_path: Path, options: list[str]
) -> None:
    archive = encrypted(tmp_path / "secret.7z", "opensesame", *options)
    async with world.running():
        await world.send(archive)
        await world.wait("attempt 1 of 3")
        await world.person.say(BOT, "wrong-guess")
        await world.wait("attempt 2 of 3")
        await world.person.say(BOT, "opensesame")
        assert "1 picture sent" in await world.summary()
        await until(lambda: not world.leftovers())
    log = "\n".join(world.lines())
    assert "opensesame" not in log and "wrong-guess" not in log


async def test_after_the_last_attempt_the_archive_is_given_up_in_words(world: World, tmp_path: Path) -> None:
    archive = encrypted(tmp_path / "secret.7z", "opensesame")
    async with world.running(PASSWORD_ATTEMPTS=1):
        await world.send(archive)
        await world.wait("attempt 1 of 1")
        await world.person.say(BOT, "wrong")
        await world.wait("❌ secret.7z: ")
        await until(lambda: not world.leftovers())


async def test_what_needed_no_password_comes_though_the_password_was_not_found(
    world: World, tmp_path: Path
) -> None:
    inner = encrypted(tmp_path / "secret.7z", "opensesame").read_bytes()
    archive = zip_of(tmp_path / "outer.zip", {"a.jpg": photo(1), "b.jpg": photo(2), "secret.7z": inner})
    async with world.running(PASSWORD_ATTEMPTS=1):
        await world.send(archive)
        await world.wait("attempt 1 of 1")
        assert len(world.media()) == 2
        await world.person.say(BOT, "wrong")
        summary = await world.wait("❌ outer.zip: ")
        await until(lambda: not world.leftovers())
    assert "2 pictures sent before that" in summary
    assert len(world.media()) == 2


async def test_the_caption_and_the_settings_give_passwords_too(world: World, tmp_path: Path) -> None:
    async with world.running(ARCHIVE_PASSWORDS=("from-settings",)):
        await world.send(encrypted(tmp_path / "one.7z", "in caption"), "holiday\npass: in caption")
        await world.wait("one.7z: 1 picture sent")
        await world.send(encrypted(tmp_path / "two.7z", "from-settings", "-mhe=on"))
        await world.wait("two.7z: 1 picture sent")


async def test_an_archive_sent_while_the_bot_was_away_is_picked_up_once(world: World, tmp_path: Path) -> None:
    async with world.running():
        await world.send(zip_of(tmp_path / "first.zip", {"a.jpg": photo(1)}))
        await world.wait("first.zip: 1 picture sent")
    await world.send(zip_of(tmp_path / "away.zip", {"b.jpg": photo(2)}))
    for _ in range(2):
        async with world.running():
            await world.wait("away.zip: 1 picture sent")
            await asyncio.sleep(0.5)
    assert len(world.media()) == 2


async def test_the_server_goes_away_in_the_middle_and_comes_back(world: World, tmp_path: Path) -> None:
    photos = {f"{n:02d}.jpg": photo(n) + os.urandom(100_000) for n in range(30)}
    async with world.running():
        await world.send(zip_of(tmp_path / "a.zip", {**photos, "old.avi": video("avi")}))
        link = world.sandbox.faults.link
        link.bandwidth = 2_000_000
        await until(lambda: len(world.media()) == 10)
        link.away = True
        await asyncio.sleep(5)
        assert len(world.media()) < 30
        link.away, link.bandwidth = False, None
        await until(lambda: not world.leftovers())
    sums = [message.sha256 for message in world.media()[:30]]
    assert sums == [hashlib.sha256(content).hexdigest() for content in photos.values()]
    assert [message.name for message in world.media()[30:]] == ["old_converted.mp4"]
    assert [text for text in (m.text for m in world.chat() if m.kind == "text") if " sent." in text]


async def test_the_same_file_again_is_done_again_only_on_request(world: World, tmp_path: Path) -> None:
    archive = zip_of(tmp_path / "a.zip", {"a.jpg": photo(1)})
    async with world.running():
        await world.send(archive)
        await world.summary()
        await world.send(archive)
        question = await world.person.wait_for_text("I sent you what is in a.zip on")
        assert len(world.media()) == 1
        await world.person.press(question, "🔁 Again")
        await until(lambda: len(world.media()) == 2)
        await until(lambda: not world.leftovers())


async def test_answers_come_though_telegram_asks_for_a_pause_first(world: World, tmp_path: Path) -> None:
    archive = zip_of(tmp_path / "p__y__z.zip", {"a.jpg": photo(1)})
    async with world.running():
        message = await world.send(archive)
        await world.summary()
        await until(lambda: not world.leftovers())
        world.sandbox.faults.flood("messages.sendMessage", 1, when=lambda call: call.user == BOT_ID)
        await world.person.client.forward_messages(BOT, [message], BOT)
        await world.wait("I sent you what is in p__y__z.zip on")
        world.sandbox.faults.flood("messages.sendMessage", 1, when=lambda call: call.user == BOT_ID)
        await world.person.say(BOT, "/status")
        await world.wait("nothing to do")


async def test_the_connections_are_opened_while_the_archive_is_still_being_taken_in(
    world: World, tmp_path: Path
) -> None:
    async with world.running() as bot:
        pool = bot.transfers.pool
        held = world.sandbox.faults.hold("messages.getMessages")
        await world.send(zip_of(tmp_path / "a.zip", {"a.jpg": photo(1)}))
        await held.reached()
        await until(lambda: pool.connections(1) == pool.connections(2) == 1)
        held.open()
        await world.summary()


async def test_the_status_tells_how_far_a_large_file_is_on_its_way(world: World, tmp_path: Path) -> None:
    padding = os.urandom(12_000_000)
    film = video("mp4") + (len(padding) + 8).to_bytes(4, "big") + b"free" + padding
    (tmp_path / "film.mp4").write_bytes(film)
    archive = tmp_path / "big.7z"
    pack = [str(find_engine()), "a", "-mx0", str(archive), str(tmp_path / "film.mp4")]
    subprocess.run(pack, check=True, stdout=subprocess.DEVNULL)
    seen: list[JobProgress] = []
    async with world.running() as bot:
        await world.send(archive)
        world.sandbox.faults.link.bandwidth = 6_000_000

        def over() -> bool:
            seen.extend(job.look() for job in bot.desk.jobs.values())
            return bool(world.media())

        await until(over)
        assert "1 video sent" in await world.summary()
    for step in ("📥 Fetching", "📤 Sending"):
        done = [now.done for now in seen if now.step == step and now.done]
        assert len(set(done)) > 3 and done == sorted(done), step
        assert all(now.done <= now.total and now.speed > 0 for now in seen if now.step == step and now.done)
    assert {now.videos for now in seen} >= {Count(0, 1)}


async def test_the_same_content_is_recognised_while_it_is_under_way_and_after_a_restart(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, held = held_ffmpeg(tmp_path / "tools")
    monkeypatch.setenv("PATH", path)
    archive = zip_of(tmp_path / "a.zip", {"a.jpg": photo(1), "film.avi": video("avi")})
    renamed = tmp_path / "b.zip"
    renamed.write_bytes(archive.read_bytes())
    async with world.running():
        await world.send(archive)
        await until(lambda: len(world.media()) == 1)
        await world.send(renamed)
        assert (await world.wait("I am at work on a.zip already.")).endswith(" Shall I do it again?")
        await until(lambda: not any("📦 b.zip" in message.text for message in world.chat()))
    held.unlink()
    async with world.running():
        await world.wait("a.zip: 1 picture")
        await world.send(renamed)
        question = await world.person.wait_for_text("I sent you what is in a.zip on")
        await until(lambda: not world.leftovers())
        # As if it had been forwarded: it is no failure.
        assert not any("❌" in message.text for message in world.chat())
        assert len(world.media()) == 2
        await world.person.press(question, "🔁 Again")
        await until(lambda: len(world.media()) == 3)


async def test_the_status_becomes_the_summary_though_telegram_asks_for_a_pause_first(
    world: World, tmp_path: Path
) -> None:
    world.sandbox.faults.flood("messages.editMessage", 2)
    async with world.running():
        sent = await world.send(zip_of(tmp_path / "a.zip", {"a.jpg": photo(1)}))
        await world.summary()
        await until(lambda: not world.leftovers())
    status, picture = world.chat()
    assert status.text == "✅ a.zip: 1 picture sent." and status.edited is not None
    theirs = [m for m in world.sandbox.messages(world.person_id, BOT_ID) if m.sent_by != BOT_ID]
    assert status.reply_to == picture.reply_to == theirs[-1].id == sent
    # A name such as photos.zip is an address, too; nobody wants to see its page.
    assert all(call.request.no_webpage for call in world.sandbox.faults.called("messages.editMessage"))


async def test_an_error_that_nobody_foresaw_breaks_a_job_off_and_it_goes_on(
    world: World, tmp_path: Path
) -> None:
    world.sandbox.faults.fail("messages.sendMultiMedia", RpcError(400, "SOMETHING_NEW"))
    async with world.running():
        await world.send(zip_of(tmp_path / "a.zip", {f"{n}.jpg": photo(n) for n in range(12)}))
        assert "12 pictures sent" in await world.summary()
        await until(lambda: not world.leftovers())
    assert len({message.sha256 for message in world.media()}) == len(world.media()) == 12
    assert any("a.zip broke off" in line for line in world.lines())


async def test_a_pause_that_telegram_asks_for_is_no_failure(world: World, tmp_path: Path) -> None:
    world.sandbox.faults.flood("messages.getMessages", 1)
    async with world.running():
        await world.send(zip_of(tmp_path / "a.zip", {"a.jpg": photo(1)}))
        assert "1 picture sent" in await world.summary()
    assert not any("broke off" in line for line in world.lines())


async def test_a_summary_that_fails_after_the_last_conversion_comes_later(
    world: World, tmp_path: Path
) -> None:
    for request in ("messages.editMessage", "messages.sendMessage"):
        world.sandbox.faults.fail(
            request, RpcError(400, "SOMETHING_NEW"), when=lambda call: " sent." in call.request.message
        )
    async with world.running() as bot:
        bot.conversions.backoff = (0.1,)
        await world.send(zip_of(tmp_path / "a.zip", {"wrap.mkv": video("mkv")}))
        assert "1 video sent" in await world.summary()
        await until(lambda: not world.leftovers())
    assert len(world.media()) == 1


async def test_a_video_that_can_not_be_converted_comes_as_it_is_and_is_kept_aside(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    film = video("avi")
    path, _ = held_ffmpeg(tmp_path / "tools")
    monkeypatch.setenv("PATH", path)
    async with world.running(CONVERSION_TIMEOUT_SECONDS=1, CONVERSION_MAX_RETRIES=2) as bot:
        bot.conversions.backoff = (0.1,)
        await world.send(zip_of(tmp_path / "a.zip", {"film.avi": film, "a.jpg": photo(1)}))
        summary = await world.summary()
        await until(lambda: not world.leftovers())
    log = world.lines()
    assert log.count("ERROR: ❌ Conversion failed: film.avi - Timeout") == 2
    assert log.count("ERROR: ❌ Max retries exceeded: film.avi (2 attempts)") == 1
    picture, original = world.media()
    assert (picture.kind, original.kind, original.name) == ("photo", "document", "film.avi")
    assert original.sha256 == hashlib.sha256(film).hexdigest()
    assert "could not be converted" in original.caption
    assert "Not converted, sent as a file: film.avi" in summary
    kept = {path.suffix: path for path in (world.data / "quarantine").iterdir()}
    assert kept[""].read_bytes() == film
    assert "film.avi: " in kept[".txt"].read_text()


async def test_that_the_sound_was_lost_stands_in_the_caption(world: World, tmp_path: Path) -> None:
    # MPEG-H, so says the file: ffmpeg knows it by name alone.
    film = video("ac3").replace(b"ac-3", b"mhm1")
    async with world.running():
        await world.send(zip_of(tmp_path / "a.zip", {"film.mp4": film}))
        await world.summary()
    (message,) = world.media()
    assert message.kind == "video" and "The sound could not be decoded." in message.caption


async def test_results_can_go_to_another_chat(world: World, tmp_path: Path) -> None:
    bob_id = await world.sandbox.add_person("+15550002", "Bob", "bob")
    async with world.sandbox.person("+15550002") as bob:
        await bob.say(BOT, "/start")
        async with world.running(TARGET_CHAT="@bob"):
            await world.send(zip_of(tmp_path / "a.zip", {"a.jpg": photo(1)}))
            await world.summary()
    assert world.media() == []
    assert [m.kind for m in world.sandbox.messages(bob_id, BOT_ID) if m.sent_by == BOT_ID] == ["photo"]


@pytest.mark.parametrize("named", ["-100{}", "@holidays"])
async def test_results_can_go_to_a_channel_also_after_a_restart(
    world: World, tmp_path: Path, named: str
) -> None:
    channel = await world.sandbox.add_channel("Holidays", "holidays" if "@" in named else None)
    await world.sandbox.join(channel, BOT_ID, admin=True)
    photos = {f"{n}.jpg": photo(n) for n in range(1, 13)}
    archive = zip_of(tmp_path / "a.zip", {**photos, "wrap.mkv": video("mkv")})
    target = named.format(channel)
    gate = world.sandbox.faults.hold("messages.sendMedia", when=lambda call: call.user == BOT_ID)
    async with world.running(TARGET_CHAT=target):
        await world.send(archive)
        await gate.reached()
    gate.open()
    async with world.running(TARGET_CHAT=target):
        assert "12 pictures and 1 video sent" in await world.summary()
    assert world.media() == []
    posts = world.sandbox.messages(channel, channel)
    assert [post.name for post in posts] == [*photos, "wrap_converted.mp4"]
    assert [post.sha256 for post in posts[:12]] == [
        hashlib.sha256(data).hexdigest() for data in photos.values()
    ]


async def test_a_channel_in_which_it_is_not_is_said_at_the_start(world: World) -> None:
    channel = await world.sandbox.add_channel("Holidays")
    with pytest.raises(SettingsError, match="make it an administrator"):
        async with world.running(TARGET_CHAT=f"-100{channel}"):
            pass


async def test_a_channel_in_which_it_may_not_post_is_told_of(world: World, tmp_path: Path) -> None:
    channel = await world.sandbox.add_channel("Holidays")
    await world.sandbox.join(channel, BOT_ID)
    async with world.running(TARGET_CHAT=f"-100{channel}"):
        await world.send(zip_of(tmp_path / "a.zip", {"a.jpg": photo(1), "wrap.mkv": video("mkv")}))
        assert "CHAT_ADMIN_REQUIRED" in await world.wait("❌ a.zip: ")
        await until(lambda: not world.leftovers())


async def test_in_a_topic_it_answers_there_however_updates_are_told(world: World, tmp_path: Path) -> None:
    group = await world.sandbox.add_group("Family", forum=True)
    for member in (BOT_ID, world.person_id):
        await world.sandbox.join(group, member)
    topic = await world.sandbox.add_topic(group, world.person_id, "Trips")
    (dialog, *_) = [d for d in await world.person.client.get_dialogs() if d.is_channel]
    world.sandbox.faults.habits.pushed = "combined"
    archive = zip_of(tmp_path / "a.zip", {"a.jpg": photo(1), "b.jpg": photo(2)})
    async with world.running():
        sent = await world.person.client.send_file(
            dialog.input_entity, archive, caption=f"@{BOT}", force_document=True, reply_to=topic
        )
        await until(lambda: any(" sent." in m.text for m in world.sandbox.messages(group, group)))
        await until(lambda: not world.leftovers())
    got = [m for m in world.sandbox.messages(group, group) if m.sent_by == BOT_ID]
    assert [message.kind for message in got] == ["text", "photo", "photo"]
    assert {(message.reply_to, message.topic) for message in got} == {(sent.id, topic)} and world.chat() == []


async def test_without_a_token_it_logs_in_as_a_person(world: World, tmp_path: Path) -> None:
    owner_phone = "+15550009"
    owner_id = await world.sandbox.add_person(owner_phone, "Owner", "owner", "2fa password")

    async def phone() -> str:
        return owner_phone

    async def code() -> str:
        return world.sandbox.login_code(owner_phone)

    async def password() -> str:
        return "2fa password"

    def got() -> list[str]:
        chat = world.sandbox.messages(world.person_id, owner_id)
        return [message.kind for message in chat if message.sent_by == owner_id]

    world.sandbox.faults.habits.strict_markup = True
    async with world.running(ask=Ask(phone, code, password), BOT_TOKEN="", TELEGRAM_SERVER_DC=1):
        archive = await world.person.send_file("owner", zip_of(tmp_path / "a.zip", {"a.jpg": photo(1)}))
        await world.summary()
        await until(lambda: not world.leftovers())
        assert got() == ["text", "photo"]
        await world.person.say("owner", "Hi! Are we meeting at five?")
        await world.person.client.forward_messages("owner", [archive.id], "owner")
        offer = await world.person.wait_for_text("Reply “again”")
        assert offer.buttons is None
        await world.person.client.send_message("owner", "Again", reply_to=offer.id)
        await until(lambda: got().count("photo") == 2)
        await until(lambda: not world.leftovers())
        assert got() == ["text", "photo", "text", "text", "photo"]
        (tmp_path / "bad.zip").write_bytes(b"nothing")
        await world.person.send_file("owner", tmp_path / "bad.zip")
        failed = await world.person.wait_for_text("❌ bad.zip: ")
        assert failed.raw_text.endswith("\nReply “again” to have it again.")
        await world.person.client.send_message("owner", "again", reply_to=failed.id)
        await world.person.wait_for_text("❌ bad.zip: ")
    assert not any("2fa password" in line for line in world.lines())


async def test_commands_are_published_and_answered(world: World) -> None:
    published = "bots.setBotCommands"
    world.sandbox.faults.fail(published, RpcError(400, "LANG_CODE_INVALID"))
    for count in (7, 14, 14):  # all again, as one was refused; not again, as Telegram has them
        async with world.running():
            pass
        assert len(world.sandbox.faults.called(published)) == count
    (world.data / "menu.sha256").write_text("that of an older version")
    async with world.running():
        await world.person.say(BOT, "/help")
        await world.wait("Send me an archive")
        await world.person.say(BOT, "/status")
        await world.wait("nothing to do")
        await world.person.say(BOT, "/cancel")
        await world.wait("nothing to cancel")
    calls = world.sandbox.faults.called(published)[14:]
    assert sorted(call.request.lang_code for call in calls) == ["", "en", "es", "fa", "id", "pt", "ru"]
    assert all(len(call.request.commands) == len(COMMANDS) for call in calls)
    assert len({tuple(one.description for one in call.request.commands) for call in calls}) == 6


async def test_an_answer_that_would_be_too_long_for_a_message_is_cut(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, _ = held_ffmpeg(tmp_path / "tools")
    monkeypatch.setenv("PATH", path)
    async with world.running() as bot:
        await world.send(zip_of(tmp_path / "a.zip", {"slow.avi": video("avi")}))
        await until(lambda: any("🎬 Starting" in line for line in world.lines()))
        (job,) = bot.desk.jobs.values()
        job.name = "n" * 5000
        await world.person.say(BOT, "/status")
        await world.wait("nnn…")
        await world.person.say(BOT, "/cancel")
        assert (await world.wait("🛑 Cancelled: nnn")).endswith("n…")


async def test_a_tar_can_not_write_outside_or_show_what_is_not_in_it(world: World, tmp_path: Path) -> None:
    path = tmp_path / "evil.tar"
    with tarfile.open(path, "w") as archive:
        for name in ("../../escaped.jpg", "/tmp/absolute.jpg"):
            member = tarfile.TarInfo(name)
            member.size = len(photo(1))
            archive.addfile(member, io.BytesIO(photo(1)))
        link = tarfile.TarInfo("passwd.jpg")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    before = {entry for entry in tmp_path.rglob("*") if world.data not in entry.parents}
    async with world.running():
        await world.send(path)
        summary = await world.summary()
    assert "2 pictures sent" in summary and "passwd.jpg" in summary
    after = {entry for entry in tmp_path.rglob("*") if world.data not in entry.parents}
    assert {entry for entry in after - before if "telegram" not in str(entry)} <= {world.data, world.log}
    assert not Path("/tmp/absolute.jpg").exists()
