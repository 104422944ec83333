"""Kinds that decoders know little of, and files of which only a part is whole."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from tests.pictures.hostile import chunk, png
from tests.pictures.makers import Tag, bmp_header, directory, long, preview, short
from tests.pictures.scene import STORED, difference, is_scene, scene
from utils.errors import NotMedia
from utils.media import PreparedPhoto, Tools, Verdict, inspect, prepare_photo
from utils.pictures.pool import Pictures

pytestmark = pytest.mark.asyncio(loop_scope="module")

#: Masks of red, green, blue and of what is transparent.
Masks = tuple[int, int, int, int]


async def sent(tools: Tools, path: Path) -> PreparedPhoto:
    assert (await inspect(path, path.name, tools=tools)).verdict is Verdict.PHOTO
    return await prepare_photo(path, path.with_suffix(".out"), tools=tools)


def bmp(
    bits: int, body: bytes, *, size: tuple[int, int], header: bytes = b"", packed: int = 0, colours: int = 0
) -> bytes:
    info = struct.pack("<IiiHHIIiiII", 40, *size, 1, bits, packed, len(body), 0, 0, colours, 0)
    start = 14 + len(info) + len(header)
    return b"BM" + struct.pack("<IHHI", start + len(body), 0, 0, start) + info + header + body


def by_masks(bits: int, masks: Masks, *, down: bool = False) -> bytes:
    """The scene with its colours where the ``masks`` say, from the top ``down`` or from below."""
    picture, lines = scene(), []
    for y in range(picture.height) if down else reversed(range(picture.height)):
        row = picture.crop((0, y, picture.width, y + 1)).tobytes()
        values = []
        for n in range(0, len(row), 3):
            value = 0
            for mask, level in zip(masks, (*row[n : n + 3], 255), strict=True):
                if mask:
                    shift = (mask & -mask).bit_length() - 1
                    value |= round(level / 255 * (mask >> shift)) << shift
            values.append(value)
        lines.append(struct.pack(f"<{len(values)}{'H' if bits == 16 else 'L'}", *values))
    header = struct.pack("<4L" if masks[3] else "<3L", *masks[: 4 if masks[3] else 3])
    size = (picture.width, -picture.height if down else picture.height)
    return bmp(bits, b"".join(lines), size=size, header=header, packed=6 if masks[3] else 3)


def by_palette(bits: int, *, listed: int) -> bytes:
    """The scene with ``listed`` colours, of which it uses three; that may be more than there can be."""
    levels = [(220, 30, 30), (30, 200, 30), (30, 30, 220)]
    picture, lines = scene(), []
    for y in reversed(range(picture.height)):
        numbers = [levels.index(picture.getpixel((x, y))) for x in range(picture.width)]  # type: ignore[arg-type]
        whole = 0
        for number in numbers:
            whole = whole << bits | number
        lines.append(whole.to_bytes(picture.width * bits // 8, "big"))
    colours = b"".join(struct.pack("<4B", *reversed(one), 0) for one in levels)
    header = colours.ljust(4 * listed, b"\0")
    return bmp(bits, b"".join(lines), size=picture.size, header=header, colours=listed)


def short_header() -> bytes:
    """As OS/2 may write it: sixteen bytes, and a palette of four bytes a colour."""
    data = by_palette(8, listed=256)
    return data[:10] + struct.pack("<LLLLHH", 14 + 16 + 1024, 16, 96, 64, 1, 8) + data[54:]


SHOWN: dict[str, tuple[float, Callable[[], bytes]]] = {
    "2, 3 and 1 bits.bmp": (25, lambda: by_masks(16, (0x30, 0xE, 0x1, 0))),
    "10 bits.bmp": (2, lambda: by_masks(32, (0x3FF00000, 0xFFC00, 0x3FF, 0))),
    "11, 11 and 10 bits.bmp": (2, lambda: by_masks(32, (0xFFE00000, 0x1FFC00, 0x3FF, 0), down=True)),
    "in another order.bmp": (2, lambda: by_masks(32, (0xFF, 0xFF0000, 0xFF00, 0))),
    "transparent.bmp": (2, lambda: by_masks(32, (0xFF000000, 0xFF0000, 0xFF00, 0xFF))),
    "palette of four.bmp": (2, lambda: by_palette(2, listed=4)),
    "palette too long.bmp": (2, lambda: by_palette(8, listed=300)),
    "short header.bmp": (2, short_header),
    "a.dds": (3, lambda: _saved("DDS", "L")),
    "with alpha.dds": (3, lambda: _saved("DDS", "LA")),
    "16 bits apart, in tiles.tif": (2, lambda: tiles_deflated()),
}


def _saved(kind: str, mode: str) -> bytes:
    data = io.BytesIO()
    scene(mode=mode).save(data, kind)
    return data.getvalue()


def tiles_deflated() -> bytes:
    """Numbers of 16 bits, each colour in two tiles of its own."""
    halves = [scene().crop((left, 0, left + 48, 64)) for left in (0, 48)]
    tiles = [
        zlib.compress(bytes(v for one in half.getchannel(band).tobytes() for v in (one, one)))
        for band in "RGB"
        for half in halves
    ]
    starts = [8 + sum(map(len, tiles[:n])) for n in range(6)]
    tags = [
        *(long(256, 96), long(257, 64), short(258, 16, 16, 16), short(259, 8), short(262, 2)),
        *(short(277, 3), short(284, 2), long(322, 48), long(323, 64)),
        *(long(324, *starts), long(325, *map(len, tiles))),
    ]
    body = b"".join(tiles)
    body += bytes(len(body) % 2)
    return b"II*\0" + struct.pack("<L", 8 + len(body)) + body + directory(tags, 8 + len(body))


@pytest.mark.parametrize("name", SHOWN)
async def test_rarer_kinds_come_as_they_look(tools: Tools, tmp_path: Path, name: str) -> None:
    off, make = SHOWN[name]
    path = tmp_path / name
    path.write_bytes(make())
    photo = await sent(tools, path)
    with Image.open(photo.path) as image:
        assert difference(image, scene(mode="L") if name.endswith(".dds") else scene()) <= off
    assert photo.note.startswith("Converted from ")


async def test_a_bmp_around_another_picture_is_that_picture(tools: Tools, tmp_path: Path) -> None:
    inner = io.BytesIO()
    scene(960, 640).save(inner, "PNG")
    for number, data in ((4, preview()), (5, inner.getvalue())):
        path = tmp_path / f"{number}.bmp"
        path.write_bytes(
            b"BM" + struct.pack("<IHHI", 0, 0, 0, 54) + bmp_header(960, 640, compression=number) + data
        )
        assert is_scene((await sent(tools, path)).path, (960, 640), off=4)


async def test_a_png_that_is_damaged_within_is_not_sent_as_if_it_were_whole(
    tools: Tools, tmp_path: Path
) -> None:
    """Asked for its orientation, it is decoded: what is said of it there is the picture's damage."""
    picture, rows = scene(960, 640), b""
    for y in range(640):
        rows += b"\0" + picture.crop((0, y, 960, y + 1)).tobytes()
    packed = zlib.compress(rows, 0)
    half = len(packed) // 2
    # At the start of a block, of which there is no such kind.
    damaged = packed[: 2 + 5 + 65535] + b"\xff" * half
    path = tmp_path / "a.png"
    path.write_bytes(png(960, 640, data=damaged))
    photo = await sent(tools, path)
    assert photo.changed and photo.note.startswith("It is cut off; what was there is shown.")


