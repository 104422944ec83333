"""The halves of a Live Photo know each other, whatever they are called."""

from __future__ import annotations

import io
from pathlib import Path

import pillow_heif
from PIL import Image

from tests.files import photo
from tests.media.live import apple_film, apple_picture
from tests.media.makers import H264, clip
from utils.media.pairs import pair_of

ONE = "0B5AB4A8-6C9B-4BF3-9C7D-1E2F3A4B5C6D"


def test_both_halves_say_which_they_belong_to_and_nothing_else_does(tmp_path: Path) -> None:
    pillow_heif.register_heif_opener()
    heic = io.BytesIO()
    Image.new("RGB", (64, 64), "teal").save(heic, "HEIF")
    film = clip(tmp_path / "film.mov", *H264, seconds=1, sound=False).read_bytes()
    said = {
        "a.jpg": (apple_picture(photo(1), ONE), ONE),
        "a.heic": (apple_picture(photo(1), ONE, "HEIF"), ONE),
        "a.mov": (apple_film(film, ONE), ONE),
        "iso.mov": (apple_film(film, ONE, versioned=True), ONE),
        "plain.jpg": (photo(1), ""),
        "plain.heic": (heic.getvalue(), ""),
        "plain.mov": (film, ""),
        "words.jpg": (apple_picture(photo(1), "\n\x1b[31m"), ""),
        "cut.jpg": (apple_picture(photo(1), ONE).partition(b"Apple iOS")[0] + b"Apple iOS\0\0\1MM\xff", ""),
        "odd.mov": (apple_film(film, ONE).replace(b"ilst", b"tsli"), ""),
        "empty.jpg": (b"", ""),
        "a.txt": (b"Apple iOS\0, they said, " * 9, ""),
    }
    for name, (content, identifier) in said.items():
        path = tmp_path / name
        path.write_bytes(content)
        assert pair_of(path) == identifier, name
