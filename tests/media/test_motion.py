"""The film that phones put into a picture is taken out whole, and nothing is taken for one."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import pillow_heif
import pytest
from PIL import Image

from tests.files import photo, video
from utils.media.motion import take_film

PICTURE, FILM = photo(1), video("mp4")
#: Samsung's: a marker before the film and a directory behind it.
MARKER = b"\0\0\x30\x0a\x10\0\0\0MotionPhoto_Data"
DIRECTORY = b"SEFH\x6b\0\0\0\x01\0\0\0\0\0\x30\x0a" + struct.pack("<II", 99, 99) + b"\x18\0\0\0SEFT"


def heic() -> bytes:
    pillow_heif.register_heif_opener()
    data = io.BytesIO()
    Image.open(io.BytesIO(PICTURE)).save(data, "HEIF")
    return data.getvalue()


@pytest.mark.parametrize(
    ("before", "behind"),
    [(b"", b""), (MARKER, DIRECTORY), (b"\0" * 100, b"\xff\xd8\xff trailer")],
    ids=["google", "samsung", "other"],
)
def test_the_film_behind_a_jpeg_comes_out_and_the_picture_ends_before_it(
    tmp_path: Path, before: bytes, behind: bytes
) -> None:
    path, output = tmp_path / "1", tmp_path / "film"
    path.write_bytes(PICTURE + before + FILM + behind)
    assert take_film(path, output)
    assert output.read_bytes() == FILM
    assert path.read_bytes() == PICTURE + before


def test_the_film_in_a_box_of_a_heic_comes_out_and_the_picture_stays(tmp_path: Path) -> None:
    path, output = tmp_path / "1", tmp_path / "film"
    whole = heic() + struct.pack(">I", 8 + len(FILM)) + b"mpvd" + FILM
    path.write_bytes(whole)
    assert take_film(path, output)
    assert (output.read_bytes(), path.read_bytes()) == (FILM, whole)


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
