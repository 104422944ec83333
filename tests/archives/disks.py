"""Images of disks and what installers are, by hand: no tool here writes them."""

from __future__ import annotations

import plistlib
import struct
from collections.abc import Sequence

SECTOR = 512
#: Sectors of a floppy disk of 1.44 MB; of its two tables, and of its root folder.
_FLOPPY, _TABLE, _ROOT = 2880, 9, 14


def fat12(files: Sequence[tuple[str, bytes]]) -> bytes:
    """A floppy disk with ``files``, whose names are 8.3."""
    boot = bytearray(SECTOR)
    boot[:11] = b"\xeb\x3c\x90MSDOS5.0"
    struct.pack_into("<HBHBHHBHHHII", boot, 11, SECTOR, 1, 1, 2, 224, _FLOPPY, 0xF0, _TABLE, 18, 2, 0, 0)
    struct.pack_into("<BBBI11s8s", boot, 36, 0, 0, 0x29, 1234, b"PICTURES   ", b"FAT12   ")
    boot[510:] = b"\x55\xaa"
    root, data, chain = b"", b"", [0xFF0, 0xFFF]
    for name, content in files:
        first, count = len(chain), -(-len(content) // SECTOR)
        chain += [*range(first + 1, first + count), 0xFFF]
        stem, _, ending = name.upper().partition(".")
        place = struct.pack(
            "<8s3sB14xHI", stem.ljust(8).encode(), ending.ljust(3).encode(), 0x20, first, len(content)
        )
        root += place
        data += content.ljust(count * SECTOR, b"\0")
    bits = sum(entry << 12 * place for place, entry in enumerate(chain))
    table = bits.to_bytes(_TABLE * SECTOR, "little")
    image = bytes(boot) + table * 2 + root.ljust(_ROOT * SECTOR, b"\0") + data
    return image.ljust(_FLOPPY * SECTOR, b"\0")


def vhd(image: bytes) -> bytes:
    """``image`` as a fixed virtual disk."""
    footer = bytearray(SECTOR)
    fields = (b"conectix", 2, 0x10000, 2**64 - 1, 0, b"test", 0x10000, b"Wi2k", len(image), len(image), 0, 2)
    struct.pack_into(">8sIIQI4sI4sQQII", footer, 0, *fields)
    struct.pack_into(">I", footer, 64, ~sum(footer) & 0xFFFFFFFF)
    return image + bytes(footer)


def dmg(image: bytes) -> bytes:
    """``image`` as the one partition of an Apple disk image, not compressed."""
    sectors = len(image) // SECTOR
    run = struct.pack(">IIQQQQ", 1, 0, 0, sectors, 0, len(image))
    end = struct.pack(">IIQQQQ", 0xFFFFFFFF, 0, sectors, 0, len(image), 0)
    none = struct.pack(">II128s", 0, 0, b"")
    mish = (
        struct.pack(">4sIQQQII24x", b"mish", 1, 0, sectors, 0, 520, 0)
        + none
        + struct.pack(">I", 2)
        + run
        + end
    )
    block = {"Attributes": "0x0050", "CFName": "disk", "Data": mish, "ID": "0", "Name": "disk (FAT : 1)"}
    listing = plistlib.dumps({"resource-fork": {"blkx": [block]}})
    koly = struct.pack(">4sIIIQQQQQII16s", b"koly", 4, SECTOR, 1, 0, 0, len(image), 0, 0, 1, 1, bytes(16))
    koly += none + struct.pack(">QQ120x", len(image), len(listing)) + none + struct.pack(">IQ12x", 1, sectors)
    return image + listing + koly.ljust(SECTOR, b"\0")


def compound(files: Sequence[tuple[str, bytes]]) -> bytes:
    """A compound file, as installers are, with ``files`` of 4,096 bytes or more."""
    blocks = [-(-len(content) // SECTOR) for _, content in files]
    folders = -(-(len(files) + 1) // 4)
    table, data, first = [0xFFFFFFFD, *range(2, folders + 1), 0xFFFFFFFE], b"", 1 + folders
    entries = [_place("Root Entry", 5, child=1, start=0xFFFFFFFE, size=0)]
    for number, ((name, content), count) in enumerate(zip(files, blocks, strict=True), 1):
        after = number + 1 if number < len(files) else 0xFFFFFFFF
        entries.append(_place(name, 2, after=after, start=first, size=len(content)))
        table += [*range(first + 1, first + count), 0xFFFFFFFE]
        data += content.ljust(count * SECTOR, b"\0")
        first += count
    assert len(table) <= 128
    mark, last = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 0xFFFFFFFE
    head = struct.pack("<8s16xHHHHH6x", mark, 0x3E, 3, 0xFFFE, 9, 6)
    head += struct.pack("<III4xIIIII", 0, 1, 1, 4096, last, 0, last, 0)
    head += struct.pack("<109I", 0, *[0xFFFFFFFF] * 108)
    numbers = struct.pack("<128I", *table, *[0xFFFFFFFF] * (128 - len(table)))
    return head + numbers + b"".join(entries).ljust(folders * SECTOR, b"\0") + data


def _place(
    name: str, kind: int, *, start: int, size: int, child: int = 0xFFFFFFFF, after: int = 0xFFFFFFFF
) -> bytes:
    raw = name.encode("utf-16-le")
    tree = struct.pack("<64sHBBIII", raw, len(raw) + 2, kind, 1, 0xFFFFFFFF, after, child)
    return tree + struct.pack("<16x4x8x8xIQ", start, size)
