"""From bytes to a reader: which format it is, and how it is read with the least that has to be fetched."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Sequence
from contextlib import aclosing
from pathlib import Path

from utils.archives.catalogue import password_error, read_catalogue
from utils.archives.entry import (
    Accept,
    ArchiveReader,
    Entry,
    Extracted,
    NewFile,
    Order,
    Previews,
    taking,
    to_the_end,
)
from utils.archives.extraction import CutOff
from utils.archives.formats import (
    BLOCK,
    LOOK,
    STREAMS,
    TAIL,
    archive_in,
    format_of,
    is_archive,
    is_program,
    is_tar,
    is_zip_by_its_end,
)
from utils.archives.limits import Budget, Limits
from utils.archives.names import decode_names, display_path, is_junk, natural_order
from utils.archives.nested import NestedReader
from utils.archives.scratch import Scratch, spool
from utils.archives.seven_zip import SevenZipReader
from utils.archives.single import SingleReader
from utils.archives.source import ByteSource, JoinedSource, Rest, close_sources
from utils.archives.streams import OpenStream, Stream
from utils.archives.tar_reader import TarReader
from utils.archives.volume_set import SetReader, VolumeSet
from utils.archives.zip_directory import METHODS, NeedsEngine, ZipItem, find_faults, read_directory
from utils.archives.zip_reader import ZipReader
from utils.errors import NotAnArchive, PasswordNeeded
from utils.texts import Text

#: Bytes that a program may have at most in front of what it unpacks.
PROGRAM = 2 * 1024 * 1024


async def open_archive(
    sources: ByteSource | Sequence[ByteSource],
    *,
    scratch: Path,
    limits: Limits,
    passwords: Sequence[str] = (),
    order: Order = lambda paths, _: natural_order(paths),
) -> ArchiveReader:
    """Open one archive, or all volumes of one in any order.

    Where entries can be taken out in any ``order``, which is in a ZIP, they come in that.
    ``scratch`` is a folder in which the reader may keep a folder of its own until it is closed. Raises
    NotAnArchive, PasswordNeeded, WrongPassword, VolumeMissing, ArchiveDamaged, UnsupportedArchive,
    LimitExceeded and DiskFull; nothing is left behind then, but for what was fetched of an archive whose
    password is not known: the next try with the same ``scratch`` finds it there. Sources that have a
    ``close`` are closed with the reader, or before this raises.
    """
    files = list(sources) if isinstance(sources, Sequence) else [sources]
    budget = Budget(limits, sum(source.size for source in files))
    own = await Scratch.make(scratch)
    opener = _Opener(own, budget, tuple(dict.fromkeys(p for p in passwords if p)), order)
    try:
        return _Opened(await opener.open(files), own, files)
    except BaseException as error:
        await to_the_end(_clean_up(own, files, but_fetched=isinstance(error, PasswordNeeded)))
        raise


async def _clean_up(scratch: Scratch, sources: Sequence[ByteSource], *, but_fetched: bool) -> None:
    try:
        await close_sources(sources)
    finally:
        await asyncio.to_thread(scratch.remove, but_fetched=but_fetched)


class _Opened:
    """The reader that the caller gets: closing it removes the scratch folder as well."""

    def __init__(self, reader: ArchiveReader, scratch: Scratch, sources: Sequence[ByteSource]) -> None:
        self._reader = reader
        self._scratch = scratch
        self._sources = sources
        self.format = reader.format
        self.listing: Sequence[Entry] | None = reader.listing
        self._comes_back = False

    @property
    def ignored(self) -> int:
        return self._reader.ignored

    async def some(self, keys: Collection[str], new_file: NewFile) -> AsyncGenerator[Extracted, None]:
        if isinstance(self._reader, Previews):
            async with aclosing(self._reader.some(keys, new_file)) as found:
                async for extracted in found:
                    yield extracted

    def keep_fetched(self) -> None:
        self._comes_back = True

    async def extract(self, accept: Accept, new_file: NewFile) -> AsyncIterator[Extracted]:
        try:
            async with taking(self._reader.extract(accept, new_file)) as found:
                async for extracted in found:
                    yield extracted
        except PasswordNeeded:
            self._comes_back = True
            raise

    async def close(self) -> None:
        await to_the_end(self._close())

    async def _close(self) -> None:
        try:
            await self._reader.close()
        finally:
            await _clean_up(self._scratch, self._sources, but_fetched=self._comes_back)


async def looks_like_archive(source: ByteSource) -> bool:
    """Whether this is an archive, or a volume of one. Costs two small reads, and one more of a program."""
    head, tail = await ends_of(source)
    return is_archive(head, tail, source.name) or await _unpacked_by_itself(source, head) is not None


async def ends_of(source: ByteSource) -> tuple[bytes, bytes]:
    """The first and the last bytes, by which an archive is known."""
    size = min(TAIL, source.size)
    head, tail = source.read(0, min(LOOK, source.size)), source.read(source.size - size, size)
    return await asyncio.gather(head, tail)


async def _unpacked_by_itself(source: ByteSource, head: bytes) -> ByteSource | None:
    """The archive that stands behind a program, if this is one. The program is not run."""
    if not is_program(head):
        return None
    start = archive_in(await source.read(0, min(PROGRAM, source.size)))
    return Rest(source, start) if start else None


class _Opener:
    """Opens an archive and those inside it, with one scratch folder, one budget and the same passwords."""

    def __init__(self, scratch: Scratch, budget: Budget, passwords: Sequence[str], order: Order) -> None:
        self._order = order
        self._scratch = scratch
        self._budget = budget
        self._passwords = passwords

    async def open(self, files: Sequence[ByteSource], depth: int = 0) -> ArchiveReader:
        """The reader for a file, or all volumes of a set, inside ``depth`` other archives."""

        async def open_inner(inner: Sequence[ByteSource]) -> ArchiveReader:
            return await self.open(inner, depth + 1)

        deeper = open_inner if depth < self._budget.limits.max_depth else None
        volumes = await VolumeSet.of(files)
        if volumes is None:
            return NestedReader(await self._open_one(files[0]), self._scratch, deeper, depth)
        with volumes.cut_off_means_missing():
            whole = volumes.joined()
            reader = await (self._open_set(volumes) if whole is None else self._open_one(whole))
        return SetReader(NestedReader(reader, self._scratch, deeper, depth), volumes)

    async def _open_set(self, volumes: VolumeSet) -> ArchiveReader:
        """The reader for volumes that only 7-Zip can put together."""
        path = await volumes.spool(self._scratch, self._budget)
        return await self._open_spooled(volumes.format, path)

    async def _open_one(self, source: ByteSource) -> ArchiveReader:
        head, tail = await ends_of(source)
        found = format_of(head, source.name)
        if not found and is_zip_by_its_end(head, tail, source.name):
            found = "zip"
        if not found and (behind := await _unpacked_by_itself(source, head)) is not None:
            return await self._open_one(behind)
        if not found:
            raise NotAnArchive(
                Text("this is no archive that I know.") if head else Text("the file is empty.")
            )
        if found == "zip":
            return await self._open_zip(source)
        if found == "tar" or found in STREAMS:
            return await self._open_stream("" if found == "tar" else found, source)
        return await self._open_spooled(found, await self._spool(source))

    async def _spool(self, source: ByteSource) -> Path:
        path = self._scratch.new_file()
        await spool(source, path, self._scratch, self._budget)
        return path

    # -- formats --------------------------------------------------------------------------------------

    async def _open_zip(self, source: ByteSource) -> ArchiveReader:
        try:
            items = await read_directory(source, self._budget.limits)
        except NeedsEngine as reason:
            if reason.cut_off and isinstance(source, JoinedSource):
                raise CutOff(Text("the archive is cut off.")) from reason
            return await self._open_spooled("zip", await self._spool(source))
        # Tens of thousands of names take a while.
        names = await asyncio.to_thread(decode_names, [item.name for item in items])
        shown = await asyncio.to_thread(lambda: list(map(display_path, names)))
        wanted = [
            item for item, name in zip(items, shown, strict=True) if not item.is_folder and not is_junk(name)
        ]
        locked = [item.encrypted for item in wanted if item.size]
        if locked and all(locked) and not self._passwords:
            raise password_error(())
        if any(item.encrypted or item.method not in METHODS for item in wanted):
            return await self._open_spooled("zip", await self._spool(source), items, names)
        faults = find_faults(items)
        self._budget.add_entries(len(items))
        self._budget.check_content(sum(item.size for i, item in enumerate(items) if i not in faults))
        return await asyncio.to_thread(ZipReader, source, items, shown, self._budget, faults, self._order)

    async def _open_stream(self, kind: str, source: ByteSource) -> ArchiveReader:
        opened = await OpenStream.open(kind, source, self._scratch, self._budget)
        try:
            if kind:
                head = await opened.worker.run(opened.stream.read, BLOCK)
                opened.stream = _Unread(head, opened.stream)
                if not is_tar(head):
                    return SingleReader(kind, source.name, opened, self._budget)
            return TarReader(kind, opened, self._scratch, self._budget)
        except BaseException:
            await opened.close()
            raise

    async def _open_spooled(
        self, found: str, path: Path, directory: Sequence[ZipItem] = (), names: Sequence[str] = ()
    ) -> SevenZipReader:
        """The reader for the file ``path``; ``directory`` and ``names`` are what is known of a ZIP."""
        catalogue = await read_catalogue(path, found, self._scratch, self._budget, self._passwords)
        self._budget.add_entries(len(catalogue.items))
        self._budget.check_content(sum(item.size or 0 for item in catalogue.items))
        known = {item.offset: name for item, name in zip(directory, names, strict=True)}
        better = [known.get(-1 if item.offset is None else item.offset, "") for item in catalogue.items]
        return SevenZipReader(
            found,
            catalogue,
            self._scratch,
            self._budget,
            passwords=self._passwords,
            names=better if all(better) else None,
        )


class _Unread:
    """A stream of which the beginning was read already."""

    def __init__(self, head: bytes, rest: Stream) -> None:
        self._head = head
        self._rest = rest

    def read(self, size: int) -> bytes:
        piece, self._head = self._head[:size], self._head[size:]
        return piece + self._rest.read(size - len(piece)) if len(piece) < size else piece
