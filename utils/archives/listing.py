"""What ``7zz l -slt -ba`` prints, as data. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from utils.texts import Text


@dataclass(frozen=True)
class Item:
    """One item of a listing.

    ``name`` is as 7-Zip writes it (it takes it back the same way); ``size`` is None when unknown; ``crc``
    None when the archive has none that can be used; ``special`` says what it is if it is no plain file.
    ``time`` is that of :class:`~utils.archives.entry.Entry`.
    """

    name: str
    size: int | None
    crc: int | None
    is_folder: bool
    encrypted: bool
    special: str
    split_before: bool
    offset: int | None
    time: float = 0.0

    @property
    def is_locked(self) -> bool:
        """Whether there is content in it that needs a password."""
        return self.encrypted and bool(self.size) and not self.is_folder

    @property
    def is_open(self) -> bool:
        """Whether there is content in it that needs none."""
        return not (self.encrypted or self.is_folder or self.special) and self.size != 0


class ListingParser:
    """Takes the lines of a listing one after another; yields an item when the next one begins.

    ``crc32``: what it calls a CRC is one of 32 bits, and not some other sum that only 7-Zip can check.
    """

    def __init__(self, *, crc32: bool = True) -> None:
        self._crc32 = crc32
        self._fields: dict[str, str] = {}

    def feed(self, line: bytes) -> Iterator[Item]:
        """Names hold no line ends (7-Zip writes "_" for them), so that a line is a field."""
        key, separator, value = line.decode("utf-8", "surrogateescape").rstrip("\r").partition(" = ")
        if not separator:
            key, separator = key.removesuffix(" ="), "=" if key.endswith(" =") else ""
        if not separator:
            return
        if key == "Path" and "Path" in self._fields:
            yield from self.finish()
        self._fields.setdefault(key, value)

    def finish(self) -> Iterator[Item]:
        """The last item."""
        fields, self._fields = self._fields, {}
        if "Path" in fields:
            yield _item(fields, crc32=self._crc32)


def _item(fields: Mapping[str, str], *, crc32: bool) -> Item:
    attributes = fields.get("Attributes", "")
    is_folder = fields.get("Folder") == "+" or attributes.startswith("D")
    crc = fields.get("CRC", "")
    size = fields.get("Size", "")
    encrypted = fields.get("Encrypted") == "+"
    copied = bool(fields.get("Copy Link") or fields.get("Hard Link"))
    return Item(
        name=fields["Path"],
        size=int(size) if size.isdigit() else None,
        # A copy's CRC is written as zero; the real one is at the file that it is a copy of.
        crc=int(crc, 16) if crc and crc32 and not copied else None,
        is_folder=is_folder,
        encrypted=encrypted,
        special=_special(fields, attributes),
        split_before=fields.get("Split Before") == "+",
        offset=int(fields["Offset"]) if fields.get("Offset", "").isdigit() else None,
        time=_time(fields.get("Modified", "")),
    )


def _time(text: str) -> float:
    try:
        return datetime.fromisoformat(text[:19]).replace(tzinfo=UTC).timestamp()
    except ValueError:
        return 0.0


def _special(fields: Mapping[str, str], attributes: str) -> str:
    if fields.get("Symbolic Link"):
        return Text("a symbolic link")
    if fields.get("Hard Link"):
        return Text("a hard link")
    if fields.get("Alternate Stream") == "+":
        return Text("a hidden stream")
    # Unix modes as 7-Zip writes them: "A lrwxrwxrwx", "lrwxrwxrwx", " -rw-r--r--"
    mode = next((w for w in (*attributes.split(), fields.get("Mode", "")) if len(w) == 10), "-")
    return {
        "l": Text("a symbolic link"),
        "b": Text("a device"),
        "c": Text("a device"),
        "p": Text("a pipe"),
        "s": Text("a socket"),
    }.get(mode[0], "")
