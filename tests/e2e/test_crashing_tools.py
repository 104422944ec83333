"""A program of the system that crashes: the chat says so, and does not call the file damaged."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.fake_tools import crashing_on_transport_streams, on_path, script
from tests.files import H264, encrypted, photo, zip_of
from tests.media.makers import clip
from tests.world import World
from utils.archives import engine
from utils.archives.engine import find_engine


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
