"""What is said to whom says something that is no archive, and what becomes of passwords."""

from __future__ import annotations

import io
from pathlib import Path

from tests.files import encrypted, photo, zip_of
from tests.world import BOT, BOT_ID, World, until
from utils.chat.conversation import LINK, NO_FILE, WORDS
from utils.chat.help import HELP, TOPICS


def said(world: World) -> list[str]:
    """By the person, as it stands in the chat now."""
    chat = world.sandbox.messages(world.person_id, BOT_ID)
    return [message.text for message in chat if message.sent_by != BOT_ID]


async def test_whatever_somebody_sends_gets_one_sentence(world: World) -> None:
    voice = io.BytesIO(b"OggS" + bytes(500))
    voice.name = "voice.ogg"
    async with world.running():
        for text, answer in (
            ("/foo@archive_bot bar", "I do not know /foo. /help says what I can do."),
            ("hello there", WORDS),
            ("look: https://example.org/a.zip", LINK),
            ("ftp://example.org/a.rar", LINK),
            ("magnet:?xt=urn:btih:0", LINK),
            ("/start", HELP),
            ("/help Passwords", TOPICS["locked"].text),
            ("/retry", "Reply /retry to the archive"),
        ):
            before = len(world.chat())
            await world.person.say(BOT, text)
            await world.wait(answer)
            await until(lambda: len(world.chat()) == before + 1)  # noqa: B023
            assert answer in world.chat()[-1].text
        await world.person.client.send_file(BOT, voice, voice_note=True)
        await world.wait(NO_FILE)
        # A page of the help for each topic, in the same message.
        before = len(world.chat())
        page = await world.person.wait_for(lambda m: m.raw_text == HELP)
        for topic in (*TOPICS.values(), TOPICS["sent"]):
            assert await world.person.press(page, topic.label) is None
            await until(lambda: _says(world, topic.text))  # noqa: B023
        assert len(world.chat()) == before


def _says(world: World, text: str) -> bool:
    return any(message.text == text for message in world.chat())


async def test_a_password_in_the_chat_is_deleted_once_it_was_taken(world: World, tmp_path: Path) -> None:
    async with world.running():
        await world.send(encrypted(tmp_path / "secret.7z", "opensesame"))
        await world.wait("attempt 1 of 3")
        await world.person.say(BOT, "a wrong one")
        await world.wait("attempt 2 of 3")
        await world.person.say(BOT, "opensesame")
        assert "1 picture sent" in await world.summary()
        await until(lambda: said(world)[1:] == [""])


async def test_a_password_may_be_put_under_an_archive_later(world: World, tmp_path: Path) -> None:
    async with world.running():
        first = await world.send(encrypted(tmp_path / "one.7z", "opensesame"), "pass: wrong")
        await world.wait("🔒 one.7z: ")
        await world.person.client.edit_message(BOT, first, "pass: opensesame")
        await world.wait("one.7z: 1 picture sent")
        # Before it was asked for, too; then nothing has to be asked.
        gate = world.sandbox.faults.hold("upload.getFile", times=None)
        second = await world.send(encrypted(tmp_path / "two.7z", "open, please"))
        await gate.reached()
        await world.person.client.edit_message(BOT, second, "pass: open, please")
        await until(lambda: bool(world.bot and world.bot.conversation._edited))
        gate.open()
        await world.wait("two.7z: 1 picture sent")
    assert sum("Reply with the password" in message.text for message in world.chat()) == 1


async def test_an_archive_is_done_again_by_a_command_in_reply(world: World, tmp_path: Path) -> None:
    async with world.running():
        await world.send(zip_of(tmp_path / "a.zip", {"a.jpg": photo(1)}))
        await world.summary()
        await until(lambda: not world.leftovers())
        summary, _ = world.chat()
        theirs = [m.id for m in world.sandbox.messages(world.person_id, BOT_ID) if m.id == summary.id]
        await world.person.client.send_message(BOT, "/retry", reply_to=theirs[0])
        await until(lambda: len(world.media()) == 2)
