"""Which files go into one album. Pure: no I/O."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from utils.texts import Said, Text, said, tr, tr_n

#: Items in one album at most (https://core.telegram.org/method/messages.sendMultiMedia).
ALBUM_SIZE = 10

#: Caption length at most, in UTF-16 units.
CAPTION_UNITS = 1024

#: Folders of a stream that may be half collected at a time, before the oldest is sent as it is.
OPEN_FOLDERS = 4

#: What stands in the key of what is made of an entry beside its own file, behind the entry's own key.
_PART = "#"

#: Messages of a folder that are collected at most where their order has to be found out.
WINDOW = 100

#: Seconds that the film of a live photo lasts at most; phones take about three.
LIVE_SECONDS = 6.0

Kind = Literal["photo", "video", "document"]

#: What may share an album with its like alone: music is a document that is shown as music.
Group = Literal["photo", "video", "music", "document"]
_GROUPS: tuple[Group, ...] = get_args(Group)


@dataclass(frozen=True)
class MediaFile:
    """One file that is ready to be sent.

    ``number`` is its place among the job's files; ``path`` is relative to the job's files folder; sizes
    are display pixels, ``duration`` is in seconds, ``thumb`` a JPEG beside it (empty: none). ``key`` is that
    of the entry; where several files are made of one, all but the first have a :func:`part_key`. ``music`` is
    the MIME type of a document that is played (empty: of none), with its ``title`` and ``performer``.
    ``cover`` is the picture that covers a video; of a photo, a copy of it kept for a video of its name.
    ``taken`` is when it was taken (see :mod:`utils.media.moments`; 0: not known, or not asked for), and
    ``about`` what was written about it. ``pair`` ties a Live Photo to its film, whatever these are called.
    """

    number: int
    key: str
    name: str
    folder: str
    kind: Kind
    path: str
    size: int
    width: int = 0
    height: int = 0
    duration: float = 0.0
    has_audio: bool = True
    thumb: str = ""
    note: str = ""
    music: str = ""
    title: str = ""
    performer: str = ""
    cover: str = ""
    taken: float = 0.0
    about: str = ""
    pair: str = ""

    @property
    def group(self) -> Group:
        """What it may share an album with."""
        return "music" if self.music else self.kind

    @property
    def noun(self) -> str:
        """What it is called in the log."""
        return _NOUNS[self.group]


def part_key(key: str, name: str) -> str:
    """The key of one of the files that are made of the entry ``key``: "12#page 3", "12#film"."""
    return f"{key}{_PART}{name}"


def whole_key(key: str) -> str:
    """The key of the entry that a file with this ``key`` is a part of; empty: of none."""
    whole, part, _ = key.partition(_PART)
    return whole if part else ""


Album = tuple[MediaFile, ...]


def stem_of(name: str) -> str:
    """What a picture and its film have in common: the name without its ending.

    ``PXL_1.MP`` is the film of ``PXL_1.MP.jpg``.
    """
    return (name.rpartition(".")[0] or name).casefold().removesuffix(".mp")


def is_film_of(film: MediaFile, still: MediaFile) -> bool:
    """Whether ``film`` was taken along with ``still``: short, beside it, and both say so or are called so."""
    if (film.kind, still.kind) != ("video", "photo") or film.folder != still.folder:
        return False
    if not 0 < film.duration <= LIVE_SECONDS:
        return False
    if film.pair and still.pair:
        return film.pair == still.pair
    return stem_of(film.name) == stem_of(still.name)


def messages_of(files: Sequence[MediaFile]) -> list[Album]:
    """What each message of an album holds: a film right behind its picture makes a live photo of it."""
    found: list[Album] = []
    for file in files:
        if found and len(found[-1]) == 1 and is_film_of(file, found[-1][0]):
            found[-1] += (file,)
        else:
            found.append((file,))
    return found


class AlbumBuilder:
    """Collects files, folder by folder and group by group, and gives out albums of at most ten messages.

    A short film is put right behind the picture of the same name, whichever comes first.
    ``mixed`` says that photos and videos share albums, in the order in which they came.
    ``by_folder`` says that files come folder by folder, so that a folder is over when the next one begins;
    otherwise some folders are kept half collected. ``films`` are the folders and stems of the films that
    are expected: an album whose last picture's is yet to come waits for the next file.

    With ``by_date`` a folder's files are put in the order in which they were taken, as far as they are
    collected together: nothing of a folder is given out before it is over, or there are too many.
    """

    def __init__(self, *, mixed: bool, by_date: bool = False) -> None:
        self.mixed = mixed
        self._by_date = by_date
        self.by_folder = False
        self.films: frozenset[tuple[str, str]] = frozenset()
        self._open: dict[str, dict[Group, list[Album]]] = {}

    def add(self, file: MediaFile) -> list[Album]:
        """Take ``file`` in; returns the albums that are complete now, in order."""
        folder = self._open.pop(file.folder, {})
        ready: list[Album] = []
        # First, so that what was left of a folder comes before what the next one begins with.
        while len(self._open) >= (1 if self.by_folder else OPEN_FOLDERS):
            ready += self.finish_folder(next(iter(self._open)))
        self._open[file.folder] = folder
        if file.group == "document" and file.note:
            # Its reason has to be read beside it.
            return [*ready, (file,)]
        group = "photo" if self.mixed and file.group == "video" else file.group
        message = (file,) if (film := _take_film_of(file, folder)) is None else (file, film)
        found = folder.setdefault(group, [])
        if (still := self.still_of(file)) is not None:
            found = folder["photo"]
            found[found.index((still,))] = (still, file)
        else:
            ready += self._full(found)
            found.append(message)
        return ready if self._waits(found) else ready + self._full(found)

    def _full(self, found: list[Album]) -> list[Album]:
        """The next album of ``found``, which leaves that, if there is enough for one."""
        if len(found) < (WINDOW if self._by_date else ALBUM_SIZE):
            return []
        found[:] = self._ordered(found)
        album = _flat(found[:ALBUM_SIZE])
        del found[:ALBUM_SIZE]
        return [album]

    def _ordered(self, found: list[Album]) -> list[Album]:
        return sorted(found, key=lambda item: item[0].taken or float("inf")) if self._by_date else found

    def still_of(self, film: MediaFile) -> MediaFile | None:
        """The picture that waits for ``film``, if there is one."""
        found = self._open.get(film.folder, {}).get("photo", [])
        return next((item[0] for item in found if len(item) == 1 and is_film_of(film, item[0])), None)

    def _waits(self, found: list[Album]) -> bool:
        """Whether the film of the last picture may come next: it is expected, or others have one."""
        last = found[-1][0]
        if len(found[-1]) > 1 or last.kind != "photo":
            return False
        return (last.folder, stem_of(last.name)) in self.films or any(len(item) > 1 for item in found)

    def finish_folder(self, folder: str) -> list[Album]:
        """Nothing more comes from ``folder``: what is left of it, photos first."""
        groups = self._open.pop(folder, {})
        ordered = [self._ordered(groups[group]) for group in _GROUPS if groups.get(group)]
        return [
            _flat(found[at : at + ALBUM_SIZE]) for found in ordered for at in range(0, len(found), ALBUM_SIZE)
        ]

    def make_room(self) -> list[Album]:
        """Everything that is collected, but for a picture whose film may come next."""
        photos = [(name, groups["photo"]) for name, groups in self._open.items() if groups.get("photo")]
        held = {name: found.pop() for name, found in photos if self._waits(found)}
        albums = self.finish()
        self._open = {name: {"photo": [item]} for name, item in held.items()}
        return albums

    def finish(self) -> list[Album]:
        """Nothing more comes at all: everything that is left, folder by folder."""
        return [album for folder in list(self._open) for album in self.finish_folder(folder)]


def _take_film_of(still: MediaFile, folder: dict[Group, list[Album]]) -> MediaFile | None:
    """The film of ``still`` that came before it, which is by itself no longer."""
    for found in folder.values():
        for item in found:
            if len(item) == 1 and is_film_of(item[0], still):
                found.remove(item)
                return item[0]
    return None


def _flat(found: list[Album]) -> Album:
    return tuple(file for item in found for file in item)


def utf16_units(text: str) -> int:
    """Length of ``text`` as Telegram counts it."""
    return len(text.encode("utf-16-le")) // 2


def shorten(text: str, units: int) -> str:
    """``text`` cut to at most ``units`` UTF-16 units, with an ellipsis where something was cut."""
    if utf16_units(text) <= units:
        return text
    cut = text.encode("utf-16-le")[: 2 * (units - 1)].decode("utf-16-le", "ignore")
    return cut + "…"


def plural(count: int, noun: str) -> str:
    """ "1 image", "2 images"."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


