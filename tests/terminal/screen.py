"""A terminal for a program, as somebody sees it who sits there."""

from __future__ import annotations

import codecs
import errno
import os
import subprocess
import sys
import termios
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from utils.constants import ROOT

PROGRAM = str(ROOT / "extract-compressed-files.py")
#: Makes its standard error the terminal that controls it: Ctrl-C reaches it as from a keyboard.
AT_A_TERMINAL = """
import fcntl, os, sys, termios
os.setsid()
fcntl.ioctl(2, termios.TIOCSCTTY, 0)
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""


class Screen:
    """``theirs`` is the end where a program writes and reads; ``written`` is all that it wrote."""

    def __init__(self, columns: int) -> None:
        self._ours, self.theirs = os.openpty()
        termios.tcsetwinsize(self.theirs, (24, columns))
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self.written = ""

    def read(self) -> bool:
        """Wait for more; False when nobody can write any more."""
        try:
            more = os.read(self._ours, 65536)
        except OSError as error:
            if error.errno != errno.EIO:  # so Linux says that the other end is closed
                raise
            more = b""
        self.written += self._decoder.decode(more)
        return bool(more)

    def press(self, keys: bytes) -> None:
        """Type ``keys``."""
        os.write(self._ours, keys)

    def lines(self) -> list[str]:
        """What stands there once everything was written. It moves within a line by ``\\r`` alone."""
        while self.read():
            pass
        lines = []
        for line in self.written.replace("\r\n", "\n").split("\n"):
            cells: list[str] = []
            for part in line.split("\r"):
                cells[: len(part)] = part
            lines.append("".join(cells).rstrip())
        return lines

    def close(self) -> None:
        os.close(self._ours)


@contextmanager
def screen(columns: int = 80) -> Iterator[Screen]:
    opened = Screen(columns)
    try:
        yield opened
    finally:
        opened.close()


@contextmanager
def at(
    screen: Screen, environ: Mapping[str, str], *command: str, output: int | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Python with ``command``; what it prints goes to the screen too, where no other ``output`` is given."""
    with subprocess.Popen(
        [sys.executable, "-c", AT_A_TERMINAL, *command],
        cwd=ROOT,
        env=dict(environ),
        stdin=subprocess.DEVNULL,
        stdout=screen.theirs if output is None else output,
        stderr=screen.theirs,
    ) as process:
        os.close(screen.theirs)
        yield process
