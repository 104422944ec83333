"""Every format that people have comes as the right picture, or as a file with a true word."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import pillow_heif
import pytest
from PIL import Image, ImageCms, ImageDraw

from tests.media.makers import clip
from tests.pictures.hostile import chunk, jpeg_with, segment
from tests.pictures.makers import (
    bmp_header,
    bmp_of_four_bits_a_colour,
    cr3,
    deep_tiff,
    half_heic,
    preview,
    psd,
    raw_file,
    short,
)
from tests.pictures.scene import difference, is_scene, scene, stored
from utils.constants import ROOT
from utils.errors import NotMedia
from utils.media import PreparedPhoto, Tools, Verdict, inspect, prepare_photo
from utils.media.commands import Job
from utils.media.second import seen_by_ffmpeg
from utils.pictures import child
from utils.pictures.format_table import formats_table
from utils.pictures.formats import FORMATS
from utils.pictures.pool import Pictures
from utils.pictures.protocol import Act, Undecoded, Why

pillow_heif.register_heif_opener()
SAMPLES = Path(__file__).with_name("samples")
pytestmark = pytest.mark.asyncio(loop_scope="module")


async def sent(tools: Tools, path: Path, part: int = 0) -> PreparedPhoto:
    assert (await inspect(path, path.name, tools=tools)).verdict is Verdict.PHOTO
    return await prepare_photo(path, path.with_suffix(f".{part}.out"), tools=tools, part=part)


def saved(kind: str, mode: str = "RGB", **options: object) -> bytes:
    data = io.BytesIO()
    scene(mode=mode).save(data, kind, **options)
    return data.getvalue()


def jpeg_xl() -> bytes:
    from pillow_jxl import JpegXLImagePlugin

    assert JpegXLImagePlugin
    return saved("JXL", lossless=True)


SHOWN: dict[str, Callable[[], bytes]] = {
    "a.jxl": jpeg_xl,
    "mif1.avif": lambda: called("AVIF", b"mif1"),
    "miaf.avif": lambda: called("AVIF", b"miaf"),
    "miaf.heic": lambda: called("HEIF", b"miaf"),
    "a.psd": lambda: psd(scene()),
    "a.tga": lambda: saved("TGA"),
    "runs.tga": lambda: saved("TGA", compression="tga_rle"),
    "a.ico": lambda: saved("ICO", sizes=[(96, 64)]),
    "a.ppm": lambda: saved("PPM"),
    "a.pcx": lambda: saved("PCX"),
    "a.jp2": lambda: saved("JPEG2000"),
    "a.bmp": lambda: saved("BMP"),
    "palette.bmp": lambda: saved("BMP", "P"),
    "4444.bmp": lambda: bmp_of_four_bits_a_colour(scene()),
    "cmyk.tif": lambda: saved("TIFF", "CMYK"),
    "palette.tif": lambda: saved("TIFF", "P"),
    "lab.tif": lambda: saved_lab(),
    "16.tif": lambda: deep_tiff(scene()),
    "16 planes.tif": lambda: deep_tiff(scene(), apart=True),
    "16 planes, other order.tif": lambda: deep_tiff(scene(), apart=True, order=">"),
    "16 planes, turned.tif": lambda: deep_tiff(stored(scene(), 6), apart=True, orientation=6),
}


def called(kind: str, brand: bytes, **options: object) -> bytes:
    """It says only behind that what it can be read as."""
    data = saved(kind, "RGB", quality=95, **options)
    return data[:8] + brand + data[12:]


GREY: dict[str, Callable[[], bytes]] = {
    "16 grey.tif": lambda: deep_tiff(scene(mode="L")),
    "16 white is zero.tif": lambda: deep_tiff(scene(mode="L"), white_is_zero=True),
    "16 white is zero, other order.tif": lambda: deep_tiff(scene(mode="L"), white_is_zero=True, order=">"),
    "float.tif": lambda: deep_tiff(scene(mode="L"), unit="f", sample=3),
    "a.pgm": lambda: saved("PPM", "L"),
}
NOT_SHOWN: dict[str, Callable[[], bytes]] = {
    "float.tif": lambda: deep_tiff(scene(), unit="f", sample=3),
    "double.tif": lambda: deep_tiff(scene(mode="L"), unit="d", sample=3),
    "32 bits.tif": lambda: deep_tiff(scene(mode="L"), unit="L"),
    "signed.tif": lambda: deep_tiff(scene(mode="L"), unit="H", sample=2),
    "float, white is zero.tif": lambda: deep_tiff(scene(mode="L"), unit="f", sample=3, white_is_zero=True),
    "large.psb": lambda: psd(scene(), version=2),
    "from the future.tif": lambda: deep_tiff(scene()).replace(
        struct.pack("<HHLL", 259, 3, 1, 1), struct.pack("<HHLL", 259, 3, 1, 50002)
    ),
}


def saved_lab() -> bytes:
    from PIL import ImageCms

    lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    made = ImageCms.profileToProfile(scene(), srgb, lab, outputMode="LAB")
    assert made is not None
    data = io.BytesIO()
    made.save(data, "TIFF")
    return data.getvalue()


@pytest.mark.parametrize("name", SHOWN)
async def test_each_kind_of_picture_comes_as_it_looks(tools: Tools, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(SHOWN[name]())
    photo = await sent(tools, path)
    # Four bits a colour are sixteen steps.
    assert is_scene(photo.path, off=15 if "4444" in name else 4)
    assert photo.note.startswith("Converted from ")


@pytest.mark.parametrize("name", GREY)
async def test_each_kind_of_grey_comes_as_it_looks(tools: Tools, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(GREY[name]())
    photo = await sent(tools, path)
    with Image.open(photo.path) as image:
        assert difference(image, scene(mode="L")) <= 2


@pytest.mark.parametrize("name", NOT_SHOWN)
async def test_what_nobody_shows_right_is_not_called_damaged(tools: Tools, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(NOT_SHOWN[name]())
    with pytest.raises(NotMedia, match="of a kind that I cannot show"):
        await sent(tools, path)
    assert list(tmp_path.iterdir()) == [path]


#: Kinds of which few have any. Each is as good as its name says little of it.
RARE: dict[str, Callable[[], bytes]] = {
    "a.dds": lambda: saved("DDS"),
    "a.icns": lambda: in_icns(),
    "a.pam": lambda: (
        b"P7\nWIDTH 96\nHEIGHT 64\nDEPTH 3\nMAXVAL 255\nTUPLTYPE RGB\nENDHDR\n" + scene().tobytes()
    ),
    "a.qoi": lambda: saved("QOI"),
    "a.sgi": lambda: saved("SGI"),
    "a.ras": lambda: struct.pack(">8L", 0x59A66A95, 96, 64, 24, 96 * 64 * 3, 3, 0, 0) + scene().tobytes(),
    "a.xpm": lambda: xpm(),
}
UNSHOWN = {
    "a.exr": b"v/1\x01\2\0\0\0",
    "a.hdr": b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n",
    "a.pfm": b"PF\n96 64\n-1.0\n",
    "a.dpx": b"SDPX\0\0\x20\0",
    "a.fits": b"SIMPLE  =                    T",
    "a.jxr": b"II\xbc\x01\x20\0\0\0",
    "a.bpg": b"BPG\xfb\x20",
    "a.flif": b"FLIF44",
    "a.xcf": b"gimp xcf v011\0",
    "a.wbmp": b"\0\0\x10\x10" + bytes(32),
}


def in_icns() -> bytes:
    """As large as such pictures have to be."""
    data = io.BytesIO()
    scene(128, 128).save(data, "ICNS")
    return data.getvalue()


def xpm() -> bytes:
    colours = {pixel: "abc"[n] for n, pixel in enumerate(((220, 30, 30), (30, 200, 30), (30, 30, 220)))}
    picture = scene()
    rows = ["".join(colours[picture.getpixel((x, y))] for x in range(96)) for y in range(64)]  # type: ignore[index]
    table = [f"{char} c #{red:02x}{green:02x}{blue:02x}" for (red, green, blue), char in colours.items()]
    lines = ["96 64 3 1", *table, *rows]
    return ("/* XPM */\nstatic char *a[] = {\n" + ",\n".join(f'"{one}"' for one in lines) + "};\n").encode()


async def test_rare_kinds_come_as_they_look_or_as_what_they_are(tools: Tools, tmp_path: Path) -> None:
    for name, make in RARE.items():
        path = tmp_path / name
        path.write_bytes(make())
        photo = await sent(tools, path)
        size = (1024, 1024) if name == "a.icns" else (96, 64)
        assert is_scene(photo.path, size, off=4), name
    for name, start in UNSHOWN.items():
        path = tmp_path / name
        path.write_bytes(start + bytes(100))
        with pytest.raises(NotMedia, match="of a kind that I cannot show"):
            await sent(tools, path)


async def test_what_moves_is_a_video_or_its_first_picture(tools: Tools, tmp_path: Path) -> None:
    moving = tmp_path / "moving.jxl"
    moving.write_bytes((SAMPLES / "moving.jxl").read_bytes())
    photo = await sent(tools, moving)
    assert (
        is_scene(photo.path) and photo.note == "Converted from JPEG XL. It moves; its first picture is shown."
    )
    # What HEIC calls a sequence is a film of its pictures, in the boxes of a video.
    film = clip(
        tmp_path / "film.mp4", "-c:v", "libx265", "-x265-params", "log-level=none", sound=False, seconds=1
    )
    data = film.read_bytes()
    start = int.from_bytes(data[:4])
    for brand in (b"hevc", b"msf1"):
        named = tmp_path / f"{brand.decode()}.heics"
        brands = (brand + bytes(4) + b"msf1hevcmif1").ljust(start - 8, b" ")
        named.write_bytes(data[:8] + brands[: start - 8] + data[start:].replace(b"vide", b"pict", 1))
        found = await inspect(named, named.name, tools=tools)
        assert (found.verdict, found.width, found.height, found.duration) == (Verdict.DEFERRED, 320, 240, 1.0)


async def test_a_profile_for_brighter_screens_is_heeded_in_every_format(tools: Tools, tmp_path: Path) -> None:
    """All of it paper white of 203 nits in PQ, which no picture's numbers say here but its profile."""
    from pillow_jxl import JpegXLImagePlugin

    assert JpegXLImagePlugin
    for kind in ("PNG", "JPEG", "WEBP", "TIFF"):
        path = tmp_path / f"a.{kind}"
        pq_white(203).save(path, kind, icc_profile=pq_profile(), quality=95)
        photo = await sent(tools, path)
        with Image.open(photo.path) as image:
            level = image.convert("L").getpixel((48, 32))
        assert isinstance(level, int) and 195 <= level <= 212, (kind, level)


