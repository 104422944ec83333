"""The threads that encodings share: the last segments of one video, and the first ones of the next."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Processors:
    """So many ``threads``, given in the order of asking."""

    def __init__(self, threads: int) -> None:
        self._all = self._free = threads
        self._door = asyncio.Lock()
        self._given_back = asyncio.Event()

    @asynccontextmanager
    async def share(self, threads: int) -> AsyncIterator[None]:
        """Inside, so many are ours; who wants more than there are gets all."""
        threads = min(threads, self._all)
        async with self._door:
            while self._free < threads:
                self._given_back.clear()
                await self._given_back.wait()
            self._free -= threads
        try:
            yield
        finally:
            self._free += threads
            self._given_back.set()
