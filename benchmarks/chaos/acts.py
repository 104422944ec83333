"""How each fault is done."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress

from telethon.tl import TLRequest

from benchmarks.chaos import disk
from benchmarks.chaos.plan import Fault
from benchmarks.chaos.stage import Stage
from sandbox.accounts import PERSON_DC
from sandbox.faults import Call
from sandbox.media import Media
from sandbox.rpc import RpcError
from tests.world import BOT, BOT_ID
from utils.terminal.main import TRY_LATER

Act = Callable[[Stage, Fault], Awaitable[None]]


async def play(stage: Stage, fault: Fault) -> None:
    """Let ``fault`` come when it is to; returns when it has, and never if its request does not come."""
    if fault.kind in AT_A_REQUEST or not fault.request:
        await asyncio.sleep(fault.at)
        await stage.serving.wait()
        await ACTS[fault.kind](stage, fault)
        return
    gate = stage.sandbox.faults.hold(fault.request, after=fault.after, when=nth(fault.nth))
    opened = asyncio.create_task(_open_at_the_end(stage, gate.open))
    try:
        await gate.reached(600)
        await ACTS[fault.kind](stage, fault)
    finally:
        opened.cancel()
        # A process that was killed is gone by then; what waits here goes on, as on a real server.
        asyncio.get_running_loop().call_later(0.1, gate.open)


async def _open_at_the_end(stage: Stage, let_go: Callable[[], None]) -> None:
    await stage.over.wait()
    let_go()


def nth(number: int, times: int = 1) -> Callable[[Call], bool]:
    """True of the bot's call of that number, and of as many as ``times`` from there on."""
    seen = 0

    def of_the_bot(call: Call) -> bool:
        nonlocal seen
        seen += call.user == BOT_ID
        return call.user == BOT_ID and number <= seen < number + times

    return of_the_bot


# -- the bot's process and its machine


async def _kill(stage: Stage, fault: Fault) -> None:
    stage.end(signal.SIGKILL)


async def _stop(stage: Stage, fault: Fault) -> None:
    stage.end(signal.SIGTERM, rest=0.3)


async def _power(stage: Stage, fault: Fault) -> None:
    stage.order(power=fault.amount)


async def _clock(stage: Stage, fault: Fault) -> None:
    stage.order(clock=fault.amount)


async def _freeze(stage: Stage, fault: Fault) -> None:
    if stage.signal(signal.SIGSTOP):
        await asyncio.sleep(fault.amount)
        stage.signal(signal.SIGCONT)


async def _child(stage: Stage, fault: Fault) -> None:
    """Kill the next child that there is, as the kernel does when memory is short."""
    while not (found := stage.children()):  # noqa: ASYNC110 - nobody says when it is there
        await asyncio.sleep(0.01)
    with suppress(ProcessLookupError):
        os.kill(found[-1], signal.SIGKILL)


async def _full(stage: Stage, fault: Fault) -> None:
    try:
        await asyncio.to_thread(disk.fill, stage.world.data)
        await asyncio.sleep(fault.amount)
    finally:
        disk.empty(stage.world.data)


# -- the line


async def _slow(stage: Stage, fault: Fault) -> None:
    stage.sandbox.faults.link.rtt = fault.amount


async def _narrow(stage: Stage, fault: Fault) -> None:
    stage.sandbox.faults.link.bandwidth = fault.amount


async def _cut(stage: Stage, fault: Fault) -> None:
    stage.sandbox.faults.disconnect(BOT_ID)


async def _away(stage: Stage, fault: Fault) -> None:
    stage.sandbox.faults.link.refuse(fault.amount)


async def _bytes(stage: Stage, fault: Fault) -> None:
    stage.sandbox.faults.link.cut_after(bytes_in=int(fault.amount))


# -- the server and the chat


async def _restart(stage: Stage, fault: Fault) -> None:
    await stage.restart_server()


async def _too_many(stage: Stage, fault: Fault) -> None:
    stage.sandbox.faults.transport_error(-429, user=BOT_ID, times=int(fault.amount))


async def _silent(stage: Stage, fault: Fault) -> None:
    stage.sandbox.faults.link.silent = True
    try:
        await asyncio.sleep(fault.amount)
    finally:
        stage.sandbox.faults.link.silent = False


async def _trouble(stage: Stage, fault: Fault) -> None:
    def of_the_bot(call: Call) -> bool:
        return call.user == BOT_ID

    stage.sandbox.faults.server_error(None, seconds=fault.amount, when=of_the_bot)


async def _revoke(stage: Stage, fault: Fault) -> None:
    stage.log_in_ends()
    stage.sandbox.faults.revoke(BOT_ID)


async def _duplicate_key(stage: Stage, fault: Fault) -> None:
    stage.log_in_ends()
    stage.sandbox.faults.revoke(BOT_ID, RpcError(406, "AUTH_KEY_DUPLICATED"))


async def _move(stage: Stage, fault: Fault) -> None:
    """The account lives on another data centre from now on."""
    stage.excused = {TRY_LATER}
    stage.sandbox.faults.move(BOT_ID, PERSON_DC)


async def _salts(stage: Stage, fault: Fault) -> None:
    stage.sandbox.renew_salts()


async def _expire(stage: Stage, fault: Fault) -> None:
    stage.sandbox.faults.expire_references()


