"""One process a data folder; one at a time that changes what lies in a folder."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType

from utils.errors import AlreadyRunning
from utils.texts import Text

LOCK_NAME = "bot.lock"
#: How a holder ended whose log-in was ended, and what it leaves in the file.
LOGGED_OUT = Text("my log-in was ended, and now there is one again")
_LOGGED_OUT = b"logged out\n"


@contextmanager
def folder_lock(folder: Path) -> Iterator[None]:
    """Waits until no other holder, in this process or another, is inside. Not to be entered twice by one.

    The folder itself is locked, so that no file is left behind. Where there are no locks (some phones'
    shared storage), or no folder, nobody waits.
    """
    handle = -1
    try:
        with suppress(OSError):
            handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        if handle >= 0:
            os.close(handle)


class InstanceLock:
    """Held while the bot runs. The kernel lets go of it when the process dies, however it dies."""

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / LOCK_NAME
        self._handle = -1
        #: How the last holder ended, if it did not let go: in words. "" when it did.
        self.killed = ""
        #: Whether this holder ends because its log-in was ended.
        self.logged_out = False

    def __enter__(self) -> InstanceLock:
        """Raises :class:`AlreadyRunning` with the process id of the one that holds it."""
        handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = os.pread(handle, 32, 0).decode("ascii", "replace").strip()
            os.close(handle)
            raise AlreadyRunning(
                f"The bot already runs as process {pid or '(unknown)'} on {self._path.parent}."
            ) from None
        self.killed = _killed(handle)
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
        self._handle = handle
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.ftruncate(self._handle, 0)
        if self.logged_out:
            os.pwrite(self._handle, _LOGGED_OUT, 0)
        os.close(self._handle)


def _killed(handle: int) -> str:
    """Who holds the lock writes its process id, and takes it back when it ends by itself."""
    status = os.fstat(handle)
    if not status.st_size:
        return ""
    if os.pread(handle, 32, 0) == _LOGGED_OUT:
        return LOGGED_OUT
    started = time.time() - time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))
    if status.st_mtime < started:
        return Text("the machine went down")
    return Text("I was killed; where memory is short, the kernel may have done it")


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Meanwhile nobody else who asks works in ``folder``.

    Where it is missing it is made, for its owner alone. The lock is on the folder itself, so that no file is
    left of it. Raises :class:`AlreadyRunning`.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRunning(f"Another process works in {folder}.") from None
        if not os.fstat(handle).st_nlink:
            raise AlreadyRunning(f"Another process has just removed {folder}; try again.")
        yield
    finally:
        os.close(handle)
