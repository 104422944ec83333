"""Files on their way up to a real server: the right bytes, each part once, resumed after a restart."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from telethon.tl import types

from sandbox import Sandbox
from tests.transport import Bot
from utils.errors import Refused, TransferFailed
from utils.telegram.upload import BIG, MAX_PARTS, PART_SIZE, Upload, UploadState, resend_part, upload

KB, MB = 1024, 1024 * 1024
MakeFile = Callable[..., Path]


def parts_sent(sandbox: Sandbox) -> list[int]:
    calls = sandbox.faults.called("upload.saveBigFilePart") + sandbox.faults.called("upload.saveFilePart")
    return [call.request.file_part for call in calls]


@pytest.mark.parametrize(
    "size",
    [
        1,
        4 * KB - 1,
        4 * KB,
        4 * KB + 1,
        512 * KB - 1,
        512 * KB,
        512 * KB + 1,
        MB - 1,
        MB,
        MB + 1,
        10 * MB - 1,
        10 * MB,
        10 * MB + 1,
    ],
)
async def test_every_byte_arrives(bot: Bot, sandbox: Sandbox, make_file: MakeFile, size: int) -> None:
    path = make_file(size)
    document = await bot.send(path)
    assert document.size == size
    # Fetched by stock Telethon, so that a mistake of ours would not cancel out.
    assert await bot.client.download_media(document, file=bytes) == path.read_bytes()
    assert sorted(parts_sent(sandbox)) == list(range(-(-size // PART_SIZE)))


async def test_an_empty_file_is_refused_in_plain_words(bot: Bot, make_file: MakeFile) -> None:
    with pytest.raises(Refused, match=r"a\.jpg is empty"):
        await upload(bot.transfers, make_file(0), name="a.jpg")


async def test_a_file_above_telegrams_limit_is_refused_before_a_byte_is_sent(
    bot: Bot, sandbox: Sandbox, tmp_path: Path
) -> None:
    path = tmp_path / "huge"
    with path.open("wb") as file:
        file.truncate(MAX_PARTS * PART_SIZE + 1)
    with pytest.raises(Refused, match="2,097,152,000 at most"):
        await upload(bot.transfers, path, name="huge")
    assert parts_sent(sandbox) == []


async def test_small_files_carry_a_check_sum_and_large_ones_do_not(bot: Bot, make_file: MakeFile) -> None:
    assert isinstance(await upload(bot.transfers, make_file(BIG), name="a"), types.InputFile)
    assert isinstance(await upload(bot.transfers, make_file(BIG + 1), name="a"), types.InputFileBig)


async def test_progress_and_state_are_told_part_by_part(bot: Bot, make_file: MakeFile) -> None:
    size = 3 * PART_SIZE + 5
    progress: list[tuple[int, int]] = []
    states: list[UploadState] = []

    async def on_progress(done: int, total: int) -> None:
        progress.append((done, total))

    async def on_part(state: UploadState) -> None:
        states.append(state)

    await upload(bot.transfers, make_file(size), name="a", on_progress=on_progress, on_part=on_part)
    assert [done for done, _ in progress] == sorted(done for done, _ in progress)
    assert progress[-1] == (size, size)
    assert len(states) == 4
    assert list(states[-1].missing()) == []
    assert UploadState.from_json(states[2].to_json()) == states[2]


async def test_a_restart_sends_only_the_parts_that_were_not_acknowledged(
    bot: Bot, sandbox: Sandbox, make_file: MakeFile
) -> None:
    path = make_file(24 * PART_SIZE + 77)
    states: list[UploadState] = []

    class Killed(Exception):
        pass

    async def on_part(state: UploadState) -> None:
        states.append(state)
        if len(states) == 9:
            raise Killed

    with pytest.raises(Killed):
        await upload(bot.transfers, path, name="a", on_part=on_part)
    await bot.transfers.close()
    state = states[-1]
    before = len(parts_sent(sandbox))
    document = await bot.register(await upload(bot.transfers, path, name="a", resume=state))
    sent_again = parts_sent(sandbox)[before:]
    assert sorted(sent_again) == list(state.missing())
    assert len(sent_again) <= 25 - 9
    assert await bot.client.download_media(document, file=bytes) == path.read_bytes()


async def test_the_state_of_another_file_is_not_resumed(
    bot: Bot, sandbox: Sandbox, make_file: MakeFile
) -> None:
    state = UploadState.begin(PART_SIZE).with_part(0)
    await upload(bot.transfers, make_file(PART_SIZE + 1), name="a", resume=state)
    assert sorted(parts_sent(sandbox)) == [0, 1]


async def test_a_part_that_went_missing_is_sent_again_under_the_same_id(
    bot: Bot, sandbox: Sandbox, make_file: MakeFile
) -> None:
    path = make_file(BIG + 5 * PART_SIZE)
    job = Upload(bot.transfers, path, name="a")
    handle = await job.run()
    sandbox.faults.forget_parts(bot.id, 2)
    before = len(parts_sent(sandbox))
    await job.resend_part(0)
    await resend_part(bot.transfers, path, name="a", state=job.state, part=1)
    document = await bot.register(handle)
    assert parts_sent(sandbox)[before:] == [0, 1]
    assert await bot.client.download_media(document, file=bytes) == path.read_bytes()


async def test_a_part_that_fails_fails_the_upload_loudly(
    bot: Bot, sandbox: Sandbox, make_file: MakeFile
) -> None:
    from sandbox.rpc import RpcError

    error = RpcError(400, "FILE_PART_SIZE_INVALID")
    sandbox.faults.fail("upload.saveBigFilePart", error, when=lambda call: call.request.file_part == 7)
    with pytest.raises(TransferFailed, match="holiday.mp4 cannot be sent: FILE_PART_SIZE_INVALID"):
        await upload(bot.transfers, make_file(BIG + 5 * PART_SIZE), name="holiday.mp4")


async def test_a_file_that_becomes_shorter_fails_the_upload(bot: Bot, make_file: MakeFile) -> None:
    path = make_file(3 * PART_SIZE)
    job = Upload(bot.transfers, path, name="a.mp4")
    path.write_bytes(b"short")
    with pytest.raises(TransferFailed, match="became shorter"):
        await job.run()


def test_a_state_counts_its_bytes() -> None:
    state = UploadState.begin(2 * PART_SIZE + 10)
    assert (state.parts, state.bytes_done) == (3, 0)
    assert state.with_part(2).bytes_done == 10
    assert state.with_part(0).with_part(2).bytes_done == PART_SIZE + 10
    assert list(state.with_part(1).missing()) == [0, 2]
    assert state.file_id != UploadState.begin(5).file_id
