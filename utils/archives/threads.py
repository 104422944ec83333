"""A thread of its own for a library that blocks, reading from a source that is asynchronous."""

from __future__ import annotations

import asyncio
import concurrent.futures
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from utils.archives.source import ByteSource

P = ParamSpec("P")
T = TypeVar("T")


class Stopped(Exception):
    """The reader is being closed; whatever is going on in its thread has to end."""


class Worker:
    """One thread. :meth:`run` does a step in it; :meth:`close` ends it even in the middle of a read."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="archive")
        self._reading: concurrent.futures.Future[bytes] | None = None
        self._stopped = False

    async def run(self, step: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """``step`` in the thread, after those before it."""
        return await self._loop.run_in_executor(self._executor, lambda: step(*args, **kwargs))

    def read(self, source: ByteSource, offset: int, size: int) -> bytes:
        """From the thread: wait for bytes of ``source``. Raises Stopped when the worker is closed."""
        if self._stopped:
            raise Stopped
        self._reading = asyncio.run_coroutine_threadsafe(source.read(offset, size), self._loop)
        try:
            if self._stopped:  # closed between the two lines above
                self._reading.cancel()
            return self._reading.result()
        except concurrent.futures.CancelledError:
            raise Stopped from None

    async def close(self) -> None:
        """End the thread. Idempotent."""
        self._stopped = True
        if self._reading is not None:
            self._reading.cancel()
        await asyncio.to_thread(self._executor.shutdown, wait=True, cancel_futures=True)


class BlockingSource:
    """A source as the file object that ``tarfile`` and the decompressors read from, in a worker's thread.

    Someone who reads on gets whole megabytes; after a jump little more than what was asked for is fetched.
    """

    SMALL = 64 * 1024
    LARGE = 1024 * 1024

    def __init__(self, source: ByteSource, worker: Worker) -> None:
        self._source = source
        self._worker = worker
        self._at = 0
        self._start = 0
        self._data = b""

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = 0) -> int:
        base = (0, self._at, self._source.size)[whence]
        self._at = max(0, base + offset)
        return self._at

    def seekable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        """Exactly ``size`` bytes, fewer at the end."""
        left = max(0, self._source.size - self._at)
        size = left if size < 0 else min(size, left)
        parts = []
        while size > 0:
            piece = self._some(size)
            if not piece:
                break
            parts.append(piece)
            size -= len(piece)
        return b"".join(parts)

    def _some(self, size: int) -> bytes:
        end = self._start + len(self._data)
        if not self._start <= self._at < end:
            reads_on = self._at == end
            self._start = self._at
            want = max(size, self.LARGE if reads_on else self.SMALL)
            self._data = self._worker.read(self._source, self._at, min(want, self.LARGE))
        skip = self._at - self._start
        piece = self._data[skip : skip + size]
        self._at += len(piece)
        return piece
