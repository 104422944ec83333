"""Which steps of one job are under way, in a file, so that the next process knows in which one this died.

A line says ``+ STEP`` when a step begins, ``- STEP`` when it is done, ``~ STEP`` when it ended otherwise (as
when the bot is stopped), and ``N STEP`` that N processes died in it. ``= PLACE STEP`` says how far a step is
that reads what comes from Telegram: what one process got past did not kill another one. So only deaths at the
farthest place count, and whoever stops the bot in the middle of a long download does not make the file a
killer. Lines are not flushed to the disk: what
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

#: Opening the archive.
OPENING = "opening"
#: Reading the archive, and how the steps begin in which one of its entries is taken out and looked at.
READING, ENTRY = "reading", "entry "
#: How the steps begin in which Telegram looks at a file that was uploaded.
UPLOAD = "upload "
#: Making a job of what is in its folder, and how the steps begin in which a video is converted.
TAKING_UP, CONVERSION = "taking up", "convert "

#: Bytes from which on the file begins anew when there is an occasion.
_LONG = 65_536

#: Bytes from one place of a step to the next.
STRIDE = 8 << 20

_LINE = re.compile(r"([-+~]|= ?\d{1,9}|\d{1,9}) (.+)")


class Marks:
    """The steps in the file ``path``, which is there only while it is of use.

    ``deaths`` counts, by step, the processes that died in it; in those of ``died_in`` the last one did.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._handle = -1
        self._written = 0
        #: By step under way, the bytes that came before it began, and the place that it is at.
        self._under_way: dict[str, tuple[int, int]] = {}
        self._came = 0
        self._farthest: dict[str, int] = {}
        self.deaths: dict[str, int] = {}
        self.died_in: frozenset[str] = frozenset()

    def open(self) -> None:
        """Read what an earlier process left, and count its death. Blocking. Raises OSError."""
        try:
            text = self._path.read_bytes().decode("utf-8", "replace")
        except FileNotFoundError:
            return
        under_way: dict[str, int] = {}
        for sign, step in _LINE.findall(text):
            if sign.isdigit():
                self.deaths[step] = int(sign)
            elif sign == "+":
                under_way[step] = 0
            elif sign[0] == "=":
                places = under_way if step in under_way else self._farthest
                places[step] = int(sign[1:])
            else:
                under_way.pop(step, None)
                if sign == "-":
                    self._acquit(step)
        if any(step.startswith(ENTRY) for step in under_way):
            # It is known more exactly where.
            under_way.pop(READING, None)
        for step, place in under_way.items():
            self._died(step, place)
        self.died_in = frozenset(under_way)
        self.keep()

    def keep(self) -> None:
        """Have the file hold the deaths and nothing else, durably. Blocking. Raises OSError."""
        content = "".join(
            f"{count} {step}\n" + (f"= {self._farthest[step]} {step}\n" if step in self._farthest else "")
            for step, count in self.deaths.items()
        )
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
        self._under_way[step] = self._came, 0
        self._write("+", step)
        if self.deaths and self._handle >= 0:
            asyncio.get_running_loop().run_in_executor(None, _sync, os.dup(self._handle))

    def end(self, step: str, *, done: bool) -> None:
        """``step`` ended without harm; it is ``done``, or will be tried again."""
        if done:
            self._acquit(step)
        if self._under_way.pop(step, None) is None:
            return
        self._write("-" if done else "~", step)
        if not self._under_way and self._handle >= 0:
            os.close(self._handle)
            self._handle = -1

    def came(self, count: int) -> None:
        """So many bytes more came from Telegram, for the steps that read."""
        self._came += count
        for step, (before, place) in self._under_way.items():
            now = (self._came - before) // STRIDE
            if now > place and step.startswith((OPENING, READING, ENTRY)):
                self._under_way[step] = before, now
                self._write(f"= {now}", step)

    def rest(self, *kinds: str) -> None:
        """What is under way and begins with one of ``kinds`` ended without harm, but is to be tried again."""
        for step in [step for step in self._under_way if step.startswith(kinds)]:
            self.end(step, done=False)

    def acquit(self, kind: str) -> None:
        """What begins with ``kind`` did not kill the last process: it was not alone. Blocking."""
        innocent = [step for step in self.died_in if step.startswith(kind)]
        for step in innocent:
            self.deaths[step] -= 1
        if innocent:
            self.deaths = {step: count for step, count in self.deaths.items() if count}
            self.keep()

    def _died(self, step: str, place: int) -> None:
        """A process died in ``step`` at ``place``."""
        farthest = self._farthest.get(step, 0)
        if place > farthest:
            self.deaths[step], self._farthest[step] = 1, place
        elif place == farthest or step not in self.deaths:
            self.deaths[step] = self.deaths.get(step, 0) + 1

    def _acquit(self, step: str) -> None:
        self.deaths.pop(step, None)
        self._farthest.pop(step, None)

    def _write(self, sign: str, step: str) -> None:
        # A few bytes into the system's memory, as fast as noting them anywhere else.
        with suppress(OSError):
            self._written += os.write(self._handle, f"{sign} {step}\n".encode())


def _sync(handle: int) -> None:
    with suppress(OSError):
        os.fsync(handle)
    os.close(handle)
