"""A file that arrives in parts and is killed in between."""

from __future__ import annotations

import asyncio
import errno
import os
import stat
from pathlib import Path

import pytest

from utils.errors import DiskFull, TransferFailed
from utils.telegram import part_file
from utils.telegram.part_file import PartFile

SIZE, PART = 10_500, 1000


def new(path: Path, identity: str = "document-1", size: int = SIZE) -> PartFile:
    return PartFile(path, identity=identity, size=size, part_size=PART)


def content(part: int) -> bytes:
    return bytes([part]) * min(PART, SIZE - part * PART)


async def fill(file: PartFile) -> None:
    for part in list(file.missing()):
        await file.write(part, content(part))


async def test_the_name_appears_only_when_the_file_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    file = new(path)
    await file.open()
    await fill(file)
    assert not path.exists()
    await file.finish()
    await file.close()
    assert path.read_bytes() == b"".join(content(part) for part in range(11))
    assert not list(tmp_path.glob("a.zip.*"))  # noqa: ASYNC240


async def test_a_restart_fetches_only_what_is_missing(tmp_path: Path) -> None:
    file = new(tmp_path / "a.zip")
    await file.open()
    for part in (0, 3, 10):
        await file.write(part, content(part))
    await file.close()
    again = new(tmp_path / "a.zip")
    await again.open()
    assert list(again.missing()) == [1, 2, 4, 5, 6, 7, 8, 9]
    assert again.bytes_done == 2500
    await fill(again)
    await again.finish()
    await again.close()
    assert (tmp_path / "a.zip").read_bytes() == b"".join(content(part) for part in range(11))


async def test_a_kill_loses_only_what_was_not_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(part_file, "RECORD_BYTES", 3 * PART)
    file = new(tmp_path / "a.zip")
    await file.open()
    for part in range(5):
        await file.write(part, content(part))
    # killed: neither finished nor closed
    again = new(tmp_path / "a.zip")
    await again.open()
    assert list(again.missing()) == list(range(3, 11))
    await again.close()
    os.close(file._file)


@pytest.mark.parametrize("other", [{"identity": "document-2"}, {"size": SIZE + 1}])
async def test_the_record_of_another_file_is_not_continued(tmp_path: Path, other: dict[str, int]) -> None:
    file = new(tmp_path / "a.zip")
    await file.open()
    await file.write(0, content(0))
    await file.close()
    again = new(tmp_path / "a.zip", **other)  # type: ignore[arg-type]
    await again.open()
    assert 0 in list(again.missing())
    await again.close()


@pytest.mark.parametrize("record", [b"", b"{", b"[]", b'{"done": 5}', b"\xff\xfe"])
async def test_a_damaged_record_means_starting_anew(tmp_path: Path, record: bytes) -> None:
    file = new(tmp_path / "a.zip")
    await file.open()
    await file.write(0, content(0))
    await file.close()
    (tmp_path / "a.zip.parts.json").write_bytes(record)
    again = new(tmp_path / "a.zip")
    await again.open()
    assert len(list(again.missing())) == 11
    await again.close()


async def test_an_incomplete_file_is_not_finished(tmp_path: Path) -> None:
    file = new(tmp_path / "a.zip")
    await file.open()
    await file.write(0, content(0))
    with pytest.raises(TransferFailed):
        await file.finish()
    await file.close()
    assert not (tmp_path / "a.zip").exists()


async def test_a_full_disk_says_how_much_is_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = new(tmp_path / "a.zip")
    await file.open()
    await file.write(0, content(0))

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", full)
        with pytest.raises(DiskFull, match=r"bytes are free"):
            await file.write(1, content(1))
    await file.close()
    again = new(tmp_path / "a.zip")
    await again.open()
    assert list(again.missing()) == list(range(1, 11))
    await again.close()


async def test_nobody_but_its_owner_reads_what_is_fetched(tmp_path: Path) -> None:
    mask = os.umask(0)
    try:
        file = new(tmp_path / "a.zip")
        await file.open()
        modes = [stat.S_IMODE((tmp_path / "a.zip.part").stat().st_mode)]
        await fill(file)
        await file.finish()
        await file.close()
        modes.append(stat.S_IMODE((tmp_path / "a.zip").stat().st_mode))
    finally:
        os.umask(mask)
    assert modes == [0o600, 0o600]


async def test_parts_may_arrive_at_once_and_in_any_order(tmp_path: Path) -> None:
    file = new(tmp_path / "a.zip")
    await file.open()
    await asyncio.gather(*(file.write(part, content(part)) for part in reversed(range(11))))
    await file.finish()
    await file.close()
    assert (tmp_path / "a.zip").read_bytes() == b"".join(content(part) for part in range(11))
