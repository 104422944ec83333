"""However it ends, nothing is left: cancelled, closed half-way, a source or a consumer that fails."""

from __future__ import annotations

import asyncio
import gc
import gzip
import random
import shutil
import threading
from pathlib import Path

import pytest

from tests.archives.making import rar5, seven_zip, tar_bytes, zip_bytes
from tests.archives.test_tar import zstd
from tests.archives.unpacking import MemorySource, everything, unpack
from tests.children import children
from utils.archives import Extracted, FileSource, Limits, open_archive
from utils.archives.engine import Run
from utils.archives.scratch import Scratch
from utils.archives.source import ByteSource
from utils.errors import TransferFailed

FILES = [(f"{n}.bin", random.Random(n).randbytes(400_000)) for n in range(6)]
KINDS = ["zip", "tar", "tar.gz", "tar.zst", "rar5", "7z", "gz", "nested"]


def archive(kind: str, folder: Path) -> bytes:
    folder.mkdir(exist_ok=True)
    if kind == "7z":
        return seven_zip(folder / "a.7z", dict(FILES), "-m0=copy").read_bytes()
    return {
        "zip": lambda: zip_bytes(FILES),
        "tar": lambda: tar_bytes(FILES),
        "tar.gz": lambda: tar_bytes(FILES, "w:gz"),
        "tar.zst": lambda: zstd(tar_bytes(FILES), folder),
        "rar5": lambda: rar5(FILES),
        "gz": lambda: gzip.compress(b"".join(content for _, content in FILES)),
        "nested": lambda: zip_bytes([("in.tar", tar_bytes(FILES)), ("in.rar", rar5(FILES))]),
    }[kind]()


async def read_all(source: MemorySource, folder: Path, taken: list[Extracted]) -> None:
    (folder / "output").mkdir(exist_ok=True)
    reader = await open_archive(source, scratch=folder / "scratch", limits=Limits(disk_reserve=0))
    try:
        async for extracted in reader.extract(
            everything, lambda entry: folder / "output" / entry.key.replace("/", "-")
        ):
            taken.append(extracted)
    finally:
        await reader.close()


def assert_nothing_left(folder: Path, taken: list[Extracted]) -> None:
    kept = {extracted.path for extracted in taken if extracted.path}
    output = folder / "output"
    assert (set(output.iterdir()) if output.exists() else set()) <= kept
    assert not (folder / "scratch").exists() or not list((folder / "scratch").iterdir())
    assert not children()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("archive")]


@pytest.mark.parametrize("kind", KINDS)
async def test_cancelled_at_any_time(kind: str, tmp_path: Path) -> None:
    data = archive(kind, tmp_path / "made")
    chance = random.Random(kind)
    for number in range(8):
        folder = tmp_path / str(number)
        folder.mkdir()
        taken: list[Extracted] = []
        task = asyncio.ensure_future(read_all(MemorySource(data, "a", delay=0.002), folder, taken))
        await asyncio.sleep(chance.random() * 0.15)
        task.cancel()
        await asyncio.wait([task], timeout=30)
        assert task.done(), "it does not end"
        assert_nothing_left(folder, taken)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("answers", [1, 3])
async def test_cancelled_while_the_source_does_not_answer(kind: str, answers: int, tmp_path: Path) -> None:
    class Silent(MemorySource):
        async def read(self, offset: int, size: int) -> bytes:
            if self.reads >= answers:
                await asyncio.Event().wait()
            return await super().read(offset, size)

    taken: list[Extracted] = []
    source = Silent(archive(kind, tmp_path / "made"), "a")
    task = asyncio.ensure_future(read_all(source, tmp_path, taken))
    await asyncio.sleep(0.15)
    task.cancel()
    await asyncio.wait([task], timeout=30)
    assert task.done(), "it does not end"
    shutil.rmtree(tmp_path / "made")
    assert_nothing_left(tmp_path, taken)


@pytest.mark.parametrize("kind", KINDS)
async def test_closed_after_the_first_entry(kind: str, tmp_path: Path) -> None:
    output = tmp_path / "output"
    output.mkdir()
    source = MemorySource(archive(kind, tmp_path / "made"), "a", delay=0.001)
    reader = await open_archive(source, scratch=tmp_path / "scratch", limits=Limits(disk_reserve=0))
    stream = aiter(reader.extract(everything, lambda entry: output / entry.key.replace("/", "-")))
    first = await anext(stream)
    await reader.close()
    await reader.close()
    assert_nothing_left(tmp_path, [first])
    await stream.aclose()  # type: ignore[attr-defined]
    assert_nothing_left(tmp_path, [first])


