"""Metadata never decide whether a picture is sent, and turn it where they can be read."""

from __future__ import annotations

import io
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path

import pillow_heif
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from PIL import Image
from pillow_jxl import JpegXLImagePlugin

from tests.pictures.hostile import chunk
from tests.pictures.makers import cr3, deep_tiff, preview, raw_file
from tests.pictures.odd_metadata import drawn
from tests.pictures.scene import is_scene, is_turned_scene, scene, stored
from utils.media import PreparedPhoto, Tools, Verdict, inspect, prepare_photo

pillow_heif.register_heif_opener()
assert JpegXLImagePlugin
SAMPLES = Path(__file__).with_name("samples")
pytestmark = pytest.mark.asyncio(loop_scope="module")


async def sent(tools: Tools, path: Path) -> PreparedPhoto:
    """As a job would have it."""
    assert (await inspect(path, path.name, tools=tools)).verdict is Verdict.PHOTO
    return await prepare_photo(path, path.with_suffix(".out"), tools=tools)


@settings(
    max_examples=max(30, settings().max_examples // 5),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    phases=[Phase.generate],
)
@given(seed=st.integers(0, 1 << 40))
async def test_a_picture_with_damaged_metadata_is_sent_whole(tools: Tools, tmp_path: Path, seed: int) -> None:
    kind, data = drawn(seed)
    path = tmp_path / "a"
    path.write_bytes(data)
    photo = await sent(tools, path)
    assert "cut off" not in photo.note, kind
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the odd things in one that kept its bytes
        assert is_turned_scene(photo.path), kind


@pytest.mark.parametrize("name", ("exif_of_rawtherapee.png", "exif_without_header.heic", "short_jfif.jpg"))
async def test_pictures_from_the_field_with_odd_metadata_are_whole(
    tools: Tools, tmp_path: Path, name: str
) -> None:
    path = tmp_path / name
    path.write_bytes((SAMPLES / name).read_bytes())
    photo = await sent(tools, path)
    with Image.open(photo.path) as shown:
        assert (
            shown.size == (photo.width, photo.height) == ((640, 480) if name.endswith("png") else (320, 240))
        )
    assert "cut off" not in photo.note


def saved(kind: str, orientation: int, **options: object) -> bytes:
    """The scene, stored as a file of that orientation."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = io.BytesIO()
    stored(scene(), orientation).save(data, kind, exif=exif, **options)
    return data.getvalue()


def png_exif_behind(orientation: int) -> bytes:
    """Its EXIF comes after its pixels, as it may."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = io.BytesIO()
    stored(scene(), orientation).save(data, "PNG")
    return data.getvalue()[:-12] + chunk(b"eXIf", exif.tobytes()[6:]) + data.getvalue()[-12:]


def jxl_of_jpeg(orientation: int) -> bytes:
    """A JPEG that is packed anew, and says how it is turned as it did before."""
    with tempfile.NamedTemporaryFile(suffix=".jpg") as file:
        file.write(saved("JPEG", orientation, quality=95))
        file.flush()
        data = io.BytesIO()
        with Image.open(file.name) as image:
            image.save(data, "JXL", lossless_jpeg=True)
    return data.getvalue()


#: What HEIC says instead of an orientation: quarter turns to the left, and across which axis it is mirrored.
_TURNS = {2: (0, 1), 3: (2, None), 4: (0, 0), 5: (1, 0), 6: (3, None), 7: (3, 0), 8: (1, None)}


def heic_turned(orientation: int) -> bytes:
    """Two boxes of others are taken for it. Its EXIF says something else, and does not count."""
    exif = Image.Exif()
    exif[0x0112] = 6
    written = io.BytesIO()
    stored(scene(), orientation).save(written, "HEIF", exif=exif, quality=95)
    data = written.getvalue()
    quarters, axis = _TURNS.get(orientation, (0, None))
    for old, new, value in ((b"pixi", b"irot", quarters), (b"colr", b"imir", axis)):
        at = data.index(old)
        if value is not None:
            data = data[:at] + new + bytes((value,)) + data[at + 5 :]
    # It is turned before it is mirrored.
    return data.replace(b"\x04\x81\x02\x03\x04", b"\x04\x81\x04\x03\x02")


ORIENTED: dict[str, Callable[[int], bytes]] = {
    "jpg": lambda turn: saved("JPEG", turn, quality=95),
    "png": lambda turn: saved("PNG", turn),
    "late.png": png_exif_behind,
    "webp": lambda turn: saved("WEBP", turn, lossless=True),
    "tif": lambda turn: saved("TIFF", turn),
    "lzw.tif": lambda turn: saved("TIFF", turn, compression="tiff_lzw"),
    "heic": heic_turned,
    "avif": lambda turn: saved("AVIF", turn, quality=95),
    "jxl": jxl_of_jpeg,
    "16.tif": lambda turn: deep_tiff(stored(scene(), turn), orientation=turn),
    "planes.tif": lambda turn: deep_tiff(stored(scene(), turn), apart=True, orientation=turn),
    "nef": lambda turn: raw_file(jpeg=preview(orientation=turn), orientation=turn),
    "cr3": lambda turn: cr3(preview(orientation=turn), turn),
}


@pytest.mark.parametrize("name", ORIENTED)
async def test_every_orientation_of_every_format_comes_upright(
    tools: Tools, tmp_path: Path, name: str
) -> None:
    for turn in range(1, 9):
        path = tmp_path / f"{turn}.{name}"
        path.write_bytes(ORIENTED[name](turn))
        photo = await sent(tools, path)
        size = (960, 640) if name in ("nef", "cr3") else (96, 64)
        assert (photo.width, photo.height) == size, turn
        assert is_scene(photo.path, size, off=4), turn
        with Image.open(photo.path) as image:
            assert image.getexif().get(0x0112, 1) == 1
