"""Deferred conversion, piece by piece: state, detection, order, recovery, settings."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import random
import time
from pathlib import Path

import pytest

from tests.files import photo, video, zip_of
from tests.storage import endless
from tests.world import World, until
from utils import constants
from utils.constants import load_settings
from utils.conversion_state import ConversionStateManager
from utils.media import Action, MediaTools, Verdict
from utils.queue_manager import ConversionTask, QueueManager


@pytest.fixture
def state_file(tmp_path: Path) -> Path:
    return tmp_path / "data" / "conversion_state.json"


@pytest.fixture
def states(state_file: Path) -> ConversionStateManager:
    return ConversionStateManager(state_file=state_file)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "video.mov"
    path.write_bytes(b"a video")
    return path


def test_state_save_and_load(states: ConversionStateManager, source: Path) -> None:
    before = time.time()
    states.save_state(str(source), "in_progress", 45, "/out/video.mp4")
    state = states.load_state(str(source))
    assert state is not None
    assert (state["file_path"], state["output_path"]) == (str(source), "/out/video.mp4")
    assert (state["status"], state["progress"], state["error"]) == ("in_progress", 45, None)
    assert before <= state["started_at"] <= state["last_updated"] <= time.time()
    assert state["retry_count"] == 0
    assert states.states[str(source)] == state
    assert states.load_state("/not/there") is None
    states.save_state(str(source), "in_progress", 60, "/out/video.mp4", error="slow disk")
    later = states.load_state(str(source))
    assert later is not None
    assert (later["progress"], later["error"], later["started_at"]) == (60, "slow disk", state["started_at"])


def test_mark_completed(states: ConversionStateManager, source: Path) -> None:
    states.save_state(source, "in_progress", 45, "/out/video.mp4", error="once")
    states.mark_completed(source)
    state = states.load_state(source)
    assert state is not None
    assert (state["status"], state["progress"], state["error"]) == ("completed", 100, None)
    assert states.get_incomplete_conversions() == []


def test_mark_failed(states: ConversionStateManager, source: Path) -> None:
    states.save_state(source, "in_progress", 45, "/out/video.mp4")
    states.mark_failed(source, "the disk broke")
    state = states.load_state(source)
    assert state is not None
    assert (state["status"], state["progress"], state["error"]) == ("failed", 45, "the disk broke")
    assert states.get_incomplete_conversions() == []


def test_get_incomplete_conversions(states: ConversionStateManager, tmp_path: Path) -> None:
    for status in ("pending", "in_progress", "completed", "failed"):
        (tmp_path / status).touch()
        states.save_state(tmp_path / status, status, 10, f"/out/{status}")
    incomplete = states.get_incomplete_conversions()
    assert [Path(state["file_path"]).name for state in incomplete] == ["pending", "in_progress"]
    assert all(isinstance(state, dict) and state["progress"] == 10 for state in incomplete)


def test_increment_retry_count(states: ConversionStateManager, source: Path, state_file: Path) -> None:
    states.save_state(source, "pending", 0, "/out/video.mp4")
    assert [states.increment_retry_count(source) for _ in range(3)] == [1, 2, 3]
    states.save_state(source, "in_progress", 5, "/out/video.mp4")
    reread = ConversionStateManager(state_file=state_file).load_state(source)
    assert reread is not None and reread["retry_count"] == 3
    assert states.increment_retry_count("/not/there") == 0


def test_cleanup_completed_states(states: ConversionStateManager, state_file: Path) -> None:
    for name, status, hours in (
        ("old", "completed", 30),
        ("new", "completed", 20),
        ("waiting", "pending", 30),
        ("failed", "failed", 30),
    ):
        states.save_state(name, status, 1, "out")
        states.states[name]["last_updated"] -= hours * 3600
    assert states.cleanup_completed(max_age_hours=24) == 1
    assert set(json.loads(state_file.read_text())) == {"new", "waiting", "failed"}
    # What is finished is bounded: saving costs as much at the thousandth as at the first.
    for number in range(300):
        states.states[f"done {number}"] = {**states.states["new"], "last_updated": float(number)}
    states.save_state("one more", "pending", 0, "out")
    assert 100 <= len(json.loads(state_file.read_text())) <= 105
    assert {"waiting", "one more"} <= set(states.states)


def test_get_statistics(states: ConversionStateManager) -> None:
    assert states.get_stats() == {"total": 0, "pending": 0, "in_progress": 0, "completed": 0, "failed": 0}
    for number, status in enumerate(("pending", "pending", "in_progress", "completed", "failed")):
        states.save_state(f"file {number}", status, 0, "out")
    assert states.get_stats() == {"total": 5, "pending": 2, "in_progress": 1, "completed": 1, "failed": 1}


def test_persistence_across_instances(state_file: Path) -> None:
    """What one instance saved, the next one knows, also when the first was killed while it saved."""
    for _ in range(12):
        with endless.running("save", state_file) as saver:
            while not state_file.exists() or state_file.stat().st_size < 1_000_000:
                assert saver.poll() is None
                time.sleep(0.01)
            time.sleep(0.1 + random.random() / 10)
        assert json.loads(state_file.read_text())["the one"], "the kill left a file that does not parse"
        state_file.unlink()
    first = ConversionStateManager(state_file=state_file)
    first.save_state("the one", "in_progress", 45, "out")
    assert ConversionStateManager(state_file=state_file).states == first.states
    # A file that is damaged all the same is set aside, and the manager starts with nothing.
    state_file.write_text('{"file": {"status": "pend')
    assert ConversionStateManager(state_file=state_file).states == {}
    kept = [path for path in (state_file.parent / "quarantine").iterdir() if "reason" not in path.name]
    assert [path.read_text() for path in kept] == ['{"file": {"status": "pend']


async def test_incompatible_video_detection(tmp_path: Path) -> None:
    """By content: names lie here, and every one of them is seen through."""
    tools = MediaTools.from_settings(load_settings({}, tmp_path / "none"))
    expected = {
        "mp4": (Verdict.READY, Action.SEND),
        "silent": (Verdict.READY, Action.SEND),
        "mkv": (Verdict.DEFERRED, Action.REMUX),
        "pcm": (Verdict.DEFERRED, Action.AUDIO),
        "avi": (Verdict.DEFERRED, Action.FULL),
    }
    for kind, (verdict, action) in expected.items():
        path = tmp_path / kind
        path.write_bytes(video(kind))
        inspection = await tools.inspect(path, "holiday.mp4")
        assert inspection.verdict is verdict, kind
        assert inspection.plan is not None and inspection.plan.action is action, kind
        assert (inspection.width, inspection.height) == (320, 240)
        assert inspection.duration == pytest.approx(2, abs=0.2)
        assert inspection.has_audio is (kind != "silent")


async def test_deferred_task_creation(world: World, tmp_path: Path) -> None:
    """An incompatible video becomes an entry on disk and a task in the queue before anything is converted."""
    archive = zip_of(tmp_path / "trip.zip", {"film.avi": video("avi"), "a.jpg": photo(1)})
    seen: list[dict[str, object]] = []
    async with world.running() as bot:
        bot.queue.hold()
        await world.send(archive)
        await world.person.wait_for(lambda message: bool(message.photo))
        await until(bot.queue.waiting)
        (task,) = bot.queue.waiting()
        seen = list(json.loads((world.data / "conversion_state.json").read_text()).values())
        assert task.job in str(seen[0]["file_path"])
        bot.queue.release()
        await world.summary()
    assert [(state["status"], state["progress"]) for state in seen] == [("pending", 0)]
    assert "INFO: ⏸️ Deferred video conversion: film.avi (incompatible format)" in "\n".join(world.lines())


async def test_priority_ordering() -> None:
    """Uploads first, then conversions by cost; one that waits its turn again comes in by its cost."""
    order: list[str] = []

    async def convert(task: ConversionTask) -> None:
        order.append(f"convert {task.number}")
        if task.number == 60:
            queue.add_conversion("job", 5, cost=5)
        if not queue.waiting():
            done.set()

    queue, done = QueueManager(convert), asyncio.Event()
    for cost in (60, 1, 10):
        queue.add_conversion("job", cost, cost)
    async with queue.upload(chat=1):
        runner = asyncio.create_task(queue.run())
        await asyncio.sleep(0.05)
        order.append("upload")
        async with queue.upload(chat=2):
            order.append("another upload")
    await asyncio.wait_for(done.wait(), 60)
    assert order[:5] == ["upload", "another upload", "convert 1", "convert 10", "convert 60"]
    runner.cancel()
    await asyncio.gather(runner, return_exceptions=True)


async def test_recovery_on_startup(world: World, tmp_path: Path) -> None:
    """What was deferred before the bot ended is queued again and delivered when it starts."""
    entries = {"one.avi": video("avi"), "two.mkv": video("mkv"), "a.jpg": photo(1)}
    async with world.running() as bot:
        bot.queue.hold()
        await world.send(zip_of(tmp_path / "trip.zip", entries))
        await until(lambda: len(bot.queue.waiting()) == 2)
    assert not [message for message in world.media() if message.kind == "video"]
    async with world.running():
        await world.summary()
    assert sorted(message.name or "" for message in world.media() if message.kind == "video") == [
        "one_converted.mp4",
        "two_converted.mp4",
    ]
    log = world.lines()
    assert "INFO: 🔄 Found 2 incomplete conversions" in log
    assert "INFO: ♻️ Queued recovery conversion: one.avi" in log
    assert "INFO: ♻️ Queued recovery conversion: two.mkv" in log


def test_missing_file_handling(
    states: ConversionStateManager, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    states.save_state(tmp_path / "gone.mov", "in_progress", 45, "/out/gone.mp4")
    with caplog.at_level(logging.WARNING):
        assert states.get_incomplete_conversions() == []
    state = states.load_state(tmp_path / "gone.mov")
    assert state is not None
    assert (state["status"], state["error"]) == ("failed", "Original file missing")
    assert [(record.levelname, record.message) for record in caplog.records] == [
        ("WARNING", "⚠️ Original file missing: gone.mov")
    ]


def test_configuration_flag(tmp_path: Path) -> None:
    """On by default; the settings file turns it off, the environment has the last word."""
    file = tmp_path / "secrets.properties"
    assert load_settings({}, file).DEFERRED_VIDEO_CONVERSION is True
    file.write_text("DEFERRED_VIDEO_CONVERSION=False  # not now\n")
    assert load_settings({}, file).DEFERRED_VIDEO_CONVERSION is False
    assert load_settings({"DEFERRED_VIDEO_CONVERSION": "yes"}, file).DEFERRED_VIDEO_CONVERSION is True
    assert load_settings({}, file).sources["DEFERRED_VIDEO_CONVERSION"] == "secrets.properties"


def test_configuration_constants(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The guide's constants, importable without any settings file, with the guide's values."""
    for info in constants.SETTINGS:
        monkeypatch.delenv(info.name, raising=False)
    monkeypatch.setenv("SECRETS_FILE", str(tmp_path / "none"))
    from utils.constants import (
        CONVERSION_MAX_RETRIES,
        CONVERSION_STATE_FILE,
        CONVERSION_STATE_SAVE_INTERVAL,
        DATA_DIR,
        DEFERRED_VIDEO_CONVERSION,
        QUARANTINE_DIR,
        RECOVERY_DIR,
    )

    assert DEFERRED_VIDEO_CONVERSION is True
    assert (CONVERSION_MAX_RETRIES, CONVERSION_STATE_SAVE_INTERVAL) == (3, 10)
    assert os.path.join(DATA_DIR, "conversion_state.json") == CONVERSION_STATE_FILE  # noqa: PTH118
    assert os.path.join(DATA_DIR, "recovery") == RECOVERY_DIR  # noqa: PTH118
    assert os.path.join(DATA_DIR, "quarantine") == QUARANTINE_DIR  # noqa: PTH118
    assert constants.CONVERSION_TIMEOUT_SECONDS == constants.COMPRESSION_TIMEOUT_SECONDS == 1800
