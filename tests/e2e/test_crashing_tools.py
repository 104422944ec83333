"""A program of the system that crashes: the chat says so, and does not call the file damaged."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.archives.making import seven_zip
from tests.fake_tools import crashing_on_transport_streams, let_it_die_by_signals, on_path, script
from tests.files import H264, encrypted, photo, zip_of
from tests.media.makers import clip
from tests.world import World, until
from utils.archives import engine
from utils.archives.engine import find_engine
from utils.jobs import running


async def test_a_video_that_ffprobe_crashes_on_is_not_called_damaged(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = clip(tmp_path / "film.ts", *H264, seconds=1).read_bytes()
    archive = zip_of(tmp_path / "trip.zip", {"film.ts": stream, "a.jpg": photo(1)})
    on_path(monkeypatch, tmp_path, "ffprobe", crashing_on_transport_streams("ffprobe", signal.SIGSEGV))
    async with world.running():
        await world.send(archive)
        summary = await world.summary()
    assert "📎 Sent as a file: film.ts: ffprobe crashed on it (signal 11)." in summary
    assert "damaged" not in summary
    assert sorted(message.kind for message in world.media()) == ["document", "photo"]


async def test_a_video_that_ffmpeg_crashes_on_comes_as_it_is_with_the_reason(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = clip(tmp_path / "film.ts", "-c:v", "mpeg2video", seconds=1).read_bytes()
    archive = zip_of(tmp_path / "trip.zip", {"film.ts": stream})
    on_path(monkeypatch, tmp_path, "ffmpeg", crashing_on_transport_streams("ffmpeg", signal.SIGABRT))
    async with world.running(CONVERSION_MAX_RETRIES=1):
        await world.send(archive)
        summary = await world.summary()
    assert "film.ts: ffmpeg crashed on it (signal 6)." in summary
    assert "damaged" not in "".join(message.text for message in world.chat())
    assert [message.kind for message in world.media()] == ["document"]


async def test_an_archive_that_7_zip_crashes_on_is_not_called_damaged(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = encrypted(tmp_path / "trip.7z", "sesame")
    crashing = script(tmp_path / "crashing" / "7zz", "import ctypes; ctypes.string_at(0)")
    find_engine()
    monkeypatch.setattr(engine, "find_engine", lambda: crashing)
    async with world.running():
        await world.send(archive)
        assert await world.wait("❌") == "❌ trip.7z: 7-Zip crashed on it (signal 11)."


async def test_a_7_zip_that_is_killed_is_tried_again_and_nothing_is_called_damaged(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos = {f"{number}.jpg": photo(number) for number in range(3)}
    archive = seven_zip(tmp_path / "trip.7z", photos)
    real, killed = str(find_engine()), tmp_path / "killed"
    text = f"""
import os, sys
if sys.argv[1] == "x" and not os.path.exists({str(killed)!r}):
    os.kill(os.getpid(), {signal.SIGKILL:d})
os.execv({real!r}, [{real!r}, *sys.argv[1:]])
"""
    made = script(tmp_path / "dying 7-Zip", text)
    monkeypatch.setattr(engine, "find_engine", lambda: made)
    let_it_die_by_signals(monkeypatch)
    monkeypatch.setattr(running, "RETRY_PAUSES", (0.2,) * 50)
    async with world.running():
        await world.send(archive)
        await until(lambda: any("7-Zip was killed" in line for line in world.lines()))
        killed.touch()
        assert "✅ trip.7z: 3 pictures sent." in await world.summary()
        await until(lambda: not world.leftovers())
    assert not any("Traceback" in line for line in world.lines())


async def test_an_archive_whose_7_zip_is_killed_each_time_ends_in_true_words(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = seven_zip(tmp_path / "trip.7z", {"1.jpg": photo(1)})
    made = script(tmp_path / "dying 7-Zip", f"import os\nos.kill(os.getpid(), {signal.SIGKILL:d})")
    monkeypatch.setattr(engine, "find_engine", lambda: made)
    let_it_die_by_signals(monkeypatch)
    monkeypatch.setattr(running, "RETRY_PAUSES", (0.1, 0.1))
    async with world.running():
        await world.send(archive)
        told = await world.wait("❌ trip.7z: ")
        await until(lambda: not world.leftovers())
    assert "too little memory" in told