async def test_pictures_from_the_field_have_their_colours(tools: Tools, tmp_path: Path) -> None:
    for name, at, colour in (
        ("photo.jxl", (150, 120), (250, 211, 36)),
        ("planar_16_bits.tif", (44, 7), (146, 134, 106)),
        ("hlg.avif", (450, 250), (175, 48, 41)),
    ):
        path = tmp_path / name
        path.write_bytes((SAMPLES / name).read_bytes())
        photo = await sent(tools, path)
        with Image.open(photo.path) as image:
            pixel = image.getpixel(at)
            assert isinstance(pixel, tuple)
            assert all(abs(a - b) <= 12 for a, b in zip(pixel, colour, strict=True)), (name, pixel)


async def test_pages_come_as_pictures_but_not_the_small_ones_of_others(tools: Tools, tmp_path: Path) -> None:
    path = tmp_path / "scan.tif"
    pages = [scene(96, 64), scene(48, 32).convert("L"), stored(scene(96, 64), 3)]
    pages[0].save(path, save_all=True, append_images=pages[1:])
    first, second, third = [await sent(tools, path, part) for part in range(3)]
    assert (first.parts, first.part_name) == (3, "page")
    assert is_scene(first.path) and (second.width, second.height) == (48, 32)
    with Image.open(third.path) as image:
        assert difference(image, stored(scene(96, 64), 3)) <= 2
    assert first.note == "Converted from TIFF."

    smaller = Image.new("RGB", (24, 16))
    smaller.encoderinfo = {"tiffinfo": {254: 1}}
    pages[0].save(path, save_all=True, append_images=[smaller])
    assert (await sent(tools, path)).parts == 1

    many = tmp_path / "book.tif"
    pages[0].save(many, save_all=True, append_images=[Image.new("L", (8, 8), n % 256) for n in range(499)])
    book = await sent(tools, many)
    assert book.parts == 50
    assert book.note == "Converted from TIFF. The first 50 of its 500 pages are shown."


