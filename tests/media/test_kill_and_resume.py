"""A conversion that is killed, at any instant and any number of times, ends in the same bytes."""

from __future__ import annotations

import asyncio
import hashlib
import os
import random
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from tests.media.makers import QUICK, TOOLS, Memory, clip, convert, shown_times
from utils.media import Converter
from utils.media import checkpoint as checkpoints

ROOT = Path(__file__).resolve().parents[2]
MPEG4 = ("-c:v", "mpeg4", "-q:v", "4", "-c:a", "libmp3lame")


def start(source: Path, folder: Path, *last: str) -> subprocess.Popen[str]:
    folder.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "tests.media.convert_child", str(source), str(folder / "out.mp4")]
    return subprocess.Popen(
        [*command, str(folder / "state.json"), *last],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> str:
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    return output


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def processes_about(folder: Path) -> list[str]:
    """Command lines of running programs that name ``folder``."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            if str(folder) in line:
                found.append(line)
    return found


def wait_until_gone(folder: Path, seconds: float = 2.0) -> None:
    end = time.monotonic() + seconds
    while processes_about(folder):
        assert time.monotonic() < end, processes_about(folder)
        time.sleep(0.02)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return clip(tmp_path_factory.mktemp("source") / "clip.avi", *MPEG4, size="640x480", seconds=4)


@pytest.fixture(scope="module")
def whole(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The result of the run that nothing disturbed, with its log of checkpoints."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    finish(start(source, folder))
    return folder / "out.mp4"


def test_killed_after_every_checkpoint_the_result_is_the_same(
    source: Path, whole: Path, tmp_path: Path
) -> None:
    """Each run gets one checkpoint further and is killed right there."""
    saves = len((whole.parent / "state.log").read_text().splitlines())
    assert saves >= 5
    folder = tmp_path / "run"
    for _ in range(saves * 2):
        process = start(source, folder, "2")
        process.communicate(timeout=60)
        if process.returncode == 0:
            break
        assert process.returncode == -signal.SIGKILL
    assert process.returncode == 0
    assert sha256(folder / "out.mp4") == sha256(whole)
    assert not (folder / "work").exists()


def test_killed_at_random_instants_the_result_is_the_same(source: Path, whole: Path, tmp_path: Path) -> None:
    chance = random.Random(20)
    folder = tmp_path / "run"
    for _ in range(5):
        process = start(source, folder)
        time.sleep(chance.uniform(0.3, 1.5))
        process.kill()
        process.communicate(timeout=60)
        wait_until_gone(folder)
    finish(start(source, folder))
    assert sha256(folder / "out.mp4") == sha256(whole)


def test_two_segments_are_encoded_side_by_side(source: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    process = start(source, folder)
    most = 0
    while process.poll() is None:
        segments = {
            match[0] for line in processes_about(folder) if (match := re.search(r"segment-\d+", line))
        }
        most = max(most, len(segments))
        time.sleep(0.01)
    finish(process)
    assert most == 2


@pytest.mark.parametrize(
    ("size", "threads", "each", "segments"),
    [
        ("320x240", 1, 1, 2),
        ("320x240", 2, 1, 4),
        ("320x240", 3, 3, 2),
        ("320x240", 4, 2, 4),
        ("2560x1440", 2, 2, 2),
    ],
)
async def test_threads_are_shared_out_and_no_more_is_under_way(
    tmp_path: Path, size: str, threads: int, each: int, segments: int
) -> None:
    source, memory = clip(tmp_path / "a.avi", *MPEG4, size=size, seconds=2), Memory()
    await convert(source, tmp_path / "out.mp4", settings=replace(QUICK, threads=threads), checkpoint=memory)
    recipe = recipe_in(memory)
    assert (dict(recipe.video)["threads"], len(recipe.segments)) == (str(each), segments)


def recipe_in(memory: Memory) -> checkpoints.Recipe:
    state = checkpoints.read_state(memory.data)
    assert state is not None
    return state.recipe


def test_a_killed_bot_leaves_no_ffmpeg_behind(source: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    process = start(source, folder)
    end = time.monotonic() + 20
    while not any("ffmpeg" in line and "seg" in line for line in processes_about(folder)):
        assert time.monotonic() < end, "no segment was ever encoded"
        time.sleep(0.01)
    process.kill()
    process.communicate(timeout=60)
    wait_until_gone(folder)


def test_finished_segments_are_not_encoded_again(source: Path, whole: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    process = start(source, folder, "4")
    process.communicate(timeout=60)
    kept = {path: path.stat().st_mtime_ns for path in (folder / "work").glob("*.mp4")}
    assert kept
    work = folder / "work"
    process = start(source, folder, "1")
    output, _ = process.communicate(timeout=60)
    percent = float(output.split()[2])
    assert 0 < percent < 100
    assert {path: path.stat().st_mtime_ns for path in work.glob("*.mp4") if path in kept} == kept


def test_a_segment_that_was_damaged_meanwhile_is_made_again(
    source: Path, whole: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    start(source, folder, "4").communicate(timeout=60)
    segment = sorted((folder / "work").glob("*.mp4"))[0]
    segment.write_bytes(segment.read_bytes()[:-100])
    finish(start(source, folder))
    assert sha256(folder / "out.mp4") == sha256(whole)


def test_another_source_under_the_same_name_starts_over(source: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    mine = tmp_path / "clip.avi"
    mine.write_bytes(source.read_bytes())
    start(mine, folder, "4").communicate(timeout=60)
    clip(mine, *MPEG4, seconds=2)
    finish(start(mine, folder))
    assert len(shown_times(folder / "out.mp4")) == 50


@pytest.mark.parametrize("name", ["clip.ts", "clip.webp"])
@pytest.mark.parametrize("checkpoint_lost", [False, True])
async def test_nothing_that_was_kept_of_another_source_gets_into_the_result(
    tmp_path: Path, name: str, checkpoint_lost: bool
) -> None:
    """Where frames cannot be found in the source itself, a lossless copy of its picture is kept."""
    codec = ("-c:v", "mpeg2video", "-q:v", "4") if name.endswith("ts") else ("-c:v", "libwebp_anim")
    mine, memory, output = tmp_path / name, Memory(), tmp_path / "out.mp4"
    clip(mine, *codec, sound=False, size="160x120", rate="10", seconds=3)
    running = asyncio.create_task(convert(mine, output, checkpoint=memory))
    while not memory.saved:
        await asyncio.sleep(0.005)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    clip(mine, *codec, sound=False, size="160x120", rate="10", picture_filter="negate")
    await convert(mine, output, checkpoint=Memory() if checkpoint_lost else memory)
    await convert(mine, tmp_path / "alone.mp4")
    assert sha256(output) == sha256(tmp_path / "alone.mp4")


async def test_cancelled_it_stops_within_two_seconds_and_goes_on_later(
    source: Path, whole: Path, tmp_path: Path
) -> None:
    memory, output = Memory(), tmp_path / "out.mp4"
    running = asyncio.create_task(convert(source, output, checkpoint=memory))
    while len(memory.saved) < 3:
        await asyncio.sleep(0.01)
    began = time.monotonic()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert time.monotonic() - began < 2
    assert not processes_about(tmp_path)
    assert not output.exists()
    assert Converter(QUICK, TOOLS).resumed_from(memory) > 0
    await convert(source, output, checkpoint=memory)
    assert sha256(output) == sha256(whole)


async def test_progress_is_that_of_the_frames(source: Path, tmp_path: Path) -> None:
    progress: list[float] = []
    memory = Memory()
    await convert(source, tmp_path / "out.mp4", checkpoint=memory, progress=progress)
    assert progress == sorted(progress)
    assert 0 <= progress[0] < 50
    assert progress[-1] == 100
    assert memory.saved == sorted(memory.saved)
    assert len({round(percent) for percent in memory.saved}) >= 5


async def test_a_checkpoint_that_makes_no_sense_starts_over(
    source: Path, whole: Path, tmp_path: Path
) -> None:
    memory = Memory()
    memory.data = {"version": checkpoints.VERSION, "recipe": {"nonsense": True}}
    assert Converter(QUICK, TOOLS).resumed_from(memory) == 0
    await convert(source, tmp_path / "out.mp4", checkpoint=memory)
    assert sha256(tmp_path / "out.mp4") == sha256(whole)


async def test_the_plan_pins_what_would_leave_the_bytes_to_luck(source: Path, tmp_path: Path) -> None:
    """Another number of threads makes other bytes; x264's lookahead thread sometimes does by itself."""
    memory = Memory()
    await convert(source, tmp_path / "out.mp4", checkpoint=memory)
    video = dict(recipe_in(memory).video)
    assert video["threads"] == str(QUICK.threads)
    assert video["x264-params"] == "sync-lookahead=0"
