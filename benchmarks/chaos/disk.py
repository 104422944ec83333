"""A small disk for a round, which can be filled: a file system in memory, where one may be mounted."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

#: Bytes of the disk.
SIZE = 64 << 20
#: From linux/mount.h and linux/sched.h.
_MS_REC, _MS_PRIVATE, _MNT_DETACH, _CLONE_NEWNS = 16384, 1 << 18, 2, 0x20000

_libc = ctypes.CDLL(None, use_errno=True)


def hide_mounts() -> bool:
    """What this process and its children mount is seen by nobody else, and gone with them.

    False where that is not allowed: then there are no small disks. To be called before anything is started.
    """
    refused = _libc.unshare(_CLONE_NEWNS) or _libc.mount(b"none", b"/", None, _MS_REC | _MS_PRIVATE, None)
    return not refused


@contextmanager
def small_disk(folder: Path, *, wanted: bool) -> Iterator[bool]:
    """A disk at ``folder``, if it is ``wanted`` and can be; says whether it is there."""
    if not wanted:
        yield False
        return
    folder.mkdir(exist_ok=True)
    options = f"size={SIZE},mode=700".encode()
    if _libc.mount(b"chaos", os.fsencode(folder), b"tmpfs", 0, options):
        raise OSError(ctypes.get_errno(), "the small disk could not be mounted")
    try:
        yield True
    finally:
        _libc.umount2(os.fsencode(folder), _MNT_DETACH)


def fill(folder: Path) -> None:
    """Take all room that is left on the disk of ``folder``."""
    with (folder / ".ballast").open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(1 << 16))


def empty(folder: Path) -> None:
    """Give it back."""
    (folder / ".ballast").unlink(missing_ok=True)
