"""The disk that programs write to side by side, and what has to stay free of it."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import shutil
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

from utils.errors import DiskFull

#: Seconds between two looks at the disk; fewer where so little is left that it could be written in that time.
_PAUSE, _SHORT_PAUSE = 0.5, 0.1
_LITTLE = 2 << 30
#: Left to who writes without a share while a program does: what comes in from Telegram, and out of archives.
_FOR_OTHERS = 64 << 20
_FOR_OTHERS_AT_MOST = 4  #: a quarter of what there is
_TOLD = "The disk was full before the work was done."

T = TypeVar("T")


def free_bytes(folder: Path) -> int:
    """Free bytes on the disk that holds ``folder``."""
    return shutil.disk_usage(folder).free


class Room:
    """What may be written beside ``reserve`` bytes that stay free. One for all who write: they share it."""

    def __init__(self, reserve: int = 0, *, free: Callable[[Path], int] = free_bytes) -> None:
        self.reserve = reserve
        self._free = free
        self._shares: list[Share] = []
        self._lock = threading.Lock()

    def left(self, folder: Path) -> int:
        """Bytes that may still be written to the disk of ``folder``; 0 or less: none. Blocking."""
        return self._free(folder) - self.reserve

    def take(self, output: Path, most: int | None = None) -> Share:
        """A part of the room for a program that is to write ``output``, until it is given back. Blocking.

        It may write ``most`` bytes. Raises :class:`DiskFull` when there is no room at all.
        """
        share = Share(self, output, most)
        with self._lock:
            self._shares.append(share)
        try:
            share.look()
        except BaseException:
            self.give_back(share)
            raise
        return share

    def give_back(self, share: Share) -> None:
        """The program has ended."""
        with self._lock:
            self._shares.remove(share)

    def divide(self, disk: int, folder: Path) -> int:
        """Tell all who write to the disk ``disk``, where ``folder`` is, how far they may go; what is left."""
        with self._lock:
            left = self.left(folder)
            sharers = [share for share in self._shares if share.disk == disk]
            part = (left - min(_FOR_OTHERS, left // _FOR_OTHERS_AT_MOST)) // max(1, len(sharers))
            for share in sharers:
                share.limit(max(0, part))
        return left

    async def keep(self, work: Coroutine[Any, Any, T], folder: Path) -> T:
        """What ``work`` gives, which writes to ``folder`` with no share of its own.

        It is cancelled, and :class:`DiskFull` raised, before the reserve is reached: when as much is written
        until the next look as was until this one, it would be.
        """
        task = asyncio.ensure_future(work)
        before = 0
        try:
            while not task.done():
                left = await asyncio.to_thread(self.left, folder)
                if left <= max(0, before - left):
                    raise DiskFull(_TOLD)
                before = left
                await asyncio.wait((task,), timeout=pause(left))
            return task.result()
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


class Share:
    """One program's part of a room. It may write ``now`` bytes into one file at first, ``most`` ever."""

    def __init__(self, room: Room, output: Path, most: int | None) -> None:
        self._room = room
        self._output = output
        self._folder = output.parent
        self._process = 0
        self.disk = self._folder.stat().st_dev
        self.now = 0
        left = max(0, room.left(self._folder))
        self.most = left if most is None else min(most, left)

    def begin(self, process: int) -> None:
        """The program runs, under this process id."""
        self._process = process

    def look(self) -> float:
        """Look at the disk; returns after how many seconds to do so again. Blocking.

        Raises :class:`DiskFull` when nothing more may be written.
        """
        left = self._room.divide(self.disk, self._folder)
        if left <= 0:
            raise DiskFull(_TOLD)
        return pause(left)

    def limit(self, part: int) -> None:
        """It may write ``part`` bytes more."""
        self.now = min(self.most, self._size() + part)
        if self._process and hasattr(resource, "prlimit"):
            # Gone meanwhile, or of somebody else's by now: then it takes nothing of ours.
            with contextlib.suppress(OSError, ValueError):
                resource.prlimit(self._process, resource.RLIMIT_FSIZE, (self.now, self.most))

    def _size(self) -> int:
        with contextlib.suppress(OSError):
            return self._output.stat().st_size
        return 0


def pause(left: int) -> float:
    """Seconds until the disk is to be looked at again when ``left`` bytes are left."""
    return _SHORT_PAUSE if left < _LITTLE else _PAUSE
