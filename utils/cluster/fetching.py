"""The bytes of a source that a segment needs, fetched into a file of the source's size that is full of holes.

What every segment of one source needs, its index, is fetched once: it is kept, without a name on the disk,
until another source comes or none has come for a while.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING

from utils.errors import ConversionFailed, DiskFull

if TYPE_CHECKING:
    import aiohttp

    from utils.media import Piece

#: Bytes that are in memory at a time.
_CHUNK = 1 << 18
#: Seconds for which an index is kept after it was wanted last.
_KEPT = 60.0
#: Sources of which it is kept: the last segments of one film are encoded beside the first ones of the next.
_MOST = 2


@dataclass
class _Index:
    """``file`` holds the stretches of an index, one after the other; ``whole``: all of them."""

    file: IO[bytes]
    whole: bool = False
    users: int = 0
    filling: asyncio.Lock = field(default_factory=asyncio.Lock)
    end: asyncio.TimerHandle | None = None


class Fetching:
    """Fetches from the farm's door at ``base``; what is kept is on the disk of ``folder``."""

    def __init__(self, folder: Path, base: str, session: aiohttp.ClientSession) -> None:
        self._folder = folder
        self._base = base
        self._session = session
        self._kept: dict[str, _Index] = {}

    async def fetch(self, key: str, film: str, piece: Piece) -> None:
        """Make ``piece.source``, with what this piece needs of ``film``.

        Raises OSError, :class:`aiohttp.ClientError`, TimeoutError and :class:`BotError`.
        """
        await asyncio.to_thread(_make_sparse, piece)
        index = await self._index_of(film)
        index.users += 1
        try:
            await self._fill(key, index, piece)
            await asyncio.to_thread(_copy_index, index.file, piece)
        finally:
            index.users -= 1
            if self._kept.get(film) is not index and not index.users:
                index.file.close()
        with await asyncio.to_thread(piece.source.open, "r+b") as file:
            for start, end in piece.spans:
                await self._get(key, start, end, file, start)

    def close(self) -> None:
        """Keep nothing."""
        for film in list(self._kept):
            self._forget(film)

    async def _index_of(self, film: str) -> _Index:
        if film not in self._kept:
            file = await asyncio.to_thread(self._new_file)
            if film in self._kept:
                file.close()
            else:
                self._kept[film] = _Index(file)
        index = self._kept[film] = self._kept.pop(film)
        while len(self._kept) > _MOST:
            self._forget(next(iter(self._kept)))
        if index.end is not None:
            index.end.cancel()
        index.end = asyncio.get_running_loop().call_later(_KEPT, self._forget, film)
        return index

    def _new_file(self) -> IO[bytes]:
        return tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115

    def _forget(self, film: str) -> None:
        index = self._kept.pop(film, None)
        if index is None:
            return
        if index.end is not None:
            index.end.cancel()
        if not index.users:
            index.file.close()

    async def _fill(self, key: str, index: _Index, piece: Piece) -> None:
        async with index.filling:
            if index.whole:
                return
            place = 0
            for start, end in piece.index:
                await self._get(key, start, end, index.file, place)
                place += end - start
            index.whole = True

    async def _get(self, key: str, start: int, end: int, file: IO[bytes], place: int) -> None:
        """Write the source's bytes from ``start`` to before ``end`` to ``place`` in ``file``."""
        headers = {"Range": f"bytes={start}-{end - 1}"}
        left = end - start
        async with self._session.get(f"{self._base}/work/{key}/source", headers=headers) as answer:
            answer.raise_for_status()
            await asyncio.to_thread(file.seek, place)
            async for chunk in answer.content.iter_chunked(_CHUNK):
                left -= len(chunk)
                if left < 0:
                    break
                await asyncio.to_thread(file.write, chunk)
            await asyncio.to_thread(file.flush)
        if left:
            raise ConversionFailed("other bytes came than were asked for")


def _make_sparse(piece: Piece) -> None:
    """A file of the source's size that takes no room yet. Blocking."""
    needed = sum(end - start for start, end in (*piece.index, *piece.index, *piece.spans))
    if needed > shutil.disk_usage(piece.source.parent).free:
        raise DiskFull("its disk has no room for the source")
    with piece.source.open("wb") as file:
        file.truncate(piece.size)


def _copy_index(kept: IO[bytes], piece: Piece) -> None:
    """Blocking."""
    place = 0
    with piece.source.open("r+b") as file:
        for start, end in piece.index:
            file.seek(start)
            while start < end and (data := os.pread(kept.fileno(), min(_CHUNK, end - start), place)):
                file.write(data)
                start += len(data)
                place += len(data)
