"""The names of entries: decoded for an archive as a whole, made safe to show, ordered, told from junk.

Pure. Names are for people to read and never become file names, so nothing here is about safety on disk.
"""

from __future__ import annotations

import itertools
import math
import re
import struct
import unicodedata
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

UTF8 = "utf-8"
#: Scored when names are neither marked nor valid UTF-8; earlier wins a tie.
LEGACY = ("cp437", "cp866", "cp1251", "shift_jis", "gb18030", "big5", "euc_kr", "cp850", "cp1252")
UNICODE_PATH = 0x7075
LONGEST = 255
#: Characters of a path that are shown.
LONGEST_PATH = 1000
#: Invisible, but Persian words and families of emoji are written with them.
JOINERS = "\u200c\u200d"
#: Names beyond these many change nothing about which code page is the most likely.
SAMPLE = 400

#: Those of systems, the waste baskets of systems and of network drives, and the stamps of phones and drives.
_JUNK_FOLDERS = {
    *("__macosx", ".spotlight-v100", ".trashes", ".fseventsd", "@eadir", ".@__thumb", ".thumbnails"),
    *("$recycle.bin", "recycler", "#recycle", "@recycle", ".trash"),
}
_JUNK_NAMES = {".ds_store", "thumbs.db", "desktop.ini", "ehthumbs.db", ".localized", "icon\r"}
#: What cameras put beside a video for their own screen: a small copy, a stamp.
_JUNK_ENDINGS = (".lrv", ".lrf", ".thm")
_JUNK_STARTS = ("._", ".trashed-")
_DIGITS = re.compile(r"(\d+)")
_DRIVE = re.compile(r"[A-Za-z]:")


@dataclass(frozen=True)
class RawName:
    """A name as it stands in the archive; ``utf8`` when the archive marks it so, ``extra`` its ZIP extra."""

    raw: bytes
    utf8: bool = False
    extra: bytes = b""


def decode_names(names: Sequence[RawName]) -> list[str]:
    """All names of one archive, the unmarked ones decoded the same way."""
    unmarked = [name.raw for name in names if not name.utf8 and not unicode_path(name)]
    encoding = choose_encoding(unmarked)
    return [_decode(name, encoding) for name in names]


def _decode(name: RawName, encoding: str) -> str:
    marked = unicode_path(name)
    if marked:
        return marked
    return name.raw.decode(UTF8 if name.utf8 else encoding, "replace")


def unicode_path(name: RawName) -> str:
    """The name in the Info-ZIP Unicode Path field, when it belongs to this name; else "".

    https://libzip.org/specifications/extrafld.txt (0x7075): version 1, CRC-32 of the plain name, UTF-8.
    """
    extra = name.extra
    while len(extra) >= 4:
        kind, size = struct.unpack_from("<HH", extra)
        field, extra = extra[4 : 4 + size], extra[4 + size :]
        if kind == UNICODE_PATH and len(field) >= 5 and field[0] == 1:
            if struct.unpack_from("<I", field, 1)[0] != zlib.crc32(name.raw):
                return ""
            return field[5:].decode(UTF8, "replace")
    return ""


def choose_encoding(names: Iterable[bytes]) -> str:
    """The encoding that reads ``names`` most sensibly, all together."""
    foreign = list(dict.fromkeys(name for name in names if not name.isascii()))
    if all(_decodes(name, UTF8) for name in foreign):
        return UTF8
    sample = foreign[:SAMPLE]
    return max(LEGACY, key=lambda encoding: score(sample, encoding))


def _decodes(raw: bytes, encoding: str) -> bool:
    try:
        raw.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def score(names: Sequence[bytes], encoding: str) -> float:
    """How much ``names`` look like something a person wrote when read as ``encoding``; higher is better."""
    points = []
    for raw in names:
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            return float("-inf")
        points.append(sum(_worth(char) * _foreign_bytes(char, encoding) for char in text) + _joints(text))
    # Exact: whichever name comes first must not decide between two code pages that are as likely.
    return math.fsum(points)


def _foreign_bytes(char: str, encoding: str) -> int:
    """How many of the bytes of ``char`` can be no ASCII: what reads two as one must not lose by it."""
    return 0 if char.isascii() else sum(byte > 127 for byte in char.encode(encoding, "replace"))


#: Points of a character, for each foreign byte, by its block: common letters are likely, line drawing and
#: rare blocks are not.
_BLOCKS: tuple[tuple[int, int, float], ...] = (
    (0x0410, 0x0450, 1.0),  # Cyrillic of Russian
    (0x0400, 0x0500, 0.3),  # the rest of it: Chinese and Japanese, read as Cyrillic, are full of it
    (0x3040, 0x3100, 1.1),  # kana: Chinese code pages put it where nobody writes it
    (0xAC00, 0xD7A4, 1.0),  # hangul
    (0x4E00, 0x9FA6, 0.9),
    (0x3000, 0x3030, 0.5),  # CJK punctuation
    (0xFF01, 0xFF5F, 0.5),  # full width
    (0xFF61, 0xFFA0, -0.3),  # half-width kana: what Shift-JIS makes of single foreign bytes
    (0x00C0, 0x0180, 0.7),
    (0x2013, 0x2027, 0.3),
    (0x2500, 0x25A0, -1.0),  # line drawing
    (0xE000, 0xF900, -2.0),  # private use
    (0x0370, 0x0400, -0.2),  # Greek, which cp437 makes of other scripts' bytes
)


