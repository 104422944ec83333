"""Become another program that can do little harm. Run as a script: ``isolate.py PARENT MEMORY PROGRAM ARGS…``

7-Zip reads what strangers made. It runs with limits, at low priority, without a network where the system
allows that, in a process group of its own, and is killed when the bot dies however that happens. This is a
program of its own, not a ``preexec_fn``: code between fork and exec may deadlock in a process with threads.
It imports nothing of ours, so that it starts within milliseconds.
"""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import sys

PR_SET_PDEATHSIG = 1
PR_SET_NO_NEW_PRIVS = 38
CLONE_NEWUSER = 0x10000000
CLONE_NEWNET = 0x40000000
#: The only file that the engine may write is the one that takes its messages.
FILE_BYTES = 4 * 1024 * 1024
OPEN_FILES = 512
NICE = 5


def set_limits(memory: int) -> None:
    """No core dumps, no files to speak of, ``memory`` bytes of address space."""
    wanted = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: FILE_BYTES,
        resource.RLIMIT_NOFILE: OPEN_FILES,
        resource.RLIMIT_AS: memory,
    }
    for kind, limit in wanted.items():
        hard = resource.getrlimit(kind)[1]
        value = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        with contextlib.suppress(OSError, ValueError):  # macOS has no address space limit
            resource.setrlimit(kind, (value, value))


def cut_off(parent: int) -> None:
    """Linux only: die with ``parent``, gain no rights, have no network."""
    if not sys.platform.startswith("linux"):
        return
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if libc.unshare(CLONE_NEWNET):
        libc.unshare(CLONE_NEWUSER | CLONE_NEWNET)
    if os.getppid() != parent:  # it died before prctl could notice
        sys.exit(1)


def main(parent: int, memory: int, command: list[str]) -> None:
    """Never returns."""
    with contextlib.suppress(PermissionError):  # already the leader of a group
        os.setsid()
    os.nice(NICE)
    set_limits(memory)
    cut_off(parent)
    os.execv(command[0], command)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
