"""The sample archive has one of everything that the demo is to show."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pillow_heif
import pytest
from PIL import Image, ImageChops

from demo.sample import ALTAI, KYOTO, ORIENTATION, VIDEOS, make_sample, photos
from utils.media import Action, Verdict, inspect
from utils.media.tools import Tools

MB = 1_000_000


@pytest.fixture(scope="module")
def contents(sample: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(sample) as opened:
        assert opened.testzip() is None
        return {entry.filename: opened.read(entry) for entry in opened.infolist()}


def picture(data: bytes) -> Image.Image:
    if data[4:12] == b"ftypheic":
        return pillow_heif.open_heif(io.BytesIO(data)).to_pillow()
    return Image.open(io.BytesIO(data))


def test_there_are_23_photos_in_two_folders(contents: dict[str, bytes]) -> None:
    names = [photo.name for photo in photos()]
    assert len(names) == 23
    assert {name.partition("/")[0] for name in names} == {ALTAI, KYOTO}
    for photo in photos():
        if not photo.on_its_side:
            assert picture(contents[photo.name]).size == photo.size


def test_one_photo_is_above_ten_megabytes(contents: dict[str, bytes]) -> None:
    assert sum(len(contents[photo.name]) > 10 * 1024 * 1024 for photo in photos()) == 1


def test_one_photo_is_heic(contents: dict[str, bytes]) -> None:
    heads = [contents[photo.name][4:12] for photo in photos()]
    assert heads.count(b"ftypheic") == 1


def test_one_photo_is_longer_than_20_to_1(contents: dict[str, bytes]) -> None:
    sizes = [picture(contents[photo.name]).size for photo in photos()]
    assert sum(max(size) / min(size) > 20 for size in sizes) == 1


def test_one_photo_lies_on_its_side(contents: dict[str, bytes]) -> None:
    turned = [photo for photo in photos() if picture(contents[photo.name]).getexif().get(ORIENTATION) == 6]
    assert [photo.on_its_side for photo in turned] == [True]
    assert picture(contents[turned[0].name]).size == turned[0].size[::-1]


def test_all_photos_are_different_pictures(contents: dict[str, bytes]) -> None:
    small = [picture(contents[photo.name]).convert("RGB").resize((32, 32)) for photo in photos()]
    for number, first in enumerate(small):
        for second in small[number + 1 :]:
            assert max(ImageChops.difference(first, second).tobytes()) > 40


async def test_each_video_needs_what_it_is_there_for(contents: dict[str, bytes], tmp_path: Path) -> None:
    found = {}
    for folder, clip in VIDEOS:
        file = tmp_path / f"{clip.number}"
        file.write_bytes(contents[f"{folder}/{clip.name}"])
        seen = await inspect(file, clip.name, tools=Tools())
        assert seen.has_audio
        assert seen.duration == pytest.approx(clip.seconds, abs=0.2)
        assert (seen.width, seen.height) == clip.size
        found[Path(clip.name).suffix, seen.verdict] = seen.plan.action if seen.plan else None
    assert found == {
        (".mp4", Verdict.READY): Action.SEND,
        (".mkv", Verdict.DEFERRED): Action.REMUX,
        (".mov", Verdict.DEFERRED): Action.AUDIO,
        (".avi", Verdict.DEFERRED): Action.FULL,
    }


def test_there_are_other_files_too(contents: dict[str, bytes]) -> None:
    assert {Path(name).suffix for name in contents} >= {".txt", ".gpx", ".csv"}


def test_the_second_time_it_is_there_already(sample: Path, cache: Path) -> None:
    before = sample.stat().st_mtime_ns
    assert make_sample(cache) == sample
    assert sample.stat().st_mtime_ns == before


def test_an_interrupted_run_leaves_no_archive_that_could_be_taken_for_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("demo.sample._draw_all", broken)
    with pytest.raises(KeyboardInterrupt):
        make_sample(tmp_path)
    assert list(tmp_path.rglob("*")) == []
