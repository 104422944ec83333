"""A small disk that several write to at once: what is to stay free of it does, at every moment."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from utils.errors import DiskFull
from utils.media.tools import Tools
from utils.processes.room import Room, free_bytes

MB = 1_000_000
RESERVE = 40 * MB


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 200 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=200m", "tmpfs", str(folder)]
    if not sys.platform.startswith("linux") or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("no disk can be mounted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


class Lowest:
    """The least that was free while this lasts."""

    def __init__(self, folder: Path) -> None:
        self.free = free_bytes(folder)
        self._folder = folder
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def _look(self) -> None:
        while not self._stop.wait(0.002):
            self.free = min(self.free, free_bytes(self._folder))

    def __enter__(self) -> Lowest:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


def endless(output: Path) -> list[str]:
    """Arguments with which ffmpeg writes more than any disk holds, as fast as it can."""
    source = ["-f", "lavfi", "-i", "color=s=1280x720:r=25"]
    return ["-v", "error", "-y", *source, "-c:v", "rawvideo", "-f", "nut", f"file:{output}"]


async def slowly(path: Path) -> None:
    """What comes in from afar: 20 MB a second, without end."""
    with path.open("wb", buffering=0) as file:
        while True:
            await asyncio.to_thread(file.write, bytes(MB))
            await asyncio.sleep(0.05)


async def test_two_programs_and_a_download_stop_before_the_reserve(small_disk: Path) -> None:
    tools = Tools(reserve=RESERVE)
    with Lowest(small_disk) as lowest:
        jobs = [
            tools.convert(endless(small_disk / "one"), within=60, file_bytes=None),
            tools.convert(endless(small_disk / "two"), within=60, file_bytes=None),
            Room(RESERVE).keep(slowly(small_disk / "three"), small_disk),
        ]
        ended = await asyncio.gather(*jobs, return_exceptions=True)
    assert [type(each) for each in ended] == [DiskFull] * 3
    assert RESERVE <= lowest.free < RESERVE + 80 * MB, "the reserve was kept, and what is beside it used"


async def test_what_becomes_free_may_be_used_by_who_is_left(small_disk: Path) -> None:
    """A share grows while its program runs."""
    room = Room(RESERVE)
    shares = [await asyncio.to_thread(room.take, small_disk / name) for name in ("one", "two")]
    half = shares[1].now
    shares[0].look()
    assert shares[0].now == half, "each has the same"
    room.give_back(shares[0])
    process = await asyncio.create_subprocess_exec("sleep", "60")
    shares[1].begin(process.pid)
    shares[1].look()
    assert shares[1].now == 2 * half or shares[1].now == 2 * half + 1
    limits = Path(f"/proc/{process.pid}/limits").read_text()
    assert next(line for line in limits.splitlines() if "file size" in line).split()[3] == str(shares[1].now)
    process.kill()
    await process.wait()


async def test_no_room_at_all_is_said_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(DiskFull):
        await Tools(reserve=1 << 60).convert(endless(tmp_path / "out"), within=60, file_bytes=None)
    assert not (tmp_path / "out").stat().st_size
