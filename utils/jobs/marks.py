"""Which steps of one job are under way, in a file, so that the next process knows in which one this died.

A line says ``+ STEP`` when a step begins, ``- STEP`` when it is done, ``~ STEP`` when it ended otherwise (as
when the bot is stopped), and ``N STEP`` that N processes died in it. Lines are not flushed to the disk: what
a killed process wrote is there all the same. Of a machine that loses its power the system has written what is
older than some seconds; once a process died in a step of the job, its marks are flushed.
"""

from __future__ import annotations

import asyncio
import os
import re
from contextlib import suppress
from pathlib import Path

from utils.storage.atomic import write_bytes

#: A step in which so many processes died is not tried again.
DEATHS = 3

#: Reading the archive, and how the steps begin in which one of its entries is taken out and looked at.
READING, ENTRY = "reading", "entry "
#: Making a job of what is in its folder, and how the steps begin in which a video is converted.
TAKING_UP, CONVERSION = "taking up", "convert "

#: Bytes from which on the file begins anew when there is an occasion.
_LONG = 65_536

_LINE = re.compile(r"([-+~]|\d{1,9}) (.+)")


class Marks:
    """The steps in the file ``path``, which is there only while it is of use.

    ``deaths`` counts, by step, the processes that died in it; in those of ``died_in`` the last one did.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._handle = -1
        self._written = 0
        self._under_way: set[str] = set()
        self.deaths: dict[str, int] = {}
        self.died_in: frozenset[str] = frozenset()

    def open(self) -> None:
        """Read what an earlier process left, and count its death. Blocking. Raises OSError."""
        try:
            text = self._path.read_bytes().decode("utf-8", "replace")
        except FileNotFoundError:
            return
        under_way: set[str] = set()
        for sign, step in _LINE.findall(text):
            if sign.isdigit():
                self.deaths[step] = int(sign)
            elif sign == "+":
                under_way.add(step)
            else:
                under_way.discard(step)
                if sign == "-":
                    self.deaths.pop(step, None)
        if any(step.startswith(ENTRY) for step in under_way):
            # It is known more exactly where.
            under_way.discard(READING)
        for step in under_way:
            self.deaths[step] = self.deaths.get(step, 0) + 1
        self.died_in = frozenset(under_way)
        self.keep()

    def keep(self) -> None:
        """Have the file hold the deaths and nothing else, durably. Blocking. Raises OSError."""
        content = "".join(f"{count} {step}\n" for step, count in self.deaths.items())
        if content:
            write_bytes(self._path, content.encode())
        else:
            self._path.unlink(missing_ok=True)

    def begin(self, step: str) -> None:
        """``step`` begins. Never waits, and never fails: a step without a mark is one that is not counted."""
        if step in self._under_way:
            return
        if not self._under_way:
            with suppress(OSError):
                flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
                self._handle = os.open(self._path, flags, 0o600)
                if self._written > _LONG and not self.deaths:
                    # Nothing in it is of use. Not each time: that takes a hundred times as long as a mark.
                    os.ftruncate(self._handle, 0)
                    self._written = 0
        self._under_way.add(step)
        self._write("+", step)
        if self.deaths and self._handle >= 0:
            asyncio.get_running_loop().run_in_executor(None, _sync, os.dup(self._handle))

    def end(self, step: str, *, done: bool) -> None:
        """``step`` ended without harm; it is ``done``, or will be tried again."""
        if step not in self._under_way:
            return
        self._under_way.remove(step)
        self._write("-" if done else "~", step)
        if done:
            self.deaths.pop(step, None)
        if not self._under_way and self._handle >= 0:
            os.close(self._handle)
            self._handle = -1

    def rest(self, kind: str) -> None:
        """What is under way and begins with ``kind`` ended without harm, but is to be tried again."""
        for step in [step for step in self._under_way if step.startswith(kind)]:
            self.end(step, done=False)

    def acquit(self, kind: str) -> None:
        """What begins with ``kind`` did not kill the last process: it was not alone. Blocking."""
        innocent = [step for step in self.died_in if step.startswith(kind)]
        for step in innocent:
            self.deaths[step] -= 1
        if innocent:
            self.deaths = {step: count for step, count in self.deaths.items() if count}
            self.keep()

    def _write(self, sign: str, step: str) -> None:
        # A few bytes into the system's memory, as fast as noting them anywhere else.
        with suppress(OSError):
            self._written += os.write(self._handle, f"{sign} {step}\n".encode())


def _sync(handle: int) -> None:
    with suppress(OSError):
        os.fsync(handle)
    os.close(handle)
