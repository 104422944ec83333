"""Compressed streams (gzip, bzip2, xz, Zstandard …) as file objects that are read from front to back."""

from __future__ import annotations

import asyncio
import bz2
import contextlib
import lzma
import os
import zlib
from collections.abc import Callable, Mapping
from typing import Protocol

from utils.archives.added import LZ4, NO_MARK, Brotli, Lz4
from utils.archives.engine import Run
from utils.archives.extraction import CutOff
from utils.archives.inflate import LZIP, MEMORY, Decompressor, Inflate, Lzip
from utils.archives.limits import Budget
from utils.archives.scratch import Scratch, spool
from utils.archives.source import CHUNK, ByteSource
from utils.archives.threads import BlockingSource, Stopped, Worker
from utils.errors import ArchiveDamaged, ArchiveError, UnsupportedArchive
from utils.texts import Text

STEP = 256 * 1024
#: Bytes that a decompressor is given at once: where it meets damage, what it made of them is lost.
SLICE = 4 * 1024
#: What Python cannot unpack, and 7-Zip's name for it.
ENGINE_TYPES: Mapping[str, str] = {"zst": "zstd", "Z": "Z"}
#: What it reads from no pipe, only from a file.
FROM_FILES = ("Z",)


class Stream(Protocol):
    """``read`` blocks, in a worker's thread, and gives exactly ``size`` bytes, fewer at the end.

    Raises ArchiveDamaged where the stream is cut off or damaged, UnsupportedArchive where it cannot be read.
    """

    def read(self, size: int) -> bytes: ...


class _Member(Decompressor, Protocol):
    """One of the members that a stream may consist of."""

    @property
    def unused_data(self) -> bytes: ...


class _Gzip(Inflate):
    """One gzip member."""

    def __init__(self) -> None:
        super().__init__(16 + zlib.MAX_WBITS)

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        before, data = self._inner.copy(), self._rest + data
        self._rest = b""
        try:
            return super().decompress(data, max_length)
        except zlib.error:
            # It gave nothing of what stands before the damage (which may be in the check sum alone).
            if out := _byte_by_byte(before, data):
                self._inner, self._rest, self._full = before, data, True
                return out
            raise


def _damage(error: Exception) -> ArchiveError:
    if isinstance(error, MemoryError) or "Memory usage limit" in str(error):
        return UnsupportedArchive(Text("it needs too much memory to be unpacked."))
    if "check" in str(error):  # zlib's "incorrect data check"
        return ArchiveDamaged(
            Text("its check sum does not match: something that came out of it may be wrong.")
        )
    return ArchiveDamaged(Text("its compressed data are damaged: what was just before may be wrong."))


def _byte_by_byte(decompressor: zlib._Decompress, data: bytes) -> bytes:
    """What can be made of ``data`` before the damage in it. ``decompressor`` is broken then."""
    parts = []
    for number in range(len(data)):
        try:
            parts.append(decompressor.decompress(data[number : number + 1]))
        except zlib.error:
            break
    return b"".join(parts)


def _lzma() -> _Member:
    # Without a limit the header alone says how much memory is taken, up to 4 GB.
    return lzma.LZMADecompressor(memlimit=MEMORY)


_KINDS: Mapping[str, tuple[Callable[[], _Member], bytes]] = {
    "gz": (_Gzip, b"\x1f\x8b"),
    "bz2": (bz2.BZ2Decompressor, b"BZh"),
    "xz": (_lzma, b"\xfd7zXZ"),
    "lzma": (_lzma, b"\x5d"),
    "lz": (Lzip, LZIP),
    "lz4": (Lz4, LZ4),
    "br": (Brotli, NO_MARK),
}


class PythonStream:
    """gzip, bzip2, xz, lzma, lzip, LZ4 or Brotli; several members after one another are one stream."""

    def __init__(self, kind: str, raw: BlockingSource) -> None:
        self._raw = raw
        self._new, self._magic = _KINDS[kind]
        self._decompressor = self._new()
        self._buffer = b""
        self._ended = False
        self._error: ArchiveError | None = None

    def read(self, size: int) -> bytes:
        parts = []
        while size > 0 and (self._buffer or self._more()):
            piece, self._buffer = self._buffer[:size], self._buffer[size:]
            parts.append(piece)
            size -= len(piece)
        if not parts and self._error is not None:
            raise self._error
        return b"".join(parts)

    def _more(self) -> bool:
        """Fill the buffer; False at the end of the stream, or of what is left of it."""
        while not self._ended and self._error is None:
            try:
                self._buffer = self._step()
            except (zlib.error, OSError, lzma.LZMAError, EOFError, MemoryError) as error:
                self._error = _damage(error)
            if self._buffer:
                return True
        return False

    def _step(self) -> bytes:
        if self._decompressor.eof:
            return self._next_member()
        data = self._raw.read(SLICE) if self._decompressor.needs_input else b""
        if not data and self._decompressor.needs_input:
            self._error = CutOff(Text("the archive is cut off."))
            return b""
        return self._decompressor.decompress(data, STEP)

    def _next_member(self) -> bytes:
        """Go on with another member; padding, and anything else, after the last one is ignored."""
        data = self._decompressor.unused_data.lstrip(b"\0")
        while not data and (more := self._raw.read(STEP)):
            data = more.lstrip(b"\0")
        data += self._raw.read(len(self._magic) - len(data)) if len(data) < len(self._magic) else b""
        if not data.startswith(self._magic):
            self._ended = True
            return b""
        self._decompressor = self._new()
        return self._decompressor.decompress(data, STEP)


