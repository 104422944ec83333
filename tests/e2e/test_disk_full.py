"""A full disk, wherever it is met: the chat says so, nothing is lost, and the next archive goes through."""

from __future__ import annotations

import errno
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.archives.making import seven_zip, tar_bytes
from tests.files import ffmpeg_after, photo, video, zip_of
from tests.world import World, until
from utils.archives import Extracted, extraction, limits
from utils.bot import Bot
from utils.jobs import running as running_jobs
from utils.telegram import part_file

PHOTOS = {f"img{n}.jpg": photo(n) for n in range(1, 4)}
WAITS = "Waiting for room on the disk"


class Disk:
    """``full`` is set and unset by a test; :meth:`write` fails while it is, and counts how often."""

    def __init__(self) -> None:
        self.full = False
        self.refused = 0

    def write(self) -> None:
        if self.full:
            self.refused += 1
            raise OSError(errno.ENOSPC, "No space left on device")


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    monkeypatch.setattr(running_jobs, "RETRY_PAUSES", (1.0,) * 20)
    return Disk()


@asynccontextmanager
async def running(world: World) -> AsyncIterator[Bot]:
    async with world.running() as bot:
        bot.conversions.backoff = (0.5,)
        yield bot


def status(world: World) -> str:
    """The newest status message."""
    texts = [m.text for m in world.chat() if m.kind == "text" and " sent." not in m.text]
    return texts[-1] if texts else ""


async def check_all_came(world: World, tmp_path: Path, disk: Disk, count: int) -> None:
    """The waiting archive and the next one come whole, and nothing is left."""
    disk.full = False
    summary = await world.summary()
    assert f"✅ first.zip: {count} pictures sent." in summary
    await world.send(zip_of(tmp_path / "next.zip", {"other.jpg": photo(99)}))
    await world.wait("✅ next.zip: 1 picture sent.")
    await until(lambda: not world.leftovers())
    assert len({m.sha256 for m in world.media()}) == len(world.media()) == count + 1


