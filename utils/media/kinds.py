"""What a file is, by its first bytes: a picture, a video, or something else."""

from __future__ import annotations

from enum import StrEnum

from utils.pictures.formats import ENDINGS as PICTURE_ENDINGS
from utils.pictures.formats import format_of

#: As many first bytes as :func:`kind_of` looks at.
HEAD_SIZE = 4096


class Kind(StrEnum):
    """What the first bytes promise; only inspecting the whole file shows whether they keep it."""

    PHOTO = "photo"  #: a picture, perhaps one that moves
    VIDEO = "video"  #: a container that usually holds a video
    CALLED = "called"  #: neither, though it is called like a picture or a video
    OTHER = "other"  #: neither


#: Contents that have no magic number, or one that may come late: here the name decides.
_NAMED_VIDEOS = frozenset(
    (
        *("264", "265", "avc", "dv", "dif", "h264", "h265", "hevc", "vc1", "m1v", "m2v", "m4v", "mpv"),
        *("m2p", "m2t", "m2ts", "mod", "mpe", "mpeg", "mpg", "mts", "tod", "trp", "ts", "vob"),
        *("mjpeg", "mjpg", "mxf", "rm", "rmvb"),
    )
)

#: How the names of videos end.
VIDEO_ENDINGS = _NAMED_VIDEOS | frozenset(
    (
        *("mp4", "mov", "qt", "mkv", "mk3d", "webm", "avi", "divx", "amv", "wmv", "asf", "dvr-ms", "wtv"),
        *("flv", "f4v", "3gp", "3gpp", "3g2", "ogv", "ogm", "nut", "y4m", "insv", "360"),
        *("fli", "flc", "ivf", "nsv"),
    )
)
#: Endings that mean nothing else. The others are also those of texts, of programs' data and of what is rare.
_CLEAR = frozenset(
    (
        *("jpg", "jpeg", "jfif", "png", "gif", "webp", "heic", "heif", "hif", "avif", "jxl", "bmp"),
        *("tif", "tiff", "dng", "nef", "cr2", "cr3", "arw", "raf", "orf", "rw2", "pef"),
        *("mp4", "m4v", "mov", "mkv", "webm", "avi", "wmv", "flv", "mpg", "mpeg", "3gp", "insv"),
    )
)

_AUDIO_BRANDS = frozenset((b"M4A ", b"M4B ", b"M4P ", b"F4A ", b"F4B ", b"aax "))

_VIDEO_STARTS = (
    b"\x1a\x45\xdf\xa3",  # Matroska, WebM
    b"\x30\x26\xb2\x75\x8e\x66\xcf\x11",  # ASF: WMV
    b"FLV\x01",
    b".RMF",
    b"\x06\x0e\x2b\x34\x02\x05\x01\x01",  # MXF
    b"\x00\x00\x01\xba",  # MPEG program stream
    b"\x00\x00\x01\xb3",  # MPEG video
    b"\x1f\x07\x00",  # DV
    b"YUV4MPEG2",
    b"nut/multimedia container\x00",
    b"\xb7\xd8\x00\x20\x37\x49\xda\x11",  # WTV
    b"DKIF\0\0",  # IVF
    b"NSVf",
    b"\0\nSMJPEG",
)
#: Little evidence, so that the name has to say it, too.
_FLICS = (b"\x11\xaf", b"\x12\xaf")
_OGG_VIDEOS = (b"\x80theora", b"BBCD", b"fishead\x00", b"\x01video\x00", b"OVP80")
#: The first box of QuickTime files from before there was ``ftyp``.
_OLD_MOV_BOXES = (b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")


def kind_of(head: bytes, name: str) -> Kind:
    """The kind of a file that begins with ``head`` (the first :data:`HEAD_SIZE` bytes, or all of it).

    ``name`` is asked only about contents without a magic number, such as MPEG program streams.
    """
    head = head[:HEAD_SIZE]
    if format_of(head, name) is not None:
        return Kind.PHOTO
    if head.startswith(_VIDEO_STARTS) or _is_transport_stream(head):
        return Kind.VIDEO
    if head[:4] == b"RIFF" and head[8:12] in (b"AVI ", b"AVIX", b"AMV "):
        return Kind.VIDEO
    if head[4:8] == b"ftyp":
        return _brand_kind(head, name)
    if head[4:8] in _OLD_MOV_BOXES:
        return Kind.VIDEO
    if head[4:6] in _FLICS and _extension(name) in ("fli", "flc"):
        return Kind.VIDEO
    if head[:4] == b"OggS" and any(mark in head for mark in _OGG_VIDEOS):
        return Kind.VIDEO
    if _extension(name) in _NAMED_VIDEOS and _is_binary(head):
        return Kind.VIDEO
    return Kind.CALLED if _extension(name) in _CLEAR else Kind.OTHER


def kind_by_name(name: str) -> Kind:
    """What a file that is called ``name`` promises to be; only its content decides."""
    ending = _extension(name)
    return Kind.PHOTO if ending in PICTURE_ENDINGS else Kind.VIDEO if ending in VIDEO_ENDINGS else Kind.OTHER


def may_be_music(head: bytes, name: str) -> bool:
    """Whether a file that begins with ``head``, and is of no other kind, may be music that can be played."""
    if head[:4] in (b"fLaC", b"OggS") or head[:3] == b"ID3" or head[8:12] in _AUDIO_BRANDS:
        return True
    if head[:4] == b"RIFF":
        return head[8:12] == b"WAVE"
    # MP3 and AAC begin with a frame, of which eleven bits are always set: little evidence.
    frame = head[:1] == b"\xff" and head[1:2] >= b"\xe0"
    return frame and _extension(name) in ("mp3", "aac")


def _is_transport_stream(head: bytes) -> bool:
    """Sync bytes at every 188 (TS), 192 (M2TS) or 204 (with error correction) bytes, five times at least."""
    for packet, first in ((188, 0), (192, 4), (204, 0)):
        syncs = head[first::packet]
        if len(syncs) >= 5 and set(syncs) == {0x47}:
            return True
    return False


def _brand_kind(head: bytes, name: str) -> Kind:
    """ISO media that is no picture: by the major brand; music that is called a video is looked at as one."""
    is_music = head[8:12] in _AUDIO_BRANDS and _extension(name) not in VIDEO_ENDINGS
    return Kind.OTHER if is_music else Kind.VIDEO


def _extension(name: str) -> str:
    return name.rpartition(".")[2].lower() if "." in name else ""


def _is_binary(head: bytes) -> bool:
    """Not a text: ``.ts`` is also TypeScript, and a playlist may call itself ``.vob``."""
    return b"\x00" in head
