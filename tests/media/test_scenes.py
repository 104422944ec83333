"""Which picture of a video says most about it."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image, ImageDraw, ImageFilter

from tests.media.makers import H264, ffmpeg
from tests.media.test_thumbnails import brightness
from utils.errors import ConversionFailed
from utils.media import Tools, make_thumbnail
from utils.media.scenes import HEIGHT, WIDTH, interest, most_interesting
from utils.media.thumbnails import make_stills

SIZE = (WIDTH, HEIGHT)


def scene(seed: int) -> Image.Image:
    """Something with many shades and edges."""
    ramp = Image.linear_gradient("L").resize(SIZE)
    draw = ImageDraw.Draw(ramp)
    for n in range(60):
        left, top = (n * 37 + seed) % WIDTH, (n * 23 + seed) % HEIGHT
        draw.ellipse((left, top, left + 18, top + 12), fill=(n * 53 + seed) % 256)
    return ramp


def title() -> Image.Image:
    card = Image.new("L", SIZE, 12)
    ImageDraw.Draw(card).text((60, 60), "A FILM BY ANN\n\nTHE SEA, PART ONE", fill=240, font_size=14)
    return card


PICTURES = {
    "black": Image.new("L", SIZE, 3),
    "white": Image.new("L", SIZE, 255),
    "title": title(),
    "blurred": scene(1).filter(ImageFilter.GaussianBlur(24)),
    "scene": scene(2),
}


def test_a_scene_says_more_than_what_is_black_white_blurred_or_a_title() -> None:
    scores = {name: interest(picture.tobytes()) for name, picture in PICTURES.items()}
    assert scores["black"] < 0 <= scores["white"]
    assert max(scores, key=scores.__getitem__) == "scene"
    assert scores["scene"] > 1.5 * max(scores["title"], scores["blurred"])


def test_an_earlier_picture_is_shown_unless_a_later_one_says_clearly_more() -> None:
    assert most_interesting([3.8, 4.0, 4.1]) == 0
    assert most_interesting([1.0, 4.0, 4.1]) == 1
    assert most_interesting([-240.0, -230.0, -240.0]) == 1
    assert most_interesting([-240.0, 0.0, 0.0]) == 1


def film(path: Path, *names: str) -> Path:
    """A second of each of these pictures, 640 pixels wide, which can all be decoded by themselves."""
    for number, name in enumerate(names):
        PICTURES[name].convert("RGB").resize((640, 360)).save(path.with_name(f"{number}.png"))
    ffmpeg("-framerate", "1", "-i", path.parent / "%d.png", *H264, "-r", "5", "-g", "5", path)
    for number in range(len(names)):
        path.with_name(f"{number}.png").unlink()
    return path


@pytest.mark.parametrize("first", ["black", "white", "title", "blurred"])
async def test_a_video_is_shown_by_a_scene(tmp_path: Path, first: str) -> None:
    path = film(tmp_path / "a.mp4", first, first, "scene", "scene", "scene", "scene")
    calls = 0

    class Counting(Tools):
        async def convert(self, *arguments: object, **options: object) -> object:  # type: ignore[override]
            nonlocal calls
            calls += 1
            return await super().convert(*arguments, **options)  # type: ignore[arg-type]

    stills = await make_stills(path, tmp_path / "t", tmp_path / "c", duration=6.0, tools=Counting())
    assert (stills.thumb, stills.cover, calls) == (tmp_path / "t", tmp_path / "c", 1)
    for still, size in ((stills.thumb, (320, 180)), (stills.cover, (640, 360))):
        assert still is not None
        with Image.open(still) as shown:
            assert shown.format == "JPEG" and shown.size == size
            grey = shown.convert("L").resize(SIZE)
        assert interest(grey.tobytes()) == pytest.approx(interest(PICTURES["scene"].tobytes()), rel=0.2)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a.mp4", "c", "t"]


@pytest.mark.parametrize(("first", "looks"), [("scene", [1]), ("title", [1, 4]), ("black", [1, 4])])
async def test_of_a_short_clip_more_than_one_picture_is_decoded_only_where_that_says_little(
    tmp_path: Path, first: str, looks: list[int]
) -> None:
    path = film(tmp_path / "a.mp4", first, first, "scene", "scene")
    inputs = []

    class Counting(Tools):
        async def convert(self, arguments: list[str], **options: object) -> object:  # type: ignore[override]
            inputs.append(arguments.count("-i"))
            return await super().convert(arguments, **options)  # type: ignore[arg-type]

    stills = await make_stills(path, tmp_path / "t", None, duration=4.0, tools=Counting())
    assert stills.thumb is not None and inputs == looks
    with Image.open(stills.thumb) as shown:
        grey = shown.convert("L").resize(SIZE)
    assert interest(grey.tobytes()) == pytest.approx(interest(PICTURES["scene"].tobytes()), rel=0.2)


async def test_a_video_as_small_as_its_thumbnail_has_no_cover(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4", "scene")
    ffmpeg("-i", path, "-vf", "scale=320:180", *H264, tmp_path / "small.mp4")
    stills = await make_stills(
        tmp_path / "small.mp4", tmp_path / "t", tmp_path / "c", duration=1, tools=Tools()
    )
    assert (stills.thumb, stills.cover) == (tmp_path / "t", None)
    assert not (tmp_path / "c").exists()


async def test_where_no_picture_stands_by_itself_one_is_decoded_all_the_same(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4", "black", "scene", "scene")

    class NoKeys(Tools):
        async def convert(self, arguments: list[str], **options: object) -> object:  # type: ignore[override]
            if "nokey" in arguments:
                raise ConversionFailed("None is.")
            return await super().convert(arguments, **options)  # type: ignore[arg-type]

    thumb = await make_thumbnail(path, tmp_path / "t", duration=3.0, tools=NoKeys())
    assert thumb is not None
    with Image.open(thumb) as shown:
        assert brightness(shown) > 60
