"""Which child gets a picture, what becomes of one that goes wrong in it, and whom that holds up: nobody."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.pictures.hostile import write_hostile
from utils.errors import NotMedia
from utils.media import Tools, inspect, prepare_photo
from utils.pictures import pool
from utils.pictures.pool import Patience, Pictures
from utils.pictures.protocol import Act, Photo, Undecoded, Why, read_answer
from utils.pictures.worker import Worker

STRANGE = Path(__file__).with_name("strange_child.py")
QUICK = Patience(quick=0.6, contended=0.2, alone=1.0)
Ask = Callable[..., asyncio.Task[str]]


class Started:
    """The children that were started."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.workers: list[Worker] = []
        start = Worker.start

        async def counted(**options: int) -> Worker:
            self.workers.append(await start(**options))
            return self.workers[-1]

        monkeypatch.setattr(Worker, "start", counted)

    def alive(self) -> list[int]:
        """Process ids of those that run still."""
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                words = (folder / "cmdline").read_bytes().split(b"\0")
                parent = (folder / "stat").read_text().rpartition(")")[2].split()[1]
            except OSError:
                continue
            if os.fsencode(STRANGE) in words and int(parent) == os.getpid():
                found.append(int(folder.name))
        return found


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Started:
    return Started(monkeypatch)


@pytest.fixture
async def strange(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Pictures]:
    monkeypatch.setattr("utils.pictures.worker._PROGRAM", STRANGE)
    pictures = Pictures(300_000_000, patience=QUICK)
    yield pictures
    await pictures.close()


def picture(folder: Path, word: str) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / f"{len(list(folder.iterdir()))}"
    path.write_text(word)
    return path


async def until_none_is_alive(started: Started) -> None:
    async with asyncio.timeout(20):
        while started.alive():
            await asyncio.sleep(0.05)


async def outcome(pictures: Pictures, path: Path) -> str:
    """The reason why not, or "photo"."""
    try:
        assert isinstance(await pictures.ask(Act.PHOTO, path, path.with_name("out")), Photo)
    except Undecoded as error:
        return error.why.value
    return "photo"


@pytest.mark.parametrize(
    ("word", "why"),
    [
        ("hang", "time"),
        ("crash", "crashed"),
        ("no memory", "memory"),
        ("garbage", "lost"),
        ("lies", "lost"),
        ("endless", "lost"),
    ],
)
async def test_what_befalls_a_child_is_told_of_its_picture_alone(
    strange: Pictures, started: Started, tmp_path: Path, word: str, why: str
) -> None:
    assert await outcome(strange, picture(tmp_path, "fine")) == "photo"
    assert await outcome(strange, picture(tmp_path, word)) == why
    # It was tried once with the others, and once alone.
    assert len(started.workers) == 2
    assert await outcome(strange, picture(tmp_path / "of another", "fine")) == "photo"
    await strange.close()
    assert not started.alive()


async def test_one_that_the_system_took_had_no_memory(
    strange: Pictures, started: Started, tmp_path: Path
) -> None:
    asking = asyncio.create_task(outcome(strange, picture(tmp_path, "hang")))
    while not asking.done():
        for pid in started.alive():
            os.kill(pid, signal.SIGKILL)
        await asyncio.sleep(0.3)
    assert await asking == "memory"


async def test_who_sends_what_hangs_holds_nobody_up(
    strange: Pictures, started: Started, tmp_path: Path
) -> None:
    async def hostile() -> None:
        for _ in range(3):
            assert await outcome(strange, picture(tmp_path / "hostile", "hang")) == "time"

    attack = asyncio.create_task(hostile())
    await asyncio.sleep(0.1)
    waits = []
    while not attack.done():
        began = time.monotonic()
        assert await outcome(strange, picture(tmp_path / "other", "fine")) == "photo"
        waits.append(time.monotonic() - began)
        await asyncio.sleep(0.02)
    await attack
    # Only the first one stood in the way, since nothing was known of its sender, and was cut short.
    assert len([wait for wait in waits if wait > QUICK.contended]) <= 1
    # One before and one after it on the quick way, and each of the three alone.
    assert len(started.workers) == 5


async def test_a_sender_is_trusted_again_after_enough_went_well(
    strange: Pictures, started: Started, tmp_path: Path
) -> None:
    for word in ("crash", "fine", "crash"):
        await outcome(strange, picture(tmp_path, word))
    before = len(started.workers)
    for _ in range(4):
        assert await outcome(strange, picture(tmp_path, "fine")) == "photo"
    # The second time it takes two, each in a child of its own; the other two share one.
    assert len(started.workers) == before + 3


async def test_a_cancelled_picture_takes_its_child_with_it_at_once(
    strange: Pictures, started: Started, tmp_path: Path
) -> None:
    for patience in (Patience(quick=60), Patience(quick=0.1, contended=0.1)):
        strange._patience = patience
        task = asyncio.create_task(outcome(strange, picture(tmp_path / str(patience.quick), "hang")))
        await asyncio.sleep(1.5)
        began = time.monotonic()
        task.cancel()
        await asyncio.wait([task])
        assert time.monotonic() - began < 1
        assert not started.alive()
    assert await outcome(strange, picture(tmp_path / "other", "fine")) == "photo"


