"""Looking for a few bytes in a file of a stranger's, in a thread of the bot's own process.

A search through a mapped file holds up the whole program while the disk is waited for, and one that goes on
for as long as there is something to find never ends in a file that is made for it. So it goes in small steps,
and no farther than what is looked for can be.
"""

from __future__ import annotations

import os
from typing import BinaryIO

#: Bytes that are looked through at once.
_STEP = 1 << 20


class Searched:
    """The first ``most`` bytes of ``file``, which was opened from a disk. All methods block."""

    def __init__(self, file: BinaryIO, most: int) -> None:
        self._number = file.fileno()
        self.size = min(os.fstat(self._number).st_size, most)

    def find(self, what: bytes, start: int = 0, end: int | None = None) -> int:
        """Where ``what`` is first, from ``start`` on and before ``end``; -1: nowhere."""
        end = self.size if end is None else min(end, self.size)
        while start < end:
            found = self.read(start, min(_STEP, end - start)).find(what)
            if found >= 0:
                return start + found
            # What lies on both sides of the border is found in the next step.
            start += _STEP - len(what) + 1
        return -1

    def read(self, start: int, size: int) -> bytes:
        """At most ``size`` bytes from ``start`` on; fewer at the end."""
        return os.pread(self._number, max(0, min(size, self.size - start)), start)
