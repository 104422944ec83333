"""The engine's border: what it refuses, what it says of a checkpoint, which encoder it takes."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from pathlib import Path

import pytest

from tests.media.makers import QUICK, SIDE_BY_SIDE, Memory, clip, convert, ffmpeg, streams
from utils.errors import ConversionFailed, DiskFull
from utils.media import Converter, EncodeSettings, Tools, Verdict, inspect
from utils.media.picture import video_filters
from utils.media.tools import Features

MPEG4 = ("-c:v", "mpeg4", "-q:v", "6", "-pix_fmt", "yuv420p", "-c:a", "libmp3lame")
H264_LATE = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac")


async def nothing(_: float) -> None:
    """Nobody watches."""


@pytest.mark.parametrize(("name", "codecs"), [("a.avi", MPEG4), ("a.mkv", H264_LATE)], ids=["encode", "copy"])
async def test_without_room_it_is_refused_with_the_figures_and_nothing_is_left(
    tmp_path: Path, name: str, codecs: tuple[str, ...]
) -> None:
    source = clip(tmp_path / name, *codecs, seconds=1)
    tools, memory, work = Tools(), Memory(), tmp_path / "work"
    converter = Converter(EncodeSettings(disk_reserve=500_000_000), tools, free=lambda _: 500_010_000)
    with pytest.raises(
        DiskFull, match=r"may need .* MB of disk, but only 0 MB may be used \(500 MB are kept free\)"
    ):
        await converter.convert(
            source,
            tmp_path / "out.mp4",
            inspection=await inspect(source, name, tools=tools),
            checkpoint=memory,
            work_dir=work,
            on_progress=nothing,
        )
    assert not (tmp_path / "out.mp4").exists()
    assert not work.exists() or not list(work.iterdir())


async def test_what_needs_no_conversion_is_copied(tmp_path: Path) -> None:
    source = clip(tmp_path / "a.mp4", *H264_LATE, "-movflags", "+faststart", seconds=0.5)
    _, after = await convert(source, tmp_path / "out.mp4")
    assert after.verdict is Verdict.READY
    assert (tmp_path / "out.mp4").read_bytes() == source.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.mp4", "out.mp4"]


async def test_what_is_no_video_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"only text")
    with pytest.raises(ConversionFailed, match="nothing to convert"):
        await convert(tmp_path / "a.mp4", tmp_path / "out.mp4")


@pytest.mark.parametrize("data", [{}, {"version": 99}, {"version": 1, "recipe": None}, {"progress": 50}])
def test_a_checkpoint_that_says_nothing_resumes_from_nothing(data: dict[str, object]) -> None:
    memory = Memory()
    memory.data = data
    assert Converter(QUICK, Tools()).resumed_from(memory) == 0.0


async def test_a_checkpoint_of_another_version_starts_over(tmp_path: Path) -> None:
    source, memory = clip(tmp_path / "a.avi", *MPEG4, seconds=2.5), Memory()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("utils.media.full.join_arguments", _no_join)
        with pytest.raises(DiskFull):
            await convert(source, tmp_path / "out.mp4", checkpoint=memory)
    assert memory.data is not None
    converter = Converter(QUICK, Tools())
    assert converter.resumed_from(memory) == 100.0
    memory.data = {**memory.data, "version": 99}
    assert converter.resumed_from(memory) == 0.0


async def test_what_is_finished_needs_no_room_again(tmp_path: Path) -> None:
    source, memory = clip(tmp_path / "a.avi", *MPEG4, seconds=2.5), Memory()
    small, needed = replace(QUICK, crf=50), list[float]()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("utils.media.full.require_room", lambda _, bytes_, **__: needed.append(bytes_))
        patch.setattr("utils.media.full.join_arguments", _no_join)
        for _ in range(2):
            with pytest.raises(DiskFull):
                await convert(source, tmp_path / "out.mp4", checkpoint=memory, settings=small)
    segments = sum(path.stat().st_size for path in tmp_path.glob("*.work/segment-*.mp4"))
    assert 0 < segments < needed[0] / 2
    assert needed[1] == pytest.approx(needed[0] - segments)


def _no_join(**_: object) -> list[str]:
    raise DiskFull("Cut off between the last segment and the join.")


async def test_a_finished_conversion_leaves_only_its_result(tmp_path: Path) -> None:
    source = clip(tmp_path / "a.avi", *MPEG4, seconds=2.5)
    await convert(source, tmp_path / "out.mp4")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.avi", "out.mp4"]


async def test_what_could_not_be_read_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    source = clip(tmp_path / "a.mkv", *MPEG4, seconds=4)
    data = source.read_bytes()
    source.write_bytes(data[: len(data) // 2])
    await convert(source, tmp_path / "out.mp4")
    assert "of 4.0 seconds could be read" in caplog.text


@pytest.mark.parametrize("name", ["b.mkv", "b.mov"])
async def test_subtitles_that_outlast_the_picture_are_no_damage(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    clip(tmp_path / "a.mkv", *MPEG4, seconds=1)
    (tmp_path / "a.srt").write_text(
        "1\n00:00:00,100 --> 00:00:00,900\nA\n\n2\n00:00:08,000 --> 00:00:09,000\nB\n"
    )
    subtitles = ("-c:s", "mov_text" if name.endswith("mov") else "ass")
    ffmpeg("-i", tmp_path / "a.mkv", "-i", tmp_path / "a.srt", "-c", "copy", *subtitles, tmp_path / name)
    with pytest.MonkeyPatch.context() as patch:
        # As where MP4 does not take them.
        patch.setattr("utils.media.plan._TEXT_SUBTITLES", set())
        await convert(tmp_path / name, tmp_path / "out.mp4")
    assert "could be read" not in caplog.text


class SlowDisk(Memory):
    """Saves so slowly that other segments go on meanwhile."""

    async def save(self, data: object, progress: float) -> None:
        await asyncio.sleep(0.3)
        await super().save(data, progress)


@pytest.mark.parametrize("settings", [QUICK, SIDE_BY_SIDE], ids=["one at a time", "side by side"])
async def test_progress_never_goes_back_and_ends_at_a_hundred(
    tmp_path: Path, settings: EncodeSettings
) -> None:
    source, seen = clip(tmp_path / "a.avi", *MPEG4, seconds=6), list[float]()
    memory = SlowDisk()
    await convert(source, tmp_path / "out.mp4", settings=settings, progress=seen, checkpoint=memory)
    assert seen == sorted(seen)
    assert memory.saved == sorted(memory.saved)
    assert seen[-1] == memory.saved[-1] == 100.0


async def test_a_hardware_encoder_that_is_not_there_is_replaced_and_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    source = clip(tmp_path / "a.avi", *MPEG4, seconds=1)
    settings = EncodeSettings(**{**vars(QUICK), "encoder": "h264_nowhere"})
    with caplog.at_level(logging.WARNING):
        await convert(source, tmp_path / "out.mp4", settings=settings)
    assert "h264_nowhere does not work here, libx264 is used" in caplog.text
    assert streams(tmp_path / "out.mp4")[0]["codec_name"] == "h264"


async def test_an_encoder_that_fails_after_its_trial_is_replaced(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    # MPEG-4 part 2 stands for a hardware encoder: it passes the trial, and its result does not verify.
    source = clip(tmp_path / "a.avi", *MPEG4, seconds=1)
    settings = EncodeSettings(**{**vars(QUICK), "encoder": "mpeg4"})
    with caplog.at_level(logging.INFO):
        await convert(source, tmp_path / "out.mp4", settings=settings)
    assert "The encoder mpeg4 is used" in caplog.text
    assert "mpeg4 failed, libx264 is used" in caplog.text
    assert streams(tmp_path / "out.mp4")[0]["codec_name"] == "h264"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.avi", "out.mp4"]


class _WithoutZimg(Tools):
    async def features(self) -> Features:
        real = await super().features()
        return Features(real.version, real.filters - {"zscale"})


async def test_hdr_without_zscale_still_becomes_a_picture(tmp_path: Path) -> None:
    colours = "color_trc=smpte2084:color_primaries=bt2020:colorspace=bt2020nc"
    source = clip(
        tmp_path / "hdr.mkv",
        *("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none"),
        *("-vf", f"format=yuv420p10le,setparams={colours}"),
        seconds=0.4,
        sound=False,
    )
    tools = _WithoutZimg()
    before, after = await convert(source, tmp_path / "out.mp4", tools=tools)
    assert before.plan is not None
    assert "lutrgb" in video_filters(before.plan.picture, settings=QUICK, features=await tools.features())
    assert streams(tmp_path / "out.mp4")[0]["color_transfer"] == "bt709"
    assert after.plan is not None
