"""Files beside pictures that say something about them: edits, dates, descriptions. Pure."""

from __future__ import annotations

import html
import json
import re
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from utils.archives.names import JOINERS
from utils.media import Kind, kind_by_name, on_the_wall, xmp_date

#: What phones and programs write beside a picture, whatever that is called.
_ENDINGS = (".aae", ".xmp")
#: What it writes about an album.
_ALBUM = "metadata.json"
#: What it puts behind the name of a picture, and the characters of both that it keeps.
_SUPPLEMENT, _KEPT = ".supplemental-metadata", 46
#: A number of a name that comes twice: behind the stem of the picture, behind the whole name of its note.
_COUNTED = re.compile(r"(.*)(\(\d+\))(\.[^.]*)")
#: Bytes of a note that is read, and characters of what it says that are kept.
LONGEST, _TEXT = 256 * 1024, 800


def is_sidecar(name: str) -> bool:
    """Whether a file that is no medium itself is about one that lies beside it, by its ``name``.

    Takeout's are called ``IMG_1.jpg.json`` or ``IMG_1.jpg.supplemental-metadata(2).json``, cut where that is
    long.
    """
    parts = name.lower().split(".")
    if f".{parts[-1]}" in _ENDINGS and len(parts) > 1:
        return True
    return parts[-1] == "json" and (name.lower() == _ALBUM or any(map(_is_media, parts[1:-1])))


def _is_media(ending: str) -> bool:
    return kind_by_name(f"a.{ending}") is not Kind.OTHER


def is_note(name: str) -> bool:
    """Whether it may say when a picture was taken, or what it shows."""
    return is_sidecar(name) and name.lower().endswith((".json", ".xmp")) and name.lower() != _ALBUM


@dataclass(frozen=True)
class Told:
    """What is said of a picture: when it was taken (see :mod:`utils.media.moments`), and what it shows."""

    taken: float = 0.0
    text: str = ""


class Sidecars:
    """What the notes of an archive have said so far; they are found by folder and name."""

    def __init__(self) -> None:
        self._told: dict[tuple[str, str], Told] = {}

    def take(self, folder: str, name: str, content: bytes) -> None:
        """Read a note, if it is one. Never raises for what is in it."""
        stem, _, ending = name.rpartition(".")
        told = _of_json(content) if ending.lower() == "json" else _of_xmp(content)
        if told != Told():
            self._told[folder, stem.casefold()] = told

    def of(self, folder: str, name: str) -> Told:
        """What was said of the picture or video ``name``."""
        stems = (stem.casefold() for stem in _stems(name))
        return next((self._told[folder, stem] for stem in stems if (folder, stem) in self._told), Told())


def _stems(name: str) -> list[str]:
    """How a note about ``name`` may be called, without its ending."""
    found = [name]
    for whole in (name, name.replace("-edited", "")):
        counted = _COUNTED.fullmatch(whole)
        base, number = (counted[1] + counted[3], counted[2]) if counted else (whole, "")
        found += [f"{base}{_SUPPLEMENT}"[:_KEPT] + number, base[:_KEPT] + number, whole[:_KEPT]]
    return [*found, name.rpartition(".")[0]]


def _of_json(content: bytes) -> Told:
    try:
        told = json.loads(content)
    except (ValueError, RecursionError):
        return Told()
    if not isinstance(told, dict):
        return Told()
    taken, text = told.get("photoTakenTime"), told.get("description")
    stamp = str(taken.get("timestamp", "")) if isinstance(taken, dict) else ""
    seconds = int(stamp) if stamp.isascii() and stamp.lstrip("-").isdigit() and len(stamp) < 16 else 0
    return Told(_utc(seconds), clean(text) if isinstance(text, str) else "")


def _utc(seconds: int) -> float:
    try:
        return on_the_wall(datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)) if seconds else 0.0
    except OverflowError:
        return 0.0


def _of_xmp(content: bytes) -> Told:
    text = content.decode("utf-8", "replace")
    said = text.partition("<dc:description>")[2].partition("</dc:description>")[0]
    said = said.partition("<rdf:li")[2].partition(">")[2].partition("</rdf:li>")[0]
    return Told(xmp_date(content), clean(html.unescape(said)))


def clean(text: str) -> str:
    """``text`` on one line, no longer than is kept, without what turns the direction of writing."""
    shown = "".join(
        char for char in " ".join(text.split()) if unicodedata.category(char)[0] != "C" or char in JOINERS
    )
    return shown if len(shown) <= _TEXT else f"{shown[: _TEXT - 1]}…"
