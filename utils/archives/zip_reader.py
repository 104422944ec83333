"""A ZIP read in place: only the wanted entries are fetched, several at a time."""

from __future__ import annotations

import asyncio
import copy
import struct
from collections import deque
from collections.abc import AsyncIterator, Collection, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from utils.archives.entry import HEAD, Accept, Entry, Extracted, NewFile, Order
from utils.archives.extraction import EntryFile, concerns_entry, failed
from utils.archives.inflate import Decompressor
from utils.archives.limits import Budget
from utils.archives.names import is_junk
from utils.archives.source import CHUNK, ByteSource
from utils.archives.zip_directory import BZIP2, ZipItem
from utils.archives.zip_methods import DECOMPRESSORS, unpack
from utils.errors import ArchiveDamaged, ArchiveError, DiskFull, NotAFile
from utils.texts import Text

T = TypeVar("T")
#: Entries whose first bytes are asked for ahead, and the bytes that this may cost.
PROBES = 128
PROBED_BYTES = 2 * 1024 * 1024
#: What a look into a large entry counts as: twice the least that Telegram gives, so that looking ahead does
#: not hold up what is wanted.
LEAST = 128 * 1024
#: Packed entries up to this size are fetched at once; less is not fetched from Telegram anyway.
WHOLE = 48 * 1024
#: Bytes fetched to see an entry's first HEAD; bzip2 gives none before its block of 900 KB is whole.
PROBE = 5 * 1024
#: Pieces of 1 MB in memory, for all entries together, and for one.
PIECES = 8
PIECES_OF_ONE = 4
_LOCAL = struct.Struct("<4s22xHH")


@dataclass(frozen=True)
class _Probe:
    """The beginning of an entry: where its data start, those fetched so far, its first bytes unpacked."""

    data_offset: int
    packed: bytes
    head: bytes


