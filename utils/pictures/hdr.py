"""Pictures for screens that are brighter than most, or have more colours: shown on others as such videos are.

https://www.itu.int/rec/T-REC-H.273 numbers the colours, https://www.itu.int/rec/R-REC-BT.2100 has the curves.
Runs in a child.
"""

from __future__ import annotations

import math
import struct
from functools import cache
from typing import BinaryIO, NamedTuple

from PIL import Image, ImageFilter

_PQ, _HLG = 16, 18
_BT2020, _P3 = 9, 12
#: Bytes in which it is looked for.
_HEAD = 1 << 16
#: Brightness of white paper, and of the brightest that HLG shows, in nits.
_WHITE_NITS, _HLG_NITS = 203, 1000
#: White paper becomes so much of the light; and how many times as bright as paper it may become.
_REINHARD, _PEAK = 0.6, 10.0
#: Tags of a profile that are looked at.
_MOST_TAGS = 100
#: Points of the table a channel; between them it is interpolated.
_POINTS = 49
#: Steps of light that are told apart.
_STEPS = 8192
#: To BT.709's primaries, from those of others.
_AS_IT_IS = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
_TO_709 = {
    _BT2020: ((1.6605, -0.5876, -0.0728), (-0.1246, 1.1329, -0.0083), (-0.0182, -0.1006, 1.1187)),
    _P3: ((1.2249, -0.2247, 0.0), (-0.0420, 1.0419, 0.0), (-0.0197, -0.0786, 1.0979)),
}


class Transfer(NamedTuple):
    """How a picture's numbers are meant: primaries and curve, as H.273 numbers them."""

    primaries: int
    curve: int

    @property
    def is_hdr(self) -> bool:
        """Whether it is for brighter screens."""
        return self.curve in (_PQ, _HLG)


def transfer_of(file: BinaryIO, format_: str) -> Transfer | None:
    """What the file says of its colours in numbers, if these are for brighter screens, or of more colours."""
    if format_ not in ("AVIF", "HEIF", "PNG"):
        return None
    file.seek(0)
    head = file.read(_HEAD)
    if format_ == "PNG":
        at = head.find(b"cICP", 0, head.find(b"IDAT"))
        found = Transfer(*head[at + 4 : at + 6]) if 0 <= at < len(head) - 6 else None
    else:
        at = head.find(b"colrnclx")
        if not 0 <= at < len(head) - 12:
            return None
        found = Transfer(int.from_bytes(head[at + 8 : at + 10]), int.from_bytes(head[at + 10 : at + 12]))
    return found if found is not None and (found.is_hdr or found.primaries in _TO_709) else None


def transfer_in_profile(profile: object) -> Transfer | None:
    """What a colour profile says in such numbers, if these are for brighter screens (ICC.1:2022, 9.2.17)."""
    if not isinstance(profile, bytes):
        return None
    (count,) = struct.unpack(">L", profile[128:132].ljust(4, b"\0"))
    for at in range(132, 132 + 12 * min(count, _MOST_TAGS), 12):
        if profile[at : at + 4] == b"cicp":
            start = int.from_bytes(profile[at + 4 : at + 8])
            found = Transfer(*profile[start + 8 : start + 10].ljust(2, b"\0"))
            return found if found.is_hdr else None
    return None


def tone_mapped(picture: Image.Image, transfer: Transfer) -> Image.Image:
    """``picture`` in sRGB."""
    return picture.convert("RGB").filter(_table(transfer))


@cache
def _table(transfer: Transfer) -> ImageFilter.Color3DLUT:
    """Written out, since it is made of a hundred thousand colours."""
    rows = _TO_709.get(transfer.primaries, _AS_IT_IS)
    (rr, rg, rb), (gr, gg, gb), (br, bg, bb) = rows
    offset = (1 - _REINHARD) / _REINHARD
    peak = (_PEAK + offset) / _PEAK
    curve = [_light(n / (_POINTS - 1), transfer.curve) for n in range(_POINTS)]
    shown = [_srgb(n / _STEPS) for n in range(_STEPS + 1)]
    table: list[float] = []
    for blue in curve:
        for green in curve:
            for red in curve:
                gain = 1.0
                if transfer.curve == _HLG:
                    # A screen shows bright things brighter still.
                    luminance = 0.2627 * red + 0.6780 * green + 0.0593 * blue
                    gain = luminance**0.2 * _HLG_NITS / _WHITE_NITS
                r = gain * (rr * red + rg * green + rb * blue)
                g = gain * (gr * red + gg * green + gb * blue)
                b = gain * (br * red + bg * green + bb * blue)
                scale = _STEPS * peak / (max(r, g, b, 0.0) + offset) if transfer.is_hdr else _STEPS
                table += [shown[min(_STEPS, max(0, int(one * scale + 0.5)))] for one in (r, g, b)]
    return ImageFilter.Color3DLUT(_POINTS, table)


def _light(signal: float, curve: int) -> float:
    """Of PQ in white papers, of HLG and of what screens are made for as a share of the most."""
    if curve == _PQ:
        power = signal ** (1 / 78.84375)
        light = (max(power - 0.8359375, 0) / (18.8515625 - 18.6875 * power)) ** (1 / 0.1593017578125)
        return float(light) * 10_000 / _WHITE_NITS
    if curve != _HLG:
        return float(signal / 12.92 if signal <= 0.04045 else ((signal + 0.055) / 1.055) ** 2.4)
    if signal <= 0.5:
        return signal * signal / 3
    return (math.exp((signal - 0.55991073) / 0.17883277) + 0.28466892) / 12


def _srgb(light: float) -> float:
    light = min(1.0, light)
    return 12.92 * light if light <= 0.0031308 else 1.055 * light ** (1 / 2.4) - 0.055
