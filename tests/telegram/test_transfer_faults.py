"""What goes wrong between the two ends: the same part is repeated, never the transfer."""

from __future__ import annotations

import asyncio
import gc
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from telethon import errors
from telethon.network import mtprotostate
from telethon.tl import TLObject, functions, types

from sandbox import Sandbox
from sandbox.faults import Call
from sandbox.mtproto.handshake import Agreed, Handshake
from sandbox.rpc import RpcError
from tests.transport import Bot
from tests.world import until
from utils.telegram import file_sender, senders
from utils.telegram.file_sender import PlainState
from utils.telegram.pauses import Reason
from utils.telegram.transfers import WINDOWS, Direction
from utils.telegram.upload import BIG, PART_SIZE, upload

MB = 1024 * 1024
PARTS = 24
SIZE = PARTS * PART_SIZE
MakeFile = Callable[..., Path]
assert SIZE > BIG


def sent(sandbox: Sandbox) -> Counter[int]:
    return Counter(call.request.file_part for call in sandbox.faults.called("upload.saveBigFilePart"))


def of_a_file_of(parts: int) -> Callable[[Call], bool]:
    return lambda call: bool(call.request.file_total_parts == parts)


def fetched(sandbox: Sandbox) -> Counter[int]:
    return Counter(call.request.offset // MB for call in sandbox.faults.called("upload.getFile"))


def same(content: bytes, path: Path) -> bool:
    return content == path.read_bytes()


async def arrives(bot: Bot, path: Path) -> bool:
    document = await bot.send(path)
    return same(await bot.client.download_media(document, file=bytes), path)


@pytest.mark.parametrize("seconds", [1, 3600])
@pytest.mark.parametrize("premium", [False, True])
async def test_a_flood_wait_repeats_that_part_alone_after_the_named_time(
    bot: Bot, sandbox: Sandbox, make_file: MakeFile, seconds: int, premium: bool
) -> None:
    sandbox.faults.flood(
        "upload.saveBigFilePart", seconds, premium=premium, when=lambda call: call.request.file_part == 9
    )
    assert await arrives(bot, make_file(SIZE))
    assert sent(sandbox) == Counter({**dict.fromkeys(range(PARTS), 1), 9: 2})
    assert bot.clock.slept == [seconds]
    assert bot.clock.told == [(seconds, Reason.FLOOD)]


async def test_a_flood_wait_halves_the_window_once_however_many_parts_met_it(
    bot: Bot, sandbox: Sandbox, make_file: MakeFile
) -> None:
    bot.clock.scale = 0.2
    sandbox.faults.flood("upload.saveBigFilePart", 1, times=6)
    window = bot.transfers.window(bot.transfers.pool.home, Direction.UP)
    start = window.limit
    assert await arrives(bot, make_file(SIZE))
    assert window.limit <= start // 2 + 2
    assert len(bot.clock.told) == 1
    assert sum(sent(sandbox).values()) == PARTS + 6


async def test_a_flood_wait_on_the_way_down_repeats_that_part_alone(
    bot: Bot, sandbox: Sandbox, make_file: MakeFile, tmp_path: Path
) -> None:
    source = make_file(SIZE)
    file = bot.file_of(await bot.send(source))
    sandbox.faults.flood("upload.getFile", 3600, when=lambda call: call.request.offset == 5 * MB)
    await file.download_to(tmp_path / "got.bin")
    assert (tmp_path / "got.bin").read_bytes() == source.read_bytes()
    assert fetched(sandbox) == Counter({**dict.fromkeys(range(12), 1), 5: 2})
    assert bot.clock.slept == [3600]


async def test_others_go_on_while_one_file_waits_for_an_hour(
    bot: Bot, sandbox: Sandbox, make_file: MakeFile
) -> None:
    never = asyncio.Event()

    async def sleep(seconds: float) -> None:
        await never.wait()

    bot.transfers.sleep = sleep
    waiting = []
    for number in range(2):
        parts = PARTS + number
        path = make_file(parts * PART_SIZE, f"waits{number}")
        sandbox.faults.flood("upload.saveBigFilePart", 3600, when=of_a_file_of(parts))
        waiting.append(asyncio.create_task(upload(bot.transfers, path, name="a")))
        await bot.clock.told_times(number + 1)
    async with asyncio.timeout(60):
        await upload(bot.transfers, make_file(SIZE, "large"), name="b")
        await upload(bot.transfers, make_file(1000, "small"), name="c")
    assert not any(task.done() for task in waiting)
    never.set()
    async with asyncio.timeout(60):
        await asyncio.gather(*waiting)


async def test_a_longer_wait_is_told_also_when_a_shorter_one_came_first(
    bot: Bot, sandbox: Sandbox, make_file: MakeFile
) -> None:
    bot.clock.scale = 0.2
    sandbox.faults.flood("upload.saveBigFilePart", 1, when=lambda call: call.request.file_part == 0)
    sandbox.faults.flood("upload.saveBigFilePart", 2, when=lambda call: call.request.file_part == 3)
    assert await arrives(bot, make_file(SIZE))
    assert bot.clock.told in ([(1, Reason.FLOOD), (2, Reason.FLOOD)], [(2, Reason.FLOOD)])


async def test_a_file_that_waits_sends_no_more_parts(bot: Bot, sandbox: Sandbox, make_file: MakeFile) -> None:
    later = asyncio.Event()

    async def sleep(seconds: float) -> None:
        await later.wait()

    bot.transfers.sleep = sleep
    sandbox.faults.flood("upload.saveBigFilePart", 3600)
    task = asyncio.create_task(upload(bot.transfers, make_file(SIZE), name="a"))
    await bot.clock.told_times(1)
    await asyncio.sleep(0.3)
    assert sum(sent(sandbox).values()) <= WINDOWS[Direction.UP][0]
    later.set()
    await task
    assert set(sent(sandbox)) == set(range(PARTS))


async def test_trouble_of_the_server_is_waited_out(bot: Bot, sandbox: Sandbox, make_file: MakeFile) -> None:
    sandbox.faults.server_error("upload.saveBigFilePart", times=3)
    timeout = RpcError(-503, "Timeout")
    sandbox.faults.fail("upload.saveBigFilePart", timeout, when=lambda call: call.request.file_part == 20)
    assert await arrives(bot, make_file(SIZE))
    assert sum(sent(sandbox).values()) == PARTS + 4


@pytest.mark.parametrize("request_name", ["upload.saveBigFilePart", "upload.getFile"])
async def test_a_connection_cut_in_the_middle_repeats_what_was_under_way(
    bot: Bot, sandbox: Sandbox, make_file: MakeFile, tmp_path: Path, request_name: str
) -> None:
    source = make_file(SIZE)
    document = await bot.send(source) if request_name == "upload.getFile" else None
    gate = sandbox.faults.hold(
        request_name,
        when=lambda call: call.request.file_part == 12 if document is None else call.request.offset == 6 * MB,
    )

    async def cut() -> None:
        await gate.reached()
        sandbox.faults.disconnect(bot.id)
        gate.open()

    cutting = asyncio.create_task(cut())
    if document is None:
        assert await arrives(bot, source)
        counts, most = sent(sandbox), WINDOWS[Direction.UP][1]
    else:
        await bot.file_of(document).download_to(tmp_path / "got.bin")
        assert (tmp_path / "got.bin").read_bytes() == source.read_bytes()
        counts, most = fetched(sandbox), WINDOWS[Direction.DOWN][1]
    await cutting
    assert max(counts.values()) <= 2
    assert 1 <= sum(counts.values()) - len(counts) <= most
    assert Reason.CONNECTION in [reason for _, reason in bot.clock.told]


async def test_an_answer_that_is_lost_after_the_act_repeats_the_part(
    bot: Bot, sandbox: Sandbox, make_file: MakeFile
) -> None:
    sandbox.faults.lose_answer("upload.saveBigFilePart", when=lambda call: call.request.file_part == 3)
    assert await arrives(bot, make_file(SIZE))
    assert sent(sandbox)[3] == 2


async def test_the_server_is_away_for_ten_minutes(bot: Bot, sandbox: Sandbox, make_file: MakeFile) -> None:
    bot.clock.scale = 1 / 400
    started = asyncio.Event()

    async def on_progress(done: int, total: int) -> None:
        if done > 4 * PART_SIZE:
            started.set()

    path = make_file(SIZE)
    task = asyncio.create_task(upload(bot.transfers, path, name="a", on_progress=on_progress))
    await started.wait()
    sandbox.faults.link.away = True
    sandbox.faults.disconnect(bot.id)
    await bot.clock.told_times(1)
    await asyncio.sleep(600 * bot.clock.scale)
    assert not task.done()
    sandbox.faults.link.away = False
    async with asyncio.timeout(60):
        document = await bot.register(await task)
        assert await bot.client.download_media(document, file=bytes) == path.read_bytes()
    assert (Reason.CONNECTION.value) in [reason for _, reason in bot.clock.told]


async def test_salts_that_expire_in_the_middle_do_no_harm(
    bot: Bot, sandbox: Sandbox, make_file: MakeFile
) -> None:
    gate = sandbox.faults.hold("upload.saveBigFilePart", when=lambda call: call.request.file_part == 5)

    async def renew() -> None:
        await gate.reached()
        sandbox.renew_salts()
        gate.open()

    renewing = asyncio.create_task(renew())
    assert await arrives(bot, make_file(SIZE))
    await renewing
    assert max(sent(sandbox).values()) == 1


async def test_a_connection_that_went_dumb_is_replaced(
    bot: Bot, sandbox: Sandbox, make_file: MakeFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_sender, "STALL_SECONDS", 0.4)
    gate = sandbox.faults.hold("upload.saveBigFilePart", times=3)
    async with asyncio.timeout(60):
        assert await arrives(bot, make_file(SIZE))
    gate.open()
    assert Reason.CONNECTION in [reason for _, reason in bot.clock.told]


@pytest.mark.parametrize("seconds", [-3600, 3600])
async def test_a_clock_that_jumps_in_the_middle_does_no_harm(
    bot: Bot, sandbox: Sandbox, make_file: MakeFile, monkeypatch: pytest.MonkeyPatch, seconds: int
) -> None:
    monkeypatch.setattr(file_sender, "STALL_SECONDS", 1.0)
    bot.transfers.caller._answer_timeout = 0.5
    jumped = False

    async def on_progress(done: int, total: int) -> None:
        nonlocal jumped
        if not jumped and done > total / 3:
            jumped = True
            monkeypatch.setattr(mtprotostate, "time", SimpleNamespace(time=lambda: time.time() + seconds))

    path = make_file(SIZE)
    async with asyncio.timeout(60):
        document = await bot.register(await upload(bot.transfers, path, name="a", on_progress=on_progress))
        assert same(await bot.file_of(document).read(0, SIZE), path)


async def test_no_more_parts_are_under_way_than_the_window_allows(
    bot: Bot, sandbox: Sandbox, make_file: MakeFile
) -> None:
    gate = sandbox.faults.hold("upload.saveBigFilePart", times=None)
    task = asyncio.create_task(upload(bot.transfers, make_file(60 * PART_SIZE), name="a"))
    await gate.reached()
    await asyncio.sleep(0.3)
    assert len(gate.waiting) == WINDOWS[Direction.UP][0]
    gate.open()
    await task


async def test_a_cancelled_upload_sends_nothing_more(bot: Bot, sandbox: Sandbox, make_file: MakeFile) -> None:
    bot.transfers.window(bot.transfers.pool.home, Direction.UP).limit = 20
    sandbox.faults.link.bandwidth = 4 * MB
    gate = sandbox.faults.hold("upload.saveBigFilePart", times=None)
    task = asyncio.create_task(upload(bot.transfers, make_file(60 * PART_SIZE), name="a"))
    await gate.reached()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    gate.open()
    sandbox.faults.link.bandwidth = None
    assert await bot.send(make_file(1000, "other")) is not None
    assert sum(sent(sandbox).values()) <= 15


async def test_idle_connections_are_closed_and_opened_again(
    bot: Bot, sandbox: Sandbox, make_file: MakeFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(senders, "IDLE_SECONDS", 0.2)
    home = bot.transfers.pool.home
    await bot.send(make_file(1000))
    assert bot.transfers.pool.connections(home) == 1
    await asyncio.sleep(0.6)
    assert bot.transfers.pool.connections(home) == 0
    assert await arrives(bot, make_file(1000))


async def test_a_connection_opened_ahead_is_the_one_that_is_used(
    bot: Bot, sandbox: Sandbox, make_file: MakeFile
) -> None:
    pool, link = bot.transfers.pool, sandbox.faults.link
    other = next(dc for dc in (1, 2) if dc != pool.home)
    for dc in (pool.home, other, other):
        pool.prepare(dc)
    await until(lambda: pool.connections(pool.home) == pool.connections(other) == 1)
    opened = link.accepted
    await bot.send(make_file(1000))
    assert link.accepted == opened
    assert len(sandbox.faults.called("auth.importAuthorization")) == 1


async def test_a_data_centre_that_moved_is_found_again(bot: Bot) -> None:
    pool = bot.transfers.pool
    other = next(dc for dc in (1, 2) if dc != pool.home)
    option = await bot.client._get_dc(other)
    option.port = 9
    request = functions.upload.GetFileRequest(types.InputDocumentFileLocation(1, 1, b"", ""), 0, 4096)
    with pytest.raises(errors.BadRequestError):
        await bot.transfers.caller(request, dc=other)
    assert pool.connections(other) == 1


async def test_a_key_that_has_to_be_agreed_on_anew_is_no_lost_connection(
    bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = bot.transfers.pool
    other = next(dc for dc in (1, 2) if dc != pool.home)
    finish, refused = Handshake._finish, list[int]()

    def refuse_once(self: Handshake, g_b: int) -> TLObject | Agreed:
        if refused:
            return finish(self, g_b)
        refused.append(g_b)
        return types.DhGenRetry(self._nonce, self._server_nonce, 0)

    monkeypatch.setattr(Handshake, "_finish", refuse_once)
    pool.prepare(other)
    await until(lambda: not pool._preparing)
    assert refused and pool.connections(other) == 1


async def test_a_connection_that_can_not_be_opened_ahead_is_nobodys_concern(
    bot: Bot, sandbox: Sandbox, make_file: MakeFile, caplog: pytest.LogCaptureFixture
) -> None:
    pool, asked = bot.transfers.pool, "auth.exportAuthorization"
    sandbox.faults.fail(asked, RpcError(500, "NOT_NOW"), times=1)
    pool.prepare(next(dc for dc in (1, 2) if dc != pool.home))
    await until(lambda: bool(sandbox.faults.called(asked)) and not pool._preparing)
    gc.collect()
    assert await arrives(bot, make_file(1000))
    assert not [record for record in caplog.records if record.name == "asyncio"]


async def test_never_more_connections_than_allowed(bot: Bot, make_file: MakeFile) -> None:
    pool = bot.transfers.pool
    assert [pool.grow(pool.home) for _ in range(4)] == [True, True, False, False]
    assert await arrives(bot, make_file(SIZE))
    assert pool.connections(pool.home) == 4


async def test_parts_are_not_gzipped() -> None:
    from io import BytesIO

    from telethon.crypto import AuthKey
    from telethon.network.mtprotostate import MTProtoState

    loggers = __import__("collections").defaultdict(lambda: None)
    data = bytes(functions.upload.SaveFilePartRequest(1, 0, b"\0" * PART_SIZE))
    plain, packed = BytesIO(), BytesIO()
    PlainState(AuthKey(None), loggers).write_data_as_message(plain, data, True)
    MTProtoState(AuthKey(None), loggers).write_data_as_message(packed, data, True)
    assert len(plain.getvalue()) == len(data) + 16
    assert len(packed.getvalue()) < len(data) / 10  # what Telethon does, and why the class exists


async def test_a_server_that_says_nothing_while_a_key_is_agreed_on_is_given_up_and_looked_for_again(
    bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    monkeypatch.setattr(senders, "OPEN_SECONDS", 1.0, raising=False)
    async with await asyncio.start_server(silent, "127.0.0.1", 0) as server:
        # It is believed to be there until that turns out to be wrong.
        option = await bot.client._get_dc(2)
        option.port = server.sockets[0].getsockname()[1]
        asking = bot.transfers.caller(functions.help.GetConfigRequest(), dc=2)
        assert isinstance(await asyncio.wait_for(asking, 30), types.Config)
    assert bot.clock.told
