"""TCP connections: the account's own, and those for files."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from telethon.network import ConnectionTcpFull, ConnectionTcpIntermediate

#: A connection that ended sooner than this, in seconds, was not much of a connection.
BRIEF = 5.0
#: The first and the longest pause before another one, in seconds.
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 10.0
#: Bytes that are read from the socket ahead of what was asked for: a part and a bit.
READ_AHEAD = 1024 * 1024


class PatientConnection(ConnectionTcpFull):  # type: ignore[misc]
    """Pauses longer and longer before connecting to a server that takes connections and ends them at once.

    Telethon pauses between attempts that fail, but not between connections that end (a proxy whose server is
    away does that): it would try hundreds of times a second.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._opened = float("-inf")
        self._brief = 0

    async def connect(self, timeout: float | None = None, ssl: bool | None = None) -> None:  # noqa: ASYNC109
        self._brief = self._brief + 1 if time.monotonic() - self._opened < BRIEF else 0
        if self._brief > 1:
            await asyncio.sleep(min(FIRST_PAUSE * 2**self._brief, LONGEST_PAUSE))
        await super().connect(timeout=timeout, ssl=ssl)
        self._opened = time.monotonic()


class FileConnection(ConnectionTcpIntermediate):  # type: ignore[misc]
    """Without the check sum of the full transport (MTProto has its own), and with room for a whole part.

    asyncio's default of 64 KB stops and starts reading a dozen times for each part.
    """

    async def _connect(self, timeout: float | None = None, ssl: bool | None = None) -> None:  # noqa: ASYNC109
        await super()._connect(timeout=timeout, ssl=ssl)
        self._reader._limit = READ_AHEAD
