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


def grey(*levels: tuple[float, int]) -> str:
    """A filter: an even grey, of each level (16 to 235) from its second on."""
    luma = "16"
    for second, level in levels:
        luma = f"if(gte(T,{second}),{level},{luma})"
    return f"geq=lum='{luma}':cb=128:cr=128"


async def test_it_shows_what_is_to_be_seen_about_a_tenth_in(tmp_path: Path) -> None:
    beginning = grey((0, 200), (0.15, 100), (0.4, 200))
    path = clip(tmp_path / "a.mp4", *H264, "-g", "1", size="64x48", sound=False, picture_filter=beginning)
    assert 80 < brightness(await thumbnail(path, 2.0)) < 120


async def test_a_scene_at_night_is_not_passed_over(tmp_path: Path) -> None:
    night = f"{grey((0, 16), (1.0, 200))},drawbox=w=12:h=8:t=fill:c=white:enable=lt(t\\,1)"
    path = clip(tmp_path / "a.mp4", *H264, "-g", "5", size="64x48", sound=False, picture_filter=night)
    assert brightness(await thumbnail(path, 2.0)) < 40


async def test_of_black_pictures_it_is_the_one_that_is_least_so(tmp_path: Path) -> None:
    dark = grey((0, 18), (0.9, 27), (1.3, 18))
    path = clip(tmp_path / "a.mp4", *H264, "-g", "5", size="64x48", sound=False, picture_filter=dark)
    assert 8 < brightness(await thumbnail(path, 2.0)) < 16


async def test_a_cover_is_not_what_is_shown(tmp_path: Path) -> None:
    Image.new("RGB", (64, 64), "white").save(tmp_path / "cover.jpg")
    plain = clip(
        tmp_path / "plain.mp4", *H264, size="64x48", seconds=1, sound=False, picture_filter=grey((0, 100))
    )
    (tmp_path / "made").mkdir()
    path = tmp_path / "made" / "a.mp4"
    ffmpeg(
        *("-i", plain, "-i", tmp_path / "cover.jpg", "-map", "1", "-map", "0", "-c", "copy"),
        *("-disposition:v:0", "attached_pic", path),
    )
    image = await thumbnail(path, 1.0)
    assert image.size == (64, 48) and 80 < brightness(image) < 120


async def test_one_that_telegram_would_not_take_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = clip(tmp_path / "a.mp4", *H264, size="64x48", seconds=0.4, sound=False)
    monkeypatch.setattr("utils.media.thumbnails.MAX_BYTES", 100)
    assert await make_thumbnail(path, tmp_path / "b", duration=0.4, tools=Tools()) is None
    assert list(tmp_path.iterdir()) == [path]
