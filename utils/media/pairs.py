"""What ties the two files of a Live Photo together, whatever they are called: Apple's content identifier.

In the picture it is in the camera's own part of the EXIF, in the film among QuickTime's metadata:
https://developer.apple.com/documentation/photos/phlivephoto
"""

from __future__ import annotations

import struct
from pathlib import Path

from utils.media.boxes import children, read_index
from utils.media.searching import Searched

_JPEG, _FTYP = b"\xff\xd8\xff", b"ftyp"
#: How the camera's own part begins, and where in it its tags do; all places are counted from its beginning.
_MAKER, _TAGS_AT = b"Apple iOS\0", 14
_IDENTIFIER, _TEXT, _MOST_TAGS = 0x11, 2, 200
#: Bytes of a JPEG in which it is: EXIF comes first, and is no longer; and of a HEIC.
_JPEG_HEAD, _HEIC_HEAD = 1 << 17, 64 << 20
_KEY = b"com.apple.quicktime.content.identifier"
#: Bytes of an identifier at most. They have 36.
_LONGEST = 64


def pair_of(path: Path) -> str:
    """The identifier of the Live Photo that ``path`` is one half of; empty: of none.

    Never raises for what is in the file. Blocking; raises OSError.
    """
    if path.stat().st_size < _TAGS_AT:
        return ""
    try:
        with path.open("rb") as file:
            head = file.read(12)
            if head[4:8] in (_FTYP, b"moov", b"wide", b"mdat") and (index := read_index(path)):
                return _of_film(index)
            if not head.startswith(_JPEG) and head[4:8] != _FTYP:
                return ""
            data = Searched(file, _JPEG_HEAD if head.startswith(_JPEG) else _HEIC_HEAD)
            at = data.find(_MAKER)
            return _of_picture(data.read(at, _JPEG_HEAD)) if at >= 0 else ""
    except (struct.error, ValueError):
        return ""


def _of_picture(maker: bytes) -> str:
    order = "<" if maker[12:14] == b"II" else ">"
    (count,) = struct.unpack_from(f"{order}H", maker, _TAGS_AT)
    for number in range(min(count, _MOST_TAGS)):
        tag, kind, length, at = struct.unpack_from(f"{order}HHII", maker, _TAGS_AT + 2 + 12 * number)
        if (tag, kind) == (_IDENTIFIER, _TEXT):
            return _clean(maker[at : at + min(length, _LONGEST)])
    return ""


def _of_film(index: bytes) -> str:
    """Names stand in one list, and values in another under their places in that, from 1 on."""
    metas = [body for kind, body in children(index) if kind == b"meta"]
    for meta in metas:
        # As QuickTime has it, or with a version in front, as ISO has it.
        boxes = dict(children(meta)) or dict(children(meta[4:]))
        boxes = boxes if b"keys" in boxes else dict(children(meta[4:]))
        place = _place_of_key(boxes.get(b"keys", b""))
        for kind, body in children(boxes.get(b"ilst", b"")):
            if place and int.from_bytes(kind) == place:
                value = dict(children(body)).get(b"data", b"")
                return _clean(value[8 : 8 + _LONGEST])
    return ""


def _place_of_key(keys: bytes) -> int:
    for place, (_, name) in enumerate(children(keys[8:]), 1):
        if name == _KEY:
            return place
    return 0


def _clean(text: bytes) -> str:
    found = text.rstrip(b"\0").decode("ascii", "replace")
    return found if found.isprintable() and found.isascii() else ""