async def test_of_a_broken_animation_what_is_whole_is_shown(tools: Tools, tmp_path: Path) -> None:
    flat = zlib.compress(b"".join(b"\0" + scene().crop((0, y, 96, y + 1)).tobytes() for y in range(64)))
    told = chunk(b"acTL", struct.pack(">II", 3, 0))
    control = [chunk(b"fcTL", struct.pack(">IIIIIHHBB", n, 96, 64, 0, 0, 1, 30, 0, 0)) for n in range(3)]
    path = tmp_path / "moving.png"
    # Two that follow each other at once.
    path.write_bytes(png(96, 64, told, *control[:2], data=flat))
    photo = await sent(tools, path)
    assert is_scene(photo.path) and photo.note == "It moves; its first picture is shown."

    pictures = [Image.effect_noise((64, 48), 90).convert("RGB") for _ in range(4)]
    whole = io.BytesIO()
    pictures[0].save(whole, "WEBP", save_all=True, append_images=pictures[1:], duration=200)
    data = bytearray(whole.getvalue())
    last = data.rindex(b"VP8 ")
    data[last + 18 : last + 400] = b"\xff" * 382
    cut = tmp_path / "moving.webp"
    cut.write_bytes(data)
    found = await inspect(cut, cut.name, tools=tools)
    assert found.verdict is Verdict.DEFERRED and found.duration == pytest.approx(0.6)