_NOUNS: dict[Group, str] = {"photo": "image", "video": "video", "music": "audio file", "document": "file"}


def counted(messages: Sequence[Album]) -> str:
    """What is in an album: "10 images", "3 images and 2 videos"."""
    nouns = Counter(message[0].noun if len(message) == 1 else "live photo" for message in messages)
    return " and ".join(plural(nouns[noun], noun) for noun in sorted(nouns))


_REFUSED: dict[Group, Text] = {
    "photo": Text("Telegram did not take it as an image ({reason})"),
    "video": Text("Telegram did not take it as a video ({reason})"),
    "music": Text("Telegram did not take it as an audio file ({reason})"),
    "document": Text("Telegram did not take it as a file ({reason})"),
}


def number_of(group: Group, count: int) -> Said:
    """ "3 pictures", in the language that is spoken."""
    if group == "photo":
        return tr_n("{count} picture", "{count} pictures", count)
    if group == "video":
        return tr_n("{count} video", "{count} videos", count)
    if group == "music":
        return tr_n("{count} audio file", "{count} audio files", count)
    return tr_n("{count} file", "{count} files", count)


def refused_as(group: Group, reason: str) -> Said:
    """That a file did not go as what it is; ``reason`` is Telegram's name for why, or a sentence of ours."""
    return refusal_words(reason) or tr(_REFUSED[group], reason=reason)


def refusal_words(reason: str) -> Said:
    """``reason`` without its full stop where it is a sentence of ours; "" where it is Telegram's own name."""
    return Said(said(reason).removesuffix(".") if reason.endswith(".") else "")
