"""Requests of the account itself: repeated until answered, and a message is still sent once."""

from __future__ import annotations

import asyncio
import secrets
import time
from dataclasses import replace

import pytest
from telethon import errors
from telethon.tl import TLRequest, functions

from sandbox import Sandbox
from sandbox.rpc import RpcError
from tests.transport import Bot, Clock
from utils.telegram.pauses import Reason
from utils.telegram.waits import Caller

Request = functions.messages.SendMessageRequest


def caller_of(bot: Bot, answer_timeout: float = 60) -> Caller:
    return Caller(bot.client, sleep=bot.clock.sleep, on_wait=bot.clock.tell, answer_timeout=answer_timeout)


def message(bot: Bot, text: str = "hello") -> TLRequest:
    return Request(bot.reader, text, random_id=secrets.randbits(62) | 1)


def received(bot: Bot, sandbox: Sandbox) -> list[str]:
    stored = sandbox.messages(bot.reader.user_id, bot.id)
    return [found.text for found in stored if found.sent_by == bot.id]


@pytest.mark.parametrize("seconds", [1, 3600])
async def test_a_flood_wait_is_obeyed_and_told(bot: Bot, sandbox: Sandbox, seconds: int) -> None:
    sandbox.faults.flood("messages.sendMessage", seconds, times=2)
    await caller_of(bot)(message(bot))
    assert received(bot, sandbox) == ["hello"]
    assert bot.clock.slept == [seconds, seconds]
    assert bot.clock.told == [(seconds, Reason.FLOOD)] * 2
    assert len(sandbox.faults.called("messages.sendMessage", bot.id)) == 3


async def test_a_wait_of_one_chat_does_not_stop_the_others(bot: Bot, sandbox: Sandbox) -> None:
    never = asyncio.Event()

    class Stopped(Clock):
        async def sleep(self, seconds: float) -> None:
            await never.wait()

    bot = replace(bot, clock=Stopped())
    sandbox.faults.flood("messages.sendMessage", 3600)
    waiting = asyncio.create_task(caller_of(bot)(message(bot, "later")))
    await bot.clock.told_times(1)
    async with asyncio.timeout(60):
        await caller_of(bot)(message(bot, "now"))
    assert received(bot, sandbox) == ["now"]
    never.set()
    await waiting
    assert received(bot, sandbox) == ["now", "later"]


async def test_slow_mode_is_waited_out(bot: Bot, sandbox: Sandbox) -> None:
    sandbox.faults.fail("messages.sendMessage", RpcError(420, "SLOWMODE_WAIT_30"))
    await caller_of(bot)(message(bot))
    assert bot.clock.told == [(30, Reason.SLOW_MODE)]


async def test_trouble_of_the_server_is_waited_out(bot: Bot, sandbox: Sandbox) -> None:
    sandbox.faults.server_error("messages.sendMessage", times=3)
    await caller_of(bot)(message(bot))
    assert bot.clock.slept == [1, 2, 4]
    assert received(bot, sandbox) == ["hello"]


async def test_trouble_of_one_request_alone_is_given_up(bot: Bot, sandbox: Sandbox) -> None:
    sandbox.faults.server_error("messages.sendMessage", times=None)
    caller = caller_of(bot)
    bot.clock.scale = 1e-3
    alone = asyncio.create_task(caller(message(bot)))
    await bot.clock.told_times(1)
    await caller(functions.users.GetUsersRequest([]))
    with pytest.raises(errors.RpcCallFailError):
        await alone
    assert sum(bot.clock.slept) > 200


async def test_an_answer_that_is_lost_after_the_act_makes_no_second_message(
    bot: Bot, sandbox: Sandbox
) -> None:
    sandbox.faults.lose_answer("messages.sendMessage")
    async with asyncio.timeout(60):
        await caller_of(bot)(message(bot))
    assert received(bot, sandbox) == ["hello"]
    assert len(sandbox.faults.called("messages.sendMessage", bot.id)) == 2


async def test_an_answer_that_never_comes_is_asked_for_again(bot: Bot, sandbox: Sandbox) -> None:
    gate = sandbox.faults.hold("messages.getMessages")
    async with asyncio.timeout(60):
        answer = await caller_of(bot, answer_timeout=0.2)(functions.messages.GetMessagesRequest([]))
    assert answer.messages == []
    assert bot.clock.told == [(1, Reason.CONNECTION)]
    gate.open()


async def test_the_server_is_away_and_comes_back(bot: Bot, sandbox: Sandbox) -> None:
    sandbox.faults.link.away = True
    sandbox.faults.disconnect(bot.id)
    await asyncio.sleep(0.1)
    sending = asyncio.create_task(caller_of(bot, answer_timeout=0.2)(message(bot)))
    await bot.clock.told_times(2)
    used = time.process_time()
    await asyncio.sleep(1)
    assert time.process_time() - used < 0.5, "reconnecting must not be a tight loop"
    assert not sending.done()
    sandbox.faults.link.away = False
    async with asyncio.timeout(60):
        await sending
    assert received(bot, sandbox) == ["hello"]
    assert {reason for _, reason in bot.clock.told} == {Reason.CONNECTION.value}


async def test_other_errors_come_out_as_they_are(bot: Bot, sandbox: Sandbox) -> None:
    sandbox.faults.fail("messages.sendMessage", RpcError(400, "MESSAGE_TOO_LONG"))
    with pytest.raises(errors.MessageTooLongError):
        await caller_of(bot)(message(bot))
    assert bot.clock.slept == []
