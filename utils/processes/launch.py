"""Started as a program: sets limits on its own process, then becomes the command it was given.

    python -I -S launch.py PARENT NICENESS MEMORY COMMAND [ARGUMENT ...]

PARENT is the process id of the bot: on Linux the kernel kills this process when the bot dies, however it
dies. MEMORY is the address space it may use, in bytes (0: as much as there is). A program of its own rather
than a ``preexec_fn``, since that runs Python between fork and exec of a process that has threads:
https://docs.python.org/3/library/subprocess.html#popen-constructor
"""

import os
import signal
import sys

PR_SET_PDEATHSIG = 1
#: ioprio_set(2) has no wrapper in libc; its number by machine, and "best effort, lowest".
_IOPRIO_SET = {"x86_64": 251, "aarch64": 30, "riscv64": 30, "armv7l": 314, "armv8l": 314, "i686": 289}
_IOPRIO_WHO_PROCESS = 1
_IOPRIO_LOWEST = (2 << 13) | 7


def main(arguments: list[str]) -> None:
    """Become ``arguments[3:]``; returns only by an error."""
    parent, niceness, memory = (int(number) for number in arguments[:3])
    command = arguments[3:]
    _lower_priority(niceness)
    _limit(memory)
    _die_with(parent)
    try:
        os.execvp(command[0], command)
    except OSError as error:
        sys.exit(f"{command[0]}: {error.strerror}")


def _lower_priority(niceness: int) -> None:
    if niceness:
        os.nice(niceness)


def _limit(memory: int) -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if memory:
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))


def _die_with(parent: int) -> None:
    """Have this process killed when ``parent`` ends. Elsewhere than on Linux nothing does that."""
    if not sys.platform.startswith("linux"):
        return
    try:
        import ctypes

        libc = ctypes.CDLL(None, use_errno=True)
        libc.prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
        number = _IOPRIO_SET.get(os.uname().machine)
        if number:
            libc.syscall(number, _IOPRIO_WHO_PROCESS, 0, _IOPRIO_LOWEST)
    except (ImportError, OSError, AttributeError):
        return
    # The parent may have died before the kernel was told to watch it.
    if os.getppid() != parent:
        sys.exit(1)


if __name__ == "__main__":
    main(sys.argv[1:])
