"""Files on their way down from a real server: any range, from any data centre, resumed after a restart."""

from __future__ import annotations

import asyncio
import errno
import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from telethon import events
from telethon.tl import functions, types

from sandbox import Sandbox
from sandbox.person import Person
from sandbox.rpc import RpcError
from tests.transport import Bot, message_with
from utils.errors import ArchiveError, DiskFull, TransferFailed
from utils.telegram.remote_file import RemoteFile, place_of

KB, MB = 1024, 1024 * 1024
MakeFile = Callable[..., Path]


def asked(sandbox: Sandbox) -> list[int]:
    return [call.request.offset for call in sandbox.faults.called("upload.getFile")]


@pytest.mark.parametrize(
    "size", [1, 4 * KB - 1, 4 * KB, 4 * KB + 1, MB - 1, MB, MB + 1, 10 * MB - 1, 10 * MB + 1]
)
async def test_every_byte_arrives(bot: Bot, make_file: MakeFile, tmp_path: Path, size: int) -> None:
    source = make_file(size)
    fetched: list[int] = []
    file = bot.file_of(await bot.send(source), fetched.append)
    assert (file.name, file.size) == ("file.bin", size)
    await file.download_to(tmp_path / "got.bin")
    assert (tmp_path / "got.bin").read_bytes() == source.read_bytes()
    assert sum(fetched) == size
    assert not list(tmp_path.glob("got.bin.*"))  # noqa: ASYNC240


async def test_any_range_can_be_read_also_at_once(bot: Bot, make_file: MakeFile) -> None:
    source = make_file(7 * MB + 123)
    content = source.read_bytes()
    file = bot.file_of(await bot.send(source))
    draw = random.Random(1)
    ranges = [(draw.randrange(len(content)), draw.randrange(1, MB)) for _ in range(40)]
    results = await asyncio.gather(*(file.read(offset, size) for offset, size in ranges))
    assert results == [content[offset : offset + size] for offset, size in ranges]
    assert await file.read(len(content) - 3, 100) == content[-3:]
    assert await file.read(len(content), 1) == b""
    await file.close()


async def sent_by(ann: Person, bot: Bot, source: Path) -> types.Message:
    """The message with ``source`` as the bot gets it; its file lies on Ann's data centre."""
    arrived: asyncio.Future[types.Message] = asyncio.get_running_loop().create_future()

    async def keep(update: object) -> None:
        message = getattr(update, "message", None)
        if isinstance(message, types.Message) and place_of(message) and not arrived.done():
            arrived.set_result(message)

    bot.client.add_event_handler(keep, events.Raw())
    await ann.send_file("archive_bot", source)
    return await asyncio.wait_for(arrived, 60)


async def test_a_file_on_another_data_centre(
    bot: Bot, ann: Person, sandbox: Sandbox, make_file: MakeFile, tmp_path: Path
) -> None:
    source = make_file(3 * MB + 1)
    message = await sent_by(ann, bot, source)
    file = RemoteFile.of(bot.transfers, message)
    assert message.media.document.dc_id != bot.transfers.pool.home
    await file.download_to(tmp_path / "got.bin")
    assert (tmp_path / "got.bin").read_bytes() == source.read_bytes()
    assert len(sandbox.faults.called("auth.importAuthorization")) == 1
    # Each session says who it is, and that it wants no updates.
    callers = [call.caller for call in sandbox.faults.called("upload.getFile", bot.id)]
    assert all(caller.layer and caller.api_id and not caller.receives_updates for caller in callers)
    # The message may name a data centre that the file has left: FILE_MIGRATE says where it is.
    message.media.document.dc_id = bot.transfers.pool.home
    moved = RemoteFile.of(bot.transfers, message)
    assert await moved.read(MB, 10) == source.read_bytes()[MB : MB + 10]
    await moved.close()


async def test_a_log_in_that_another_data_centre_forgot_is_made_again(
    bot: Bot, ann: Person, sandbox: Sandbox, make_file: MakeFile
) -> None:
    source = make_file(8 * MB)
    content = source.read_bytes()
    message = await sent_by(ann, bot, source)
    file = RemoteFile.of(bot.transfers, message)
    assert await file.read(0, 10) == content[:10]
    unregistered = RpcError(401, "AUTH_KEY_UNREGISTERED")
    sandbox.faults.fail("upload.getFile", unregistered)
    assert await file.read(3 * MB, 10) == content[3 * MB : 3 * MB + 10]
    assert len(sandbox.faults.called("auth.importAuthorization")) == 2
    for key in sandbox.faults._accounts.keys(bot.id, 2):
        sandbox.faults._accounts.log_out(key)
        sandbox.faults._connections().forget(key)
    assert await file.read(6 * MB, 10) == content[6 * MB : 6 * MB + 10]
    assert len(sandbox.faults.called("auth.importAuthorization")) == 3
    await file.close()


