"""No more messages a minute than a group takes."""

from __future__ import annotations

import asyncio
import random
from typing import Any

from telethon.tl import TLRequest, functions, types
from telethon.utils import get_peer_id

from tests.telegram.virtual_time import on_virtual_time
from utils.telegram.group_pace import MESSAGES, SECONDS, GroupPace, PacedCaller, messages_made
from utils.telegram.pauses import Reason

CHAT = types.InputPeerChannel(1, 2)
TEXT = functions.messages.SendMessageRequest(CHAT, "a")


def album(count: int) -> TLRequest:
    photo = types.InputMediaPhoto(types.InputPhoto(1, 2, b""))
    return functions.messages.SendMultiMediaRequest(
        CHAT, [types.InputSingleMedia(photo, "", random_id=n) for n in range(count)]
    )


@on_virtual_time
async def test_in_no_minute_are_there_more_and_each_wait_is_told() -> None:
    loop, dice = asyncio.get_running_loop(), random.Random(1)
    sent: list[float] = []
    told: list[tuple[float, str]] = []

    async def call(request: TLRequest) -> None:
        sent.extend([loop.time()] * messages_made(request))

    async def on_wait(seconds: float, reason: str) -> None:
        told.append((loop.time() + seconds, reason))

    anything: Any = call
    paced = PacedCaller(anything, {get_peer_id(CHAT): GroupPace(loop.time)}, on_wait)
    began = loop.time()

    async def one_job() -> None:
        for _ in range(20):
            await paced(dice.choice([TEXT, album(10), album(3)]))
            await asyncio.sleep(dice.random() * 5)

    await asyncio.gather(one_job(), one_job())
    for time in sent:
        assert sum(time <= other < time + SECONDS for other in sent) <= MESSAGES
    # Nor is time wasted: an album of ten may have to wait where nine would go.
    assert (loop.time() - began) < len(sent) * SECONDS / (MESSAGES - 9) + SECONDS
    assert {reason for _, reason in told} == {Reason.GROUP.value} and {at for at, _ in told} <= set(sent)


@on_virtual_time
async def test_what_makes_no_message_does_not_wait_and_the_first_twenty_do_not() -> None:
    pace = GroupPace(asyncio.get_running_loop().time)
    assert [pace.take(10), pace.take(10)] == [0, 0]
    assert pace.take(1) == SECONDS
    upload = functions.messages.UploadMediaRequest(CHAT, types.InputMediaEmpty())
    assert [messages_made(request) for request in (TEXT, album(7), upload)] == [1, 7, 0]
