"""Started as a program: gives up what a child need not have, then becomes the program it was told.

    python -I -S launch.py PARENT [NAME=NUMBER ...] -- PROGRAM [ARGUMENT ...]

PARENT is the process id of the bot: on Linux the kernel kills this process when the bot dies, however it
dies. The names are the fields of ``confinement.Confinement``; one that is not told has no limit. PROGRAM is a
path. What else a child may not do is no option: see the docstring of ``utils.processes``.

A program of its own rather than a ``preexec_fn``, since that runs Python between fork and exec of a process
that has threads: https://docs.python.org/3/library/subprocess.html#popen-constructor. It stands before every
start of ffprobe, so it imports nothing of ours and as little as possible (``signal`` alone costs 5 ms).
"""

import os
import sys

#: What it ends with when PROGRAM cannot be run, and how its last words begin then.
NOT_RUN, NOT_RUN_WORDS = 126, "launch.py: "

_SIGKILL = 9
_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38
_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000
#: ioprio_set(2) has no wrapper in libc; its number by machine, and "best effort, lowest".
_IOPRIO_SET = {"x86_64": 251, "aarch64": 30, "riscv64": 30, "armv7l": 314, "armv8l": 314, "i686": 289}
_IOPRIO_WHO_PROCESS, _IOPRIO_LOWEST = 1, (2 << 13) | 7


def main(arguments: list[str]) -> None:
    """Become the program; returns only by an error."""
    end = arguments.index("--")
    options = dict(option.split("=") for option in arguments[1:end])
    limits = {name: int(number) for name, number in options.items()}
    command = arguments[end + 1 :]
    os.nice(limits.pop("niceness", 0))
    _cut_off(int(arguments[0]))
    _limit(limits)
    try:
        os.execv(command[0], command)
    except OSError as error:
        sys.stderr.write(f"{NOT_RUN_WORDS}{command[0]}: {error.strerror}\n")
        sys.exit(NOT_RUN)


def _cut_off(parent: int) -> None:
    """Linux only: the last in line for the disk, gain no rights, have no network, die with ``parent``."""
    if not sys.platform.startswith("linux"):
        return
    try:
        import ctypes

        libc = ctypes.CDLL(None)
        number = _IOPRIO_SET.get(os.uname().machine)
        if number:
            libc.syscall(number, _IOPRIO_WHO_PROCESS, 0, _IOPRIO_LOWEST)
        libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        # Where neither is allowed it keeps the network. Who is root needs no new user for it.
        if libc.unshare(_CLONE_NEWNET):
            libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET)
        # Last, since the kernel forgets it where rights change.
        libc.prctl(_PR_SET_PDEATHSIG, _SIGKILL, 0, 0, 0)
    except (ImportError, OSError, AttributeError):  # a Python without ctypes, a libc without one of these
        return
    # The parent may have died before the kernel was told to watch it.
    if os.getppid() != parent:
        sys.exit(1)


def _limit(limits: dict[str, int]) -> None:
    """No core dumps, and no more than ``limits``, nor than it may have already."""
    import resource

    kinds = {
        "file_bytes": resource.RLIMIT_FSIZE,
        "open_files": resource.RLIMIT_NOFILE,
        "memory": resource.RLIMIT_AS,
    }
    wanted = {resource.RLIMIT_CORE: 0, **{kinds[name]: limit for name, limit in limits.items()}}
    for kind, limit in wanted.items():
        hard = resource.getrlimit(kind)[1]
        value = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        try:  # noqa: SIM105 - contextlib takes longer to load than all of this takes
            resource.setrlimit(kind, (value, value))
        except (OSError, ValueError):  # macOS has no limit of address space
            pass


if __name__ == "__main__":
    main(sys.argv[1:])
