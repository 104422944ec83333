"""Deferred conversion as a user sees it: the real bot, the real client, a real server, real ffmpeg."""

from __future__ import annotations

import json
import re
from pathlib import Path

from sandbox import StoredMessage
from tests.e2e.process import environment, start
from tests.files import SEGMENT, ffmpeg_after, photo, video, zip_of
from tests.world import World, until
from utils.constants import load_settings
from utils.media import Action, MediaTools, Verdict


def kinds(messages: list[StoredMessage]) -> list[str]:
    return [message.kind for message in messages]


async def test_deferred_conversion_detection(world: World, tmp_path: Path) -> None:
    """Of a mixed archive exactly the videos that Telegram would not play are deferred."""
    entries = {
        "plays.mp4": video("mp4"),
        "plays too.mp4": video("silent"),
        "wrap.mkv": video("mkv"),
        "sound.mov": video("pcm"),
        "all.avi": video("avi"),
        "no video.mp4": b"this is text",
        "nothing.jpg": b"",
    }
    async with world.running():
        await world.send(zip_of(tmp_path / "mix.zip", entries))
        summary = await world.summary()
    # What is called like one and is none is named, and not passed over as if it were a text.
    document = next(message for message in world.media() if message.name == "no video.mp4")
    assert (document.kind, document.size) == ("document", 12)
    assert "It is called like a picture or a video, and is neither." in document.caption
    assert "⏭️ Skipped: " in summary and "nothing.jpg" in summary and "it is empty" in summary
    deferred = [line for line in world.lines() if line.startswith("INFO: ⏸️ Deferred video conversion: ")]
    named = [line.partition(": ⏸️ Deferred video conversion: ")[2].partition(" (")[0] for line in deferred]
    assert sorted(named) == ["all.avi", "sound.mov", "wrap.mkv"]
    assert all("(incompatible format" in line for line in deferred)


async def test_normal_files_upload_first(world: World, tmp_path: Path) -> None:
    """Whatever comes first in the archive, everything that is ready arrives before any conversion."""
    entries = {f"0{n}.avi": video("avi", seconds=n + 1) for n in range(2)}
    entries |= {f"z{n}.jpg": photo(n) for n in range(12)} | {"zz.mp4": video("mp4")}
    async with world.running():
        await world.send(zip_of(tmp_path / "trip.zip", entries))
        await world.summary()
    media = world.media()
    assert kinds(media) == ["photo"] * 12 + ["video"] * 3
    assert [message.name for message in media[12:]] == ["zz.mp4", "00_converted.mp4", "01_converted.mp4"]
    log = world.lines()
    assert log.index("INFO: ✅ Uploaded 2 images and 1 video") < log.index(
        "INFO: 🎬 Starting deferred conversion: 00.avi"
    )


async def test_conversion_state_tracking(world: World, tmp_path: Path) -> None:
    """The state file follows a conversion from pending through real percentages to completed."""
    seen: list[tuple[str, float]] = []
    state_file = world.data / "conversion_state.json"

    def look() -> bool:
        if state_file.exists():
            for state in json.loads(state_file.read_text()).values():
                if not seen or seen[-1] != (state["status"], state["progress"]):
                    seen.append((state["status"], state["progress"]))
        return bool(seen) and seen[-1][0] == "completed"

    async with world.running(CONVERSION_STATE_SAVE_INTERVAL=0, CONVERSION_SEGMENT_SECONDS=2):
        await world.send(zip_of(tmp_path / "film.zip", {"film.avi": video("avi", seconds=12)}))
        await until(look)
        await world.summary()
    assert seen[0] in (("pending", 0), ("in_progress", 0))
    assert seen[-1] == ("completed", 100)
    between = [progress for status, progress in seen if status == "in_progress" and 0 < progress < 100]
    assert between and between == sorted(between)
    assert any(line.startswith("INFO: 💾 Conversion state saved: film.avi (") for line in world.lines())


async def test_video_compatibility_check(world: World, tmp_path: Path) -> None:
    """What is sent as it is is untouched; what was converted really plays, by the same check."""
    ready = video("mp4")
    async with world.running():
        await world.send(zip_of(tmp_path / "two.zip", {"ready.mp4": ready, "old.avi": video("avi")}))
        await world.summary()
    as_it_was, converted = world.media()
    assert as_it_was.path is not None and as_it_was.path.read_bytes() == ready
    tools = MediaTools.from_settings(load_settings({}, tmp_path / "none"))
    assert converted.path is not None
    inspection = await tools.inspect(converted.path, "old_converted.mp4")
    assert (inspection.verdict, inspection.plan and inspection.plan.action) == (Verdict.READY, Action.SEND)
    for message in (as_it_was, converted):
        assert (message.width, message.height, message.supports_streaming) == (320, 240, True)
        assert round(message.duration or 0) == 2
        assert message.thumb is not None


