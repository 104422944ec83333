"""Passwords that are asked for: how often, and which text is the answer to which question."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from telethon.tl.tlobject import TLRequest

from utils.chat.conversation import WHICH, WORDS, Conversation
from utils.errors import PasswordNeeded, WrongPassword
from utils.jobs.intake import Incoming, Peer, Reply

NEEDED = PasswordNeeded("it is encrypted.")


def archive(message: int, chat: int = 7) -> Incoming:
    return Incoming(Peer("user", chat), chat, message, f"{message}.7z", 10, 99, "")


class Texts:
    """What was sent; its messages are 100, 101 …"""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str]] = []
        self.said: list[TLRequest] = []

    async def send_text(self, key: str, text: str) -> int:
        self.sent.append((key, text))
        return 99 + len(self.sent)

    async def __call__(self, request: TLRequest) -> None:
        self.said.append(request)


class Chats:
    """A conversation, and the questions in it that are open."""

    def __init__(self, attempts: int = 3) -> None:
        self.texts = Texts()
        self.talk = Conversation(self.texts, attempts)

    async def ask(self, item: Incoming, asked: int = 0) -> asyncio.Task[str]:
        delivery: Any = self.texts
        task = asyncio.create_task(self.talk.ask_password(item, delivery, NEEDED, asked))
        for _ in range(5):
            await asyncio.sleep(0)
        return task


async def test_a_password_is_asked_for_so_many_times_and_no_more() -> None:
    chats = Chats(attempts=2)
    for asked in range(2):
        question = await chats.ask(archive(1), asked)
        assert chats.talk.answer(7, "a guess", None)
        assert await question == "a guess"
    with pytest.raises(PasswordNeeded):
        await (await chats.ask(archive(1), 2))
    assert [key for key, _ in chats.texts.sent] == ["password-0", "password-1"]
    assert [text.rpartition("(")[2] for _, text in chats.texts.sent] == [
        "attempt 1 of 2).",
        "attempt 2 of 2).",
    ]


async def test_the_error_after_the_last_attempt_is_the_one_of_the_archive() -> None:
    wrong, delivery = WrongPassword("it does not fit."), Chats().texts
    texts: Any = delivery
    with pytest.raises(WrongPassword, match="does not fit"):
        await Chats(attempts=1).talk.ask_password(archive(1), texts, wrong, 1)


async def test_a_text_answers_the_only_question_of_its_chat_and_of_no_other() -> None:
    chats = Chats()
    here, there = await chats.ask(archive(1, chat=7)), await chats.ask(archive(1, chat=8))
    assert not chats.talk.answer(9, "secret", None)
    assert chats.talk.answer(8, "secret", None)
    assert await there == "secret"
    assert not here.done()
    here.cancel()


async def test_with_two_open_only_a_reply_answers() -> None:
    chats = Chats()
    first, second = await chats.ask(archive(1)), await chats.ask(archive(2))
    assert not chats.talk.answer(7, "secret", None)
    assert not chats.talk.answer(7, "secret", 55)
    assert chats.talk.help(7, "secret") == WHICH
    assert chats.talk.answer(7, "of the second", 2)  # its archive
    assert chats.talk.answer(7, "of the first", 100)  # its question
    assert (await first, await second) == ("of the first", "of the second")


async def test_a_reply_in_another_chat_answers_nothing() -> None:
    chats = Chats()
    question = await chats.ask(archive(1, chat=7))
    assert not chats.talk.answer(8, "secret", 1)
    assert not question.done()
    question.cancel()


async def test_what_looks_like_a_command_is_no_password_unless_it_is_a_reply() -> None:
    chats = Chats()
    question = await chats.ask(archive(1))
    assert not chats.talk.answer(7, "/unknown", None)
    assert chats.talk.help(7, "/unknown x") == "I do not know /unknown. /help says what I can do."
    assert chats.talk.answer(7, "/secret", 1)
    assert await question == "/secret"


async def test_a_question_that_was_answered_or_given_up_is_closed() -> None:
    chats = Chats()
    answered, given_up = await chats.ask(archive(1)), await chats.ask(archive(2))
    chats.talk.answer(7, "secret", 1)
    await answered
    given_up.cancel()
    await asyncio.wait([given_up])
    assert not chats.talk.answer(7, "secret", None)
    assert chats.talk.help(7, "secret") == WORDS


async def test_the_first_answer_counts() -> None:
    chats = Chats()
    question = await chats.ask(archive(1))
    assert chats.talk.answer(7, "first", None)
    assert chats.talk.answer(7, "second", None)
    assert await question == "first"


@pytest.mark.parametrize("buttons", [True, False])
async def test_to_do_it_again_is_offered_by_a_button_or_in_words(buttons: bool) -> None:
    chats = Chats()
    await chats.talk.offer_again(archive(5), "I sent you that.", buttons=buttons)
    (said,) = chats.texts.said
    assert (said.reply_markup is not None) is buttons
    assert ("“again”" in said.message) is not buttons
    assert said.reply_to.reply_to_msg_id == 5 and said.no_webpage
    assert chats.talk.offered == {7: 5}


async def test_what_is_said_fits_into_a_message() -> None:
    chats = Chats()
    await chats.talk.say(archive(1).peer.input(), "😀" * 5000, reply_to=Reply())
    (said,) = chats.texts.said
    assert len(said.message.encode("utf-16-le")) // 2 <= 4096 and said.message.endswith("…")
