"""Every kind of file that people send: what is done with it, and that the result is what it was."""

from __future__ import annotations

import asyncio
import itertools
import subprocess
from pathlib import Path

import pytest

from tests.media.makers import (
    AAC,
    H264,
    QUICK,
    TOOLS,
    Memory,
    clip,
    convert,
    decodes_without_a_word,
    ffmpeg,
    largest_time_error,
    shown_times,
    streams,
)
from utils.media import Action, Converter, Verdict, inspect

FULL, AUDIO, REMUX = Action.FULL, Action.AUDIO, Action.REMUX

#: What is not the same everywhere: name of the file, action, options, and more for `clip`.
SOURCES: list[tuple[str, Action, tuple[str, ...], dict[str, object]]] = [
    ("late-index.mp4", REMUX, (*H264, *AAC), {}),
    ("fragmented.mp4", REMUX, (*H264, *AAC, "-movflags", "frag_keyframe+empty_moov"), {}),
    ("quicktime.mov", REMUX, (*H264, *AAC), {}),
    ("h264.mkv", REMUX, (*H264, *AAC), {}),
    ("h264.flv", REMUX, (*H264, *AAC), {}),
    ("h264.ts", REMUX, (*H264, *AAC), {}),
    ("h264.m2ts", AUDIO, (*H264, "-c:a", "ac3"), {}),
    ("ac3.mkv", AUDIO, (*H264, "-c:a", "ac3"), {}),
    ("opus.mkv", AUDIO, (*H264, "-c:a", "libopus"), {}),
    ("vorbis.mkv", AUDIO, (*H264, "-c:a", "libvorbis"), {}),
    ("pcm.mov", AUDIO, (*H264, "-c:a", "pcm_s16le"), {}),
    ("mp3.mp4", AUDIO, (*H264, "-c:a", "libmp3lame", "-movflags", "+faststart"), {}),
    ("hevc.mp4", FULL, ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=0", *AAC), {}),
    (
        "vp8.webm",
        FULL,
        ("-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-c:a", "libvorbis"),
        {},
    ),
    ("vp9.webm", FULL, ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8"), {}),
    ("av1.mkv", FULL, ("-c:v", "libsvtav1", "-preset", "12", *AAC), {}),
    ("mpeg4.avi", FULL, ("-c:v", "mpeg4", "-q:v", "5", "-c:a", "libmp3lame"), {}),
    ("b-frames.avi", FULL, ("-c:v", "mpeg4", "-bf", "2", "-q:v", "5", "-c:a", "libmp3lame"), {}),
    ("windows.wmv", FULL, ("-c:v", "wmv2", "-b:v", "800k", "-c:a", "wmav2"), {}),
    ("sorenson.flv", FULL, ("-c:v", "flv1", "-q:v", "5", "-c:a", "libmp3lame", "-ar", "44100"), {}),
    ("mpeg2.ts", FULL, ("-c:v", "mpeg2video", "-bf", "2", "-q:v", "5", "-c:a", "mp2"), {}),
    ("mpeg1.mpg", FULL, ("-c:v", "mpeg1video", "-q:v", "5", "-c:a", "mp2"), {}),
    ("dvd.vob", FULL, ("-c:v", "mpeg2video", "-bf", "2", "-q:v", "5", "-c:a", "ac3", "-f", "vob"), {}),
    ("h263.3gp", FULL, ("-c:v", "h263", "-q:v", "5", *AAC), {"size": "176x144"}),
    ("theora.ogv", FULL, ("-c:v", "libtheora", "-q:v", "7", "-c:a", "libvorbis"), {}),
    ("real.rm", FULL, ("-c:v", "rv20", "-q:v", "5", "-c:a", "ac3"), {}),
    ("broadcast.mxf", FULL, ("-c:v", "mpeg2video", "-q:v", "5", "-c:a", "pcm_s16le"), {}),
    ("prores.mov", FULL, ("-c:v", "prores_ks", "-profile:v", "0", "-c:a", "pcm_s16le"), {}),
    ("camera.avi", FULL, ("-c:v", "mjpeg", "-q:v", "5", "-c:a", "pcm_u8"), {}),
    (
        "tape.dv",
        FULL,
        ("-c:v", "dvvideo", "-pix_fmt", "yuv420p", "-ac", "2"),
        {"size": "720x576", "seconds": 1},
    ),
    ("high10.mkv", FULL, (*H264[:4], "-pix_fmt", "yuv420p10le", *AAC), {}),
    ("high422.mkv", FULL, (*H264[:4], "-pix_fmt", "yuv422p", *AAC), {}),
    ("animation.gif", FULL, (), {"sound": False, "rate": "10"}),
    ("animation.webp", FULL, ("-c:v", "libwebp_anim", "-loop", "0"), {"sound": False, "rate": "10"}),
]

#: Sources of which ffprobe cannot tell the times of the pictures, for they are not stored or not read.
WITHOUT_TIMES = ("b-frames.avi", "animation.webp")


@pytest.mark.parametrize(("name", "action", "options", "more"), SOURCES, ids=[row[0] for row in SOURCES])
async def test_becomes_an_mp4_that_plays_everywhere(
    tmp_path: Path, name: str, action: Action, options: tuple[str, ...], more: dict[str, object]
) -> None:
    source = clip(tmp_path / name, *options, **more)  # type: ignore[arg-type]
    output = tmp_path / "result.mp4"
    before, after = await convert(source, output)
    assert before.verdict is Verdict.DEFERRED
    assert before.plan is not None
    assert before.plan.action is action
    assert before.reason.endswith(".")
    assert after.verdict is Verdict.READY, after.reason
    assert (after.width, after.height) == (before.width, before.height)
    assert after.has_audio is before.has_audio is more.get("sound", True)
    assert decodes_without_a_word(output)
    rate = float(str(more.get("rate", 25)))
    if name in WITHOUT_TIMES:
        times = shown_times(output)
        assert len(times) == 2 * rate
        assert all(b - a == pytest.approx(1 / rate, abs=0.01) for a, b in itertools.pairwise(times))
    else:
        assert largest_time_error(source, output) <= 0.5 / rate
    assert not (tmp_path / "result.mp4.work").exists()
    if action is FULL and name not in IN_ONE_PIECE:
        again = await broken_off_and_resumed(source, tmp_path / "broken.mp4")
        assert again.read_bytes() == output.read_bytes()


#: Too short for a second segment, or without an index to seek in.
IN_ONE_PIECE = ("tape.dv", "animation.gif", "real.rm")


async def broken_off_and_resumed(source: Path, output: Path) -> Path:
    """Convert ``source`` in two runs, the first cancelled in mid-way."""
    memory, converter = Memory(), Converter(QUICK, TOOLS)
    running = asyncio.create_task(convert(source, output, checkpoint=memory))
    while not running.done() and not converter.resumed_from(memory):
        await asyncio.sleep(0.005)
    assert running.cancel(), "it was too quick to be broken off"
    with pytest.raises(asyncio.CancelledError):
        await running
    assert 0 < converter.resumed_from(memory) < 100
    await convert(source, output, checkpoint=memory)
    return output


async def test_what_plays_is_sent_as_it_is(tmp_path: Path) -> None:
    source = clip(tmp_path / "fine.mp4", *H264, *AAC, "-movflags", "+faststart")
    inspection = await inspect(source, source.name, tools=TOOLS)
    assert inspection.verdict is Verdict.READY
    assert inspection.plan is not None
    assert inspection.plan.action is Action.SEND
    assert (inspection.width, inspection.height, inspection.has_audio) == (320, 240, True)
    assert inspection.duration == pytest.approx(2.0, abs=0.1)


async def test_the_name_does_not_matter(tmp_path: Path) -> None:
    source = clip(tmp_path / "fine.mp4", *H264, *AAC, "-movflags", "+faststart")
    inspection = await inspect(source, "holiday.avi", tools=TOOLS)
    assert inspection.verdict is Verdict.READY


async def test_a_copied_picture_is_not_touched(tmp_path: Path) -> None:
    source = clip(tmp_path / "h264.mkv", *H264, "-c:a", "libopus")
    await convert(source, tmp_path / "result.mp4")
    for name, path in (("before", source), ("after", tmp_path / "result.mp4")):
        ffmpeg(
            "-i", path, "-map", "0:v", "-c", "copy", "-bsf:v", "h264_mp4toannexb", tmp_path / f"{name}.h264"
        )
    assert (tmp_path / "before.h264").read_bytes() == (tmp_path / "after.h264").read_bytes()


@pytest.mark.parametrize("name", ["b-frames.avi", "b-frames.h264"])
async def test_pictures_whose_order_is_not_stored_come_in_order(tmp_path: Path, name: str) -> None:
    reordered = ("-c:v", "libx264", "-preset", "veryfast", "-bf", "3", "-g", "25", "-pix_fmt", "yuv420p")
    source = clip(tmp_path / name, *reordered, sound=False)
    await convert(source, tmp_path / "result.mp4")
    times = shown_times(tmp_path / "result.mp4")
    assert times == pytest.approx([number / 25 for number in range(50)], abs=0.001)
    assert picture_numbers(tmp_path / "result.mp4", source) == list(range(50))


def picture_numbers(path: Path, source: Path) -> list[int]:
    """For each picture of ``path``, the number of the one of ``source`` that it is most like."""
    mine, theirs = pictures(path), pictures(source)

    def unlike(one: bytes, other: bytes) -> int:
        return sum(abs(a - b) for a, b in zip(one, other, strict=True))

    return [min(range(len(theirs)), key=lambda n: unlike(shot, theirs[n])) for shot in mine]


def pictures(path: Path) -> list[bytes]:
    """Each decoded picture, small and grey."""
    command = ["ffmpeg", "-v", "error", "-i", str(path), "-vf", "scale=32:24,format=gray"]
    command += ["-fps_mode", "passthrough", "-f", "rawvideo", "-"]
    raw = subprocess.run(command, check=True, capture_output=True, timeout=60).stdout
    return [raw[at : at + 32 * 24] for at in range(0, len(raw), 32 * 24)]


async def test_a_silent_video_stays_silent(tmp_path: Path) -> None:
    source = clip(tmp_path / "silent.mkv", *H264, sound=False)
    before, after = await convert(source, tmp_path / "result.mp4")
    assert not before.has_audio
    assert not after.has_audio
    assert [stream["codec_type"] for stream in streams(tmp_path / "result.mp4")] == ["video"]


@pytest.mark.parametrize("name", ["motion.mp4", "motion.mkv", "slow.mkv"])
async def test_a_larger_still_in_a_track_of_its_own_does_not_take_the_place_of_the_film(
    tmp_path: Path, name: str
) -> None:
    film = clip(tmp_path / "film.mp4", *H264, *AAC, rate="0.5" if name == "slow.mkv" else "30", seconds=6)
    still = clip(tmp_path / "still.mp4", *H264, size="640x480", rate="1", seconds=1, sound=False)
    source, output = tmp_path / name, tmp_path / "out.mp4"
    order = ("-map", "1:v", "-map", "0") if name.endswith("mkv") else ("-map", "0", "-map", "1:v")
    ffmpeg("-i", film, "-i", still, *order, "-c", "copy", source)
    before, after = await convert(source, output)
    assert (before.width, before.height) == (after.width, after.height) == (320, 240)
    assert after.plan is not None
    assert len(shown_times(output)) == len(shown_times(film)) == (3 if name == "slow.mkv" else 180)
    assert after.has_audio
