"""Pictures that move, in formats that are for pictures: GIF, PNG, WebP, AVIF. Runs in a child."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import BinaryIO

from PIL import Image

from utils.pictures.limits import decoded_bytes
from utils.pictures.opening import judged, open_picture, require_memory
from utils.pictures.protocol import Frames, Look, Times, Undecoded, Why

#: Pictures of one animation at most.
_MAX_FRAMES = 20_000
#: Pixels of all of them together at most: an hour's work.
_MAX_DRAWN = 100_000_000_000
#: Of a long one the first pictures tell the rate well enough.
_TIMED = 50
#: Browsers show what is given no time, or next to none, for a tenth of a second.
_LEAST_MS, _DEFAULT_MS = 10, 100
_MOVING = ("GIF", "WEBP", "PNG", "AVIF")
_STILL = Look("", 0, 0)


def look(file: BinaryIO, memory: int) -> Look:
    """Whether the picture moves. One that cannot be read does not. Raises :class:`Undecoded`."""
    try:
        image = open_picture(file, memory)
        if not getattr(image, "is_animated", False) or image.format not in _MOVING:
            return _STILL
        return Look(image.format.lower(), image.width, image.height)
    except Exception as error:  # noqa: BLE001 - whatever the decoder does is about the picture
        found = judged(error, 0, memory)
        if found.why in (Why.MEMORY, Why.PIXELS):
            raise found from error
        return _STILL


def times(file: BinaryIO, memory: int) -> Times:
    """How many pictures it has, and how long the first are shown. Raises :class:`Undecoded`."""
    needed = 0
    milliseconds: list[int] = []
    try:
        image = open_picture(file, memory)
        needed = _needed(image)
        require_memory(image.size, needed, memory)
        frames = getattr(image, "n_frames", 1)
        if frames * image.width * image.height > _MAX_DRAWN:
            raise Undecoded(Why.TIME)
        try:
            milliseconds.extend(islice(_durations(image), _TIMED))
        except Exception:
            if not milliseconds:
                raise
            frames = len(milliseconds)  # those before the damage are what there is
        return Times(image.width, image.height, frames, tuple(milliseconds))
    except Exception as error:  # noqa: BLE001
        raise judged(error, needed, memory) from error


def write_frames(file: BinaryIO, output: BinaryIO, memory: int) -> Frames:
    """Write each picture to ``output``, as an opaque PNG of the whole, one after another.

    Where it is damaged, those before are what there is. Raises :class:`Undecoded` when there are none.
    """
    sizes: list[int] = []
    milliseconds: list[int] = []
    try:
        image = open_picture(file, memory)
        require_memory(image.size, _needed(image), memory)
        for shown in _durations(image):
            rgba = image.convert("RGBA")
            flat = Image.new("RGB", image.size, "white")
            flat.paste(rgba, mask=rgba.getchannel("A"))
            start = output.tell()
            flat.save(output, "PNG", compress_level=1)
            sizes.append(output.tell() - start)
            milliseconds.append(shown)
    except Exception as error:  # noqa: BLE001
        found = judged(error, 0, memory)
        if not sizes or found.why in (Why.MEMORY, Why.NO_ROOM):
            raise found from error
    output.flush()
    return Frames(tuple(sizes), tuple(milliseconds))


def _needed(image: Image.Image) -> int:
    """Bytes that one picture of it takes, with what is written of it."""
    return decoded_bytes(str(image.format), image.mode, *image.size, 0) + 12 * image.width * image.height


def _durations(image: Image.Image) -> Iterator[int]:
    """Milliseconds that each picture is shown for, while ``image`` stands at that picture."""
    for number in range(min(getattr(image, "n_frames", 1), _MAX_FRAMES)):
        image.seek(number)
        image.load()
        milliseconds = int(image.info.get("duration") or 0)
        yield milliseconds if milliseconds > _LEAST_MS else _DEFAULT_MS
