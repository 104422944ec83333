"""Lines that somebody types, waited for without a thread: nothing could end one that reads a terminal."""

from __future__ import annotations

import asyncio
import os
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from utils.errors import LoginFailed


async def read_line(prompt: str, *, hidden: bool = False) -> str:
    """What is typed after ``prompt``, not shown meanwhile if it is ``hidden``.

    Raises :class:`LoginFailed` where nobody can type, as under systemd.
    """
    nobody = LoginFailed("Nobody can be asked here. Start it once in a terminal, or set BOT_TOKEN.")
    if sys.stdin is None:  # closed before the program was started
        raise nobody
    print(prompt, end="", flush=True)
    fd = sys.stdin.fileno()
    try:
        with _without_echo(fd) if hidden and os.isatty(fd) else nullcontext():
            line = await _line(fd)
    except (OSError, termios.error):
        raise nobody from None
    if not line:
        raise nobody
    return line.decode(errors="replace").rstrip("\r\n")


async def _line(fd: int) -> bytes:
    """Up to the end of the line, and no byte more: what follows is for the next question."""
    line = b""
    while not line.endswith(b"\n"):
        await _readable(fd)
        byte = os.read(fd, 1)
        if not byte:
            break
        line += byte
    return line


async def _readable(fd: int) -> None:
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    try:
        loop.add_reader(fd, ready.set)
    except PermissionError:
        return  # a file, which is readable at any time
    try:
        await ready.wait()
    finally:
        loop.remove_reader(fd)


@contextmanager
def _without_echo(fd: int) -> Iterator[None]:
    before = termios.tcgetattr(fd)
    silent = [*before]
    silent[3] &= ~termios.ECHO
    termios.tcsetattr(fd, termios.TCSAFLUSH, silent)
    try:
        yield
    finally:
        termios.tcsetattr(fd, termios.TCSAFLUSH, before)
        print()