async def test_a_full_disk_ends_the_download_and_keeps_what_arrived(
    bot: Bot, sandbox: Sandbox, make_file: MakeFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = make_file(9 * MB)
    document = await bot.send(source)
    real, room = os.pwrite, 5

    def pwrite(file: int, data: bytes, offset: int) -> int:
        nonlocal room
        room -= 1
        if room < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(file, data, offset)

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", pwrite)
        with pytest.raises(DiskFull, match="disk is full"):
            await bot.file_of(document).download_to(tmp_path / "got.bin")
    before = len(asked(sandbox))
    await bot.file_of(document).download_to(tmp_path / "got.bin")
    assert (tmp_path / "got.bin").read_bytes() == source.read_bytes()
    assert len(asked(sandbox)) - before <= 4


async def test_a_restart_fetches_only_what_is_not_on_disk(
    bot: Bot, sandbox: Sandbox, make_file: MakeFile, tmp_path: Path
) -> None:
    source = make_file(20 * MB + 5)
    document = await bot.send(source)
    seen: list[int] = []

    class Killed(Exception):
        pass

    def on_fetched(count: int) -> None:
        seen.append(count)
        if sum(seen) > 8 * MB:
            raise Killed

    with pytest.raises(Killed):
        await bot.file_of(document, on_fetched).download_to(tmp_path / "got.bin")
    assert not (tmp_path / "got.bin").exists()
    before = len(asked(sandbox))
    seen = []
    file = bot.file_of(document, seen.append)
    await file.download_to(tmp_path / "got.bin")
    again = asked(sandbox)[before:]
    # What an earlier run fetched is told first, at once.
    assert seen[0] >= 4 * MB and sum(seen) == source.stat().st_size
    # What was under way when it died may be heard of only now, and is asked for again.
    assert len(set(again)) <= 21 - seen[0] // MB
    assert (tmp_path / "got.bin").read_bytes() == source.read_bytes()
    await bot.file_of(document).download_to(tmp_path / "got.bin")
    assert len(asked(sandbox)) == before + len(again)


async def test_an_expired_reference_is_fetched_anew_once(
    bot: Bot, sandbox: Sandbox, make_file: MakeFile, tmp_path: Path
) -> None:
    source = make_file(12 * MB)
    document = await bot.send(source)
    media = types.InputMediaDocument(
        types.InputDocument(document.id, document.access_hash, document.file_reference)
    )
    request = functions.messages.SendMediaRequest(bot.reader, media, "", random_id=77)
    update = await bot.transfers.caller(request)
    number = next(u.id for u in update.updates if isinstance(u, types.UpdateMessageID))
    refreshed = 0

    async def refresh() -> types.Message:
        nonlocal refreshed
        refreshed += 1
        request = functions.messages.GetMessagesRequest([types.InputMessageID(number)])
        return (await bot.transfers.caller(request)).messages[0]

    file = RemoteFile.of(bot.transfers, message_with(document), refresh=refresh)
    sandbox.faults.expire_references()
    await file.download_to(tmp_path / "got.bin")
    assert (tmp_path / "got.bin").read_bytes() == source.read_bytes()
    assert refreshed == 1


async def test_an_expired_reference_that_nobody_can_renew_says_so(
    bot: Bot, sandbox: Sandbox, make_file: MakeFile
) -> None:
    file = bot.file_of(await bot.send(make_file(MB)))
    sandbox.faults.expire_references()
    with pytest.raises(TransferFailed, match="its reference expired"):
        await file.read(0, 10)
    await file.close()


async def test_a_message_that_was_deleted_meanwhile_says_so(
    bot: Bot, sandbox: Sandbox, make_file: MakeFile
) -> None:
    async def refresh() -> types.MessageEmpty:
        return types.MessageEmpty(1, types.PeerUser(1))

    document = await bot.send(make_file(MB))
    file = RemoteFile.of(bot.transfers, message_with(document), refresh=refresh)
    sandbox.faults.expire_references()
    with pytest.raises(TransferFailed, match="changed or deleted"):
        await file.read(0, 10)
    await file.close()


async def test_a_message_without_a_file_has_no_place() -> None:
    message = types.Message(id=1, peer_id=types.PeerUser(1), date=None, message="hello")
    assert place_of(message) is None
    with pytest.raises(ArchiveError, match="holds no file"):
        RemoteFile.of(None, message)  # type: ignore[arg-type]
