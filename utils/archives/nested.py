"""Archives inside an archive, opened under the same budget to a fixed depth."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, replace
from operator import itemgetter
from pathlib import Path

from utils.archives.entry import Accept, ArchiveReader, Entry, Extracted, Narrow, NewFile, taking
from utils.archives.extraction import failed
from utils.archives.formats import format_of, is_document, may_be_volume, may_be_zip
from utils.archives.scratch import Scratch
from utils.archives.source import ByteSource, FileSource
from utils.archives.volumes import in_set, volume_of
from utils.errors import ArchiveError, DiskFull, LimitExceeded, PasswordNeeded, VolumeMissing
from utils.texts import Text

#: Opens an archive, or all volumes of one, in files of ours, one level deeper. Raises ArchiveError.
OpenInner = Callable[[Sequence[ByteSource]], Awaitable[ArchiveReader]]


@dataclass(frozen=True)
class _Spooled:
    """An inner archive, or a volume of one, in a file of ours."""

    entry: Entry
    path: Path

    @property
    def source(self) -> FileSource:
        return FileSource(self.path, self.entry.name)


class NestedReader:
    """Reads ``outer``, and whatever archives are in it as if their content stood in its place.

    ``open_inner`` is None at the greatest depth. What is opened once is closed with this reader.
    """

    def __init__(
        self, outer: ArchiveReader, scratch: Scratch, open_inner: OpenInner | None, depth: int
    ) -> None:
        self.format = outer.format
        self._outer = outer
        self._scratch = scratch
        self._open_inner = open_inner
        self._depth = depth
        self._inner: ArchiveReader | None = None
        self._inner_ignored = 0
        self._spooled: dict[str, Path] = {}
        self._volumes: list[_Spooled] = []
        self._sets_begun: set[tuple[str, str]] = set()

    @property
    def listing(self) -> Sequence[Entry] | None:
        """That of the outer archive: what is in the inner ones is not known before they are reached."""
        return self._outer.listing

    @property
    def ignored(self) -> int:
        """The junk in all of them."""
        return self._outer.ignored + self._inner_ignored + (self._inner.ignored if self._inner else 0)

    async def extract(self, accept: Accept, new_file: NewFile) -> AsyncIterator[Extracted]:
        """See :class:`~utils.archives.entry.ArchiveReader`.

        The volumes of an inner split set are opened at the end. An inner archive whose password is not
        known is left for later: PasswordNeeded, with its name, is raised at the very end.
        """
        unopened: PasswordNeeded | None = None

        def accept_or_open(entry: Entry, head: bytes) -> bool:
            if not self._is_inner(entry, head):
                return accept(entry, head)
            self._spooled[entry.key] = self._scratch.new_file()
            return True

        def file_for(entry: Entry) -> Path:
            return self._spooled.get(entry.key) or new_file(entry)

        async with taking(self._outer.extract(accept_or_open, file_for)) as found:
            async for extracted in found:
                path = self._spooled.pop(extracted.entry.key, None)
                if path is None or extracted.path is None:
                    yield extracted
                    continue
                spooled = _Spooled(extracted.entry, path)
                if volume_of(extracted.entry.name):
                    self._volumes.append(spooled)
                    continue
                try:
                    async for inner in self._take_apart([spooled], accept, new_file):
                        yield inner
                except PasswordNeeded as error:
                    unopened = unopened or error
        for volumes in self._sets():
            try:
                async for inner in self._take_apart(volumes, accept, new_file):
                    yield inner
            except PasswordNeeded as error:
                unopened = unopened or error
        if unopened is not None:
            raise unopened

    async def some(self, keys: Collection[str], new_file: NewFile) -> AsyncGenerator[Extracted, None]:
        """See :class:`~utils.archives.entry.Previews`."""
        outer = self._outer.only(keys) if isinstance(self._outer, Narrow) else self._outer
        async with taking(outer.extract(lambda entry, _: entry.key in keys, new_file)) as found:
            async for extracted in found:
                yield extracted

    def _is_inner(self, entry: Entry, head: bytes) -> bool:
        """Whether ``entry`` is an archive to be opened, or one volume of one."""
        volume = volume_of(entry.name)
        # The last volume of a split ZIP is called like the whole set.
        place = (entry.folder, volume.set_name if volume else entry.name.lower())
        if not format_of(head, entry.name):
            # A later volume of a file that was cut looks like anything, and may come before the first one.
            begun = place in self._sets_begun
            return begun or may_be_volume(head, entry.name) or may_be_zip(head, entry.name)
        if volume is not None:
            self._sets_begun.add(place)
        return not is_document(head)

    def _sets(self) -> list[list[_Spooled]]:
        """The volumes that were kept, set by set, the first one first: the set is called after it."""
        sets: dict[tuple[str, str], list[tuple[int, _Spooled]]] = {}
        named = [volume for volumes in self._volumes if (volume := volume_of(volumes.entry.name))]
        for spooled in self._volumes:
            volume = in_set(spooled.entry.name, named)
            name, number = (volume.set_name, volume.number) if volume else (spooled.entry.name, 0)
            sets.setdefault((spooled.entry.folder, name), []).append((number, spooled))
        return [[each for _, each in sorted(numbered, key=itemgetter(0))] for numbered in sets.values()]

    async def _take_apart(
        self, spooled: Sequence[_Spooled], accept: Accept, new_file: NewFile
    ) -> AsyncIterator[Extracted]:
        """What is in one inner archive; an error that concerns it alone stands in its place."""
        entry = spooled[0].entry
        kept = False
        try:
            async for extracted in self._read(spooled, accept, new_file):
                yield extracted
        except PasswordNeeded as error:
            # For the user to answer, who has to know which of them it is: the outer one may be open.
            raise type(error)(Text("{name}: {note}", name=entry.path, note=error.told)) from error
        except LimitExceeded:
            raise  # what all share is used up
        except VolumeMissing as error:
            # "x.rar" and "x.zip" may be of a set whose other volumes are still to come.
            kept = len(spooled) == 1 and spooled[0] not in self._volumes
            if kept:
                self._volumes.append(spooled[0])
            else:
                yield failed(entry, error)
        except (ArchiveError, DiskFull) as error:
            yield failed(entry, error)
        finally:
            for each in spooled if not kept else ():
                await asyncio.to_thread(each.path.unlink, missing_ok=True)

    async def _read(
        self, spooled: Sequence[_Spooled], accept: Accept, new_file: NewFile
    ) -> AsyncIterator[Extracted]:
        entry = spooled[0].entry
        try:
            self._inner = reader = await self._open([each.source for each in spooled])
        except LimitExceeded as error:
            yield failed(entry, error)
            return

        def outside(inner: Entry) -> Entry:
            return replace(inner, key=f"{entry.key}/{inner.key}", path=f"{entry.path}/{inner.path}")

        try:
            inner_files = reader.extract(
                lambda inner, head: accept(outside(inner), head), lambda inner: new_file(outside(inner))
            )
            async with taking(inner_files) as found:
                async for extracted in found:
                    yield replace(extracted, entry=outside(extracted.entry))
        finally:
            await reader.close()
            self._inner_ignored += reader.ignored
            self._inner = None

    async def _open(self, sources: Sequence[ByteSource]) -> ArchiveReader:
        if self._open_inner is None:
            raise LimitExceeded(
                Text("archives inside archives are opened to a depth of {depth} only.", depth=self._depth)
            )
        return await self._open_inner(sources)

    async def close(self) -> None:
        if self._inner is not None:
            await self._inner.close()
        await self._outer.close()