@pytest.mark.parametrize("kind", KINDS)
async def test_closed_before_anything_was_asked_for(kind: str, tmp_path: Path) -> None:
    source = MemorySource(archive(kind, tmp_path / "made"), "a")
    reader = await open_archive(source, scratch=tmp_path / "scratch", limits=Limits(disk_reserve=0))
    await reader.close()
    assert_nothing_left(tmp_path, [])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("allowed", [1, 3])
async def test_a_source_that_fails_is_heard(
    kind: str, allowed: int, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever the source raises comes out as it is: the transfer may be tried again."""

    class Failing(MemorySource):
        async def read(self, offset: int, size: int) -> bytes:
            if self.reads >= allowed:
                raise TransferFailed("the line is dead.")
            return await super().read(offset, size)

    outcome = await unpack(Failing(archive(kind, tmp_path / "made"), "a"), tmp_path / "room")
    assert isinstance(outcome.error, TransferFailed), outcome.told
    assert not outcome.errors
    gc.collect()
    assert not caplog.records, "asyncio complains of errors that nobody looked at"


@pytest.mark.parametrize("kind", KINDS)
async def test_a_consumer_that_fails_leaves_nothing(kind: str, tmp_path: Path) -> None:
    source = MemorySource(archive(kind, tmp_path / "made"), "a")
    reader = await open_archive(source, scratch=tmp_path / "scratch", limits=Limits(disk_reserve=0))

    def refuse(*_: object) -> bool:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        async for _ in reader.extract(refuse, lambda entry: tmp_path / "never"):
            pass
    await reader.close()
    assert_nothing_left(tmp_path, [])
    assert not (tmp_path / "never").exists()


async def test_a_relative_scratch_folder_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    outcome = await unpack(rar5(FILES), Path("room"))
    assert outcome.files == dict(FILES)


async def test_7_zip_is_ended_though_nobody_reads_its_pipe(tmp_path: Path) -> None:
    path = seven_zip(tmp_path / "a.7z", {"a.bin": random.Random(1).randbytes(20_000_000)}, "-m0=copy")
    run = await Run.start(("x", "-so", "--", str(path)), scratch=Scratch(tmp_path / "scratch"), standstill=30)
    await run.read()
    await asyncio.sleep(0.3)  # until all buffers are full
    async with asyncio.timeout(30):
        await run.kill()
    assert not children()


class Keeping(MemorySource):
    closed = 0

    async def close(self) -> None:
        self.closed += 1


async def test_a_source_that_keeps_something_is_told_that_it_is_over(tmp_path: Path) -> None:
    fine, bad = Keeping(zip_bytes(FILES)), Keeping(b"nothing")
    await unpack(fine, tmp_path / "fine")
    await unpack(bad, tmp_path / "bad")
    assert fine.closed == 1 and bad.closed == 1


async def test_several_archives_at_once_do_not_disturb_each_other(tmp_path: Path) -> None:
    kinds = ["zip", "tar.gz", "rar5", "7z", "tar.zst"]
    outputs: dict[str, list[Extracted]] = {kind: [] for kind in kinds}
    for kind in kinds:
        (tmp_path / kind).mkdir()
    await asyncio.gather(
        *(
            read_all(
                MemorySource(archive(kind, tmp_path / kind / "made"), kind), tmp_path / kind, outputs[kind]
            )
            for kind in kinds
        )
    )
    for kind in kinds:
        found = {item.entry.path: item.path.read_bytes() for item in outputs[kind] if item.path}
        assert found == dict(FILES), kind


async def test_the_loop_is_never_held_up(tmp_path: Path) -> None:
    """While archives are unpacked, whoever waits for 10 ms waits not much longer."""
    path = seven_zip(tmp_path / "a.7z", {f"{n}": bytes(5_000_000) for n in range(4)}, "-mx1")
    sources: list[ByteSource] = [
        FileSource(path),
        MemorySource(zip_bytes([("a", bytes(20_000_000))], 8), "a.zip"),
    ]
    worst = 0.0

    async def watch() -> None:
        nonlocal worst
        loop = asyncio.get_running_loop()
        while True:
            before = loop.time()
            await asyncio.sleep(0.01)
            worst = max(worst, loop.time() - before - 0.01)

    watcher = asyncio.ensure_future(watch())
    for number, source in enumerate(sources):
        await unpack(source, tmp_path / f"room{number}")
    watcher.cancel()
    assert worst < 1.0
