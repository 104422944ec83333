"""Pictures of every format look as another decoder than the one that is used sees them."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from pathlib import Path

import pillow_heif
import pytest
from PIL import Image, ImageDraw, ImageFilter
from pillow_jxl import JpegXLImagePlugin

from tests.pictures.makers import deep_tiff, psd
from utils.media import Tools, Verdict, inspect, prepare_photo
from utils.media.commands import Job, Value
from utils.pictures.opening import open_picture
from utils.pictures.photos import _draft, _Task, make_photo
from utils.pictures.protocol import Act, Request

pillow_heif.register_heif_opener()
assert JpegXLImagePlugin
pytestmark = pytest.mark.asyncio(loop_scope="module")

SIZE = (160, 120)
#: What each ending is decoded by in ffmpeg.
DEMUXERS = {
    **{"jpg": "jpeg_pipe", "png": "png_pipe", "gif": "gif", "webp": "webp_pipe", "bmp": "bmp_pipe"},
    **{"tif": "tiff_pipe", "tga": "image2", "pcx": "pcx_pipe", "jp2": "j2k_pipe", "psd": "psd_pipe"},
    **{"pbm": "pbm_pipe", "pgm": "pgm_pipe", "ppm": "ppm_pipe", "ico": "ico", "jxl": "jpegxl_pipe"},
}


def painted(mode: str = "RGB") -> Image.Image:
    """Soft colours of all kinds and a few edges: what cameras see, more than noise is."""
    size = SIZE
    bands = [
        Image.linear_gradient("L").resize(size),
        Image.linear_gradient("L").rotate(90).resize(size),
        Image.radial_gradient("L").resize(size),
    ]
    image = Image.merge("RGB", bands)
    draw = ImageDraw.Draw(image)
    draw.rectangle((10, 10, 60, 50), fill=(230, 40, 30))
    draw.ellipse((90, 50, 150, 110), fill=(20, 60, 220))
    draw.rectangle((100, 12, 140, 32), fill=(250, 250, 250))
    image = image.filter(ImageFilter.GaussianBlur(1))
    if mode.endswith("A"):
        image = image.convert(mode)
        image.putalpha(Image.linear_gradient("L").rotate(180).resize(size))
        return image
    if mode == "I;16":
        return image.convert("L").convert("I").point(lambda value: value * 257).convert("I;16")
    return image.convert(mode)


def saved(kind: str, mode: str = "RGB", **options: object) -> bytes:
    data = io.BytesIO()
    painted(mode).save(data, kind, **options)
    return data.getvalue()


def hidden(kind: str) -> bytes:
    image, data = painted(), io.BytesIO()
    image.putalpha(Image.linear_gradient("L").resize(SIZE))
    image.save(data, kind)
    return data.getvalue()


def turned(**options: object) -> bytes:
    """A JPEG that has to be written anew."""
    exif = Image.Exif()
    exif[0x0112] = 3
    data = io.BytesIO()
    mode = str(options.pop("mode", "RGB"))
    painted(mode).transpose(Image.Transpose.ROTATE_180).save(data, "JPEG", exif=exif, quality=92, **options)
    return data.getvalue()


def ppm_16() -> bytes:
    values = [value * 257 for value in painted().tobytes()]
    return b"P6 %d %d 65535\n" % SIZE + struct.pack(f">{len(values)}H", *values)


def plain_ppm() -> bytes:
    return b"P3\n# made here\n%d %d 255\n" % SIZE + " ".join(map(str, painted().tobytes())).encode()


PICTURES: dict[str, Callable[[], bytes]] = {
    "turned 420.jpg": lambda: turned(subsampling=2),
    "turned 444.jpg": lambda: turned(subsampling=0),
    "turned progressive.jpg": lambda: turned(progressive=True),
    "turned grey.jpg": lambda: turned(mode="L"),
    "cmyk.jpg": lambda: saved("JPEG", "CMYK", quality=95),
    "16 grey.png": lambda: saved("PNG", "I;16"),
    "alpha.png": lambda: saved("PNG", "RGBA"),
    "grey alpha.png": lambda: saved("PNG", "LA"),
    "palette.png": lambda: saved("PNG", "P"),
    "bits.png": lambda: saved("PNG", "1"),
    "still.gif": lambda: saved("GIF", "P"),
    "lossy.webp": lambda: saved("WEBP", quality=90),
    "lossless.webp": lambda: saved("WEBP", lossless=True),
    "alpha.webp": lambda: saved("WEBP", "RGBA", lossless=True),
    "24.bmp": lambda: saved("BMP"),
    "8.bmp": lambda: saved("BMP", "P"),
    "grey.bmp": lambda: saved("BMP", "L"),
    "1.bmp": lambda: saved("BMP", "1"),
    "plain.tif": lambda: saved("TIFF"),
    "lzw.tif": lambda: saved("TIFF", compression="tiff_lzw"),
    "deflate.tif": lambda: saved("TIFF", compression="tiff_adobe_deflate"),
    "packbits.tif": lambda: saved("TIFF", compression="packbits"),
    "group4.tif": lambda: saved("TIFF", "1", compression="group4"),
    "group3.tif": lambda: saved("TIFF", "1", compression="group3"),
    "grey.tif": lambda: saved("TIFF", "L"),
    "palette.tif": lambda: saved("TIFF", "P"),
    "cmyk.tif": lambda: saved("TIFF", "CMYK"),
    "alpha.tif": lambda: saved("TIFF", "RGBA"),
    "16.tif": lambda: deep_tiff(painted()),
    "16 other order.tif": lambda: deep_tiff(painted(), order=">"),
    "16 grey.tif": lambda: deep_tiff(painted("L")),
    "24.tga": lambda: saved("TGA"),
    "runs.tga": lambda: saved("TGA", compression="tga_rle"),
    "alpha.tga": lambda: saved("TGA", "RGBA"),
    "grey.tga": lambda: saved("TGA", "L"),
    "24.pcx": lambda: saved("PCX"),
    "8.pcx": lambda: saved("PCX", "P"),
    "1.pcx": lambda: saved("PCX", "1"),
    "a.pbm": lambda: saved("PPM", "1"),
    "a.pgm": lambda: saved("PPM", "L"),
    "a.ppm": lambda: saved("PPM"),
    "16.ppm": ppm_16,
    "a.jp2": lambda: saved("JPEG2000"),
    "lossy.jp2": lambda: saved("JPEG2000", quality_mode="dB", quality_layers=[42]),
    "grey.jp2": lambda: saved("JPEG2000", "L"),
    "16.jp2": lambda: saved("JPEG2000", "I;16"),
    "alpha.jp2": lambda: saved("JPEG2000", "RGBA"),
    "a.psd": lambda: psd(painted()),
    "a.ico": lambda: saved("ICO", sizes=[SIZE]),
    "bitmap.ico": lambda: saved("ICO", sizes=[SIZE], bitmap_format="bmp"),
    "lossy.jxl": lambda: saved("JXL", quality=92),
    "lossless.jxl": lambda: saved("JXL", lossless=True),
    "alpha.jxl": lambda: saved("JXL", "RGBA", lossless=True),
    "grey.jxl": lambda: saved("JXL", "L", lossless=True),
}
GREY = ("16.jp2", "a.pgm", "a.pbm", "bits.png", "group3.tif", "group4.tif")
#: Of which ffmpeg shows nothing, or something else: these are held against what they were made of.
MADE: dict[str, Callable[[], bytes]] = {
    "plain.ppm": plain_ppm,
    "jpeg.tif": lambda: saved("TIFF", compression="jpeg", quality=95),
    # What could be its transparency means nothing there.
    "32.bmp": lambda: hidden("BMP"),
    "420.avif": lambda: saved("AVIF", quality=92),
    "444.avif": lambda: saved("AVIF", quality=92, subsampling="4:4:4"),
    "alpha.avif": lambda: saved("AVIF", "RGBA", quality=95),
    "grey.avif": lambda: saved("AVIF", "L", quality=95),
    "420.heic": lambda: saved("HEIF", quality=92),
    "444.heic": lambda: saved("HEIF", quality=92, chroma=444),
    "alpha.heic": lambda: saved("HEIF", "RGBA", quality=95),
    "16.heic": lambda: saved("HEIF", "I;16", quality=95),
}


async def seen_by_another(tools: Tools, path: Path, output: Path) -> Image.Image:
    """On white, and as it is stored: not turned."""
    job = Job(threads=1)
    demuxer = DEMUXERS[path.suffix[1:]]
    number = job.input(path, {"f": demuxer, "format_whitelist": demuxer, "autorotate": 0})
    options: dict[str, Value] = {"f": "image2pipe", "c:v": "png", "pix_fmt": "rgba", "frames:v": 1}
    job.output(output, [(number, "v:0")], options)
    await tools.convert(job.arguments(), within=60)
    return flat(Image.open(output))


def flat(image: Image.Image) -> Image.Image:
    rgba = image.convert("RGBA")
    white = Image.new("RGB", rgba.size, "white")
    white.paste(rgba, mask=rgba.getchannel("A"))
    return white


def difference(one: Image.Image, other: Image.Image) -> float:
    """The mean one in 8-bit values, after shrinking."""
    assert one.size == other.size
    small = [image.resize((40, 30), Image.Resampling.BOX).tobytes() for image in (one, other)]
    return float(sum(abs(a - b) for a, b in zip(*small, strict=True))) / len(small[0])


async def arrived(tools: Tools, path: Path) -> Image.Image:
    assert (await inspect(path, path.name, tools=tools)).verdict is Verdict.PHOTO
    photo = await prepare_photo(path, path.with_suffix(".out"), tools=tools)
    with Image.open(photo.path) as image:
        return flat(image)


@pytest.mark.parametrize("name", PICTURES)
async def test_a_picture_looks_as_another_decoder_sees_it(tools: Tools, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(PICTURES[name]())
    reference = await seen_by_another(tools, path, tmp_path / "reference.png")
    if name.startswith("turned"):
        reference = reference.transpose(Image.Transpose.ROTATE_180)
    assert difference(await arrived(tools, path), reference) <= 2
    kind = path.stem.removeprefix("turned ")
    mode = {"alpha": "RGBA", "grey alpha": "LA", "grey": "L", "16 grey": "L"}.get(kind, "RGB")
    if name not in GREY and kind != "1":
        assert difference(reference, flat(painted(mode))) < 20, "it is no picture of this kind at all"


@pytest.mark.parametrize("name", MADE)
async def test_a_picture_looks_as_it_was_made(tools: Tools, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(MADE[name]())
    mode = {"alpha": "RGBA", "grey": "L", "16": "L"}.get(path.stem, "RGB")
    assert difference(await arrived(tools, path), flat(painted(mode))) <= 2


async def test_a_large_jpeg_is_decoded_no_larger_than_it_need_be(tools: Tools, tmp_path: Path) -> None:
    """At three eighths of its size: at a quarter it would be too small, at a half it takes more memory."""
    path = tmp_path / "a.jpg"
    painted().resize((7001, 3333), Image.Resampling.BILINEAR).save(path, quality=90, progressive=True)
    with path.open("rb") as file, io.BytesIO() as output:
        image = open_picture(file, 1 << 30)
        _draft(image, 0, _Task(1 << 30, Request(Act.PHOTO)))
        assert image.size == (2626, 1250)
        assert difference(image.convert("RGB").resize(SIZE), painted()) <= 2
        photo = make_photo(file, output, 1 << 30, Request(Act.PHOTO))
        assert (photo.width, photo.height) == (2560, 1218)
        assert difference(Image.open(output).resize(SIZE), painted()) <= 2
