"""What is said of the files of an album: where they are from, their names, what was changed. Pure: no I/O."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence

from utils.jobs.albums import CAPTION_UNITS, MediaFile, number_of, shorten
from utils.texts import Said, found_in, listed, said, tr, tr_n

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
#: A number in any language.
_DIGITS = re.compile(r"[\d.,٬٫\u00a0]*\d")


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
        where = tr("📦 {archive} › {folder}", archive=archive, folder=folder) if folder else head(archive)
        lines.append(shorten(where, 256))
        named = [file.name for file in files if names or is_name(file.name)]
        lines += [listed(named)] if named else []
    alone = len(files) == 1
    lines += [_about(file, alone=alone) for file in files if file.about]
    noted = [file for file in files if file.note]
    lines += [f"ℹ️ {line}" for line in ([said(noted[0].note)] if noted and alone else notes(noted))]
    return shorten("\n".join(lines), CAPTION_UNITS)


def head(archive: str) -> Said:
    """Which archive it is about."""
    return tr("📦 {name}", name=archive)


def _about(file: MediaFile, *, alone: bool) -> Said:
    if alone:
        return tr("💬 {text}", text=file.about)
    return tr("💬 {name}: {text}", name=file.name, text=file.about)


def notes(files: Iterable[MediaFile]) -> list[str]:
    """The notes of ``files``, those of the same kind in one line."""
    kinds: defaultdict[tuple[str, str], list[MediaFile]] = defaultdict(list)
    for file in files:
        kinds[file.group, _DIGITS.sub("#", file.note)].append(file)
    return [_note(alike) for alike in kinds.values()]


def _note(alike: Sequence[MediaFile]) -> str:
    note = said(alike[0].note)
    if len(alike) == 1:
        return tr("{name}: {note}", name=alike[0].name, note=note)
    if any(file.note != alike[0].note for file in alike):
        note = tr("{note}, and alike.", note=Said(note.removesuffix(".")))
    count, converted = len(alike), found_in(note, "Converted from {format}.")
    if alike[0].group == "photo" and converted is not None:
        told = tr_n(
            "{count} picture converted from {format}.",
            "{count} pictures converted from {format}.",
            count,
            format=converted["format"],
        )
        return told + converted["rest"]
    return tr("{name}: {note}", name=number_of(alike[0].group, count), note=note)
