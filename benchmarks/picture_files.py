"""Large pictures, as small as files as they can be made, for ``python -m benchmarks pictures``."""

from __future__ import annotations

import random
from pathlib import Path

import pillow_heif
from PIL import Image

Image.MAX_IMAGE_PIXELS = None


def make_pictures(folder: Path) -> list[Path]:
    """What the table of docs/benchmarks.md names; a folder of them counts as one archive. Blocking."""
    folder.mkdir(parents=True, exist_ok=True)
    made = {
        "49-megapixels.jpg": lambda path: _scene(7000, 7000).save(path, quality=60),
        "49-megapixels-progressive.jpg": lambda path: _scene(7000, 7000).save(path, progressive=True),
        "108-megapixels.jpg": lambda path: _scene(12_000, 9000).save(path, quality=60),
        "144-megapixels.png": lambda path: _scene(12_000, 12_000).save(path, compress_level=1),
        "20000x20000.jpg": lambda path: _scene(20_000, 20_000).save(path, quality=40),
        "48-megapixels.heic": lambda path: _heic(path, 8064, 6048),
        "200-megapixels.heic": lambda path: _heic(path, 16_320, 12_240),
        "12-megapixels": _fifty,
    }
    for name, make in made.items():
        if not (folder / name).exists():
            print(f"making {name}", flush=True)
            make(folder / name)
    return [folder / name for name in made]


def _scene(width: int, height: int) -> Image.Image:
    """Not even, so that it is no smaller than it must be when it is decoded, and not noise either."""
    small = Image.frombytes("RGB", (64, 48), random.Random(1).randbytes(64 * 48 * 3))  # noqa: S311
    return small.resize((width, height), Image.Resampling.BILINEAR)


def _heic(path: Path, width: int, height: int) -> None:
    """In tiles of 512, as phones make them."""
    pillow_heif.from_pillow(_scene(width, height)).save(
        path, quality=30, tile_size=512, enc_params={"preset": "ultrafast"}
    )


def _fifty(folder: Path) -> None:
    """Ordinary photos; every other one lies on its side, as phones leave it, and is written anew."""
    folder.mkdir()
    picture = _scene(4000, 3000)
    for number in range(50):
        exif = Image.Exif()
        exif[0x0112] = 6 if number % 2 else 1
        picture.save(folder / f"{number:02d}.jpg", quality=60 + number % 30, exif=exif)
