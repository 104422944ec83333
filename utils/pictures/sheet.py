"""A contact sheet: small squares of several pictures in one. Runs in a child.

Each picture is made a square by itself, so that one that cannot be decoded spoils nothing; the squares come
back one behind another, each behind its length.
"""

from __future__ import annotations

import io
import math
import struct
from collections.abc import Iterator
from typing import BinaryIO

from PIL import Image

from utils.pictures.limits import decoded_bytes
from utils.pictures.metadata import orientation_of
from utils.pictures.opening import judged, open_picture, require_memory, size_of
from utils.pictures.photos import TURNS
from utils.pictures.pixels import decode, shrunk, to_srgb
from utils.pictures.protocol import Sheet

#: Pixels of a side of a square, between two of them, and squares of a sheet at most.
SIDE, GAP, MOST = 320, 4, 12
LENGTH = struct.Struct(">I")
_QUALITY = 85


def make_square(file: BinaryIO, output: BinaryIO, memory: int) -> Sheet:
    """Write the middle of the picture in ``file`` as a small square to ``output``. Raises Undecoded."""
    needed = 0
    try:
        image = open_picture(file, memory)
        # A JPEG is decoded no larger than it need be.
        image.draft("RGB", (SIDE, SIDE))
        needed = decoded_bytes(str(image.format), image.mode, *image.size, size_of(file))
        require_memory(image.size, needed, memory)
        profile = image.info.get("icc_profile")
        source = decode(image, file)
        scale = SIDE / min(source.size)
        width, height = (max(SIDE, round(side * scale)) for side in source.size)
        picture = to_srgb(shrunk(source, (width, height)), profile)
        left, top = (width - SIDE) // 2, (height - SIDE) // 2
        picture = picture.crop((left, top, left + SIDE, top + SIDE))
        turn = orientation_of(image)
        _write(picture.transpose(TURNS[turn]) if turn in TURNS else picture, output)
    except Exception as error:  # noqa: BLE001 - whatever the decoder does is about the picture
        found = judged(error, needed, memory)
    else:
        return Sheet(SIDE, SIDE)
    raise found


def make_sheet(file: BinaryIO, output: BinaryIO) -> Sheet:
    """Write the squares in ``file`` side by side to ``output``."""
    file.seek(0)
    squares = [Image.open(io.BytesIO(square), formats=("JPEG",)) for square in _squares(file)][:MOST]
    columns = min(4, math.ceil(math.sqrt(len(squares))) if len(squares) < MOST else 4)
    rows = math.ceil(len(squares) / columns)
    sheet = Image.new("RGB", (columns * (SIDE + GAP) - GAP, rows * (SIDE + GAP) - GAP), (255, 255, 255))
    for place, square in enumerate(squares):
        sheet.paste(square, (place % columns * (SIDE + GAP), place // columns * (SIDE + GAP)))
    _write(sheet, output)
    return Sheet(*sheet.size)


def _squares(file: BinaryIO) -> Iterator[bytes]:
    while head := file.read(LENGTH.size):
        yield file.read(LENGTH.unpack(head)[0])


def _write(picture: Image.Image, output: BinaryIO) -> None:
    picture.save(output, "JPEG", quality=_QUALITY)
    output.flush()
