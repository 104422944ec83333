"""Uploads run ahead of the albums that they are for."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from utils.errors import Refused, TransferFailed
from utils.jobs.albums import Album, MediaFile
from utils.jobs.delivery import Delivery
from utils.jobs.medium import Medium
from utils.jobs.outbox import Outbox


def file(number: int) -> MediaFile:
    return MediaFile(number, str(number), f"{number}.jpg", "", "photo", f"{number:06d}", 10)


class Telegram(Delivery):
    """Notes what is asked of it; an upload ends when ``free`` is set."""

    def __init__(self) -> None:
        self.free = asyncio.Event()
        self.prepared: list[int] = []
        self.sent: list[list[int]] = []
        self.error: Exception | None = None
        self.cancelled = 0
        self.left_out: set[int] = set()
        self.live = True

    async def prepare(self, file: MediaFile) -> None:
        self.prepared.append(file.number)
        try:
            await self.free.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.error is not None:
            raise self.error

    async def send(self, key: str, files: Sequence[MediaFile], text: str) -> dict[int, int]:
        self.sent.append([file.number for file in files])
        return {file.number: 1 for file in files if file.number not in self.left_out}

    def messages(self, key: str, files: Sequence[MediaFile]) -> list[Album]:
        return [(file,) for file in files]

    def is_refused(self, file: MediaFile) -> bool:
        return False

    def media_of(self, files: Sequence[MediaFile]) -> list[Medium]:
        return []

    def left(self, files: Sequence[MediaFile]) -> list[tuple[str, Sequence[MediaFile]]]:
        return []


def outbox(telegram: Telegram, folder: Path) -> Outbox:
    async def on_sent(_: object) -> None:
        return None

    async def on_refused(_: MediaFile, __: Refused) -> None:
        raise AssertionError("nothing is refused here")

    return Outbox(telegram, files=folder, archive="a.zip", on_sent=on_sent, on_refused=on_refused)


async def test_a_file_is_uploaded_before_its_album_is_full_and_only_once(tmp_path: Path) -> None:
    telegram = Telegram()
    box = outbox(telegram, tmp_path)
    box.begin(file(1))
    await asyncio.sleep(0)
    assert telegram.prepared == [1]
    await box.put((file(1), file(2)))
    telegram.free.set()
    await box.drain()
    assert telegram.prepared == [1, 2]
    assert telegram.sent == [[1, 2]]


async def test_what_was_begun_ends_with_the_outbox(tmp_path: Path) -> None:
    telegram = Telegram()
    box = outbox(telegram, tmp_path)
    box.begin(file(1))
    box.begin(file(2))
    await box.put((file(2),))
    await asyncio.sleep(0.01)
    await box.close()
    assert telegram.cancelled == 2
    assert telegram.sent == []


async def test_an_upload_that_failed_early_is_told_when_its_album_is_sent(tmp_path: Path) -> None:
    telegram = Telegram()
    telegram.error = TransferFailed("lost")
    telegram.free.set()
    box = outbox(telegram, tmp_path)
    box.begin(file(1))
    await asyncio.sleep(0.01)
    await box.put((file(1),))
    with pytest.raises(TransferFailed):
        await box.drain()
    await box.close()
    assert telegram.sent == []


async def test_when_several_uploads_fail_one_is_told_and_none_is_left_unheard(tmp_path: Path) -> None:
    telegram = Telegram()
    telegram.error = TransferFailed("lost")
    box = outbox(telegram, tmp_path)
    for number in (1, 2, 3):
        await box.put((file(number),))
        await asyncio.sleep(0.01)
    last = asyncio.create_task(box.put((file(4),)))
    await asyncio.sleep(0.01)
    telegram.free.set()
    with pytest.raises(TransferFailed):
        await last
    await box.close()
    # Errors that nobody asked for are told when their tasks go: the test fails then.
    del last
    gc.collect()


async def test_a_refusal_ahead_of_the_album_does_not_end_the_outbox(tmp_path: Path) -> None:
    telegram = Telegram()
    telegram.error = Refused("no", reason="PHOTO_INVALID")
    telegram.free.set()
    box = outbox(telegram, tmp_path)
    box.begin(file(1))
    await asyncio.sleep(0.01)
    await box.put((file(1),))
    await box.drain()
    assert telegram.sent == [[1]]


async def test_albums_are_sent_in_the_order_in_which_they_were_put_in(tmp_path: Path) -> None:
    telegram = Telegram()
    telegram.free.set()
    box = outbox(telegram, tmp_path)
    for number in range(1, 8):
        await box.put((file(number),))
    await box.drain()
    assert telegram.sent == [[number] for number in range(1, 8)]
    assert box.idle


async def test_no_more_than_two_albums_are_on_their_way_behind_the_one_that_is_sent(tmp_path: Path) -> None:
    telegram = Telegram()
    box = outbox(telegram, tmp_path)
    putting = [asyncio.create_task(box.put((file(number),))) for number in range(1, 8)]
    await asyncio.sleep(0.05)
    assert sum(task.done() for task in putting) == 3
    assert not box.idle
    telegram.free.set()
    await asyncio.gather(*putting)
    await box.drain()
    assert len(telegram.sent) == 7


async def test_a_file_and_its_thumbnail_are_deleted_when_they_were_sent_and_not_before(
    tmp_path: Path,
) -> None:
    for name in ("000001", "thumb", "000002"):
        (tmp_path / name).touch()
    there: list[list[str]] = []

    class Looking(Telegram):
        async def send(self, key: str, files: Sequence[MediaFile], text: str) -> dict[int, int]:
            there.append(sorted(path.name for path in tmp_path.iterdir()))
            if files[0].number == 2:
                raise TransferFailed("lost")
            return await super().send(key, files, text)

    telegram = Looking()
    telegram.free.set()
    box = outbox(telegram, tmp_path)
    await box.put((replace(file(1), thumb="thumb"),))
    await box.put((file(2),))
    with pytest.raises(TransferFailed):
        await box.drain()
    await box.close()
    assert there == [["000001", "000002", "thumb"], ["000002"]]
    assert [path.name for path in tmp_path.iterdir()] == ["000002"]


async def test_of_an_album_only_what_arrived_is_deleted_and_the_rest_sent_next(tmp_path: Path) -> None:
    class Leaving(Telegram):
        async def send(self, key: str, files: Sequence[MediaFile], text: str) -> dict[int, int]:
            there.append((key, sorted(path.name for path in tmp_path.iterdir())))
            arrived = await super().send(key, files, text)
            self.left_out = set()
            return arrived

        def left(self, files: Sequence[MediaFile]) -> list[tuple[str, Sequence[MediaFile]]]:
            return [("the rest", files)] if files else []

    for name in ("000001", "000002", "000003"):
        (tmp_path / name).touch()
    there: list[tuple[str, list[str]]] = []
    telegram = Leaving()
    telegram.free.set()
    telegram.left_out = {1, 3}
    box = outbox(telegram, tmp_path)
    await box.put((file(1), file(2), file(3)))
    await box.put((file(4),))
    await box.drain()
    assert telegram.sent == [[1, 2, 3], [1, 3], [4]]
    assert there[1] == ("the rest", ["000001", "000003"]) and there[2][1] == []
