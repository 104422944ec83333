"""Which archive format something is, by its first bytes, or its last ones. Pure."""

from __future__ import annotations

import struct
import zlib

from utils.archives.volumes import Scheme, volume_of

#: A tar header, and the block that everything in a tar is a multiple of.
BLOCK = 512

#: Bytes at the end in which a ZIP or a volume says what it is.
TAIL = 1024

#: Where an ISO image says what it is: in front there may be anything, such as what starts a computer.
ISO_MARK = 32769
#: Bytes at the beginning in which every format says what it is.
LOOK = ISO_MARK + 5

#: Magic numbers at the very beginning. Names are those of ``ArchiveReader.format``.
_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
    (b"PK\x06\x06", "zip"),
    (b"PK\x07\x08PK", "zip"),
    (b"PK00PK\x03\x04", "zip"),
    (b"Rar!\x1a\x07\x01\x00", "rar5"),
    (b"Rar!\x1a\x07\x00", "rar"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
    (b"\x1f\x8b\x08", "gz"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"\x28\xb5\x2f\xfd", "zst"),
    (b"\x1f\x9d", "Z"),
    (b"LZIP\x01", "lz"),
    (b"\x04\x22\x4d\x18", "lz4"),
    (b"MSCF\x00\x00\x00\x00", "cab"),
    (b"MSWIM\x00\x00\x00", "wim"),
    (b"xar!\x00\x1c", "xar"),
    (b"!<arch>\n", "ar"),
    (b"\xed\xab\xee\xdb", "rpm"),
    (b"hsqs", "squashfs"),
    (b"ITSF\x03\0\0\0", "chm"),
    (b"conectix", "vhd"),
    (b"vhdxfile", "vhd"),
)
#: Compressed streams: one file, or a tar.
STREAMS = frozenset({"gz", "bz2", "xz", "zst", "lzma", "lz", "lz4", "br", "Z"})
#: What only 7-Zip reads, and only from a whole file.
SPOOLED = frozenset(
    {
        *("7z", "rar", "rar5", "cab", "wim", "xar", "ar", "rpm", "cpio", "squashfs", "lzh", "arj", "iso"),
        *("dmg", "msi", "chm", "vhd", "disk"),
    }
)

#: The oldest cpio, in either order of bytes, and how its numbers are read.
_BINARY_CPIO = {b"\xc7\x71": "<H", b"\x71\xc7": ">H"}

#: Names of what is cut in volumes.
_SUFFIXES = (
    ".zip",
    ".7z",
    ".rar",
    ".tar",
    ".gz",
    ".tgz",
    ".bz2",
    ".tbz2",
    ".xz",
    ".txz",
    ".zst",
    ".lz",
    ".tlz",
    ".iso",
)

_MEDIA = (b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"RIFF", b"\x1a\x45\xdf\xa3")

#: First entries that say that a ZIP is a document or a program, not somebody's collection of files.
_DOCUMENTS = (
    b"[Content_Types].xml",
    b"_rels/",
    b"mimetype",
    b"META-INF/",
    b"AndroidManifest.xml",
    b"classes.dex",
)


def format_of(head: bytes, name: str = "") -> str:
    """The format that ``head`` (the first 4,096 bytes, better :data:`LOOK`) is of; "" when it is none.

    ``name`` decides only where the bytes that would are further in: ISO images.
    """
    if name.lower().endswith(".dmg") and head and not _is_media(head):
        return "dmg"  # it says what it is at its end alone, and begins like anything
    for magic, found in _MAGIC:
        if head.startswith(magic):
            return found
    if head[:3] == b"BZh" and head[3:4].isdigit() and head[4:10] in (b"1AY&SY", b"\x17\x72\x45\x38\x50\x90"):
        return "bz2"
    if _is_zst_skippable(head):
        return "zst"
    if is_tar(head):
        return "tar"
    if _is_cpio(head):
        return "cpio"
    if _is_lzh(head):
        return "lzh"
    if _is_arj(head):
        return "arj"
    if _is_lzma(head, name):
        return "lzma"
    if head.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1") and name.lower().endswith((".msi", ".msp")):
        return "msi"  # so begin old office documents, too
    if _is_disk(head, name):
        return "vhd" if name.lower().endswith(".vhd") else "disk"
    if name.lower().endswith(".br") and head and not _is_media(head):
        return "br"  # it has no mark at all
    if head[ISO_MARK : ISO_MARK + 5] == b"CD001" and not _is_media(head):
        return "iso"
    if name.lower().endswith(".iso") and len(head) >= 4096 and not any(head[:4096]):
        return "iso"
    return ""


def is_zip_by_its_end(head: bytes, tail: bytes, name: str) -> bool:
    """Whether this is a ZIP with something else in front: a program that unpacks itself, other volumes.

    ``tail`` are the last :data:`TAIL` bytes. Under another name than .zip it must make sense as well.
    """
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or _is_media(head):
        return False
    return may_be_zip(head, name) or _is_zip_end(tail[at:])


def may_be_zip(head: bytes, name: str) -> bool:
    """Whether this may be a ZIP with something else in front; its end knows."""
    return name.lower().endswith((".zip", ".cbz")) and bool(head) and not _is_media(head)


def may_be_volume(head: bytes, name: str) -> bool:
    """Whether this may be a later volume of an archive that was simply cut, by ``name`` and by no more."""
    volume = volume_of(name)
    if volume is None or volume.number == 1 or volume.scheme not in (Scheme.CUT, Scheme.ZIP):
        return False
    return volume.set_name.endswith(_SUFFIXES) and bool(head) and not _is_media(head)


def _is_zip_end(record: bytes) -> bool:
    """Whether the end record of a ZIP makes sense: it has entries, and its comment reaches to the end."""
    if len(record) < 22:
        return False
    entries, directory, comment = struct.unpack_from("<HI4xH", record, 10)
    return (
        0 < 46 * entries <= directory
        and not record[22 + comment :].strip(b"\0")
        and len(record) >= 22 + comment
    )


def is_program(head: bytes) -> bool:
    """Whether this is a program, and so may be one that unpacks what stands behind it."""
    return head.startswith((b"MZ", b"\x7fELF"))


def archive_in(start: bytes) -> int:
    """Where in the first bytes of a program a 7z or a RAR begins; 0 when there is none.

    The program has their magic numbers in itself: what follows must be right by its check sum.
    """
    for magic, is_right in ((b"7z\xbc\xaf\x27\x1c\0", _begins_7z), (b"Rar!\x1a\x07", _begins_rar)):
        at = start.find(magic)
        while at > 0:
            if is_right(start[at : at + BLOCK]):
                return at
            at = start.find(magic, at + 1)
    return 0


def _begins_7z(head: bytes) -> bool:
    return len(head) >= 32 and zlib.crc32(head[12:32]) == int.from_bytes(head[8:12], "little")


def _begins_rar(head: bytes) -> bool:
    """The block after the mark: a sum of its header, which says how long that is."""
    if head[6:7] == b"\0" and len(head) >= 14:
        sum_, size = struct.unpack_from("<H3xH", head, 7)
        return head[9] == 0x73 and sum_ == zlib.crc32(head[9 : 7 + size]) & 0xFFFF
    if head[6:8] != b"\x01\0" or len(head) < 16:
        return False
    # The first header is short: its length takes one byte.
    return zlib.crc32(head[12 : 13 + head[12]]) == int.from_bytes(head[8:12], "little")


def is_archive(head: bytes, tail: bytes, name: str) -> bool:
    """Whether this is an archive, or a volume of one.

    ``head`` are the first :data:`LOOK` bytes, ``tail`` the last :data:`TAIL`, or all of them. Volumes after
    the first of a set that was simply cut have no magic number: there ``name`` decides.
    """
    if format_of(head, name) or is_zip_by_its_end(head, tail, name):
        return True
    volume = volume_of(name)
    return volume is not None and volume.number > 1 and bool(head) and not _is_media(head)


def _is_media(head: bytes) -> bool:
    """Whether this begins like the pictures and videos of cameras, which are sometimes called "IMG.002"."""
    return head.startswith(_MEDIA) or head[4:8] == b"ftyp"


def is_document(head: bytes) -> bool:
    """Whether a ZIP is an office document, a book or a program, by the name of its first entry."""
    if len(head) < 30 or head[:4] != b"PK\x03\x04":
        return False
    length = struct.unpack_from("<H", head, 26)[0]
    return head[30 : 30 + length].startswith(_DOCUMENTS)


def is_tar(head: bytes) -> bool:
    """Whether ``head`` begins with a tar header: it says so itself, or its check sum is right.

    One that says so and has a wrong sum is damaged; what comes behind it can still be had.
    """
    block = head[:BLOCK]
    if len(block) < BLOCK or not block[0]:
        return False
    if block[257:262] == b"ustar":
        return True
    try:
        stored = int(block[148:156].strip(b" \0") or b"x", 8)
    except ValueError:
        return False
    return stored == sum(block[:148]) + 8 * 32 + sum(block[156:])


def _is_zst_skippable(head: bytes) -> bool:
    return len(head) > 8 and head[1:4] == b"\x2a\x4d\x18" and head[0] & 0xF0 == 0x50


def _is_cpio(head: bytes) -> bool:
    """Its magic number is digits like any others: the first name must end where its length says."""
    if head[:2] in _BINARY_CPIO and len(head) >= 26:
        end = 26 + int(struct.unpack_from(_BINARY_CPIO[head[:2]], head, 20)[0])
        return 27 < end <= len(head) and head[end - 1] == 0 and head[26] != 0
    start, digits, base = (76, slice(59, 65), 8) if head[:6] == b"070707" else (110, slice(94, 102), 16)
    if head[:6] not in (b"070701", b"070702", b"070707"):
        return False
    try:
        end = start + int(head[digits], base)
    except ValueError:
        return False
    return start < end <= len(head) and head[end - 1] == 0


def _is_lzh(head: bytes) -> bool:
    return len(head) > 20 and head[2:5] in (b"-lh", b"-lz") and head[6:7] == b"-"


def _is_arj(head: bytes) -> bool:
    """The main header: its size, then its own size's lower bound, then a file type of 2."""
    if head[:2] != b"\x60\xea" or len(head) < 12:
        return False
    size = struct.unpack_from("<H", head, 2)[0]
    return 30 <= size <= 2600 and 30 <= head[4] <= size and head[10] == 2


def _is_disk(head: bytes, name: str) -> bool:
    """A disk's first block ends so; a file system says which it is, else the name must agree."""
    if head[510:512] != b"\x55\xaa":
        return False
    systems = (head[3:11] == b"NTFS    ", head[54:59] in (b"FAT12", b"FAT16"), head[82:87] == b"FAT32")
    return any(systems) or name.lower().endswith((".img", ".dd", ".raw", ".vhd"))


def _is_lzma(head: bytes, name: str) -> bool:
    """LZMA alone has no magic number: its properties must make sense, and the name must agree."""
    if len(head) < 14 or not name.lower().endswith((".lzma", ".tlz")):
        return False
    dictionary, size = struct.unpack_from("<Iq", head, 1)
    return head[0] < 225 and dictionary >= 4096 and (size == -1 or 0 <= size < 1 << 40)