async def test_a_long_strip_comes_in_slices_that_are_the_whole(tools: Tools, tmp_path: Path) -> None:
    path = tmp_path / "comic.png"
    strip = Image.new("RGB", (720, 12_000), "white")
    draw = ImageDraw.Draw(strip)
    for top in range(0, 12_000, 100):
        draw.rectangle((0, top, 719, top + 99), fill=(top // 50, 255 - top // 50, 90))
    strip.save(path)
    slices = [await sent(tools, path, part) for part in range(9)]
    assert [photo.parts for photo in slices] == [9] * 9 and slices[0].part_name == "part"
    assert slices[0].note == "Cut into 9 slices: as a whole it would be too small to be read."
    joined = Image.new("RGB", strip.size)
    top = 0
    for photo in slices:
        with Image.open(photo.path) as image:
            joined.paste(image, (0, top))
            top += image.height
    assert top == strip.height
    assert difference(joined, strip) <= 2
    # What a telephone's screen shows at once is none, nor is a panorama.
    for size in ((1080, 2400), (9000, 1200)):
        whole = tmp_path / "whole.png"
        Image.new("RGB", size, "teal").save(whole)
        assert (await sent(tools, whole)).parts == 1


RAW: dict[str, Callable[[], bytes]] = {
    "a.dng": lambda: raw_file(jpeg=preview(), tags=[(50706, 1, b"\1\4\0\0")]),
    "turned.nef": lambda: raw_file(jpeg=preview(orientation=6), orientation=6),
    "a.cr2": lambda: raw_file(jpeg=preview(), tags=[short(50752, 1, 2, 3)]),
    "turned.orf": lambda: raw_file(start=b"IIRO", jpeg=preview(orientation=8), orientation=8),
    "turned.rw2": lambda: raw_file(start=b"IIU\0", jpeg=preview(orientation=3), orientation=3),
    "turned.cr3": lambda: cr3(preview(orientation=6), 6),
    "a.raf": lambda: b"FUJIFILMCCD-RAW 0201FF" + bytes(200) + preview(600, 400) + preview(),
}


@pytest.mark.parametrize("name", RAW)
async def test_of_a_cameras_raw_file_the_largest_preview_comes_upright(
    tools: Tools, tmp_path: Path, name: str
) -> None:
    path = tmp_path / name
    path.write_bytes(RAW[name]())
    photo = await sent(tools, path)
    assert photo.note == "It is a camera's raw file; the preview in it is shown."
    assert is_scene(photo.path, (960, 640), off=4)


def unreadable(jpeg: bytes) -> bytes:
    """With a header that is right, and more colours in its scan than there may be."""
    at = jpeg.rindex(b"\xff\xda")
    return jpeg[: at + 4] + b"\x09" + jpeg[at + 5 :]


async def test_a_preview_that_fails_gives_way_to_the_next_and_never_to_the_stamp(
    tools: Tools, tmp_path: Path
) -> None:
    path = tmp_path / "a.nef"
    path.write_bytes(raw_file(jpeg=unreadable(preview(1200, 800)) + preview()))
    photo = await sent(tools, path)
    assert is_scene(photo.path, (960, 640), off=4)
    large = preview(1200, 800)
    path.write_bytes(raw_file(jpeg=preview() + large[: len(large) // 2]))
    photo = await sent(tools, path)
    assert is_scene(photo.path, (960, 640), off=4) and "cut off" not in photo.note
    # Of this one nothing but grey could be shown.
    for is_small in (True, False):
        path.write_bytes(raw_file(jpeg=unreadable(large), is_small=is_small))
        with pytest.raises(NotMedia, match="damaged or empty"):
            await sent(tools, path)


async def test_a_raw_file_without_a_preview_is_named_as_that(tools: Tools, tmp_path: Path) -> None:
    tiles = preview(512, 512) * 6
    for name, content in (("a.dng", raw_file()), ("b.raf", b"FUJIFILMCCD-RAW" + preview(160, 120))):
        path = tmp_path / name
        path.write_bytes(content + tiles)
        with pytest.raises(NotMedia, match="a camera's raw file without a preview"):
            await sent(tools, path)


async def test_of_several_pictures_in_one_file_the_main_one_comes_and_that_is_said(
    tools: Tools, tmp_path: Path
) -> None:
    burst = tmp_path / "burst.heic"
    scene().save(burst, "HEIF", save_all=True, append_images=[scene(48, 32)], quality=95)
    photo = await sent(tools, burst)
    assert is_scene(photo.path, off=4)
    assert photo.note == "Converted from HEIF. It holds 2 pictures; the main one is shown."

    # What only says how the first is made brighter is no picture, and a file with it holds one.
    data = burst.read_bytes()
    at = data.index(b"hvc1", data.rindex(b"infe"))
    burst.write_bytes(data[:at] + b"tmap" + data[at + 4 :])
    assert (await sent(tools, burst)).note == "Converted from HEIF."

    stereo = tmp_path / "stereo.mpo"
    scene().save(stereo, "MPO", save_all=True, append_images=[scene()], quality=95)
    # Of no kind, as what phones put behind their photos.
    assert (await sent(tools, stereo)).note == ""
    data = stereo.read_bytes()
    first = data.index(struct.pack("<L", 0x030000), data.index(b"MPF") + 50)  # behind the list of tags
    stereo.write_bytes(data[: first + 16] + struct.pack("<L", 0x020002) + data[first + 20 :])
    assert (await sent(tools, stereo)).note == "It holds 2 pictures; the main one is shown."


async def test_the_second_decoder_shows_the_page_that_is_asked_for_or_none(
    tools: Tools, tmp_path: Path
) -> None:
    """Of what is damaged there, it would show the first."""
    path = tmp_path / "a.tif"
    scene().save(path, "TIFF", save_all=True, append_images=[scene(48, 32)], compression="tiff_lzw")
    data = bytearray(path.read_bytes())
    (first,) = struct.unpack_from("<L", data, 4)
    (second,) = struct.unpack_from("<L", data, first + 2 + 12 * struct.unpack_from("<H", data, first)[0])
    assert second
    for at in range(second + 2, len(data) - 12, 12):
        if struct.unpack_from("<H", data, at)[0] == 273:
            struct.pack_into("<L", data, at + 8, 1 << 30)  # its pixels are beyond the end
            break
    path.write_bytes(data)
    assert is_scene((await sent(tools, path)).path)
    with pytest.raises(NotMedia, match="damaged or empty|cut off"):
        await sent(tools, path, 1)


async def test_what_another_decoder_reads_is_turned_by_its_exif(tools: Tools, tmp_path: Path) -> None:
    source, lossless, path = (tmp_path / name for name in ("a.png", "b.jpg", "c.jpg"))
    stored(scene(), 6).save(source)
    job = Job()
    number = job.input(source, {"f": "png_pipe", "format_whitelist": "png_pipe"})
    job.output(
        lossless, [(number, "v:0")], {"c:v": "ljpeg", "pix_fmt": "bgr24", "f": "image2pipe", "frames:v": 1}
    )
    await tools.convert(job.arguments(), within=60)
    exif = Image.Exif()
    exif[0x0112] = 6
    path.write_bytes(jpeg_with(segment(0xE1, exif.tobytes()), healthy=lossless.read_bytes()))
    assert is_scene((await sent(tools, path)).path, off=4)


async def test_without_its_decoder_a_picture_is_of_a_kind_that_cannot_be_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where there is no wheel of it: ffmpeg is asked, and what it cannot read either is not damaged."""
    program = tmp_path / "child.py"
    program.write_text(
        f"import sys\nsys.path.insert(0, {str(Path(child.__file__).parent)!r})\n"
        "sys.modules['pillow_jxl'] = None\nimport child\nchild._know_this_folder()\n"
        "sys.path += sys.argv[2:]\nchild.main(int(sys.argv[1]))\n"
    )
    monkeypatch.setattr("utils.pictures.worker._PROGRAM", program)
    pictures = Pictures(300_000_000, keep=False)
    path = tmp_path / "a.jxl"
    path.write_bytes(jpeg_xl())
    with pytest.raises(Undecoded) as raised:
        await pictures.ask(Act.PHOTO, path, tmp_path / "out")
    assert raised.value.why is Why.KIND
    with pytest.raises(NotMedia, match="of a kind that I cannot show"):
        await prepare_photo(path, tmp_path / "out", tools=Tools(ffmpeg="false", pictures=pictures))


async def test_the_second_decoder_stays_within_the_memory_of_pictures(tmp_path: Path) -> None:
    path = tmp_path / "large.tif"
    path.write_bytes(deep_tiff(scene(1600, 1200), apart=True))
    for memory in (400_000_000, 64_000_000):
        pictures = Tools(pictures=Pictures(memory, keep=False))
        if memory > 100_000_000:
            assert is_scene((await sent(pictures, path)).path, (1600, 1200), off=4)
        else:
            with pytest.raises(NotMedia, match="too large for this machine"):
                await sent(pictures, path)
            with pytest.raises(Undecoded) as raised:
                first = Undecoded(Why.KIND, 1, 1, 1)
                async with seen_by_ffmpeg(path, tmp_path / "seen", first, pictures):
                    pass
            assert raised.value.why is Why.MEMORY


async def test_after_a_crash_ffmpeg_is_asked_but_of_what_may_have_pages(tools: Tools, tmp_path: Path) -> None:
    """Which of them it was, or whether it is a camera's raw file, is not known then."""
    for name, content, expected in (("a.psd", psd(scene()), True), ("a.tif", saved("TIFF"), False)):
        path = tmp_path / name
        path.write_bytes(content)
        async with seen_by_ffmpeg(path, tmp_path / "seen", Undecoded(Why.CRASHED), tools) as seen:
            assert (seen is not None) is expected


def pq_profile() -> bytes:
    """One for sRGB that says in a tag which comes last that the numbers are PQ's, of BT.2020."""
    whole = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    (count,) = struct.unpack_from(">L", whole, 128)
    tags = [struct.unpack_from(">4sLL", whole, 132 + 12 * n) for n in range(count)]
    tags = [(name, at + 12, size) for name, at, size in tags] + [(b"cicp", len(whole) + 12, 12)]
    table = struct.pack(">L", count + 1) + b"".join(struct.pack(">4sLL", *tag) for tag in tags)
    body = table + whole[132 + 12 * count :] + b"cicp\0\0\0\0" + bytes((9, 16, 0, 1))
    return struct.pack(">L", 128 + len(body)) + whole[4:128] + body


def pq_white(nits: float) -> Image.Image:
    """All of it white of that brightness, in PQ."""
    linear = (nits / 10_000) ** 0.1593017578125
    value = round(255 * ((0.8359375 + 18.8515625 * linear) / (1 + 18.6875 * linear)) ** 78.84375)
    return Image.new("RGB", (96, 64), (value, value, value))


def pq_heic(nits: float) -> bytes:
    """As some cameras write it (HIF): colours at half the width, and numbers for BT.2020 and PQ."""
    data = io.BytesIO()
    numbers = {"color_primaries": 9, "transfer_characteristics": 16, "matrix_coefficients": 9}
    pq_white(nits).save(data, "HEIF", quality=95, chroma=422, **numbers, full_range_flag=1)
    return data.getvalue()


def pq_png(nits: float) -> bytes:
    data = io.BytesIO()
    pq_white(nits).save(data, "PNG", compress_level=0)
    whole = data.getvalue()
    at = whole.index(b"IDAT") - 4
    return whole[:at] + chunk(b"cICP", bytes((9, 16, 0, 1))) + whole[at:]


async def test_hdr_pictures_are_as_bright_as_hdr_videos(tools: Tools, tmp_path: Path) -> None:
    for name, made in (("white.png", pq_png), ("white.hif", pq_heic)):
        path = tmp_path / name
        shown = []
        for nits in (20, 203, 1000):
            path.write_bytes(made(nits))
            photo = await sent(tools, path)
            with Image.open(photo.path) as image:
                pixel = image.getpixel((48, 32))
                assert isinstance(pixel, tuple) and max(pixel) - min(pixel) <= 4
                shown.append(pixel[0])
        # White paper is nearly white, and what is brighter can be told from it.
        assert shown == pytest.approx([99, 209, 243], abs=6), name


async def test_more_colours_that_are_told_in_numbers_are_shown_right(tools: Tools, tmp_path: Path) -> None:
    """An orange in Display P3 is a stronger one in sRGB; a profile beside the numbers comes first."""
    orange = Image.new("RGB", (96, 64), (200, 120, 60))
    numbers = {"color_primaries": 12, "transfer_characteristics": 13}
    png, heic, both = io.BytesIO(), io.BytesIO(), io.BytesIO()
    orange.save(png, "PNG")
    orange.save(heic, "HEIF", quality=100, chroma=444, **numbers, matrix_coefficients=6)
    plain = png.getvalue()
    at = plain.index(b"IDAT") - 4
    orange.save(both, "PNG", icc_profile=ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    profiled, iccp = both.getvalue(), both.getvalue().index(b"IDAT") - 4
    cicp = chunk(b"cICP", bytes((12, 13, 0, 1)))
    for name, content, expected in (
        ("a.png", plain[:at] + cicp + plain[at:], (213, 115, 42)),
        ("a.heic", heic.getvalue(), (213, 115, 42)),
        ("both.png", profiled[:iccp] + cicp + profiled[iccp:], (200, 120, 60)),
    ):
        path = tmp_path / name
        path.write_bytes(content)
        with Image.open((await sent(tools, path)).path) as image:
            assert image.getpixel((48, 32)) == pytest.approx(expected, abs=3), name


async def test_words_tell_what_is_wrong(tools: Tools, tmp_path: Path) -> None:
    noise = zlib.compress(bytes(range(256)) * 4000, 0)
    for name, content, words in (
        ("damaged.jpg", b"\xff\xd8\xff\xe0" + noise, "damaged or empty"),
        ("cut off.heic", half_heic(), "cut off before there is anything"),
        ("kind.psb", psd(scene(), version=2), "of a kind that I cannot show"),
        (
            "large.bmp",
            b"BM" + struct.pack("<IHHI", 0, 0, 0, 54) + bmp_header(30_000, 30_000),
            "no more than 128 are decoded",
        ),
    ):
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(NotMedia, match=words):
            await prepare_photo(path, tmp_path / "out", tools=tools)


async def test_the_table_of_the_documents_is_that_of_the_code() -> None:
    """To renew: python -c 'from utils.pictures.format_table import *; print(formats_table())'."""
    page = (ROOT / "docs" / "formats.md").read_text(encoding="utf-8")
    shown = page.partition("<!-- pictures -->\n")[2].partition("<!-- end of pictures -->")[0]
    assert shown == formats_table()
    assert "docs/formats.md" in (ROOT / "README.md").read_text(encoding="utf-8")


async def test_every_format_is_told_by_its_beginning_and_tga_by_its_name_as_well(
    tools: Tools, tmp_path: Path
) -> None:
    from utils.media import Kind, kind_of

    for name, make in {**SHOWN, **GREY, **RAW}.items():
        assert kind_of(make(), name) is Kind.PHOTO, name
    moving = called("AVIF", b"msf1", save_all=True, append_images=[scene().rotate(180)], duration=200)
    path = tmp_path / "a.avif"
    path.write_bytes(moving)
    assert (await inspect(path, path.name, tools=tools)).verdict is Verdict.DEFERRED
    assert kind_of(moving.replace(b"ftypmsf1", b"ftypmp42"), "a.avif") is Kind.VIDEO
    tga = saved("TGA")
    assert kind_of(tga, "a.bin") is Kind.OTHER
    assert {ending for one in FORMATS for ending in one.endings} >= {
        "jpg",
        "heic",
        "jxl",
        "cr3",
        "psd",
        "tga",
    }
