"""The picture that tests of formats look at, and whether what came of it is that."""

from __future__ import annotations

from pathlib import Path

from PIL import Image, ImageDraw

RED, GREEN, BLUE = (220, 30, 30), (30, 200, 30), (30, 30, 220)
#: What turns the scene into how a picture with that EXIF orientation is stored.
STORED = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def scene(width: int = 96, height: int = 64, mode: str = "RGB") -> Image.Image:
    """Left half red, right half blue, a green bar on top: no turn of it is like another."""
    image = Image.new("RGB", (width, height), RED)
    draw = ImageDraw.Draw(image)
    draw.rectangle((width // 2, 0, width, height), fill=BLUE)
    draw.rectangle((0, 0, width, height // 4 - 1), fill=GREEN)
    return image.convert(mode)


def stored(image: Image.Image, orientation: int) -> Image.Image:
    """``image`` as a file with that EXIF orientation holds it."""
    return image.transpose(STORED[orientation]) if orientation in STORED else image


def difference(image: Image.Image, wanted: Image.Image) -> float:
    """The mean one in 8-bit values, both made small: 0 is the same; other sizes are as wrong as can be."""
    if image.size != wanted.size:
        return 255.0
    small = [one.convert("RGB").resize((24, 16), Image.Resampling.BOX).tobytes() for one in (image, wanted)]
    return float(sum(abs(a - b) for a, b in zip(*small, strict=True))) / len(small[0])


def is_scene(path: Path, size: tuple[int, int] = (96, 64), off: float = 2.0) -> bool:
    """Is the scene in ``path``, upright?"""
    with Image.open(path) as image:
        return difference(image, scene(*size)) <= off


def is_turned_scene(path: Path, size: tuple[int, int] = (96, 64)) -> bool:
    """The same in any of the eight orientations."""
    with Image.open(path) as image:
        return any(difference(image, stored(scene(*size), turn)) <= 2 for turn in range(1, 9))