class _Room:
    """How many bytes may be in flight; one entry may always be, whatever its size."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._used = 0
        self._held = 0
        self._freed = asyncio.Event()

    async def take(self, size: int) -> None:
        while self._held and self._used + size > self._size:
            self._freed.clear()
            await self._freed.wait()
        self._held += 1
        self._used += size

    def free(self, size: int) -> None:
        self._held -= 1
        self._used -= size
        self._freed.set()


class ZipReader:
    """Reads ``items``, the directory of ``source``, under ``names`` that may be shown, in that ``order``.

    ``faults`` are those not worth a try, by index.
    """

    format = "zip"

    def __init__(
        self,
        source: ByteSource,
        items: Sequence[ZipItem],
        names: Sequence[str],
        budget: Budget,
        faults: Mapping[int, str],
        order: Order,
    ) -> None:
        self._source = source
        self._budget = budget
        self._faults = {items[index].offset: fault for index, fault in faults.items()}
        self._order: list[tuple[Entry, ZipItem]] = []
        self.ignored = 0
        self._put_in_order(items, names, order)
        self.listing: Sequence[Entry] | None = [entry for entry, _ in self._order]
        self._tasks: set[asyncio.Task[Any]] = set()
        self._files: dict[str, EntryFile] = {}
        self._pieces = asyncio.Semaphore(PIECES)

    def _put_in_order(self, items: Sequence[ZipItem], names: Sequence[str], order: Order) -> None:
        for index in order(names, [item.time for item in items]):
            item = items[index]
            if item.is_folder:
                continue
            if is_junk(names[index]):
                self.ignored += 1
                continue
            self._order.append((Entry(str(index), names[index], item.size, item.time), item))

    async def extract(self, accept: Accept, new_file: NewFile) -> AsyncIterator[Extracted]:
        """See :class:`~utils.archives.entry.ArchiveReader`."""
        ahead = self._budget.limits.read_ahead
        room = _Room(ahead)
        ready: asyncio.Queue[tuple[asyncio.Task[Extracted], int] | None] = asyncio.Queue()
        producer = self._start(self._produce(accept, new_file, room, ready))
        producer.add_done_callback(lambda _: ready.put_nowait(None))
        try:
            while (found := await ready.get()) is not None:
                task, size = found
                extracted = await task
                self._files.pop(extracted.entry.key, None)
                if ahead:
                    room.free(size)
                yield extracted
                if not ahead:
                    room.free(size)
            await producer
        finally:
            await self.close()

    def only(self, keys: Collection[str]) -> ZipReader:
        """The same archive with no entries but these, to be read and closed by itself."""
        other = copy.copy(self)
        other._order = [(entry, item) for entry, item in self._order if entry.key in keys]
        other._tasks, other._files, other._pieces = set(), {}, asyncio.Semaphore(PIECES)
        return other

    async def close(self) -> None:
        """End what is under way; files that were not handed over are removed."""
        tasks, self._tasks = self._tasks, set()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        files, self._files = self._files, {}
        for file in files.values():
            await asyncio.to_thread(file.discard)

    def _start(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(_look_at)
        return task

    # -- one after another ----------------------------------------------------------------------------

    async def _produce(
        self,
        accept: Accept,
        new_file: NewFile,
        room: _Room,
        ready: asyncio.Queue[tuple[asyncio.Task[Extracted], int] | None],
    ) -> None:
        """Ask ``accept`` about each entry in order and start to fetch what is wanted."""
        waiting = iter(self._order)
        probes: deque[tuple[Entry, ZipItem, asyncio.Task[_Probe]]] = deque()
        asked = 0
        while True:
            while len(probes) < PROBES and asked < PROBED_BYTES:
                if (following := next(waiting, None)) is None:
                    break
                asked += _cost(following[1])
                probes.append((*following, self._start(self._probe(following[1]))))
            if not probes:
                return
            entry, item, task = probes.popleft()
            asked -= _cost(item)
            size = item.size
            try:
                probe = await task
                if not accept(entry, probe.head):
                    continue
            except ArchiveError as error:
                if not concerns_entry(error) and not isinstance(error, NotAFile):
                    raise
                size = 0
                await room.take(size)
                work: Coroutine[Any, Any, Extracted] = _value(failed(entry, error))
            else:
                await room.take(size)
                file = EntryFile(entry, new_file(entry), self._budget)
                self._files[entry.key] = file
                work = self._fetch(item, probe, file)
            ready.put_nowait((self._start(work), size))

    async def _probe(self, item: ZipItem) -> _Probe:
        """Find the data of ``item`` and unpack its first bytes. Raises ArchiveDamaged."""
        if item.special:
            raise NotAFile(item.special)
        if item.offset in self._faults:
            raise ArchiveDamaged(self._faults[item.offset])
        most = WHOLE if item.packed <= WHOLE else PROBE if item.method != BZIP2 else CHUNK
        header = 30 + len(item.name.raw) + len(item.name.extra) + 64
        data = await self._read(item.offset, min(header + min(most, item.packed), self._left(item.offset)))
        if len(data) < 30:
            raise ArchiveDamaged(Text("it lies beyond the end of the archive."))
        magic, name, extra = _LOCAL.unpack_from(data)
        if magic != b"PK\x03\x04":
            raise ArchiveDamaged(Text("it is not where the table of contents says."))
        start = item.offset + 30 + name + extra
        packed = data[30 + name + extra :][: item.packed]
        wanted = min(most, item.packed)
        if len(packed) < wanted:
            packed += await self._read(start + len(packed), wanted - len(packed))
        return _Probe(start, packed, self._head(item, packed))

    def _left(self, offset: int) -> int:
        return max(0, self._source.size - offset)

    @staticmethod
    def _head(item: ZipItem, packed: bytes) -> bytes:
        decompressor = DECOMPRESSORS[item.method]()
        return b"".join(unpack(decompressor, packed, HEAD))[:HEAD]

    async def _read(self, offset: int, size: int) -> bytes:
        return await self._source.read(offset, size) if size > 0 else b""

    # -- one entry ------------------------------------------------------------------------------------

    async def _fetch(self, item: ZipItem, probe: _Probe, file: EntryFile) -> Extracted:
        """Fetch and verify one entry; what concerns it alone is in the answer."""
        try:
            return await self._write(item, probe, file)
        except (ArchiveError, DiskFull) as error:
            await asyncio.to_thread(file.discard)
            if not concerns_entry(error, file):
                raise
            return failed(file.entry, error)
        except BaseException:
            await asyncio.to_thread(file.discard)
            raise

    async def _write(self, item: ZipItem, probe: _Probe, file: EntryFile) -> Extracted:
        decompressor = DECOMPRESSORS[item.method]()
        if len(probe.packed) == item.packed:
            return await asyncio.to_thread(self._write_whole, item, probe, file, decompressor)
        await asyncio.to_thread(file.open)
        await asyncio.to_thread(_write_piece, file, decompressor, probe.packed)
        start = probe.data_offset + len(probe.packed)
        async for piece in self._read_pieces(start, probe.data_offset + item.packed):
            await asyncio.to_thread(_write_piece, file, decompressor, piece)
        return file.finish(item.crc)

    @staticmethod
    def _write_whole(item: ZipItem, probe: _Probe, file: EntryFile, decompressor: Decompressor) -> Extracted:
        file.open()
        _write_piece(file, decompressor, probe.packed)
        return file.finish(item.crc)

    async def _read_pieces(self, start: int, end: int) -> AsyncIterator[bytes]:
        """The bytes from ``start`` to ``end`` in order, several pieces in flight."""
        offsets = iter(range(start, end, CHUNK))
        pieces: deque[asyncio.Task[bytes]] = deque()
        held = 0
        try:
            while True:
                while held < PIECES_OF_ONE and (not pieces or not self._pieces.locked()):
                    offset = next(offsets, None)
                    if offset is None:
                        break
                    await self._pieces.acquire()
                    held += 1
                    pieces.append(self._start(self._read(offset, min(CHUNK, end - offset))))
                if not pieces:
                    return
                data = await pieces.popleft()
                yield data
                self._pieces.release()
                held -= 1
        finally:
            for piece in pieces:
                piece.cancel()
            for _ in range(held):
                self._pieces.release()


def _look_at(task: asyncio.Task[Any]) -> None:
    """What was begun ahead may fail without anybody waiting for it; whoever does is told all the same."""
    if not task.cancelled():
        task.exception()


def _cost(item: ZipItem) -> int:
    """About what a look at the first bytes of ``item`` fetches."""
    return item.packed if item.packed <= WHOLE else LEAST


def _write_piece(file: EntryFile, decompressor: Decompressor, piece: bytes) -> None:
    for data in unpack(decompressor, piece):
        file.write(data)


async def _value(extracted: Extracted) -> Extracted:
    return extracted
