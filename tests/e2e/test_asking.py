"""What the bot asks in a chat, and which answers it takes."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from tests.files import encrypted, zip_of
from tests.world import BOT, World, until


async def test_after_a_restart_a_wrong_password_is_one_attempt_more(world: World, tmp_path: Path) -> None:
    async with world.running():
        await world.send(encrypted(tmp_path / "secret.7z", "opensesame"))
        await world.wait("attempt 1 of 3")
        await world.person.say(BOT, "wrong")
        await world.wait("attempt 2 of 3")
    async with world.running() as bot:
        await until(lambda: bot.conversation._questions)
        await world.person.say(BOT, "wrong, too")
        question = await world.person.wait_for_text("attempt 3 of 3")
        await world.person.client.send_message(BOT, "opensesame", reply_to=question.id)
        assert "1 picture sent" in await world.summary()
    questions = [message.text for message in world.chat() if "Reply with the password" in message.text]
    assert len(questions) == 3


async def test_the_status_says_that_a_password_is_waited_for(world: World, tmp_path: Path) -> None:
    async with world.running():
        await world.send(encrypted(tmp_path / "secret.7z", "opensesame"))
        await world.wait("attempt 1 of 3")
        await world.person.say(BOT, "/status")
        await world.wait("📦 secret.7z\n🔒 Waiting for the password")


async def test_with_two_passwords_open_a_reply_says_which_one_is_meant(world: World, tmp_path: Path) -> None:
    async with world.running():
        archives = [
            await world.send(encrypted(tmp_path / f"{name}.7z", f"the word of {name}"))
            for name in ("one", "two", "three")
        ]
        questions = [await world.person.wait_for_text(f"🔒 {name}.7z") for name in ("one", "two", "three")]
        await world.person.say(BOT, "the word of two")
        await world.wait("more than one password")
        await world.person.client.send_message(BOT, "the word of two", reply_to=archives[1])
        await world.wait("two.7z: 1 picture sent")
        await world.person.client.send_message(BOT, "the word of one", reply_to=questions[0].id)
        await world.wait("one.7z: 1 picture sent")
        await world.person.client.send_message(BOT, "/cancel", reply_to=questions[2].id)
        assert "three.7z" in await world.wait("🛑 Cancelled: ")
    assert not any("attempt 2" in message.text for message in world.chat())


async def test_the_password_under_an_album_is_for_all_archives_in_it(world: World, tmp_path: Path) -> None:
    archives = [encrypted(tmp_path / f"{name}.7z", "opensesame") for name in ("one", "two", "three")]
    async with world.running():
        await world.person.client.send_file(BOT, archives, caption="pass: opensesame", force_document=True)
        for archive in archives:
            await world.wait(f"{archive.name}: 1 picture sent")
        await until(lambda: not world.leftovers())
    assert not any("🔒" in message.text for message in world.chat())
    kept = [path for path in world.data.rglob("*") if path.is_file()]
    assert kept and not any(b"opensesame" in path.read_bytes() for path in (*kept, world.log))


async def test_an_archive_of_which_nothing_was_sent_is_no_reason_to_ask(world: World, tmp_path: Path) -> None:
    archive = zip_of(tmp_path / "a.zip", {"a.txt": b"nothing to see"})
    async with world.running():
        for times in (1, 2):
            await world.send(archive)
            await until(partial(told_times, world, times))
            await until(lambda: not world.leftovers())
    assert all("there is no picture or video in it" in text for text in told(world))


def told_times(world: World, times: int) -> bool:
    return len(told(world)) == times


def told(world: World) -> list[str]:
    """What was said of a.zip beside its status."""
    return [message.text for message in world.chat() if "📦" not in message.text]
