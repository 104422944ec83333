"""What is said of the files of an album: where they are from, their names, what was changed. Pure: no I/O."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence

from utils.jobs.albums import CAPTION_UNITS, MediaFile, plural, shorten

#: What cameras, phones and messengers begin the names with that they count up.
_COUNTERS = (
    *("img", "imgp", "image", "images", "dsc", "dscn", "dscf", "dscp", "dcp", "mg", "pxl", "mvimg", "mov"),
    *("vid", "video", "photo", "pic", "pict", "picture", "gopr", "gp", "gh", "gx", "dji", "sam", "cimg"),
    *("hpim", "sdc", "wp", "p", "mvi", "fb", "received", "signal", "whatsapp", "telegram", "screenshot"),
    *("screenrecording", "snapchat", "burst", "pano", "panorama", "scan", "frame", "file", "kimg"),
)
#: What may stand beside the numbers.
_BESIDE = ("wa", "at", "am", "pm", "copy", "edited", "hdr", "mp", "night", "portrait", "cover", "ts", "top")


def _any(words: Sequence[str]) -> str:
    return "|".join(sorted(words, key=len, reverse=True))


# Nothing in it is tried in two ways: names are given by strangers.
_NUMBERED = re.compile(
    rf"(?:(?>{_any(_COUNTERS)})[\W_]*+)*+(?:(?>\d|{_any(_BESIDE)})[\W_]*+)*+", re.IGNORECASE
)
#: Numbers of everything, and sums.
_RANDOM = re.compile(r"[{(]?[0-9a-f]{8}(?:-?[0-9a-f]{4}){3}-?[0-9a-f]{12}[)}]?|[0-9a-f]{16,}", re.IGNORECASE)
_DIGITS = re.compile(r"[\d.,]*\d")


def is_name(name: str) -> bool:
    """Whether a file is called something: IMG_1234.jpg, PXL_20240101_120000.jpg and UUIDs only number it."""
    stem = name.rpartition(".")[0] or name
    if not any(character.isdigit() for character in stem):
        return True
    stem = stem.lstrip("_- ")
    return _NUMBERED.fullmatch(stem) is None and _RANDOM.fullmatch(stem) is None


def caption(archive: str, files: Sequence[MediaFile], *, names: bool = False) -> str:
    """Of one album: ``archive`` ("": a file by itself) and folder, the names that are some, and the notes.

    ``names``: all of them.
    """
    lines = []
    if archive:
        folder = files[0].folder
        lines.append(shorten(f"📦 {archive} › {folder}" if folder else f"📦 {archive}", 256))
        named = [file.name for file in files if names or is_name(file.name)]
        lines += [", ".join(named)] if named else []
    alone = len(files) == 1
    lines += [f"💬 {'' if alone else f'{file.name}: '}{file.about}" for file in files if file.about]
    noted = [file for file in files if file.note]
    lines += [f"ℹ️ {line}" for line in ([noted[0].note] if noted and alone else notes(noted))]
    return shorten("\n".join(lines), CAPTION_UNITS)


def notes(files: Iterable[MediaFile]) -> list[str]:
    """The notes of ``files``, those of the same kind in one line."""
    kinds: defaultdict[tuple[str, str], list[MediaFile]] = defaultdict(list)
    for file in files:
        kinds[_noun(file), _DIGITS.sub("#", file.note)].append(file)
    return [_note(noun, alike) for (noun, _), alike in kinds.items()]


def _note(noun: str, alike: Sequence[MediaFile]) -> str:
    note = alike[0].note
    if len(alike) == 1:
        return f"{alike[0].name}: {note}"
    if any(file.note != note for file in alike):
        note = f"{note.removesuffix('.')}, and alike."
    count = plural(len(alike), noun)
    return f"{count} {note[0].lower()}{note[1:]}" if note.startswith("Converted from") else f"{count}: {note}"


def _noun(file: MediaFile) -> str:
    return "picture" if file.group == "photo" else file.noun
