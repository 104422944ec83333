"""A BMP of a rarer kind as one that its decoder knows. Runs in a child.

Of 16 and 32 bits it knows a few ways to share these out, and no palette of 2 bits, nor one that is too long.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from PIL import Image, ImageMath

#: How pixels are packed: not at all, by masks (or with one for what is transparent), as another format.
_PLAIN, _MASKS, _FOREIGN = 0, (3, 6), (4, 5)
_FILE_HEADER, _LEAST_HEADER = 14, 16
#: Bytes of a header from which on it has a mask for what is transparent in it.
_WITH_ALPHA = 56
_USUAL = {16: (0x7C00, 0x3E0, 0x1F, 0), 32: (0xFF0000, 0xFF00, 0xFF, 0)}
_COLOURS_USED = _FILE_HEADER + 32
#: Pixels of a strip.
_STRIP = 1 << 19


class _Header(NamedTuple):
    size: int
    width: int
    height: int
    bits: int
    packed: int
    colours: int
    pixels: int

    @property
    def stride(self) -> int:
        """Bytes of a line."""
        return (self.width * self.bits + 31) // 32 * 4


def plain_bmp(data: bytes) -> Iterator[BinaryIO]:
    """The BMP in ``data`` in another way, held in memory; nothing where none is known here."""
    header = _header(data)
    if header is None:
        return
    if header.packed in _FOREIGN:
        yield io.BytesIO(data[header.pixels :])
    elif header.bits <= 8 and header.colours > 1 << header.bits:
        yield io.BytesIO(
            data[:_COLOURS_USED] + struct.pack("<L", 1 << header.bits) + data[_COLOURS_USED + 4 :]
        )
    elif header.pixels + header.stride * abs(header.height) <= len(data):
        picture = None
        if header.bits in _USUAL and header.packed in (_PLAIN, *_MASKS):
            picture = _by_masks(data, header)
        elif header.bits in (1, 2, 4, 8) and header.packed == _PLAIN:
            picture = _by_palette(data, header)
        if picture is not None:
            plain = io.BytesIO()
            picture.save(plain, "BMP")
            yield plain


def _header(data: bytes) -> _Header | None:
    if len(data) < _FILE_HEADER + 40:
        return None
    (pixels, size, width, height, _, bits) = struct.unpack_from("<LLlLHH", data, 10)
    packed, colours = (
        (0, 0)
        if size == _LEAST_HEADER
        else (*struct.unpack_from("<L", data, 30), *struct.unpack_from("<L", data, 46))
    )
    height -= (1 << 32) * (height >= 1 << 31)
    sound = size >= _LEAST_HEADER and width > 0 and height
    return _Header(size, width, height, bits, packed, colours, pixels) if sound else None


def _masks(data: bytes, header: _Header) -> tuple[int, ...]:
    if header.packed == _PLAIN:
        return _USUAL[header.bits]
    masks = struct.unpack_from("<4L", data.ljust(_FILE_HEADER + 56, b"\0"), _FILE_HEADER + 40)
    return masks if header.packed == _MASKS[1] or header.size >= _WITH_ALPHA else (*masks[:3], 0)


def _by_masks(data: bytes, header: _Header) -> Image.Image | None:
    masks = _masks(data, header)
    places = [((one & -one).bit_length() - 1, one.bit_count()) for one in masks]
    if any(one >> shift != (1 << bits) - 1 for one, (shift, bits) in zip(masks, places, strict=True) if one):
        return None
    whole = Image.new("RGB", (header.width, abs(header.height)))
    lines = max(1, _STRIP // header.width)
    mode, raw = ("I;16", "I;16") if header.bits == 16 else ("I", "I;32")
    for top in range(0, abs(header.height), lines):
        size = (header.width, min(lines, abs(header.height) - top))
        start = header.pixels + top * header.stride
        strip = Image.frombytes(
            mode, size, data[start : start + size[1] * header.stride], "raw", raw, header.stride
        )
        red, green, blue, alpha = (_channel(strip.convert("I"), *place) for place in places)
        empty = Image.new("L", size)
        colours = Image.merge("RGB", (red or empty, green or empty, blue or empty))
        flat = Image.new("RGB", size, "white")
        flat.paste(colours, mask=alpha)
        whole.paste(flat, (0, top))
    return whole if header.height < 0 else whole.transpose(Image.Transpose.FLIP_TOP_BOTTOM)


def _channel(numbers: Image.Image, shift: int, bits: int) -> Image.Image | None:
    """What lies in so many ``bits`` of ``numbers``, as eight."""
    if not bits:
        return None
    shift, bits = shift + max(0, bits - 8), min(bits, 8)
    most = (1 << bits) - 1
    found: Image.Image = ImageMath.lambda_eval(
        lambda args: args["convert"]((args["n"] >> shift & most) * 255 / most, "L"), n=numbers
    )
    return found


def _by_palette(data: bytes, header: _Header) -> Image.Image:
    size = (header.width, abs(header.height))
    order = 1 if header.height < 0 else -1
    raw = "P" if header.bits == 8 else f"P;{header.bits}"
    body = data[header.pixels : header.pixels + header.stride * size[1]]
    picture = Image.frombytes("P", size, body, "raw", raw, header.stride, order)
    start = _FILE_HEADER + header.size
    many = min(header.colours or 256, 1 << header.bits, max(0, header.pixels - start) // 4)
    picture.putpalette(data[start : start + 4 * many], "BGRX")
    return picture
