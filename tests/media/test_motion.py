"""The film that phones put into a picture is taken out whole, and nothing is taken for one."""

from __future__ import annotations

import io
from pathlib import Path

import pillow_heif
import pytest
from PIL import Image

from tests.files import photo, video
from tests.media.live import HEIC_LAYOUTS, JPEG_LAYOUTS, numbered
from utils.media.motion import take_film

PICTURE, FILM = photo(1), video("mp4")


def heic() -> bytes:
    pillow_heif.register_heif_opener()
    data = io.BytesIO()
    Image.open(io.BytesIO(PICTURE)).save(data, "HEIF")
    return data.getvalue()


@pytest.mark.parametrize("maker", JPEG_LAYOUTS)
def test_the_film_behind_a_jpeg_comes_out_and_the_picture_ends_before_it(tmp_path: Path, maker: str) -> None:
    """Twenty of each maker's."""
    path, output = tmp_path / "1", tmp_path / "film"
    for number in range(20):
        film = numbered(FILM, number)
        before, behind = JPEG_LAYOUTS[maker](photo(number, (64, 48)), film)
        path.write_bytes(before + film + behind)
        assert take_film(path, output)
        assert output.read_bytes() == film
        assert path.read_bytes() == before


def test_the_film_in_a_box_of_a_heic_comes_out_and_the_picture_stays(tmp_path: Path) -> None:
    path, output, picture = tmp_path / "1", tmp_path / "film", heic()
    for make in HEIC_LAYOUTS.values():
        for number in range(20):
            film = numbered(FILM, number)
            whole = make(picture, film)
            path.write_bytes(whole)
            assert take_film(path, output)
            assert (output.read_bytes(), path.read_bytes()) == (film, whole)


@pytest.mark.parametrize(
    "content",
    [
        PICTURE,
        heic(),
        b"",
        PICTURE + b"\0\0\0\x18ftypmp42 is how it begins" + bytes(900),
        PICTURE + FILM[: len(FILM) // 2],
        PICTURE + b"\0\0\xff\xffftyp" + FILM[8:],
        b"ftyp" * 1000,
    ],
    ids=["jpeg", "heic", "empty", "text", "cut off", "odd", "words"],
)
def test_what_is_no_film_is_left_alone(tmp_path: Path, content: bytes) -> None:
    path, output = tmp_path / "1", tmp_path / "film"
    path.write_bytes(content)
    assert not take_film(path, output)
    assert path.read_bytes() == content and not output.exists()