async def test_a_child_is_replaced_after_a_while_and_ended_when_there_is_nothing_to_do(
    strange: Pictures, started: Started, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "_RENEWED_AFTER", 3)
    for _ in range(4):
        await outcome(strange, picture(tmp_path, "fine"))
    assert len(started.workers) == 2
    assert await outcome(strange, picture(tmp_path, "grown")) == "photo"
    await outcome(strange, picture(tmp_path, "fine"))
    assert len(started.workers) == 3 and len(started.alive()) == 1
    # As a system does that has no memory left; that is not the next picture's fault.
    os.kill(started.alive()[0], signal.SIGKILL)
    await until_none_is_alive(started)
    assert await outcome(strange, picture(tmp_path, "fine")) == "photo"
    assert len(started.workers) == 4 and len(started.alive()) == 1
    strange._patience = replace(QUICK, idle=0.1)
    await outcome(strange, picture(tmp_path, "fine"))
    await until_none_is_alive(started)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("scan_a_component.jpg", r"\(22300x22300\) is too large for this machine"),
        ("progressive_11000.jpg", "too large for this machine"),
        ("header_100000.heic", "too large for this machine"),
        ("padded.heic", "too large for this machine"),
        ("padded.avif", "too large for this machine"),
        ("padded.webp", "too large for this machine"),
        ("header_65500.jpg", "65500x65500: 4,290 megapixels, and no more than 500 are decoded here"),
        ("screen_60000.gif", "no more than 128 are decoded here"),
        ("tag_of_4_gb.tif", "cannot be decoded; it is damaged"),
        ("half.heic", "cut off"),
        ("recursion.heic", "cannot be decoded"),
        ("header_10000.jp2", "too large for this machine"),
    ],
)
async def test_an_attack_ends_in_the_true_reason(tmp_path: Path, name: str, reason: str) -> None:
    path = await asyncio.to_thread(write_hostile, name, tmp_path)
    with pytest.raises(NotMedia, match=reason):
        await prepare_photo(path, tmp_path / "out", tools=Tools(pictures=Pictures(128_000_000, keep=False)))
    assert list(tmp_path.iterdir()) == [path]


async def test_memory_is_limited_by_what_is_taken_and_not_by_what_a_header_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A decoder that takes a gigabyte for a picture of which nothing of the kind was to be expected."""
    program = tmp_path / "child.py"
    real = Path(pool.__file__).with_name("child.py")
    program.write_text(
        "import sys\n"
        f"sys.path += [{str(real.parent)!r}, *sys.argv[2:]]\n"
        "import child\n"
        "child._know_this_folder()\n"
        "from utils.pictures import photos\n"
        "photos._may_stay = lambda image, file, task: bytearray(1 << 30)\n"
        "child.main(int(sys.argv[1]))\n"
    )
    monkeypatch.setattr("utils.pictures.worker._PROGRAM", program)
    path = await asyncio.to_thread(write_hostile, "exif_loop.jpg", tmp_path)
    assert await outcome(Pictures(300_000_000, keep=False), path) == "memory"


async def test_an_animation_that_is_too_large_is_no_photo_and_no_video(tmp_path: Path) -> None:
    path = await asyncio.to_thread(write_hostile, "frames_5000_of_8192.webp", tmp_path)
    found = await inspect(path, "a.webp", tools=Tools())
    assert "too large for this machine" in found.reason and found.plan is None


def test_answers_are_not_believed() -> None:
    whole = b'{"answer": ["JPEG", 8, 8, [8, 8], true, false, 1, 1], "memory": 1}'
    assert read_answer(Act.PHOTO, whole)[0] == Photo("JPEG", 8, 8, (8, 8), True, False, 1, 1)
    for wrong in (
        whole.replace(b"JPEG", b"a\\n/start"),
        whole.replace(b"true", b"1"),
        whole.replace(b"[8, 8]", b"[8]"),
        whole.replace(b"8, 8,", b"-8, 8,"),
        whole.replace(b"8, 8,", b"1e3, 8,"),
        whole.replace(b'"memory": 1', b'"memory": true'),
        whole[:-3],
        b"[" * 100_000,
        b'{"why": "because", "figures": [], "memory": 1}',
        b'{"why": "memory", "figures": ["x"], "memory": 1}',
        b'{"why": "memory", "figures": [1], "memory": 1}',
        b'{"why": "pixels", "figures": [], "memory": 1}',
        b'{"why": "damaged", "figures": [1], "memory": 1}',
        b'{"why": "kind", "figures": [1, 2], "memory": 1}',
        b"7",
    ):
        answer, _ = read_answer(Act.PHOTO, wrong)
        assert isinstance(answer, Undecoded) and answer.why is Why.LOST, wrong
