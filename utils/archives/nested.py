"""Archives inside an archive, opened under the same budget to a fixed depth."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path

from utils.archives.entry import Accept, ArchiveReader, Entry, Extracted, NewFile, taking
from utils.archives.extraction import failed
from utils.archives.formats import format_of, is_document
from utils.archives.scratch import Scratch
from utils.archives.source import ByteSource, FileSource
from utils.errors import ArchiveError, LimitExceeded, PasswordNeeded

#: Opens the archive in a file of ours, one level deeper. Raises ArchiveError.
OpenInner = Callable[[ByteSource], Awaitable[ArchiveReader]]


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

        An inner archive whose password is not known is left for later: PasswordNeeded is raised at the end.
        """
        unopened: PasswordNeeded | None = None

        def accept_or_open(entry: Entry, head: bytes) -> bool:
            if not format_of(head, entry.name) or is_document(head):
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
                try:
                    async for inner in self._take_apart(extracted.entry, path, accept, new_file):
                        yield inner
                except PasswordNeeded as error:
                    unopened = error
                except LimitExceeded:
                    raise  # what all share is used up
                except ArchiveError as error:
                    yield failed(extracted.entry, error)
                finally:
                    await asyncio.to_thread(path.unlink, missing_ok=True)
        if unopened is not None:
            raise unopened

    async def _take_apart(
        self, entry: Entry, path: Path, accept: Accept, new_file: NewFile
    ) -> AsyncIterator[Extracted]:
        try:
            self._inner = reader = await self._open(FileSource(path, entry.name))
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

    async def _open(self, source: ByteSource) -> ArchiveReader:
        if self._open_inner is None:
            raise LimitExceeded(f"archives inside archives are opened to a depth of {self._depth} only.")
        return await self._open_inner(source)

    async def close(self) -> None:
        if self._inner is not None:
            await self._inner.close()
        await self._outer.close()
