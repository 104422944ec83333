"""Split archives: which set a file belongs to, in which order, and what is missing. Pure."""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
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
    #: Digits of the number in the name, where that varies.
    width: int = 1


#: Number of the volume that ends a set without saying how many there are.
LAST = 1_000_000

_CUT = re.compile(r"^(.+)\.(\d{3})$")
_PART = re.compile(r"^(.+)\.part(\d{1,5})\.(rar|exe)$")
_OLD_RAR = re.compile(r"^(.+)\.([r-y])(\d{2})$")
_ZIP = re.compile(r"^(.+)\.z(\d{2,3})$")


def volume_of(name: str) -> Volume | None:
    """Which volume of which set ``name`` is; None when it is by itself.

    "x.rar" and "x.zip" are by themselves until another volume says otherwise: see :func:`in_set`.
    """
    lower = name.lower()
    if match := _PART.match(lower):
        return Volume(f"{match[1]}.part*.rar", int(match[2]), Scheme.PART, len(match[2]))
    if match := _ZIP.match(lower):
        return Volume(f"{match[1]}.zip", int(match[2]), Scheme.ZIP)
    if match := _OLD_RAR.match(lower):
        number = (ord(match[2]) - ord("r")) * 100 + int(match[3]) + 2
        return Volume(f"{match[1]}.rar", number, Scheme.OLD_RAR)
    if (match := _CUT.match(lower)) and int(match[2]) > 0:
        return Volume(match[1], int(match[2]), Scheme.CUT)
    return None


def in_set(name: str, others: Iterable[Volume]) -> Volume | None:
    """Like :func:`volume_of`, but "x.rar" and "x.zip" belong to a set that one of ``others`` is of.

    Beside "x.zip.001" they do not: there "x.zip" is what the pieces were cut from, or what they became.
    """
    found = volume_of(name)
    if found is not None:
        return found
    for other in others:
        if other.set_name == name.lower() and other.scheme in (Scheme.OLD_RAR, Scheme.ZIP):
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
        return base.replace(".part*.rar", f".part{number:0{volume.width}d}.rar")
    stem = base.rpartition(".")[0]
    if volume.scheme is Scheme.ZIP:
        return base if number == LAST else f"{stem}.z{number:02d}"
    return base if number == 1 else f"{stem}.{chr(ord('r') + (number - 2) // 100)}{(number - 2) % 100:02d}"


@dataclass(frozen=True)
class Arrangement:
    """The volumes of one set: ``order`` are indices of the names given, first volume first.

    ``missing`` are names of volumes that are surely not there; more may be missing at the end.
    """

    scheme: Scheme
    order: tuple[int, ...]
    missing: tuple[str, ...]
    following: str


def arrange(names: Sequence[str]) -> Arrangement | None:
    """How files called ``names`` make one set; None when they do not (or are one file by itself)."""
    named = [volume for name in names if (volume := volume_of(name))]
    volumes = [in_set(name, named) for name in names]
    first = volumes[0] if volumes else None
    if first is None or any(v is None or v.set_name != first.set_name for v in volumes):
        return None
    # Of part2 and part10, the shorter says that there are no zeros in front.
    first = replace(first, width=min(volume.width for volume in volumes if volume))
    places = {volume.number: index for index, volume in enumerate(volumes) if volume}
    highest = max(places.keys() - {LAST}, default=0)
    missing = missing_numbers(places)
    if first.scheme is Scheme.ZIP and LAST not in places:
        missing.append(LAST)
    return Arrangement(
        scheme=first.scheme,
        order=tuple(places[number] for number in sorted(places)),
        missing=tuple(volume_name(first, number) for number in missing),
        following=volume_name(first, highest + 1),
    )


def canonical_names(arrangement: Arrangement) -> list[str]:
    """Names of ours under which 7-Zip finds the volumes, in order."""
    count = len(arrangement.order)
    if arrangement.scheme is Scheme.PART:
        return [f"volume.part{number:05d}.rar" for number in range(1, count + 1)]
    if arrangement.scheme is Scheme.ZIP:
        return [f"volume.z{number:02d}" for number in range(1, count)] + ["volume.zip"]
    volume = Volume("volume.rar", 1, arrangement.scheme)
    return [volume_name(volume, number) for number in range(1, count + 1)]


def rar_continues(tail: bytes) -> bool | None:
    """Whether a RAR volume says that another one follows; None when its end cannot be read (encrypted).

    ``tail`` are its last bytes, 64 are enough. https://www.rarlab.com/technote.htm (end of archive header).
    """
    at = len(tail)
    while (at := tail.rfind(b"\x03\x05", 0, at)) >= 4:
        block = tail[at : at + 4]
        if len(block) == 4 and zlib.crc32(block).to_bytes(4, "little") == tail[at - 4 : at]:
            return bool(block[3] & 1)
    for size in range(7, min(32, len(tail)) + 1):
        block = tail[-size:]
        is_end = block[2] == 0x7B and int.from_bytes(block[5:7], "little") == size
        if is_end and zlib.crc32(block[2:]) & 0xFFFF == int.from_bytes(block[:2], "little"):
            return bool(block[3] & 1)
    return None


def size_of_7z(head: bytes) -> int | None:
    """How many bytes a 7z archive has by its first 32; None when that cannot be told."""
    if len(head) < 32 or not head.startswith(b"7z\xbc\xaf\x27\x1c"):
        return None
    if zlib.crc32(head[12:32]) != int.from_bytes(head[8:12], "little"):
        return None
    offset, size = struct.unpack_from("<QQ", head, 12)
    return 32 + int(offset) + int(size)


def disks_of_zip(tail: bytes) -> int:
    """How many volumes come before the one that ends in ``tail``; 0 when it says that it is alone."""
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < 22:
        return 0
    disk = struct.unpack_from("<H", tail, at + 4)[0]
    return 0 if disk == 0xFFFF else int(disk)
