"""The formats of pictures: how a file of each begins, and who decodes it. Pure.

docs/formats.md has a table made of this file.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from typing import NamedTuple

_AVIF_BRANDS = (b"avif", b"avis")
_HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
#: A video, whatever else it says to be readable as.
_VIDEO_BRANDS = (b"isom", b"iso2", b"mp41", b"mp42", b"avc1", b"qt  ", b"M4V ", b"3gp4", b"3gp5", b"mjp2")
_RAW_STARTS = (
    *(b"IIRO", b"IIRS", b"MMOR"),  # ORF
    b"IIU\0",  # RW2
    b"FUJIFILMCCD-RAW",  # RAF
    b"FOVb",  # X3F
    b"\0MRM",  # MRW
    b"II\x1a\0\0\0HEAPCCDR",  # CRW
)
#: What the row of raw files is called.
RAW = "camera raw"
#: What comes of most, of those that may move, and of those that nobody here decodes.
PHOTO, MOVES = "a photo", "a photo; a video where it moves"
AS_FILE = "the file as it is"
_BMP_HEADERS = (12, 16, 40, 52, 56, 64, 108, 124)


class Format(NamedTuple):
    """``decoders`` are Pillow's names, tried one after another; ``second`` is ffmpeg's demuxer, "" for none.

    ``named``: so little tells it that the name has to have one of the ``endings``, too.
    """

    name: str
    endings: tuple[str, ...]
    begins: Callable[[bytes], bool]
    decoders: tuple[str, ...]
    second: str = ""
    comes: str = PHOTO
    named: bool = False


def _start(*starts: bytes) -> Callable[[bytes], bool]:
    return lambda head: head.startswith(starts)


def _brand(*brands: bytes) -> Callable[[bytes], bool]:
    """By what it says to be, or else to be readable as: some say vague things first."""

    def is_one(head: bytes) -> bool:
        if head[4:8] != b"ftyp" or head[8:12] in _VIDEO_BRANDS:
            return False
        end = min(len(head), int.from_bytes(head[:4], "big"))
        return any(head[at : at + 4] in brands for at in (8, *range(16, end - 3, 4)))

    return is_one


def _is_bmp(head: bytes) -> bool:
    # Two letters are little evidence: the size of the header that follows must be one of the known ones.
    return head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in _BMP_HEADERS


def _is_ico(head: bytes) -> bool:
    """A list of pictures, the first of which lies behind it."""
    if head[:4] not in (b"\0\0\1\0", b"\0\0\2\0") or len(head) < 22:
        return False
    count, size, offset = struct.unpack("<H", head[4:6])[0], *struct.unpack("<II", head[14:22])
    return 0 < count <= 256 and head[9] == 0 and size > 16 and offset >= 6 + 16 * count


def _is_pcx(head: bytes) -> bool:
    known = len(head) >= 68 and head[0] == 10 and head[1] in (0, 2, 3, 4, 5) and head[2] in (0, 1)
    return known and head[3] in (1, 2, 4, 8) and head[64] == 0 and 1 <= head[65] <= 4


def _is_tga(head: bytes) -> bool:
    known = len(head) >= 18 and head[1] in (0, 1) and head[2] in (1, 2, 3, 9, 10, 11)
    return known and head[16] in (1, 8, 15, 16, 24, 32) and all(struct.unpack("<HH", head[12:16]))


def _is_sgi(head: bytes) -> bool:
    return head[:2] == b"\x01\xda" and len(head) >= 6 and head[2] in (0, 1) and head[3] in (1, 2)


def _matches(pattern: bytes) -> Callable[[bytes], bool]:
    compiled = re.compile(pattern)
    return lambda head: compiled.match(head) is not None


def _is_raw(head: bytes) -> bool:
    """Those that do not begin as TIFF does; CR2 does, and says what it is behind that."""
    return head.startswith(_RAW_STARTS) or head[4:12] == b"ftypcrx " or head[:10] == b"II*\0\x10\0\0\0CR"


#: What a file is taken for: the first whose beginning fits.
FORMATS = (
    Format(
        "JPEG", ("jpg", "jpeg", "jpe", "jfif", "mpo", "insp"), _start(b"\xff\xd8\xff"), ("JPEG",), "jpeg_pipe"
    ),
    Format("PNG", ("png", "apng"), _start(b"\x89PNG\r\n\x1a\n"), ("PNG",), "png_pipe", MOVES),
    Format("GIF", ("gif",), _start(b"GIF87a", b"GIF89a"), ("GIF",), "gif", MOVES),
    Format(
        "WebP",
        ("webp",),
        lambda head: head[:4] == b"RIFF" and head[8:12] == b"WEBP",
        ("WEBP",),
        "webp_pipe",
        MOVES,
    ),
    Format("AVIF", ("avif", "avifs"), _brand(*_AVIF_BRANDS), ("AVIF",), "mov", MOVES),
    # Of a vague brand ("mif1") only trying tells.
    Format(
        "HEIC",
        ("heic", "heif", "hif", "heics", "heifs"),
        _brand(*_HEIF_BRANDS),
        ("HEIF", "AVIF"),
        "mov",
        MOVES,
    ),
    Format("JPEG XL", ("jxl",), _start(b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n"), ("JXL",), "jpegxl_pipe"),
    Format(
        RAW,
        (
            *("dng", "nef", "nrw", "cr2", "cr3", "crw", "arw", "raf", "orf", "rw2", "pef", "srw", "mrw"),
            *("x3f", "sr2", "srf", "rwl", "kdc", "dcr", "erf", "3fr", "iiq", "mef", "mos", "gpr"),
        ),
        _is_raw,
        ("JPEG",),
        comes="its largest preview, or what it develops to, as a photo",
    ),
    Format(
        "TIFF",
        ("tif", "tiff"),
        _start(b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"),
        ("TIFF",),
        "tiff_pipe",
        "a photo a page",
    ),
    Format(
        "JPEG 2000",
        ("jp2", "j2k", "jpx"),
        _start(b"\0\0\0\x0cjP  ", b"\xff\x4f\xff\x51"),
        ("JPEG2000",),
        "j2k_pipe",
    ),
    Format("BMP", ("bmp", "dib"), _is_bmp, ("BMP",), "bmp_pipe"),
    Format("PSD", ("psd",), _start(b"8BPS\0\1"), ("PSD",), "psd_pipe"),
    Format("PSB", ("psb",), _start(b"8BPS\0\2"), (), comes=AS_FILE),
    Format("PNM", ("pbm", "pgm", "ppm", "pnm"), _matches(rb"P[1-6]\s+[\d#]"), ("PPM",)),
    Format("PAM", ("pam",), _matches(rb"P7\s+[A-Z#]"), (), "pam_pipe"),
    Format("ICO", ("ico", "cur"), _is_ico, ("ICO", "CUR")),
    Format("PCX", ("pcx",), _is_pcx, ("PCX",), "pcx_pipe"),
    Format("ICNS", ("icns",), _start(b"icns"), ("ICNS",)),
    Format("QOI", ("qoi",), _start(b"qoif"), (), "qoi_pipe"),
    Format("DDS", ("dds",), _start(b"DDS "), ("DDS",), "dds_pipe"),
    Format("SGI", ("sgi", "rgb", "rgba", "bw"), _is_sgi, ("SGI",), "sgi_pipe"),
    Format("Sun raster", ("ras", "sun"), _start(b"\x59\xa6\x6a\x95"), ("SUN",), "sunrast_pipe"),
    Format("XPM", ("xpm",), _start(b"/* XPM */"), ("XPM",), "xpm_pipe"),
    Format("XBM", ("xbm",), _matches(rb"\s*#define\s+\S*_width\s"), ("XBM",), "xbm_pipe", named=True),
    Format("TGA", ("tga", "icb", "vda", "vst"), _is_tga, ("TGA",), named=True),
    # Of light itself, of other worlds than ours, or of programs that keep more in them than a picture.
    Format("OpenEXR", ("exr",), _start(b"v/1\x01"), (), comes=AS_FILE),
    Format("Radiance HDR", ("hdr", "pic"), _start(b"#?RADIANCE", b"#?RGBE"), (), comes=AS_FILE),
    Format("PFM", ("pfm",), _matches(rb"P[Ff]\s+\d"), (), comes=AS_FILE),
    Format("DPX", ("dpx",), _start(b"SDPX", b"XPDS"), (), comes=AS_FILE),
    Format("FITS", ("fits", "fit", "fts"), _start(b"SIMPLE  ="), (), comes=AS_FILE),
    Format("JPEG XR", ("jxr", "wdp", "hdp"), _start(b"II\xbc\x01"), (), comes=AS_FILE),
    Format("BPG", ("bpg",), _start(b"BPG\xfb"), (), comes=AS_FILE),
    Format("FLIF", ("flif",), _start(b"FLIF"), (), comes=AS_FILE),
    Format("XCF", ("xcf",), _start(b"gimp xcf "), (), comes=AS_FILE),
    Format("WBMP", ("wbmp",), _start(b"\0\0"), (), comes=AS_FILE, named=True),
)

#: How the names of pictures end.
ENDINGS = frozenset(ending for one in FORMATS for ending in one.endings)


def format_of(head: bytes, name: str | None = None) -> Format | None:
    """What a file that begins with ``head`` is taken for; None: for no picture.

    Without its ``name`` it is taken to have been said already that it is a picture.
    """
    found = next((one for one in FORMATS if one.begins(head)), None)
    if found is not None and found.named and name is not None:
        return found if name.rpartition(".")[2].lower() in found.endings else None
    return found
