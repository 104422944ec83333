"""Started as a program: finds out what the launcher can use here, and says it.

    python -I -S probe.py

Prints the flags of unshare(2) that worked, then the version of Landlock. Where a system kills whoever makes a
call that it does not know (Android), what was printed before stands.
"""

import ctypes
import os
import sys

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
    """Print both, as far as this lives."""
    libc = ctypes.CDLL(None)
    print(next((flags for flags in _WORTH_TRYING if _works(libc, flags)), 0), flush=True)
    from utils.processes.landlock import version

    print(max(0, version(libc)), flush=True)


def _works(libc: ctypes.CDLL, flags: int) -> bool:
    """Whether a process gets these namespaces, and can start one in them; in a process that may die."""
    child = os.fork()
    if child:
        return os.waitpid(child, 0)[1] == 0
    try:
        if flags & _NEWPID:
            # The bot has no other way to wait for a process that is not the launcher.
            os.close(os.pidfd_open(os.getpid()))
        failed = (
            libc.unshare(flags)
            or os.waitpid(os.posix_spawn("/proc/self/exe", ["python", "-I", "-S", "-c", ""], {}), 0)[1]
        )
    except (OSError, AttributeError):  # a Python without pidfd_open
        failed = True
    os._exit(1 if failed else 0)


if __name__ == "__main__":
    sys.path.append(__file__.removesuffix("/utils/processes/probe.py"))
    main()
