"""The small picture of a video: there, not black, and in the shape that the video is shown in."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image, ImageStat

from tests.media.makers import AAC, H264, clip, ffmpeg
from utils.media import Tools, make_thumbnail


async def thumbnail(path: Path, duration: float) -> Image.Image:
    output = path.with_suffix(".thumb")
    assert await make_thumbnail(path, output, duration=duration, tools=Tools()) == output
    assert 0 < output.stat().st_size < 200_000
    assert sorted(file.name for file in path.parent.iterdir()) == sorted([path.name, output.name])
    with Image.open(output) as image:
        image.load()
        assert image.format == "JPEG"
        assert max(image.size) <= 320
        return image


def brightness(image: Image.Image) -> float:
    return float(ImageStat.Stat(image.convert("L")).mean[0])


async def test_it_is_no_larger_than_telegram_takes(tmp_path: Path) -> None:
    path = clip(tmp_path / "a.mp4", *H264, *AAC, size="1280x720", seconds=1)
    assert (await thumbnail(path, 1.0)).size == (320, 180)


async def test_a_small_video_is_not_enlarged(tmp_path: Path) -> None:
    path = clip(tmp_path / "a.mp4", *H264, size="160x120", seconds=1, sound=False)
    assert (await thumbnail(path, 1.0)).size == (160, 120)


async def test_it_has_the_shape_that_the_video_is_shown_in(tmp_path: Path) -> None:
    path = clip(tmp_path / "a.mp4", *H264, "-aspect", "16:9", size="320x240", seconds=1, sound=False)
    image = await thumbnail(path, 1.0)
    assert image.width / image.height == pytest.approx(16 / 9, rel=0.02)


async def test_a_clip_shorter_than_a_second_has_one(tmp_path: Path) -> None:
    path = clip(tmp_path / "a.mp4", *H264, seconds=0.2, sound=False)
    assert brightness(await thumbnail(path, 0.2)) > 40


async def test_a_single_frame_has_one_though_its_duration_is_wrong(tmp_path: Path) -> None:
    path = clip(tmp_path / "a.mp4", *H264, "-frames:v", "1", sound=False)
    assert brightness(await thumbnail(path, 500.0)) > 40


async def test_a_black_beginning_is_passed_over(tmp_path: Path) -> None:
    dark = "drawbox=t=fill:c=0x080808:enable=lt(t\\,1.4)"
    path = clip(tmp_path / "a.mp4", *H264, "-g", "5", seconds=2, sound=False, picture_filter=dark)
    assert brightness(await thumbnail(path, 2.0)) > 40


async def test_an_all_black_video_has_a_black_one(tmp_path: Path) -> None:
    path = clip(tmp_path / "a.mp4", *H264, seconds=1, sound=False, picture_filter="drawbox=t=fill:c=black")
    assert brightness(await thumbnail(path, 1.0)) < 16


async def test_without_a_picture_there_is_none(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    ffmpeg("-f", "lavfi", "-i", "sine=d=1", *AAC, path)
    assert await make_thumbnail(path, tmp_path / "b", duration=1.0, tools=Tools()) is None
    assert list(tmp_path.iterdir()) == [path]