async def test_conversion_with_state_saving(world: World, tmp_path: Path) -> None:
    """Each checkpoint is logged when it is on disk, and holds the plan and the segments so far."""
    async with world.running(CONVERSION_STATE_SAVE_INTERVAL=0, CONVERSION_SEGMENT_SECONDS=2):
        await world.send(zip_of(tmp_path / "film.zip", {"film.avi": video("avi", seconds=8)}))
        await until(lambda: any("💾 Conversion state saved: film.avi" in line for line in world.lines()))
        (state,) = json.loads((world.data / "conversion_state.json").read_text()).values()
        assert state["status"] in ("in_progress", "completed")
        assert state["details"].get("plan") or state["status"] == "completed"
        await world.summary()
    log = world.lines()
    start = log.index("INFO: 🎬 Starting deferred conversion: film.avi")
    end = log.index("INFO: ✅ Conversion completed: film.avi -> film_converted.mp4")
    saved = [
        n for n, line in enumerate(log) if line.startswith("INFO: 💾 Conversion state saved: film.avi (")
    ]
    assert saved and start < saved[0] < saved[-1] < end


async def test_resume_after_crash(world: World, tmp_path: Path) -> None:
    """Killed without warning in the middle of an encode, the bot goes on from there and sends it once."""
    environ = environment(
        world,
        CONVERSION_SEGMENT_SECONDS="2",
        CONVERSION_STATE_SAVE_INTERVAL="0",
        # Each segment takes a while, so that the kill comes in the middle.
        PATH=ffmpeg_after(tmp_path / "tools", SEGMENT, "sleep 0.5"),
    )

    def progress() -> float:
        lines = [line for line in world.lines() if "💾 Conversion state saved: film.avi (" in line]
        return float(lines[-1].rpartition("(")[2].partition("%")[0]) if lines else 0.0

    first = await start(environ)
    await until(lambda: "INFO: ✅ Ready" in world.lines())
    await world.send(zip_of(tmp_path / "film.zip", {"film.avi": video("avi", seconds=20), "a.jpg": photo(1)}))
    await until(lambda: progress() >= 20)
    first.kill()
    await first.communicate()
    before = progress()
    assert before < 100
    second = await start(environ)
    try:
        await world.summary()
        await until(lambda: not world.leftovers())
    finally:
        second.terminate()
        await second.communicate()
    pattern = re.compile(r"INFO: ♻️ Resumed conversion after crash: film\.avi \(from (\d+)%\)")
    (resumed,) = [found for line in world.lines() if (found := pattern.fullmatch(line))]
    assert 10 <= float(resumed.group(1)) <= before + 1
    assert [message.name for message in world.media() if message.kind == "video"] == ["film_converted.mp4"]
    assert kinds(world.media()) == ["photo", "video"]


async def test_cleanup_after_successful_conversion(world: World, tmp_path: Path) -> None:
    """Nothing is left on disk but the record that it was done."""
    async with world.running():
        await world.send(zip_of(tmp_path / "trip.zip", {"film.avi": video("avi"), "w.mkv": video("mkv")}))
        await world.summary()
        await until(lambda: not world.leftovers())
    states = json.loads((world.data / "conversion_state.json").read_text()).values()
    assert sorted((state["status"], state["progress"]) for state in states) == [("completed", 100)] * 2
    assert not any(state["details"] for state in states)
    assert list((world.data / "quarantine").iterdir()) == []


async def test_mixed_media_upload_workflow(world: World, tmp_path: Path) -> None:
    """Every kind of entry ends where it belongs: albums by folder, conversions, and a true summary."""
    entries = {f"beach/img{n}.jpg": photo(n) for n in range(1, 13)}
    entries |= {
        "beach/film.avi": video("avi"),
        "city/a.png": photo(50, kind="PNG"),
        "city/v.mp4": video("mp4"),
    }
    entries |= {"city/notes.txt": b"nothing", "__MACOSX/._a.png": b"junk", "broken.jpg": photo(3)[:300]}
    async with world.running():
        await world.send(zip_of(tmp_path / "trip.zip", entries))
        summary = await world.summary()
    media = world.media()
    assert kinds(media) == ["document"] + ["photo"] * 13 + ["video"] * 2
    broken = next(message for message in media if message.kind == "document")
    assert broken.name == "broken.jpg" and "ℹ️ The picture cannot be decoded" in broken.caption
    albums = [
        [m for m in media if m.album == album] for album in dict.fromkeys(m.album for m in media) if album
    ]
    assert [[m.kind for m in album] for album in albums] == [
        ["photo"] * 10,
        ["photo"] * 2,
        ["photo", "video"],
    ]
    first = albums[0][0].caption
    assert first == "📦 trip.zip › beach"
    assert "13 pictures, 2 videos and 1 file sent" in summary
    assert "🎬 Converted 1 video: film.avi" in summary
    assert "📎 Sent as a file: broken.jpg: The picture cannot be decoded" in summary
    assert "city/notes.txt" in summary
    assert "Ignored 1 file of systems" in summary
    log = world.lines()
    for line in (
        "INFO: 📤 Uploading 10 images as album...",
        "INFO: ✅ Uploaded 10 images",
        "INFO: ✅ Uploaded 1 image and 1 video",
        "INFO: ✅ Uploaded film_converted.mp4",
    ):
        assert line in log


async def test_configuration_flag_control(world: World, tmp_path: Path) -> None:
    """With the flag off a video is converted in line, before what comes after it in the archive."""
    entries = {"a/film.avi": video("avi"), "b/photo.jpg": photo(1)}
    async with world.running(DEFERRED_VIDEO_CONVERSION=False):
        await world.send(zip_of(tmp_path / "trip.zip", entries))
        summary = await world.summary()
    assert kinds(world.media()) == ["video", "photo"]
    assert "1 picture and 1 video sent" in summary
    assert not any("Deferred" in line for line in world.lines())
