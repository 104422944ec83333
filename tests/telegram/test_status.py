"""The status message: few edits, never in the way."""

from __future__ import annotations

import asyncio
import itertools

import pytest
from telethon import errors as rpc

from tests.telegram.virtual_time import on_virtual_time
from utils.telegram.status import SETTLE_TIMEOUT, Pace, Paces, StatusMessage, Words


class Chat:
    """Takes what the message says; ``words`` are what it is to say."""

    def __init__(self) -> None:
        self.words: Words | None = None
        self.texts: list[str] = []
        self.times: list[float] = []
        self.refuse: BaseException | None = None
        self.tries = 0
        self.free = asyncio.Event()
        self.free.set()

    async def send(self, words: Words) -> int:
        await self.free.wait()
        return self._take(words)

    async def edit(self, message: int, words: Words) -> None:
        assert message == 7
        self._take(words)

    def _take(self, words: Words) -> int:
        self.tries += 1
        if self.refuse is not None:
            raise self.refuse
        self.texts.append(words.text)
        self.times.append(asyncio.get_running_loop().time())
        return 7


class Said(StatusMessage):
    """On the clock of the loop, with a text that a test sets."""

    def __init__(self, chat: Chat, interval: float = 5.0, pace: Pace | None = None) -> None:
        super().__init__(
            words=lambda: chat.words,
            send=chat.send,
            edit=chat.edit,
            pace=pace,
            clock=lambda: asyncio.get_running_loop().time(),
        )
        self._chat, self._every = chat, interval

    def say(self, text: str) -> None:
        self._chat.words = Words(text, every=self._every)
        self.show()


@on_virtual_time
async def test_only_the_newest_text_is_sent_every_five_seconds_at_most_and_looked_for_unasked() -> None:
    chat = Chat()
    message = Said(chat)
    for number in range(600):
        message.say(f"{number / 6:.0f} %")
        await asyncio.sleep(0.1)
    chat.words = Words("nobody said that there is news")
    await asyncio.sleep(6)
    await message.close()
    assert chat.texts[0] == "0 %" and chat.texts[-1] == "nobody said that there is news"
    assert 11 <= len(chat.times) <= 14
    assert all(later - earlier > 4.99 for earlier, later in itertools.pairwise(chat.times))


@on_virtual_time
async def test_after_a_press_it_is_said_at_once_also_when_others_of_the_chat_are_to_come_first() -> None:
    chat, pace = Chat(), Pace(4.0)
    message = Said(chat, pace=pace)
    message.say("first")
    await asyncio.sleep(0.1)
    message.say("by the way")
    for _ in range(5):
        pace.turn()
    for text in ("pressed", "pressed again"):
        message.say(text)
        message.hurry()
        await asyncio.sleep(0.01)
    assert chat.texts == ["first", "pressed", "pressed again"]
    # What comes next has time again.
    message.say("later")
    await asyncio.sleep(4.9)
    assert len(chat.texts) == 3
    await asyncio.sleep(30)
    assert chat.texts[3:] == ["later"]
    await message.close()


@on_virtual_time
async def test_the_same_text_is_not_sent_twice_and_nothing_is_as_long_as_there_are_no_words() -> None:
    chat = Chat()
    message = Said(chat)
    message.show()
    await asyncio.sleep(60)
    assert not chat.texts
    for _ in range(5):
        message.say("same")
        await asyncio.sleep(10)
    await message.settle()
    assert chat.texts == ["same"] and chat.tries == 1


@on_virtual_time
async def test_after_a_flood_wait_it_rests_while_the_work_goes_on() -> None:
    chat = Chat()
    message = Said(chat)
    message.say("first")
    await asyncio.sleep(6)
    chat.refuse = rpc.FloodWaitError(request=None, capture=54_000)
    message.say("second")
    await asyncio.sleep(6)
    assert 53_000 < message.resting <= 54_000
    chat.refuse = None
    message.say("third")
    await asyncio.sleep(100)
    assert chat.texts == ["first"] and chat.tries == 2
    await asyncio.sleep(54_000)
    assert chat.texts == ["first", "third"]
    await message.settle()


@pytest.mark.parametrize(
    "error", [rpc.MessageNotModifiedError(None), rpc.MessageIdInvalidError(None), ConnectionError()]
)
@on_virtual_time
async def test_an_edit_that_is_refused_disturbs_nobody(error: BaseException) -> None:
    chat = Chat()
    message = Said(chat)
    message.say("first")
    await asyncio.sleep(6)
    chat.refuse = error
    message.say("second")
    await asyncio.sleep(6)
    chat.refuse = None
    message.say("third")
    await asyncio.sleep(6)
    assert chat.texts == ["first", "third"]
    await message.close()


@on_virtual_time
async def test_at_the_end_what_is_on_its_way_comes_and_nothing_after_it() -> None:
    chat = Chat()
    chat.free.clear()
    message = Said(chat)
    message.say("first")
    await asyncio.sleep(1)
    end = asyncio.create_task(message.settle())
    await asyncio.sleep(1)
    chat.free.set()
    await end
    message.say("never said")
    await asyncio.sleep(100)
    assert chat.texts == ["first"]


@on_virtual_time
async def test_a_message_that_does_not_arrive_holds_the_end_up_for_some_seconds_only() -> None:
    chat = Chat()
    chat.free.clear()
    message = Said(chat)
    message.say("first")
    await asyncio.sleep(1)
    began = asyncio.get_running_loop().time()
    await message.settle()
    assert asyncio.get_running_loop().time() - began <= SETTLE_TIMEOUT
    chat.free.set()
    await asyncio.sleep(1)
    assert chat.texts == []


@pytest.mark.parametrize("error", [rpc.UserIsBlockedError(None), ConnectionError(), OSError(28, "full")])
@on_virtual_time
async def test_a_message_that_can_not_be_sent_is_tried_once_a_minute(error: BaseException) -> None:
    chat = Chat()
    chat.refuse = error
    message = Said(chat)
    for number in range(600):
        message.say(f"{number} s")
        await asyncio.sleep(1)
    await message.close()
    assert 9 <= chat.tries <= 10


@on_virtual_time
async def test_the_messages_of_one_chat_take_turns() -> None:
    chats, pace = [Chat() for _ in range(20)], Paces().of(1, group=False)
    messages = [Said(chat, pace=pace) for chat in chats]
    for second in range(60):
        for message in messages:
            message.say(f"{second} s")
        await asyncio.sleep(1)
    for message in messages:
        await message.close()
    # The first words of each come at once.
    assert all(chat.times[0] == 0 for chat in chats)
    times = sorted(time for chat in chats for time in chat.times[1:])
    assert all(later - earlier > 0.99 for earlier, later in itertools.pairwise(times))
    assert min(len(chat.times) for chat in chats) >= 2