async def _parts(stage: Stage, fault: Fault) -> None:
    stage.sandbox.faults.forget_parts(BOT_ID)


async def _part(stage: Stage, fault: Fault) -> None:
    """Of the next album only those items are sent, and named, whose bits are set."""
    stage.sandbox.faults.habits.albums.keep(lambda place: bool(int(fault.amount) >> place & 1))


async def _torn(stage: Stage, fault: Fault) -> None:
    """The next album fails when some of its items are made, which stay."""
    error = RpcError(500, "RPC_CALL_FAIL")
    stage.sandbox.faults.habits.albums.fail_after(int(fault.amount), error)


async def _once(stage: Stage, fault: Fault) -> None:
    stage.sandbox.faults.habits.albums.once = True


async def _short_answers(stage: Stage, fault: Fault) -> None:
    stage.sandbox.faults.habits.short_answers = True


async def _strict_replies(stage: Stage, fault: Fault) -> None:
    stage.sandbox.faults.habits.strict_replies = True


async def _delete(stage: Stage, fault: Fault) -> None:
    world = stage.world
    sent = world.sandbox.messages(world.person_id, BOT_ID)
    await _delete_messages(stage, [m.id for m in sent if m.sent_by != BOT_ID and m.kind == "document"])


async def _delete_status(stage: Stage, fault: Fault) -> None:
    texts = [m for m in stage.world.chat() if m.kind == "text" and m.text.startswith("📦")]
    await _delete_messages(stage, [m.id for m in texts])


async def _delete_messages(stage: Stage, numbers: list[int]) -> None:
    if numbers:
        await stage.world.person.client.delete_messages(BOT, numbers, revoke=True)


# -- one request


async def _flood(stage: Stage, fault: Fault) -> None:
    times = int(fault.amount)
    stage.sandbox.faults.flood(fault.request, times, times=times, when=nth(fault.nth, times))


async def _error(stage: Stage, fault: Fault) -> None:
    times = int(fault.amount)
    stage.sandbox.faults.server_error(fault.request, times=times, when=nth(fault.nth, times))


async def _lose(stage: Stage, fault: Fault) -> None:
    stage.sandbox.faults.lose_answer(fault.request, when=nth(fault.nth))


async def _drop(stage: Stage, fault: Fault) -> None:
    """The connection breaks instead of the act."""
    seen = 0

    def is_it(_: TLRequest) -> bool:
        nonlocal seen
        seen += 1
        return seen == fault.nth

    stage.sandbox.faults.link.cut_before(fault.request, when=is_it)


async def _lost_call(stage: Stage, fault: Fault) -> None:
    """The server forgets the call while it is under way, and never acts on it."""
    gate = stage.sandbox.faults.hold(fault.request, when=nth(fault.nth))
    try:
        await gate.reached(600)
        await asyncio.sleep(fault.amount)
        stage.sandbox.faults.disconnect(BOT_ID)
    finally:
        gate.lose()


async def _hold(stage: Stage, fault: Fault) -> None:
    await _held(stage, fault, cut=False)


async def _hold_and_cut(stage: Stage, fault: Fault) -> None:
    """The connection breaks while the call is under way: when it is repeated, its ids are in use."""
    await _held(stage, fault, cut=True)


async def _held(stage: Stage, fault: Fault, *, cut: bool) -> None:
    gate = stage.sandbox.faults.hold(fault.request, after=fault.after, when=nth(fault.nth))
    opened = asyncio.create_task(_open_at_the_end(stage, gate.open))
    try:
        await gate.reached(600)
        if cut:
            stage.sandbox.faults.disconnect(BOT_ID)
        await asyncio.sleep(fault.amount)
    finally:
        opened.cancel()
        gate.open()


async def _refuse(stage: Stage, fault: Fault) -> None:
    """One of the pictures is none for Telegram; which one, its size decides."""

    def refused(media: Media) -> bool:
        return media.kind == "photo" and media.size % 7 == int(fault.amount) % 7

    stage.sandbox.faults.refuse_media(refused, "PHOTO_INVALID_DIMENSIONS")


ACTS: Mapping[str, Act] = {
    "kill": _kill,
    "power": _power,
    "stop": _stop,
    "freeze": _freeze,
    "clock": _clock,
    "child": _child,
    "full": _full,
    "slow": _slow,
    "narrow": _narrow,
    "cut": _cut,
    "away": _away,
    "bytes": _bytes,
    "restart": _restart,
    "-429": _too_many,
    "silent": _silent,
    "trouble": _trouble,
    "revoke": _revoke,
    "duplicate key": _duplicate_key,
    "move": _move,
    "salts": _salts,
    "expire": _expire,
    "parts": _parts,
    "delete": _delete,
    "delete status": _delete_status,
    "flood": _flood,
    "error": _error,
    "lose": _lose,
    "drop": _drop,
    "hold": _hold,
    "hold and cut": _hold_and_cut,
    "lost call": _lost_call,
    "part": _part,
    "torn": _torn,
    "once": _once,
    "short answers": _short_answers,
    "strict replies": _strict_replies,
    "refuse": _refuse,
}
#: Those that wait for their request by themselves.
AT_A_REQUEST = ("flood", "error", "lose", "drop", "hold", "hold and cut", "lost call")
