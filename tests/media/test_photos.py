"""Pictures as Telegram takes them: unchanged where possible, right where not."""

from __future__ import annotations

import io
import random
import struct
import time
import zlib
from pathlib import Path

import pillow_heif
import pytest
from PIL import Image, ImageCms, ImageDraw

from utils.errors import NotMedia
from utils.media import Tools, Verdict, inspect, prepare_photo
from utils.media.photos import fitted
from utils.pictures.limits import MAX_BYTES
from utils.pictures.opening import open_picture
from utils.pictures.protocol import Undecoded, Why

pillow_heif.register_heif_opener()
pytestmark = pytest.mark.asyncio(loop_scope="module")

MARGINS = "Margins were added, since it is more than 20 times as long as wide."


RED, GREEN, BLUE = (220, 30, 30), (30, 200, 30), (30, 30, 220)


def landscape(width: int = 600, height: int = 400, mode: str = "RGB") -> Image.Image:
    """A picture whose left half is red, whose right half is blue and whose top is a green bar."""
    image = Image.new("RGB", (width, height), RED)
    draw = ImageDraw.Draw(image)
    draw.rectangle((width // 2, 0, width, height), fill=BLUE)
    draw.rectangle((0, 0, width, height // 8), fill=GREEN)
    return image.convert(mode)


def noise(width: int, height: int) -> Image.Image:
    return Image.frombytes("RGB", (width, height), random.Random(1).randbytes(width * height * 3))


def near(image: Image.Image, where: tuple[float, float], colour: tuple[int, int, int], off: int = 25) -> bool:
    """Is that the colour at ``where`` (parts of width and height)?"""
    pixel = image.convert("RGB").getpixel((int(image.width * where[0]), int(image.height * where[1])))
    assert isinstance(pixel, tuple)
    return all(abs(a - b) <= off for a, b in zip(pixel, colour, strict=True))


def looks_right(path: Path) -> bool:
    with Image.open(path) as image:
        return (
            near(image, (0.5, 0.05), GREEN) and near(image, (0.2, 0.7), RED) and near(image, (0.8, 0.7), BLUE)
        )


@pytest.mark.parametrize(("name", "options"), [("a.jpg", {"quality": 90}), ("a.png", {}), ("grey.jpg", {})])
async def test_what_is_right_keeps_its_bytes(
    tools: Tools, tmp_path: Path, name: str, options: dict[str, int]
) -> None:
    path = tmp_path / name
    landscape(mode="L" if "grey" in name else "RGB").save(path, None, **options)
    before = path.read_bytes()
    photo = await prepare_photo(path, tmp_path / "out", tools=tools)
    assert (photo.path, photo.width, photo.height, photo.changed, photo.note) == (path, 600, 400, False, "")
    assert path.read_bytes() == before
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("WEBP", {"quality": 90}),
        ("BMP", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("GIF", {}),
        ("HEIF", {"quality": 90}),
        ("AVIF", {"quality": 90}),
        ("JPEG2000", {}),
    ],
)
async def test_other_formats_become_jpeg(
    tools: Tools, tmp_path: Path, kind: str, options: dict[str, object]
) -> None:
    path = tmp_path / "entry"
    landscape().save(path, kind, **options)
    assert (await inspect(path, "whatever.bin", tools=tools)).verdict is Verdict.PHOTO
    photo = await prepare_photo(path, tmp_path / "out", tools=tools)
    assert photo.changed
    assert photo.note == f"Converted from {kind}."
    with Image.open(photo.path) as image:
        assert (image.format, image.size) == ("JPEG", (photo.width, photo.height)) == ("JPEG", (600, 400))
    assert looks_right(photo.path)


@pytest.mark.parametrize("orientation", range(2, 9))
async def test_rotation_is_baked_in(tools: Tools, tmp_path: Path, orientation: int) -> None:
    turns = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "a.jpg"
    landscape().transpose(turns[orientation]).save(path, exif=exif, quality=95)
    photo = await prepare_photo(path, tmp_path / "out", tools=tools)
    assert (photo.width, photo.height, photo.changed) == (600, 400, True)
    assert looks_right(photo.path)
    with Image.open(photo.path) as image:
        assert image.getexif().get(0x0112, 1) == 1


async def test_a_cmyk_jpeg_becomes_rgb(tools: Tools, tmp_path: Path) -> None:
    path = tmp_path / "print.jpg"
    landscape(mode="CMYK").save(path, quality=95)
    photo = await prepare_photo(path, tmp_path / "out", tools=tools)
    with Image.open(photo.path) as image:
        assert image.mode == "RGB"
    assert looks_right(photo.path)


async def test_sixteen_bits_lose_the_lower_eight(tools: Tools, tmp_path: Path) -> None:
    path = tmp_path / "deep.png"
    deep = Image.new("I;16", (40, 20), 0x8000)
    deep.save(path)
    photo = await prepare_photo(path, tmp_path / "out", tools=tools)
    assert photo.changed
    with Image.open(photo.path) as image:
        assert near(image, (0.5, 0.5), (128, 128, 128), off=2)


async def test_sixteen_bit_colour_is_made_eight(tools: Tools, tmp_path: Path) -> None:
    path = tmp_path / "deep.png"
    line = b"\x00" + struct.pack(">HHH", 0xDC00, 0x1E00, 0x1E00) * 40
    path.write_bytes(png(40, 20, depth=16, colour=2, data=line * 20))
    photo = await prepare_photo(path, tmp_path / "out", tools=tools)
    assert photo.changed
    with Image.open(photo.path) as image:
        assert near(image, (0.5, 0.5), RED, off=4)


async def test_transparency_becomes_white(tools: Tools, tmp_path: Path) -> None:
    path = tmp_path / "sticker.webp"
    Image.new("RGBA", (60, 60), (255, 0, 0, 0)).save(path, lossless=True)
    photo = await prepare_photo(path, tmp_path / "out", tools=tools)
    with Image.open(photo.path) as image:
        assert near(image, (0.5, 0.5), (255, 255, 255), off=2)


async def test_other_colour_spaces_become_srgb(tools: Tools, tmp_path: Path) -> None:
    path = tmp_path / "lab.tif"
    # The profile says that grey 128 is linear light: shown right, that is much brighter.
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("XYZ"))
    Image.new("RGB", (40, 40), (128, 128, 128)).save(path, icc_profile=linear_profile(profile))
    photo = await prepare_photo(path, tmp_path / "out", tools=tools)
    with Image.open(photo.path) as image:
        assert near(image, (0.5, 0.5), (188, 188, 188), off=4)
        assert "icc_profile" not in image.info


def linear_profile(_: ImageCms.ImageCmsProfile) -> bytes:
    """sRGB's profile with its curves replaced by straight lines."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    for number in range(int.from_bytes(data[128:132], "big")):
        entry = 132 + 12 * number
        if bytes(data[entry : entry + 4]) in (b"rTRC", b"gTRC", b"bTRC"):
            start = int.from_bytes(data[entry + 4 : entry + 8], "big")
            # "para" of kind 0 is x to the power of the first number, here 1.0.
            data[start : start + 16] = b"para" + bytes(4) + bytes(4) + b"\x00\x01\x00\x00"
    return bytes(data)


async def test_above_ten_megabytes_it_is_compressed_and_stays_as_large(tools: Tools, tmp_path: Path) -> None:
    path = tmp_path / "big.png"
    noise(2600, 2000).save(path, compress_level=0)
    assert path.stat().st_size > MAX_BYTES
    photo = await prepare_photo(path, tmp_path / "out", tools=tools)
    assert (photo.width, photo.height) == (2600, 2000)
    assert photo.path.stat().st_size <= MAX_BYTES
    assert photo.note.startswith("Compressed: it had ")


async def test_too_many_pixels_are_scaled_down(tools: Tools, tmp_path: Path) -> None:
    path = tmp_path / "wide.jpg"
    landscape(9000, 3000).save(path, quality=50)
    photo = await prepare_photo(path, tmp_path / "out", tools=tools)
    assert photo.width + photo.height <= 10_000
    assert photo.width / photo.height == pytest.approx(3, rel=0.01)
    assert photo.note == "Scaled down from 9000x3000."
    assert looks_right(photo.path)


async def test_a_panorama_gets_margins_and_loses_nothing(tools: Tools, tmp_path: Path) -> None:
    path = tmp_path / "panorama.jpg"
    landscape(3000, 100).save(path, quality=90)
    photo = await prepare_photo(path, tmp_path / "out", tools=tools)
    assert (photo.width, photo.height) == (3000, 150)
    assert "Margins were added" in photo.note
    with Image.open(photo.path) as image:
        assert near(image, (0.5, 0.03), (255, 255, 255))
        assert near(image, (0.01, 0.5), RED)
        assert near(image, (0.99, 0.5), BLUE)


@pytest.mark.parametrize(("name", "kind"), [("a.jpg", "JPEG"), ("a.png", "PNG"), ("a.webp", "WEBP")])
async def test_a_cut_off_picture_is_shown_as_far_as_it_goes_or_refused(
    tools: Tools, tmp_path: Path, name: str, kind: str
) -> None:
    buffer = io.BytesIO()
    noise(400, 300).save(buffer, kind)
    path = tmp_path / name
    path.write_bytes(buffer.getvalue()[: buffer.tell() * 2 // 3])
    if kind == "WEBP":
        with pytest.raises(NotMedia, match="cannot be decoded"):
            await prepare_photo(path, tmp_path / "out", tools=tools)
        return
    photo = await prepare_photo(path, tmp_path / "out", tools=tools)
    assert photo.changed
    assert "cut off" in photo.note
    with Image.open(photo.path) as image:
        image.load()
        assert image.size == (400, 300)


@pytest.mark.parametrize(
    "content",
    [
        b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01",
        b"\x89PNG\r\n\x1a\n",
        b"GIF89a",
        b"II*\x00\x08\x00\x00\x00\xff\xff",
        b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic" + b"\x00\x00\x10\x00meta" + bytes(40),
        b"RIFF\x40\x00\x00\x00WEBPVP8L" + bytes(60),
    ],
)
async def test_nothing_but_a_beginning_is_refused_in_words(
    tools: Tools, tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(content)
    with pytest.raises(NotMedia, match="cannot be decoded"):
        await prepare_photo(path, tmp_path / "out", tools=tools)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("side", [30_000, 65_000])
async def test_bombs_are_refused_with_the_figures(tools: Tools, tmp_path: Path, side: int) -> None:
    path = tmp_path / "bomb.png"
    path.write_bytes(png(side, side, depth=8, colour=2, data=b""))
    began = time.monotonic()
    with pytest.raises(NotMedia, match=f"{side}x{side}: .* megapixels, and no more than 128 are decoded"):
        await prepare_photo(path, tmp_path / "out", tools=tools)
    assert time.monotonic() - began < 5


def png(width: int, height: int, *, depth: int, colour: int, data: bytes) -> bytes:
    """A PNG with this header and these lines."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(data))
        + chunk(b"IEND", b"")
    )


def jpeg_header(path: Path, width: int, height: int, *, progressive: bool) -> Path:
    """A JPEG that says it is of that size; only its header is read."""
    landscape(64, 48).save(path, "JPEG", progressive=progressive)
    data = bytearray(path.read_bytes())
    at = data.index(b"\xff\xc2" if progressive else b"\xff\xc0")
    struct.pack_into(">HH", data, at + 5, height, width)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    ("width", "height", "progressive", "borne"),
    [
        (12_000, 10_000, True, True),
        (13_000, 10_000, True, False),
        (13_000, 10_000, False, True),
        (25_000, 20_000, False, True),
        (26_000, 20_000, False, False),
    ],
)
async def test_how_large_a_jpeg_may_be_depends_on_whether_it_is_decoded_as_a_whole(
    tmp_path: Path, width: int, height: int, progressive: bool, borne: bool
) -> None:
    path = jpeg_header(tmp_path / "a.jpg", width, height, progressive=progressive)
    with path.open("rb") as file:
        if borne:
            assert open_picture(file, 100_000_000).size == (width, height)
        else:
            with pytest.raises(Undecoded) as error:
                open_picture(file, 100_000_000)
            assert (error.value.why, error.value.figures[:2]) == (Why.PIXELS, (width, height))


@pytest.mark.parametrize(
    ("size", "told"),
    [
        ((640, 480), ""),
        ((8000, 4000), "Scaled down from 8000x4000."),
        ((100, 2001), MARGINS),
        ((20_000, 10), f"Scaled down from 20000x10. {MARGINS}"),
    ],
)
async def test_what_was_done_to_fit_it_in_is_said(size: tuple[int, int], told: str) -> None:
    assert " ".join(fitted(*size)) == told


async def test_for_a_picture_that_stays_no_file_is_made(tmp_path: Path) -> None:
    """Most pictures stay, and on some disks a file costs more than looking at a small picture does."""
    path = tmp_path / "a.jpg"
    landscape().save(path)
    before = tmp_path.stat().st_mtime_ns
    prepared = await prepare_photo(path, tmp_path / "a.photo", tools=Tools())
    assert (prepared.path, prepared.size, prepared.changed) == (path, path.stat().st_size, False)
    assert tmp_path.stat().st_mtime_ns == before