def dng(width: int, height: int, orientation: int) -> bytes:
    """As phones write it: what a sensor saw of the scene, in rows of red and green, green and blue."""
    rows = []
    levels = [bytes(picture.tobytes()) for picture in scene(width, height).split()]
    for y in range(height):
        lines = [level[y * width : (y + 1) * width] for level in levels]
        first, second = (lines[0], lines[1]) if y % 2 == 0 else (lines[1], lines[2])
        row = bytearray(first)
        row[1::2] = second[1::2]
        # Light, and not what eyes make of it.
        rows.append(struct.pack(f"<{width}H", *(int((one / 255) ** 2.2 * 8000) for one in row)))
    body = b"".join(rows)
    fractions = (3.2406, -1.5372, -0.4986, -0.9689, 1.8758, 0.0415, 0.0557, -0.2040, 1.0570)
    matrix = b"".join(struct.pack("<ll", round(one * 10_000), 10_000) for one in fractions)
    tags: list[Tag] = [
        *(long(254, 0), long(256, width), long(257, height), short(258, 16), short(259, 1)),
        *(short(262, 32803), (271, 2, b"Maker\0"), (272, 2, b"Phone\0"), long(273, 8)),
        *(short(274, orientation), short(277, 1), long(278, height), long(279, len(body))),
        *(short(33421, 2, 2), (33422, 1, b"\0\1\1\2"), (50706, 1, b"\1\4\0\0"), (50708, 2, b"Phone\0")),
        *((50714, 3, struct.pack("<H", 0)), long(50717, 16383), (50721, 10, matrix), short(50778, 21)),
    ]
    return b"II*\0" + struct.pack("<L", 8 + len(body)) + body + directory(tags, 8 + len(body))


async def test_a_raw_file_without_a_preview_is_developed_upright(tools: Tools, tmp_path: Path) -> None:
    pytest.importorskip("rawpy")
    path = tmp_path / "a.dng"
    for orientation, size in ((1, (640, 480)), (6, (480, 640))):
        path.write_bytes(dng(640, 480, orientation))
        photo = await sent(tools, path)
        assert photo.note == "It is a camera's raw file without a preview; it was developed here."
        with Image.open(photo.path) as image:
            assert image.size == size
            upright = image.convert("RGB") if orientation == 1 else image.convert("RGB").transpose(STORED[6])
        places = {"red": (160, 320), "blue": (480, 320), "green": (320, 40)}
        seen = {name: upright.getpixel(place) for name, place in places.items()}
        for name, pixel in seen.items():
            assert isinstance(pixel, tuple)
            assert max(pixel) == pixel[("red", "green", "blue").index(name)] > 2 * sorted(pixel)[1], seen


async def test_a_raw_file_that_is_too_large_to_be_developed_is_not_called_damaged(tmp_path: Path) -> None:
    pytest.importorskip("rawpy")
    path = tmp_path / "a.dng"
    path.write_bytes(dng(3000, 2000, 1))
    pictures = Pictures(120_000_000)
    with pytest.raises(NotMedia, match="too large for this machine"):
        await sent(Tools(pictures=pictures), path)
    await pictures.close()


async def test_a_picture_of_no_size_is_damaged(tools: Tools, tmp_path: Path) -> None:
    path = tmp_path / "a.bmp"
    path.write_bytes(bmp(24, bytes(1000), size=(-127, 64)))
    with pytest.raises(NotMedia, match="damaged or empty"):
        await sent(tools, path)
