"""Lets work go on side by side, but for what wants to be alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Gate:
    """Whoever is inside together with others; who asks to be alone waits for them, and others wait behind.

    Not to be entered twice by one task.
    """

    def __init__(self) -> None:
        self._door = asyncio.Lock()
        self._inside = 0
        #: Made when somebody waits for it.
        self._left: asyncio.Event | None = None

    @asynccontextmanager
    async def through(self, *, alone: bool) -> AsyncIterator[None]:
        """Be inside, ``alone`` or among others."""
        async with self._door:
            while alone and self._inside:
                self._left = self._left or asyncio.Event()
                self._left.clear()
                await self._left.wait()
            self._inside += 1
            if alone:
                # The door stays shut behind us.
                try:
                    yield
                finally:
                    self._leave()
                return
        try:
            yield
        finally:
            self._leave()

    def _leave(self) -> None:
        self._inside -= 1
        if self._left is not None:
            self._left.set()
