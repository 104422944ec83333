"""When a picture or a video was taken, as its own metadata say: nothing else is decided by them.

All times are those of the clock on the wall where it was taken, in seconds since 1970 as if that were UTC:
most cameras know no zone. What is told in UTC is shown by the clocks of this machine's zone.
"""

from __future__ import annotations

import re
import struct
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from utils.media.boxes import children, read_index
from utils.media.searching import Searched

#: Nobody took a picture before.
_FIRST_YEAR = 1839
#: What clocks and programs say that do not know.
_NO_DAYS = {(1904, 1, 1), (1970, 1, 1), (1980, 1, 1)}
_DATE = re.compile(r"(\d{4})[:-](\d\d)[:-](\d\d)[ T](\d\d):(\d\d)(?::(\d\d))?")
_XMP_DATE = re.compile(
    rb"(?:exif:DateTimeOriginal|photoshop:DateCreated|xmp:CreateDate)(?:=[\"']|>)([^\"'<]{16,40})"
)
_XMP_START, _XMP_LONGEST = b"<x:xmpmeta", 1 << 16
#: EXIF's tags: the block of a camera's own, and in it when the shutter opened, or the film was scanned.
_CAMERA, _ORIGINAL, _DIGITIZED, _CHANGED = 0x8769, 0x9003, 0x9004, 0x0132
_MOST_TAGS = 1000
_TIFF = (b"II*\0", b"MM\0*")
#: How often what begins like EXIF is looked at: in a large picture it may stand by chance.
_LOOKS = 16
#: Bytes of a file that are looked through.
_MOST = 128 << 20
#: Where times in QuickTime and in Matroska begin.
_QUICKTIME = datetime(1904, 1, 1, tzinfo=UTC)
#: Seconds from there to 1970, from which some count instead: then a time looks sixty-six years too early.
_UNIX_LATER = 2_082_844_800
_MATROSKA = datetime(2001, 1, 1, tzinfo=UTC)
_MATROSKA_DATE, _MATROSKA_START, _MATROSKA_INFO = b"\x44\x61\x88", b"\x1a\x45\xdf\xa3", 1 << 16
_APPLE_DATE = b"com.apple.quicktime.creationdate"


def taken_at(path: Path) -> float:
    """When ``path`` was taken; 0 when it does not say, or what cannot be. Blocking; raises OSError."""
    if not path.stat().st_size:
        return 0.0
    try:
        if index := read_index(path):
            return _of_index(index)
        with path.open("rb") as file:
            data = Searched(file, _MOST)
            if data.read(0, 4) == _MATROSKA_START:
                return _of_matroska(data.read(0, _MATROSKA_INFO))
            return _of_exif(data) or _of_xmp(data)
    except (struct.error, ValueError, OverflowError):
        return 0.0


def date_in(text: str) -> float:
    """The first date and time in ``text``, as EXIF, XMP and QuickTime write them; 0: there is none."""
    found = _DATE.search(text)
    return clock(*(int(part or 0) for part in found.groups())) if found else 0.0


def clock(*fields: int) -> float:
    """Year, month, day, and perhaps hour, minute and second, as a time; 0 when it can be none."""
    try:
        said = datetime(*fields, tzinfo=UTC)  # type: ignore[misc, arg-type]
    except (ValueError, TypeError):
        return 0.0
    if said.year < _FIRST_YEAR or (said.year, said.month, said.day) in _NO_DAYS:
        return 0.0
    # A clock may be ahead, or on the other side of the world.
    return said.timestamp() if said.timestamp() < time.time() + 2 * 86_400 else 0.0


def on_the_wall(said: datetime) -> float:
    """The time ``said`` in its zone as the clocks here showed it; 0 when it can be none."""
    try:
        return clock(*said.astimezone().timetuple()[:6])
    except (ValueError, OverflowError, OSError):
        return 0.0


def _of_exif(data: Searched) -> float:
    for mark in _TIFF:
        at = -1
        for _ in range(_LOOKS):
            at = data.find(mark, at + 1)
            if at < 0:
                break
            if taken := _of_tiff(data, at):
                return taken
    return 0.0


def _of_tiff(data: Searched, start: int) -> float:
    head = data.read(start, 8)
    order = "<" if head[:2] == b"II" else ">"
    (first,) = struct.unpack_from(f"{order}I", head, 4)
    tags = _tags(data, start, first, order)
    camera = _tags(data, start, tags[_CAMERA][1], order) if _CAMERA in tags else {}
    for tag, where in ((_ORIGINAL, camera), (_DIGITIZED, camera), (_CHANGED, tags)):
        length, offset = where.get(tag, (0, 0))
        text = data.read(start + offset, min(length, 32)).decode("latin-1")
        if taken := date_in(text):
            return taken
    return 0.0


def _tags(data: Searched, start: int, offset: int, order: str) -> dict[int, tuple[int, int]]:
    """The tags of one block: how many values each has, and where they are (or the only one itself)."""
    at = start + offset
    if at + 2 > data.size:
        return {}
    (count,) = struct.unpack(f"{order}H", data.read(at, 2))
    block = data.read(at + 2, 12 * min(count, _MOST_TAGS))
    block = block[: len(block) // 12 * 12]
    return {tag: (length, value) for tag, _, length, value in struct.iter_unpack(f"{order}HHII", block)}


def _of_xmp(data: Searched) -> float:
    at = data.find(_XMP_START)
    return xmp_date(data.read(at, _XMP_LONGEST)) if at >= 0 else 0.0


def xmp_date(packet: bytes) -> float:
    """When a picture was taken by what an XMP packet says; 0: it does not."""
    found = (date_in(text.decode("latin-1")) for text in _XMP_DATE.findall(packet))
    return next((taken for taken in found if taken), 0.0)


def _of_index(index: bytes) -> float:
    """Apple's own date has the place's clock; the header's is in UTC."""
    for mark in (_APPLE_DATE, b"\xa9day"):
        at = index.find(mark)
        found = _DATE.search(index[at : at + 4096].decode("latin-1")) if at >= 0 else None
        if found and (taken := date_in(found.group())):
            return taken
    header = next((body for kind, body in children(index) if kind == b"mvhd"), b"")
    (since,) = struct.unpack_from(">Q" if header[:1] == b"\1" else ">I", header, 4) if header else (0,)
    since += _UNIX_LATER * (0 < since < _UNIX_LATER)
    return on_the_wall(_QUICKTIME + timedelta(seconds=since)) if since else 0.0


def _of_matroska(head: bytes) -> float:
    at = head.find(_MATROSKA_DATE)
    if at < 0:
        return 0.0
    (since,) = struct.unpack_from(">q", head, at + len(_MATROSKA_DATE))
    return on_the_wall(_MATROSKA + timedelta(microseconds=since // 1000))
