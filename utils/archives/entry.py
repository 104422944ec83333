"""What is in an archive, and how its content is handed over."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager, aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeAlias, cast, runtime_checkable

from utils.errors import ArchiveError, DiskFull

#: So many of an entry's first bytes are shown before it is decided whether the entry is wanted.
HEAD = 4096


@dataclass(frozen=True)
class Entry:
    """One file in an archive.

    ``key`` is its place in the archive ("12"; inside a nested archive "12/3"), the same on every run.
    ``path`` is for display only: decoded, "/" between folders, no control characters, no "..".
    ``size`` is in bytes as the archive says, None where it does not. ``time`` is when the file was
    changed, by the clock on the wall, in seconds since 1970 as if that were UTC; 0: the archive does not say.
    """

    key: str
    path: str
    size: int | None
    time: float = field(default=0.0, compare=False)

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition("/")[2]

    @property
    def folder(self) -> str:
        """The path without its last part; empty at the top."""
        return self.path.rpartition("/")[0]


@dataclass(frozen=True)
class Extracted:
    """An entry whose content lies complete and verified in ``path``, or the ``error`` that prevented it.

    :class:`DiskFull`: there is no room for it at present.
    """

    entry: Entry
    path: Path | None
    size: int
    error: ArchiveError | DiskFull | None


#: Puts the entries of an archive into the order in which they are taken out, by their paths and times.
Order: TypeAlias = Callable[[Sequence[str], Sequence[float]], list[int]]
#: Decides from an entry and its first bytes (at most HEAD) whether it is wanted.
Accept: TypeAlias = Callable[[Entry, bytes], bool]
#: Says under which path of ours a wanted entry is written.
NewFile: TypeAlias = Callable[[Entry], Path]


class ArchiveReader(Protocol):
    """An opened archive.

    ``format`` is such as "zip", "tar.gz", "rar5"; ``listing`` has the entries in the order in which they
    will come, None for a stream; ``ignored`` counts the junk (``__MACOSX``, ``.DS_Store``) left out so far.
    """

    @property
    def format(self) -> str: ...

    @property
    def listing(self) -> Sequence[Entry] | None: ...

    @property
    def ignored(self) -> int: ...

    def extract(self, accept: Accept, new_file: NewFile) -> AsyncIterator[Extracted]:
        """Yield the wanted entries, and those that could not be read, each when it is written and verified.

        Nothing but a bounded read-ahead is done before the consumer asks for more. Raises what concerns
        the archive as a whole (:class:`ArchiveDamaged` after everything that verified,
        :class:`LimitExceeded`, :class:`PasswordNeeded`, :class:`DiskFull`).
        """

    async def close(self) -> None:
        """End every process and thread, and remove every file that is not the consumer's."""


@runtime_checkable
class KeepsFetched(Protocol):
    """A reader that need not fetch again what it fetched as a whole."""

    def keep_fetched(self) -> None:
        """The same archive is opened again, with the same scratch folder, after this reader was closed."""


@runtime_checkable
class Narrow(Protocol):
    """A reader that can be had for some of its entries alone, without a look at the others."""

    def only(self, keys: Collection[str]) -> ArchiveReader: ...


@runtime_checkable
class Previews(Protocol):
    """A reader that shows some of its entries before it is used."""

    def some(self, keys: Collection[str], new_file: NewFile) -> AsyncGenerator[Extracted, None]:
        """Yield these entries, no inner ones; of a ZIP nothing else is fetched. Raises ArchiveError."""


def taking(found: AsyncIterator[Extracted]) -> AbstractAsyncContextManager[AsyncIterator[Extracted]]:
    """Ends an extraction at once when its consumer stops, not when it happens to be collected."""
    return aclosing(cast(AsyncGenerator[Extracted, None], found))


async def to_the_end(work: Coroutine[None, None, None]) -> None:
    """Clean-up that a cancellation waits for: what has begun is finished, then it is passed on."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise
