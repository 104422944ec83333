"""Each person is spoken to in the language of their own Telegram, also after a restart."""

from __future__ import annotations

import re
from pathlib import Path

from sandbox.person import Person
from tests.files import encrypted, photo, video, zip_of
from tests.world import BOT, BOT_ID, World, until

PERSIAN, RUSSIAN = "fa", "ru"
RUSSIAN_PHONE = "+15550077"
#: What is the same in every language: names, formats, commands.
SAME = re.compile(
    r"\u2068[^\u2069]*\u2069|/[a-z]+|a\.zip|\w+\.(?:avi|webp|txt|mp4|jpg)|WEBP|Telegram|DS_Store"
)


def texts(world: World, person: int) -> list[str]:
    """What the bot has in the chat with that person, its buttons too."""
    messages = world.sandbox.messages(person, BOT_ID)
    return [message.text for message in messages if message.sent_by == BOT_ID and message.text]


def in_latin(text: str) -> list[str]:
    """The words in it that are in no language of these two."""
    return re.findall(r"[A-Za-z]{2,}", SAME.sub("", text))


async def labels(person: Person, words: str) -> list[str]:
    """What the buttons under the message with these ``words`` say."""
    message = await person.wait_for_text(words)
    return [button.text for row in message.buttons or [] for button in row]


async def test_two_people_are_each_spoken_to_in_their_language(world: World, tmp_path: Path) -> None:
    boris_id = await world.sandbox.add_person(RUSSIAN_PHONE, "Boris")
    await world.sandbox.set_language(world.person_id, PERSIAN)
    await world.sandbox.set_language(boris_id, RUSSIAN)
    both = (str(world.person_id), str(boris_id))
    pictures = {f"{n}.webp": photo(n, kind="WEBP") for n in range(2)}
    archive = zip_of(
        tmp_path / "a.zip",
        {**pictures, "b.txt": b"of no use", "c.avi": video("avi"), "e.jpg": b"\xff\xd8\xff\xe0" * 99},
    )
    async with world.sandbox.person(RUSSIAN_PHONE) as boris:
        await boris.say(BOT, "/start")
        async with world.running(AUTHORIZED_USERS=both):
            await world.send(encrypted(tmp_path / "secret.7z", "opensesame"))
            await boris.send_file(BOT, archive)
            question = await world.person.wait_for_text("رمز را در پاسخ بفرستید (تلاش ۱ از ۳).")
            offers = ["📎 Отправить остальные файлы", "📄 Прислать файлами"]
            assert await labels(boris, " a.zip: отправлено") == offers
            await boris.say(BOT, "/cancel")
            await boris.wait_for_text("Отменять нечего.")
        # Who goes on with it knows the language from the journal.
        async with world.running(AUTHORIZED_USERS=both) as bot:
            await until(lambda: bot.conversation._questions)
            await world.person.client.send_message(BOT, "opensesame", reply_to=question.id)
            await world.person.wait_for_text("✅ \u2068secret.7z\u2069: ۱ عکس فرستاده شد.")
            await world.person.say(BOT, "/status")
            await world.person.wait_for_text("فعلاً کاری برای شما در دست ندارم.")
    russian = texts(world, boris_id)
    assert "2 картинки конвертированы из WEBP." in "\n".join(russian)
    assert "🎬 Конвертировано 1 видео: c.avi" in "\n".join(russian)
    # A reason out of the depths, and what it was in the log.
    assert "📎 Отправлено файлом: e.jpg: Картинка не декодируется; она " in russian[0]
    assert "\u2068secret.7z\u2069: رمزدار است و رمزش را نمی‌دانم." in "\n".join(texts(world, world.person_id))
    assert any("e.jpg comes as a file: The picture cannot be decoded" in line for line in world.lines())
    assert [
        (text, in_latin(text)) for text in (*texts(world, world.person_id), *russian) if in_latin(text)
    ] == []
    foreign = re.compile("[\u0400-\u04ff\u0600-\u06ff]")
    assert [line for line in world.lines() if foreign.search(line)] == []
