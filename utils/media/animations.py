"""Moving pictures in picture formats: GIF, PNG, WebP, AVIF. They become silent videos."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

from PIL import Image

from utils.errors import ConversionFailed, NotMedia
from utils.media.commands import MAX_PIXELS, Job
from utils.media.disk import settle
from utils.media.photos import DAMAGE, FORMATS, one_at_a_time
from utils.media.probe import Probe, parse_probe
from utils.media.tools import Tools

#: Pictures of one animation at most; each is a file for a while.
_MAX_FRAMES = 20_000
#: Formats of which ffmpeg has no decoder for more than the first picture; Pillow's is used.
UNPACKED = ("webp", "avif")
#: Browsers show what is given no time, or next to none, for a tenth of a second.
_LEAST_MS, _DEFAULT_MS = 10, 100


def moving_format(path: Path) -> str:
    """Name of the format in lower case if the picture moves, else "". Blocking.

    Raises :class:`NotMedia`, with the figures, when one that moves is too large to be decoded.
    """
    try:
        with one_at_a_time(), Image.open(path, formats=FORMATS) as image:
            if not getattr(image, "is_animated", False) or image.format not in ("GIF", "WEBP", "PNG", "AVIF"):
                return ""
            name, width, height = image.format, image.width, image.height
    except DAMAGE:
        return ""
    if width * height > MAX_PIXELS:
        raise NotMedia(
            f"The animation is {width}x{height}: {width * height / 1e6:,.0f} megapixels, and no more than "
            f"{MAX_PIXELS / 1e6:,.0f} are decoded."
        )
    return name.lower()


def probe_animation(path: Path, name: str) -> Probe:
    """What ffprobe would say of a moving WebP or AVIF (``name``, in lower case) if it could read one.

    Raises :class:`NotMedia`. Blocking.
    """
    try:
        with one_at_a_time(), Image.open(path, formats=FORMATS) as image:
            size = image.size
            # Of a long one the first pictures tell the rate well enough.
            times = [time for _, time in zip(range(50), _durations(image), strict=False)]
            seconds = sum(times) / 1000 * getattr(image, "n_frames", 1) / len(times)
            rate = Fraction(1000 * len(times), sum(times))
            count = getattr(image, "n_frames", 1)
    except DAMAGE as error:
        raise NotMedia("The animation cannot be decoded; it is damaged or empty.") from error
    stream = {
        "index": 0,
        "codec_type": "video",
        "codec_name": name,
        "pix_fmt": "rgb24",
        "width": size[0],
        "height": size[1],
        "avg_frame_rate": str(rate),
        "time_base": "1/1000",
        "start_time": "0",
        "nb_frames": str(count),
    }
    shown = {"type": "frame", "stream_index": 0}
    answer = {
        "streams": [stream],
        "format": {"format_name": name, "duration": str(seconds), "start_time": "0"},
        "packets_and_frames": [shown, {**shown, "type": "packet"}],
    }
    return parse_probe(json.dumps(answer).encode())


async def unpack(path: Path, folder: Path, tools: Tools, *, within: float, file_bytes: int) -> Path:
    """The pictures of a moving WebP or AVIF, lossless and each at its time, in a Matroska file in ``folder``.

    ffmpeg has no decoder for them. The Matroska file may have ``file_bytes`` at most.
    """
    output, pictures = folder / "unpacked.mkv", folder / "pictures"
    if await asyncio.to_thread(output.exists):
        return output
    await asyncio.to_thread(shutil.rmtree, pictures, ignore_errors=True)
    await asyncio.to_thread(pictures.mkdir)
    try:
        listing = await asyncio.to_thread(_write_pictures, path, pictures)
        job = Job()
        # By its bare name, as in the join of segments: see join_arguments.
        number = job.input(
            Path(listing.name), {"f": "concat", "safe": 0, "format_whitelist": "concat,png_pipe"}
        )
        part = output.with_name(f"{output.name}.part")
        job.output(part, [(number, "v:0")], {"c:v": "copy", "f": "matroska"})
        await tools.convert(job.arguments(), within=within, stall=within, cwd=pictures, file_bytes=file_bytes)
        await asyncio.to_thread(settle, part, output)
    finally:
        await asyncio.to_thread(shutil.rmtree, pictures, ignore_errors=True)
    return output


def _write_pictures(path: Path, folder: Path) -> Path:
    """Each picture as a PNG, and the list of them for ffmpeg. Blocking."""
    lines = ["ffconcat version 1.0"]
    try:
        with one_at_a_time(), Image.open(path, formats=FORMATS) as image:
            for number, milliseconds in enumerate(_durations(image)):
                name = f"{number:06d}.png"
                flat = Image.new("RGB", image.size, "white")
                flat.paste(image.convert("RGBA"), mask=image.convert("RGBA").getchannel("A"))
                flat.save(folder / name, "PNG", compress_level=1)
                lines += [f"file {name}", "option framerate 1000", f"duration {milliseconds / 1000:.3f}"]
    except DAMAGE as error:
        if len(lines) < 3:
            raise ConversionFailed("None of its pictures can be decoded.") from error
    listing = folder / "pictures.txt"
    listing.write_text("\n".join(lines) + "\n", encoding="ascii")
    return listing


def _durations(image: Image.Image) -> Iterator[int]:
    """Milliseconds that each picture is shown for, while ``image`` stands at that picture."""
    for number in range(min(getattr(image, "n_frames", 1), _MAX_FRAMES)):
        image.seek(number)
        image.load()
        milliseconds = int(image.info.get("duration") or 0)
        yield milliseconds if milliseconds > _LEAST_MS else _DEFAULT_MS
