"""Started as a program: finds out what the launcher can use here, and says it.

    python -I -S probe.py

Prints the flags of unshare(2) that worked, whether a filter on system calls did (1 or 0), whether any process
can be waited for (1 or 0), and the version of Landlock. Where a system kills whoever makes a call that it
does not know (Android), what was printed before stands.
"""

import ctypes
import os
import sys
from collections.abc import Callable
from functools import partial

_PR_SET_NO_NEW_PRIVS, _AF_UNIX, _SOCK_STREAM = 38, 1, 1
_NEWIPC, _NEWUSER, _NEWPID, _NEWNET = 0x08000000, 0x10000000, 0x20000000, 0x40000000
#: Best first. Who is root has no need of a user namespace, but gives up all rights of root by it.
_WORTH_TRYING = (
    _NEWUSER | _NEWPID | _NEWNET | _NEWIPC,
    _NEWPID | _NEWNET | _NEWIPC,
    _NEWUSER | _NEWPID,
    _NEWUSER | _NEWNET,
    _NEWNET,
)


def main() -> None:
    """Print all of it, as far as this lives."""
    libc = ctypes.CDLL(None)
    worked = (flags for flags in _WORTH_TRYING if _in_a_child(partial(_works, libc, flags)))
    print(next(worked, 0), flush=True)
    from utils.processes.landlock import version

    print(int(_in_a_child(lambda: _filters(libc))), flush=True)
    print(int(_in_a_child(_waits)), flush=True)
    print(max(0, version(libc)), flush=True)


def _in_a_child(work: Callable[[], bool]) -> bool:
    """Whether ``work`` succeeds, in a process that may die of it."""
    child = os.fork()
    if child:
        return os.waitpid(child, 0)[1] == 0
    try:
        succeeded = work()
    except (OSError, AttributeError):  # a Python without pidfd_open
        succeeded = False
    os._exit(0 if succeeded else 1)


def _works(libc: ctypes.CDLL, flags: int) -> bool:
    """Whether this process gets these namespaces, and can start one in them."""
    if flags & _NEWPID:
        _waits()
    return not libc.unshare(flags) and _in_a_child(lambda: True)


def _waits() -> bool:
    """The bot has no other way to wait for a process that is not the launcher. Raises OSError."""
    os.close(os.pidfd_open(os.getpid()))
    return True


def _filters(libc: ctypes.CDLL) -> bool:
    """Whether this process loses its sockets, and nothing else."""
    from utils.processes.seccomp import can_forbid, forbid

    if not can_forbid():
        return False
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    forbid(libc)
    return bool(libc.socket(_AF_UNIX, _SOCK_STREAM, 0) < 0 and os.getpid())


if __name__ == "__main__":
    sys.path.append(__file__.removesuffix("/utils/processes/probe.py"))
    main()