def at_the_journal(disk: Disk, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of that name cannot be made durable while the disk is full."""
    real = os.fsync

    def fsync(number: int) -> None:
        if Path(f"/proc/self/fd/{number}").readlink().name == name:
            disk.write()
        real(number)

    monkeypatch.setattr(os, "fsync", fsync)


async def test_full_while_an_entry_is_taken_out(
    world: World, tmp_path: Path, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = extraction.EntryFile.finish

    def finish(self: extraction.EntryFile, crc: int | None = None) -> Extracted:
        with extraction.disk_errors():
            if self.entry.name != "img1.jpg":
                disk.write()
        return real(self, crc)

    monkeypatch.setattr(extraction.EntryFile, "finish", finish)
    disk.full = True
    async with running(world):
        await world.send(zip_of(tmp_path / "first.zip", PHOTOS))
        await until(lambda: WAITS in status(world) and disk.refused >= 2)
        # What is there already is sent, which makes room.
        assert len(world.media()) == 1
        await check_all_came(world, tmp_path, disk, 3)


async def test_full_while_an_archive_is_downloaded(
    world: World, tmp_path: Path, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    real: Callable[[int, bytes, int], None] = part_file._write_all

    def write(file: int, data: bytes, offset: int) -> None:
        disk.write()
        real(file, data, offset)

    monkeypatch.setattr(part_file, "_write_all", write)
    disk.full = True
    archive = seven_zip(tmp_path / "first.7z", PHOTOS)
    async with running(world):
        await world.send(archive.rename(tmp_path / "first.zip"))
        await until(lambda: WAITS in status(world) and disk.refused >= 2)
        assert "bytes are free" in status(world)
        await check_all_came(world, tmp_path, disk, 3)


async def test_full_while_the_journal_is_written(
    world: World, tmp_path: Path, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_the_journal(disk, "journal.jsonl", monkeypatch)
    async with running(world):
        await world.send(zip_of(tmp_path / "first.zip", PHOTOS))
        gate = world.sandbox.faults.hold("messages.uploadMedia")
        await gate.reached()
        await until(lambda: status(world))
        disk.full = True
        gate.open()
        await until(lambda: disk.refused >= 2)
        await until(lambda: WAITS in status(world))
        await check_all_came(world, tmp_path, disk, 3)


async def test_full_before_anything_is_known_of_an_archive(
    world: World, tmp_path: Path, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_the_journal(disk, "journal.jsonl", monkeypatch)
    async with running(world):
        disk.full = True
        await world.send(zip_of(tmp_path / "first.zip", PHOTOS))
        assert "first.zip" in await world.wait("My disk is full")
        await until(lambda: not world.leftovers())
        disk.full = False
        await world.send(tmp_path / "first.zip")
        await check_all_came(world, tmp_path, disk, 3)


@pytest.mark.parametrize("where", ["ffmpeg", "state file"])
async def test_full_during_a_conversion(
    world: World, tmp_path: Path, disk: Disk, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    flag = tmp_path / "full"
    film = video("avi")
    if where == "ffmpeg":
        words = "av_interleaved_write_frame(): No space left on device"
        fails = f'[ -e {flag} ] && echo "{words}" >&2 && exit 1'
        monkeypatch.setenv("PATH", ffmpeg_after(tmp_path / "tools", "*libx264*", fails))
    else:
        at_the_journal(disk, "conversion_state.json.tmp", monkeypatch)
    async with running(world):
        await world.send(zip_of(tmp_path / "first.zip", {"img1.jpg": photo(1), "film.avi": film}))
        await until(lambda: len(world.media()) == 1)
        flag.touch()
        disk.full = True
        await until(lambda: "film.avi waits: " in status(world))
        assert "isk" in status(world) and "full" in status(world)
        disk.full = False
        flag.unlink()
        summary = await world.summary()
        assert "1 picture and 1 video sent." in summary
        await until(lambda: not world.leftovers())
    assert [m.kind for m in world.media()] == ["photo", "video"]
    assert not list(world.data.glob("*.tmp"))
    assert not list((world.data / "quarantine").iterdir())


@pytest.mark.parametrize("form", ["zip", "tar.gz"])
async def test_what_never_fits_does_not_keep_back_what_does(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    """On a disk on which the job may use four megabytes, one or two of the larger ones fit at a time."""
    monkeypatch.setattr(running_jobs, "RETRY_PAUSES", (0.1, 0.1))

    def usage(_: Path) -> SimpleNamespace:
        used = 0
        for path in (world.data / "jobs").rglob("files/*"):
            with suppress(FileNotFoundError):  # it has just been sent
                used += path.stat().st_size
        return SimpleNamespace(free=5_000_000 - used)

    monkeypatch.setattr(limits, "shutil", SimpleNamespace(disk_usage=usage))
    sizes = {"a": 20_000_000, "b": 3_000_000, "c": 3_000_000, "d": 1000, "e": 3_000_000, "f": 1000}
    entries = {f"{name}.jpg": photo(ord(name)) + bytes(size) for name, size in sizes.items()}
    if form == "zip":
        archive = zip_of(tmp_path / "first.zip", entries)
    else:
        archive = tmp_path / "first.tar.gz"
        archive.write_bytes(tar_bytes(list(entries.items()), "w:gz"))
    async with running(world):
        await world.send(archive)
        summary = await world.summary()
        await until(lambda: not world.leftovers())
    assert summary.startswith(
        f"⚠️ {archive.name}: 5 pictures sent.\n⏭️ Skipped: a.jpg: 20.0 MB of disk are needed"
    )
    assert len({message.sha256 for message in world.media()}) == len(world.media()) == 5
    assert not any(WAITS in message.text for message in world.chat())


async def test_a_disk_that_stays_full_ends_the_job_in_words(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running_jobs, "RETRY_PAUSES", (0.1, 0.1))
    async with world.running(DISK_RESERVE_MB=10**9):
        await world.send(zip_of(tmp_path / "first.zip", PHOTOS))
        told = await world.wait("❌ first.zip: ")
        assert "MB" in told and "disk" in told
        await until(lambda: not world.leftovers())
    assert world.media() == []