def _worth(char: str) -> float:
    code = ord(char)
    if unicodedata.category(char) in ("Cc", "Cn", "Co"):
        return -2.0
    points = next((points for low, high, points in _BLOCKS if low <= code < high), -0.5)
    if 0x4E00 <= code < 0x9FA6:
        return points if _is_common_han(char) else -0.4
    if 0xAC00 <= code < 0xD7A4:
        return points if _is_common_hangul(code) else 0.2
    return 1.0 if char in "Ёё" else points


def _is_common_hangul(code: int) -> bool:
    """Whether a syllable has neither a doubled consonant in front nor a rare vowel or end.

    Chinese that is read as Korean is full of those. The sums are in chapter 3.12 of the Unicode Standard.
    """
    first, vowel, last = (code - 0xAC00) // 588, (code - 0xAC00) % 588 // 28, (code - 0xAC00) % 28
    doubled, rare_vowels = (1, 4, 8, 10, 13), (3, 7, 10, 11, 14, 15, 19)
    return first not in doubled and vowel not in rare_vowels and last in (0, 1, 4, 8, 16, 17, 19, 20, 21)


def _is_common_han(char: str) -> bool:
    """Level-1 characters: in the first, frequency-ordered half of at least one national set."""
    try:
        high = char.encode("gb2312")[0]
        if 0xB0 <= high <= 0xD7:
            return True
    except UnicodeEncodeError:
        pass
    try:
        if char.encode("big5")[0] <= 0xC6:
            return True
    except UnicodeEncodeError:
        pass
    try:
        return char.encode("shift_jis")[0] <= 0x98
    except UnicodeEncodeError:
        return False


def _joints(text: str) -> float:
    """Points off where scripts, or upper and lower case, meet in a way that nobody writes."""
    points = 0.0
    for left, right in zip(text, text[1:], strict=False):
        if left.isascii() and right.isascii():
            continue
        if _script(left) and _script(right) and _script(left) != _script(right):
            points -= 0.8
        if left.islower() and right.isupper():
            points -= 0.8
    return points


def _script(char: str) -> str:
    """A letter's script, coarse; "" for what goes with any."""
    code = ord(char)
    if not char.isalpha():
        return ""
    if code < 0x250:
        return "latin"
    if 0x370 <= code < 0x400:
        return "greek"
    if 0x400 <= code < 0x530:
        return "cyrillic"
    if 0xAC00 <= code < 0xD7A4:
        return "hangul"
    return "cjk" if code >= 0x2E80 else "other"


def display_path(name: str) -> str:
    """``name`` as it may be shown: relative, "/" between folders, no tricks.

    Backslashes separate folders (archives made on Windows), drives in front and ".." disappear, what steers
    a terminal or turns the direction of writing becomes "�", and a part longer than 255 is shortened, as are
    all folders together: of a path that is longer than any system's, fifty thousand would take all memory.
    """
    if len(name) > 8 * LONGEST_PATH:
        name = f"{name[: 4 * LONGEST_PATH]}…{name[-4 * LONGEST_PATH :]}"
    if "/" not in name:
        name = name.replace("\\", "/")
    parts = [_display(part) for part in name.split("/") if part not in ("", ".", "..")]
    shown = "/".join(itertools.dropwhile(_DRIVE.fullmatch, parts)) or "unnamed"
    if len(shown) <= LONGEST_PATH:
        return shown
    folders, _, last = shown.rpartition("/")
    return f"{folders[: LONGEST_PATH - len(last) - 2]}…/{last}"


def _display(part: str) -> str:
    # macOS writes "é" as two characters, which not every client puts together.
    text = unicodedata.normalize("NFC", part)
    if not text.isprintable():
        text = "".join("�" if _is_trick(char) else char for char in text)
    return shortened(text)


def shortened(name: str) -> str:
    """The name of a file or folder with its ending, at most 255 characters of it: no file system has more."""
    if len(name) <= LONGEST:
        return name
    stem, dot, suffix = name.rpartition(".")
    if not dot or len(suffix) > 16:
        return name[: LONGEST - 1] + "…"
    return f"{stem[: LONGEST - len(suffix) - 2]}….{suffix}"


def _is_trick(char: str) -> bool:
    return unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp") and char not in JOINERS


def is_junk(path: str) -> bool:
    """Whether ``path`` is what a system or a camera adds for itself, or what its owner has thrown away."""
    folders, _, name = path.lower().rpartition("/")
    return (
        name in _JUNK_NAMES
        or name.startswith(_JUNK_STARTS)
        or name.endswith(_JUNK_ENDINGS)
        or _are_junk(folders)
    )


@lru_cache(1024)
def _are_junk(folders: str) -> bool:
    return any(folder in _JUNK_FOLDERS or folder.startswith(".trash-") for folder in folders.split("/"))


def natural_key(text: str) -> tuple[tuple[int, int, str], ...]:
    """Sorts "img2" before "img10", and upper and lower case together."""
    # int() refuses more than 4,300 digits; zeros in front must not decide, so length and text do.
    pieces = _DIGITS.split(text.casefold())
    return tuple((1, len(p.lstrip("0")), p.lstrip("0")) if p.isdigit() else (2, 0, p) for p in pieces if p)


def natural_order(
    paths: Sequence[str], before: Callable[[int], tuple[object, ...]] = lambda _: ()
) -> list[int]:
    """Indices of ``paths`` so that each folder's files stand together in natural order.

    Folders come in the natural order of their own paths. In one, what ``before`` says of an index counts more
    than the name.
    """

    @cache
    def folder_key(folder: str) -> tuple[object, ...]:
        return tuple(natural_key(part) for part in folder.split("/"))

    def key(index: int) -> tuple[object, ...]:
        folder, _, name = paths[index].rpartition("/")
        return folder_key(folder), before(index), natural_key(name), index

    return sorted(range(len(paths)), key=key)
