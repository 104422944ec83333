"""Split archives: which set a file belongs to, in which order, and what is missing. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Scheme(StrEnum):
    """How the volumes of a set are named."""

    #: name.7z.001, name.7z.002: a file that was cut in pieces.
    CUT = "cut"
    #: name.part1.rar, name.part2.rar
    PART = "part"
    #: name.rar, name.r00, name.r01
    OLD_RAR = "old rar"
    #: name.z01, name.z02, name.zip: the last one is the one without a number.
    ZIP = "zip"


@dataclass(frozen=True)
class Volume:
    """``set_name`` is the same for all volumes of a set, in lower case; ``number`` counts from 1.

    The ``.zip`` of a split ZIP is its last volume, whatever their number is: it has ``LAST``.
    """

    set_name: str
    number: int
    scheme: Scheme


#: Number of the volume that ends a set without saying how many there are.
LAST = 1_000_000

_CUT = re.compile(r"^(.+)\.(\d{3,4})$")
_PART = re.compile(r"^(.+)\.part(\d{1,5})\.(rar|exe)$")
_OLD_RAR = re.compile(r"^(.+)\.([r-y])(\d{2})$")
_ZIP = re.compile(r"^(.+)\.z(\d{2,3})$")


def volume_of(name: str) -> Volume | None:
    """Which volume of which set ``name`` is; None when it is by itself.

    "x.rar" and "x.zip" are by themselves until another volume says otherwise: see :func:`in_set`.
    """
    lower = name.lower()
    if match := _PART.match(lower):
        return Volume(f"{match[1]}.part*.rar", int(match[2]), Scheme.PART)
    if match := _ZIP.match(lower):
        return Volume(f"{match[1]}.zip", int(match[2]), Scheme.ZIP)
    if match := _OLD_RAR.match(lower):
        number = (ord(match[2]) - ord("r")) * 100 + int(match[3]) + 2
        return Volume(f"{match[1]}.rar", number, Scheme.OLD_RAR)
    if (match := _CUT.match(lower)) and int(match[2]) > 0:
        return Volume(match[1], int(match[2]), Scheme.CUT)
    return None


def in_set(name: str, others: Iterable[Volume]) -> Volume | None:
    """Like :func:`volume_of`, but "x.rar" and "x.zip" belong to a set that one of ``others`` is of."""
    found = volume_of(name)
    if found is not None:
        return found
    for other in others:
        if other.set_name == name.lower():
            number = 1 if other.scheme is Scheme.OLD_RAR else LAST
            return Volume(other.set_name, number, other.scheme)
    return None


def missing_numbers(numbers: Iterable[int]) -> list[int]:
    """Which of 1 to the highest number are not there (LAST does not count as highest)."""
    there = set(numbers)
    return [n for n in range(1, max(there - {LAST}, default=0) + 1) if n not in there]


def volume_name(volume: Volume, number: int) -> str:
    """What volume ``number`` of the set that ``volume`` is of would be called, for a person to read."""
    base = volume.set_name
    if volume.scheme is Scheme.CUT:
        return f"{base}.{number:03d}"
    if volume.scheme is Scheme.PART:
        return base.replace(".part*.rar", f".part{number}.rar")
    stem = base.rpartition(".")[0]
    if volume.scheme is Scheme.ZIP:
        return base if number == LAST else f"{stem}.z{number:02d}"
    return base if number == 1 else f"{stem}.{chr(ord('r') + (number - 2) // 100)}{(number - 2) % 100:02d}"
