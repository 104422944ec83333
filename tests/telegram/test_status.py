"""The status message: few edits, never in the way."""

from __future__ import annotations

import asyncio

import pytest
from telethon import errors as rpc

from tests.telegram.virtual_time import on_virtual_time, run
from utils.telegram.status import StatusMessage


class Chat:
    def __init__(self) -> None:
        self.texts: list[str] = []
        self.refuse: BaseException | None = None
        self.tries = 0
        self.free = asyncio.Event()
        self.free.set()

    async def send(self, text: str) -> int:
        self.tries += 1
        await self.free.wait()
        if self.refuse is not None:
            raise self.refuse
        self.texts.append(text)
        return 7

    async def edit(self, message: int, text: str) -> None:
        assert message == 7
        self.tries += 1
        if self.refuse is not None:
            raise self.refuse
        self.texts.append(text)


@pytest.fixture
def chat() -> Chat:
    return Chat()


def status(chat: Chat, interval: float = 0.05, clock: object = None) -> StatusMessage:
    return StatusMessage(
        send=chat.send,
        edit=chat.edit,
        interval=interval,
        **({"clock": clock} if clock else {}),  # type: ignore[arg-type]
    )


def test_only_the_newest_text_is_sent_and_stale_ones_are_dropped(chat: Chat) -> None:
    async def much_news() -> None:
        message = status(chat)
        for number in range(100):
            message.show(f"{number} %")
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.2)
        await message.close()

    run(much_news())
    assert chat.texts[0] == "0 %" and chat.texts[-1] == "99 %"
    assert len(chat.texts) < 10


@on_virtual_time
async def test_the_same_text_is_not_sent_twice(chat: Chat) -> None:
    message = status(chat)
    for _ in range(5):
        message.show("same")
        await asyncio.sleep(0.06)
    await message.end("same")
    assert chat.texts == ["same"] and chat.tries == 1


@on_virtual_time
async def test_after_a_flood_wait_it_rests_while_the_work_goes_on(chat: Chat) -> None:
    now = [0.0]
    message = status(chat, interval=0.01, clock=lambda: now[0])
    message.show("first")
    await asyncio.sleep(0.05)
    chat.refuse = rpc.FloodWaitError(request=None, capture=54_000)
    message.show("second")
    await asyncio.sleep(0.05)
    message.show("third")
    await message.end("last")
    assert chat.texts == ["first"] and chat.tries == 2
    await message.close()


@pytest.mark.parametrize(
    "error", [rpc.MessageNotModifiedError(None), rpc.MessageIdInvalidError(None), ConnectionError()]
)
@on_virtual_time
async def test_an_edit_that_is_refused_disturbs_nobody(chat: Chat, error: BaseException) -> None:
    message = status(chat, interval=0.01)
    message.show("first")
    await asyncio.sleep(0.03)
    chat.refuse = error
    message.show("second")
    await asyncio.sleep(0.03)
    chat.refuse = None
    message.show("third")
    await asyncio.sleep(0.05)
    assert chat.texts == ["first", "third"]
    await message.close()


@on_virtual_time
async def test_the_end_is_shown_at_once(chat: Chat) -> None:
    message = status(chat, interval=60)
    message.show("first")
    await asyncio.sleep(0.01)
    message.show("never seen")
    await message.end("✅ Finished")
    assert chat.texts == ["first", "✅ Finished"]


@on_virtual_time
async def test_a_message_that_is_still_on_its_way_says_the_end_too(chat: Chat) -> None:
    chat.free.clear()
    message = status(chat)
    message.show("first")
    await asyncio.sleep(0.01)
    end = asyncio.create_task(message.end("✅ Finished"))
    await asyncio.sleep(0.01)
    chat.free.set()
    await end
    assert chat.texts == ["first", "✅ Finished"]


@on_virtual_time
async def test_a_message_that_does_not_arrive_is_given_up_at_the_end(
    chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("utils.telegram.status.LAST_EDIT_TIMEOUT", 0.01)
    chat.free.clear()
    message = status(chat)
    message.show("first")
    await asyncio.sleep(0.01)
    await message.end("✅ Finished")
    chat.free.set()
    await asyncio.sleep(0.05)
    assert chat.texts == []


@on_virtual_time
async def test_an_end_that_telegram_put_off_is_said_when_the_rest_is_over(chat: Chat) -> None:
    message = status(chat, interval=0.01)
    message.show("first")
    await asyncio.sleep(0.01)
    chat.refuse = rpc.FloodWaitError(request=None, capture=0.1)
    await message.end("✅ Finished")
    assert message.busy
    chat.refuse = None
    await asyncio.sleep(0.2)
    assert chat.texts == ["first", "✅ Finished"]
    assert not message.busy


@pytest.mark.parametrize("error", [rpc.UserIsBlockedError(None), ConnectionError(), OSError(28, "full")])
@on_virtual_time
async def test_a_message_that_can_not_be_sent_is_not_tried_with_every_text(
    chat: Chat, error: BaseException
) -> None:
    chat.refuse = error
    message = status(chat, interval=0.01)
    for number in range(20):
        message.show(f"{number} %")
        await asyncio.sleep(0.01)
    await message.end("❌ Failed")
    assert chat.texts == [] and chat.tries == 1


def test_it_is_edited_every_five_seconds_at_most(chat: Chat) -> None:
    shown: list[float] = []

    async def a_minute_of_work() -> None:
        clock = asyncio.get_running_loop().time

        async def edit(message: int, text: str) -> None:
            shown.append(clock())

        message = StatusMessage(send=chat.send, edit=edit, clock=clock)
        for number in range(600):
            message.show(f"{number / 6:.0f} %")
            await asyncio.sleep(0.1)
        await message.close()

    run(a_minute_of_work())
    assert 9 <= len(shown) <= 12
    assert all(later - earlier > 4.99 for earlier, later in zip(shown, shown[1:], strict=False))


def test_a_message_that_can_not_be_sent_is_tried_once_a_minute(chat: Chat) -> None:
    chat.refuse = rpc.UserIsBlockedError(None)

    async def ten_minutes_of_work() -> None:
        message = StatusMessage(send=chat.send, edit=chat.edit, clock=asyncio.get_running_loop().time)
        for number in range(600):
            message.show(f"{number} s")
            await asyncio.sleep(1)
        await message.close()

    run(ten_minutes_of_work())
    assert 9 <= chat.tries <= 10