class EngineStream:
    """What only 7-Zip unpacks, through its pipes: fed on the loop, read in the worker's thread."""

    def __init__(self, run: Run, output: int, feeder: asyncio.Task[None] | None) -> None:
        self._run = run
        self._output = output
        self._feeder = feeder
        self._loop = asyncio.get_running_loop()
        self._closed = False

    @classmethod
    async def start(cls, kind: str, source: ByteSource, scratch: Scratch, budget: Budget) -> EngineStream:
        given: tuple[str, ...] = ("-si",)
        feed = kind not in FROM_FILES
        if not feed:
            path = scratch.new_file()
            await spool(source, path, scratch, budget)
            given = ("--", str(path))
        read_end, write_end = os.pipe()
        try:
            arguments = ("x", f"-t{ENGINE_TYPES[kind]}", "-so", *given)
            standstill = budget.limits.timeout
            run = await Run.start(
                arguments, scratch=scratch, standstill=standstill, feed=feed, stdout=write_end
            )
        except BaseException:
            os.close(read_end)
            raise
        finally:
            os.close(write_end)
        return cls(run, read_end, asyncio.ensure_future(_feed(source, run)) if feed else None)

    def read(self, size: int) -> bytes:
        parts = []
        while size > 0 and (data := os.read(self._output, min(size, STEP))):
            parts.append(data)
            size -= len(data)
        if size > 0 and not parts:
            self._check_end()
        return b"".join(parts)

    def _check_end(self) -> None:
        """The output has ended: was the stream at its end? Raises ArchiveDamaged and the source's errors."""
        if self._closed:
            raise Stopped
        asyncio.run_coroutine_threadsafe(self._ended(), self._loop).result()

    async def _ended(self) -> None:
        if self._feeder is not None and self._feeder.done() and not self._feeder.cancelled():
            error = self._feeder.exception()
            if error is not None:
                raise error
        if await self._run.wait() in (0, 1):
            return
        messages = self._run.messages()
        if "after the end of the payload" in messages:
            return  # padding, or what somebody put behind it, is ignored in the others as well
        if "Unsupported" in messages:
            raise UnsupportedArchive(Text("its compression method is not supported."))
        if "Unexpected end" in messages:
            raise CutOff(Text("the archive is cut off."))
        raise ArchiveDamaged(Text("the archive is damaged or cut off."))

    async def kill(self) -> None:
        """End 7-Zip, so that whoever reads in the thread meets the end."""
        self._closed = True
        if self._feeder is not None:
            self._feeder.cancel()
            await asyncio.gather(self._feeder, return_exceptions=True)
        await self._run.kill()

    def close(self) -> None:
        """After the thread has ended."""
        with contextlib.suppress(OSError):
            os.close(self._output)


async def _feed(source: ByteSource, run: Run) -> None:
    """All of ``source`` into 7-Zip, no faster than it takes it."""
    try:
        for offset in range(0, source.size, CHUNK):
            await run.write(await source.read(offset, CHUNK))
    except (BrokenPipeError, ConnectionResetError):
        return  # it has seen enough; its exit code says whether that is right
    finally:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            await run.write(b"")


class OpenStream:
    """A stream with the thread, and the process, that it needs. ``kind`` "" is a source as it is."""

    def __init__(self, worker: Worker, stream: Stream, engine: EngineStream | None) -> None:
        self.worker = worker
        self.stream = stream
        self._engine = engine

    @classmethod
    async def open(cls, kind: str, source: ByteSource, scratch: Scratch, budget: Budget) -> OpenStream:
        """Raises UnsupportedArchive when it needs a 7-Zip that is not there, and DiskFull."""
        if kind in ENGINE_TYPES:
            engine = await EngineStream.start(kind, source, scratch, budget)
            return cls(Worker(), engine, engine)
        worker = Worker()
        raw = BlockingSource(source, worker)
        return cls(worker, PythonStream(kind, raw) if kind else raw, None)

    async def close(self) -> None:
        if self._engine is not None:
            await self._engine.kill()
        await self.worker.close()
        if self._engine is not None:
            self._engine.close()
