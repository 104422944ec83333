"""Where the bytes of an archive are read from: a file here, one at Telegram, several volumes as one."""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Protocol, runtime_checkable

#: Bytes of one read when a whole source is copied.
CHUNK = 1024 * 1024


class ByteSource(Protocol):
    """Random access to bytes. ``name`` is as the sender wrote it, for display only; ``size`` is in bytes."""

    name: str
    size: int

    async def read(self, offset: int, size: int) -> bytes:
        """Exactly ``size`` bytes from ``offset``; fewer only at the end."""


@runtime_checkable
class Downloadable(Protocol):
    """A source that knows a better way to fetch itself as a whole than range after range."""

    async def download_to(self, path: Path) -> None: ...


@runtime_checkable
class Closable(Protocol):
    """A source that keeps something, such as what it read ahead."""

    async def close(self) -> None: ...


async def close_sources(sources: Iterable[ByteSource]) -> None:
    """Let them forget what they keep. They may be read again."""
    for source in sources:
        if isinstance(source, Closable):
            await source.close()


def identity_of(source: ByteSource) -> str:
    """Which file a source says it is, always the same for the same file; "" when it does not say."""
    return str(getattr(source, "identity", ""))


class FileSource:
    """A file on this machine. Opened for each read, so that nothing stays open."""

    def __init__(self, path: Path, name: str | None = None) -> None:
        self.path = path
        self.name = path.name if name is None else name
        self.size = path.stat().st_size

    async def read(self, offset: int, size: int) -> bytes:
        """Exactly ``size`` bytes from ``offset``; fewer only at the end of the file."""
        return await asyncio.to_thread(self._read, offset, size)

    def _read(self, offset: int, size: int) -> bytes:
        with self.path.open("rb", buffering=0) as file:
            file.seek(offset)
            parts = []
            while size > 0 and (data := file.read(size)):
                parts.append(data)
                size -= len(data)
            return b"".join(parts)


class Rest:
    """What a source holds from the byte ``start`` on."""

    def __init__(self, source: ByteSource, start: int) -> None:
        self.name = source.name
        self.size = source.size - start
        self._source = source
        self._start = start
        identity = identity_of(source)
        self.identity = f"{identity} from {start}" if identity else ""

    async def read(self, offset: int, size: int) -> bytes:
        """Exactly ``size`` bytes from ``offset``; fewer only at the end."""
        return await self._source.read(self._start + offset, size)


class JoinedSource:
    """Several sources read as one: the volumes of a set that is nothing but a file cut in pieces."""

    def __init__(self, name: str, sources: Sequence[ByteSource]) -> None:
        self.name = name
        self._sources = sources
        self._ends = list(accumulate(source.size for source in sources))
        self.size = self._ends[-1]
        parts = [identity_of(source) for source in sources]
        self.identity = " ".join(parts) if all(parts) else ""

    async def read(self, offset: int, size: int) -> bytes:
        """Exactly ``size`` bytes from ``offset``; fewer only at the end of the last source."""
        pieces = []
        end = min(offset + size, self.size)
        while offset < end:
            index = bisect_right(self._ends, offset)
            start = self._ends[index] - self._sources[index].size
            piece = min(end, self._ends[index]) - offset
            pieces.append(self._sources[index].read(offset - start, piece))
            offset += piece
        return b"".join(await asyncio.gather(*pieces))
