"""The table of archive formats in docs/formats.md, made from what reads them."""

from __future__ import annotations

from utils.archives.formats import SPOOLED, STREAMS
from utils.archives.streams import ENGINE_TYPES, FROM_FILES

#: What each format is called, and how such files are mostly named.
_NAMES = {
    "zip": ("ZIP, also Zip64, split, with AES or as a self-extractor", ".zip .cbz .z01 .exe"),
    "tar": ("tar", ".tar"),
    "rar5": ("RAR 5 and later, also in volumes or as a self-extractor", ".rar .part1.rar .exe"),
    "rar": ("RAR 1.5 to 4, also in volumes or as a self-extractor", ".rar .r00 .cbr .exe"),
    "7z": ("7z, also cut in volumes or as a self-extractor", ".7z .7z.001 .exe"),
    "gz": ("gzip", ".gz .tgz"),
    "bz2": ("bzip2", ".bz2 .tbz2"),
    "xz": ("xz", ".xz .txz"),
    "zst": ("Zstandard", ".zst .tzst"),
    "lz": ("lzip", ".lz .tlz"),
    "lzma": ("LZMA alone (its name has to say so)", ".lzma .tlz"),
    "lz4": ("LZ4", ".lz4"),
    "br": ("Brotli (its name has to say so)", ".br"),
    "Z": ("compress", ".Z .taz"),
    "lzh": ("LZH", ".lzh .lha"),
    "arj": ("ARJ", ".arj"),
    "cab": ("Cabinet", ".cab"),
    "wim": ("WIM", ".wim .esd"),
    "xar": ("XAR", ".xar .pkg"),
    "ar": ("ar", ".deb .a"),
    "rpm": ("RPM", ".rpm"),
    "cpio": ("cpio, binary and in digits", ".cpio"),
    "squashfs": ("SquashFS", ".squashfs .snap"),
    "iso": ("ISO 9660 and UDF images", ".iso .img"),
    "dmg": ("Apple disk images (HFS+ or APFS; their name has to say so)", ".dmg"),
    "vhd": ("virtual disks", ".vhd .vhdx"),
    "disk": ("images of disks and of FAT and NTFS file systems", ".img .dd .raw"),
    "msi": ("Windows installers (their name has to say so)", ".msi .msp"),
    "chm": ("compiled HTML help", ".chm"),
}


def formats_table() -> str:
    """Markdown: every format, how its files are mostly named, and how it is read."""
    known = {"zip", "tar", *STREAMS, *SPOOLED}
    assert set(_NAMES) == known, "a format has no name here, or a name no format"
    rows = [
        f"| {name} | {' '.join(f'`{ending}`' for ending in endings.split())} | {_reading(kind)} |"
        for kind, (name, endings) in _NAMES.items()
    ]
    return "\n".join(["| format | names | how it is read |", "|---|---|---|", *rows]) + "\n"


def _reading(kind: str) -> str:
    if kind == "zip":
        return "only what is wanted is fetched; with a password or a rare method all of it, by 7-Zip"
    if kind in SPOOLED or kind in FROM_FILES:
        return "fetched as a whole, then by 7-Zip"
    return f"as it comes, by {'7-Zip' if kind in ENGINE_TYPES else 'Python'}"
