"""The central directory of a ZIP, read from the end of a source that need not be here.

Python's ``zipfile`` does the parsing, over a file that holds the tail alone. What it cannot do is left to
7-Zip: :class:`NeedsEngine` says so.
"""

from __future__ import annotations

import asyncio
import io
import stat
import struct
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from utils.archives.limits import Limits, check_table
from utils.archives.names import RawName
from utils.archives.source import ByteSource
from utils.errors import LimitExceeded
from utils.texts import Text

#: The end record and the longest comment, and the Zip64 records before it.
TAIL = 66 * 1024
#: The mark of the end record, and the record: the length of the comment behind it.
END = b"PK\x05\x06"
_END = struct.Struct("<20xH")
_ENTRY = struct.Struct("<4s24xHHH12x")
ENCRYPTED, UTF8_NAME = 1, 1 << 11
#: Systems whose entries have a Unix mode (APPNOTE 4.4.2).
UNIX = (3, 19)
STORED, DEFLATED, BZIP2, LZMA = 0, 8, 12, 14
#: Deflate never makes more of one byte (https://zlib.net/zlib_tech.html).
DEFLATE_RATIO = 1032
METHODS = frozenset({STORED, DEFLATED, BZIP2, LZMA})


class NeedsEngine(Exception):
    """This ZIP cannot be read in place; 7-Zip may be able to. ``cut_off``: its end is not there."""

    def __init__(self, reason: str, *, cut_off: bool) -> None:
        super().__init__(reason)
        self.cut_off = cut_off


class _NotHere(Exception):
    def __init__(self, offset: int) -> None:
        self.offset = offset


@dataclass(frozen=True)
class ZipItem:
    """One entry of the directory; ``offset`` is that of its local header, sizes are in bytes.

    ``time`` is that of :class:`~utils.archives.entry.Entry`.
    """

    name: RawName
    offset: int
    packed: int
    size: int
    crc: int
    method: int
    encrypted: bool
    is_folder: bool
    special: str
    time: float = 0.0


class _Tail(io.RawIOBase):
    """A file of which only the end, from ``start`` on, is here."""

    def __init__(self, start: int, data: bytes) -> None:
        self._start = start
        self._data = data
        self._at = 0

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._start + len(self._data)}[whence]
        if base + offset < 0:
            raise OSError("before the beginning")
        self._at = base + offset
        return self._at

    def read(self, size: int = -1) -> bytes:
        if self._at < self._start:
            raise _NotHere(self._at)
        at = self._at - self._start
        data = self._data[at:] if size < 0 else self._data[at : at + size]
        self._at += len(data)
        return data


async def read_directory(source: ByteSource, limits: Limits) -> Sequence[ZipItem]:
    """The entries in directory order. Raises NeedsEngine and LimitExceeded."""
    start = max(0, source.size - TAIL)
    data = await source.read(start, source.size - start)
    while True:
        try:
            return await asyncio.to_thread(_parse, start, data, limits)
        except _NotHere as missing:
            # The directory begins before what is here: its size is the distance, and bounded.
            check_table(start - missing.offset, limits)
            data = await source.read(missing.offset, start - missing.offset) + data
            start = missing.offset


def _parse(start: int, data: bytes, limits: Limits) -> list[ZipItem]:
    try:
        _count_entries(data, limits)
        _check_end(data)
        with zipfile.ZipFile(_Tail(start, data)) as archive:
            if not archive.filelist and archive.start_dir > 0:
                raise zipfile.BadZipFile("empty, with something in front")
            return [_item(info) for info in archive.infolist()]
    except (
        zipfile.BadZipFile,
        NotImplementedError,
        struct.error,
        OSError,
        OverflowError,
        ValueError,
    ) as error:
        raise NeedsEngine(str(error), cut_off=END not in data) from error


def _check_end(data: bytes) -> None:
    """``zipfile`` believes the last mark of an end: not if it stands in a comment, or in what lies behind."""
    at = data.rfind(END)
    if at < 0 or len(data) - at < _END.size:
        return
    after = at + _END.size + _END.unpack_from(data, at)[0]
    if after > len(data) or data[after:].strip(b"\0"):
        raise zipfile.BadZipFile("its end is not where its comment ends")


def _count_entries(data: bytes, limits: Limits) -> None:
    """Refuse too many entries before ``zipfile`` makes an object of each."""
    if data.count(b"PK\x01\x02") <= limits.max_entries:
        return
    at = data.find(b"PK\x01\x02")
    for _ in range(limits.max_entries + 1):
        if len(data) - at < _ENTRY.size:
            return
        magic, name, extra, comment = _ENTRY.unpack_from(data, at)
        if magic != b"PK\x01\x02":
            return
        at += 46 + name + extra + comment
    raise LimitExceeded(
        Text("it has more than {count:,} entries, which is the limit.", count=limits.max_entries)
    )


def _item(info: zipfile.ZipInfo) -> ZipItem:
    utf8 = bool(info.flag_bits & UTF8_NAME)
    raw = info.orig_filename.encode("utf-8" if utf8 else "cp437")
    # Others than Unix and macOS leave there whatever they like.
    mode = info.external_attr >> 16 if info.create_system in UNIX else 0
    return ZipItem(
        name=RawName(raw, utf8, info.extra),
        offset=info.header_offset,
        packed=info.compress_size,
        size=info.file_size,
        crc=info.CRC,
        method=info.compress_type,
        encrypted=bool(info.flag_bits & ENCRYPTED),
        is_folder=raw.endswith((b"/", b"\\")) or stat.S_ISDIR(mode),
        special="" if stat.S_IFMT(mode) in (0, stat.S_IFREG, stat.S_IFDIR) else _special(mode),
        time=_time(info.date_time),
    )


def _time(shown: tuple[int, ...]) -> float:
    try:
        return datetime(*shown, tzinfo=UTC).timestamp()  # type: ignore[arg-type, misc]
    except ValueError:
        return 0.0


def _special(mode: int) -> str:
    return Text("a symbolic link") if stat.S_ISLNK(mode) else Text("a device")


def find_faults(items: Sequence[ZipItem]) -> dict[int, str]:
    """What cannot be true of entries, by their index. Raises LimitExceeded for a bomb.

    Entries that share bytes are what bombs are made of (https://www.bamsoftware.com/hacks/zipbomb/); where
    it is a few of many, the directory is damaged.
    """
    faults: dict[int, str] = {
        i: Text("its sizes cannot be true.") for i, item in enumerate(items) if _is_impossible(item)
    }
    overlapping = _overlapping(items, [index for index in range(len(items)) if index not in faults])
    if 2 * len(overlapping) > len(items):
        raise LimitExceeded(Text("its entries overlap each other: it is a trap."))
    shared: str = Text("it lies where another entry lies as well.")
    return faults | dict.fromkeys(overlapping, shared)


def _overlapping(items: Sequence[ZipItem], indices: Sequence[int]) -> set[int]:
    found = set()
    last, end = -1, 0
    for index in sorted(indices, key=lambda i: items[i].offset):
        if items[index].offset < end:
            found |= {last, index}
        if (after := items[index].offset + 30 + items[index].packed) > end:
            last, end = index, after
    return found


def _is_impossible(item: ZipItem) -> bool:
    if item.method == STORED:
        return item.size != item.packed
    return item.method == DEFLATED and item.size > DEFLATE_RATIO * item.packed
