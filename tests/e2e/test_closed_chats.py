"""A chat that nothing can be sent to any more: its jobs end, and nothing of them is kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.faults import Call
from sandbox.rpc import RpcError
from tests.files import photo, video, zip_of
from tests.world import BOT_ID, World, until

BLOCKED = RpcError(400, "USER_IS_BLOCKED")
SENDING = (
    *("messages.sendMessage", "messages.editMessage"),
    *("messages.sendMedia", "messages.sendMultiMedia"),
)


def close(world: World, *requests: str, error: RpcError = BLOCKED) -> None:
    for request in requests:
        world.sandbox.faults.fail(request, error, times=None, when=by_the_bot)


def by_the_bot(call: Call) -> bool:
    return call.user == BOT_ID


def tries(world: World, request: str) -> list[Call]:
    return world.sandbox.faults.called(request, BOT_ID)


async def test_a_person_who_blocks_the_bot_leaves_no_job_behind(world: World, tmp_path: Path) -> None:
    entries = {f"{n}.jpg": photo(n) for n in range(3)} | {"film.avi": video("avi")}
    async with world.running():
        gate = world.sandbox.faults.hold("messages.sendMultiMedia")
        await world.send(zip_of(tmp_path / "a.zip", entries))
        await gate.reached()
        close(world, *SENDING)
        gate.open()
        await until(lambda: any("ends without a summary" in line for line in world.lines()))
        await until(lambda: not world.leftovers())
    assert len(tries(world, "messages.sendMultiMedia")) == 1
    assert not any("broke off" in line for line in world.lines())


async def test_a_person_who_blocks_the_bot_during_a_conversion_leaves_no_job_behind(
    world: World, tmp_path: Path
) -> None:
    entries = {"film.avi": video("avi"), "two.avi": video("avi", seed=1)}
    async with world.running():
        await world.send(zip_of(tmp_path / "a.zip", entries))
        await until(lambda: any("🎬 Starting" in line for line in world.lines()))
        close(world, *SENDING)
        await until(lambda: any("ends without a summary" in line for line in world.lines()))
        await until(lambda: not world.leftovers())
    assert len(tries(world, "messages.sendMedia")) == 1


@pytest.mark.parametrize("error", ["CHAT_WRITE_FORBIDDEN", "CHAT_SEND_PHOTOS_FORBIDDEN"])
async def test_when_the_target_chat_is_closed_the_sender_is_told(
    world: World, tmp_path: Path, error: str
) -> None:
    await world.sandbox.add_person("+15550002", "Bob", "bob")
    close(world, "messages.sendMedia", error=RpcError(403, error))
    async with world.sandbox.person("+15550002") as bob:
        await bob.say("archive_bot", "/start")
        async with world.running(TARGET_CHAT="@bob"):
            await world.send(zip_of(tmp_path / "a.zip", {"a.jpg": photo(1)}))
            await world.wait(f"❌ a.zip: nothing can be sent to the chat any more ({error}).")
            await until(lambda: not world.leftovers())
