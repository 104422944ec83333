"""What the launcher does before it becomes the program: see ``launch.py`` and ``forkserver_process.py``.

Nobody else imports this.

Its options, beside the numbers of a ``confinement.Confinement``:

    parent=PID        the bot: the kernel is to kill this process when the bot dies, however it dies (Linux)
    report=NUMBER     a pipe to the bot: it is told the process id of the program, if it is not the
                      launcher's, or why it does not run; it ends when the program begins
    landlock=ABI      which version of Landlock to use; 0, or without it: none
    seccomp=1         a filter on system calls; 0, or without it: none
    unshare=FLAGS     which namespaces of its own it gets; 0, or without it: none
    system=PATH       (any number) may be read and executed
    reads=PATH        (any number) may be read
    writes=PATH       (any number) may be read and written, and what is in it made and deleted
"""

import os
import resource
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ctypes

_SIGCHLD, _SIGKILL = 17, 9
_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38
_CLONE_PARENT, _CLONE_NEWPID = 0x00008000, 0x20000000
#: System calls without a wrapper in libc, by machine: ioprio_set(2) and clone(2).
_CALLS = {
    "x86_64": (251, 56),
    "aarch64": (30, 220),
    "riscv64": (30, 220),
    "armv7l": (314, 120),
    "armv8l": (314, 120),
    "i686": (289, 120),
}
#: "Best effort, lowest" for the process itself.
_IOPRIO_WHO_PROCESS, _IOPRIO_LOWEST = 1, (2 << 13) | 7


class Options:
    """The command line of the launcher."""

    def __init__(self, arguments: list[str]) -> None:
        end = arguments.index("--")
        self.command = arguments[end + 1 :]
        self.numbers: dict[str, int] = {}
        self.paths: dict[str, list[str]] = {"system": [], "reads": [], "writes": []}
        for argument in arguments[:end]:
            name, _, value = argument.partition("=")
            if name in self.paths:
                self.paths[name].append(value)
            else:
                self.numbers[name] = int(value)

    def take(self, name: str) -> int:
        """The number ``name``, 0 if there is none."""
        return self.numbers.pop(name, 0)


def main(arguments: list[str], environment: "dict[str, str] | None" = None) -> None:
    """Become the program, in ``environment`` (None: the one it has); returns only by an error."""
    options = Options(arguments)
    report = options.take("report")
    os.set_inheritable(report, False)
    try:
        os.nice(options.take("niceness"))
        if sys.platform.startswith("linux"):
            _cut_off(options, report)
        _limit(options.numbers)
        if environment is None:
            os.execv(options.command[0], options.command)
        os.execve(options.command[0], options.command, environment)
    except OSError as error:
        os.write(report, f"!{error.strerror or error}".encode())
        sys.exit(1)


def _cut_off(options: Options, report: int) -> None:
    """What only Linux has. Where a part of it is not allowed, the rest holds."""
    parent, unshare = options.take("parent"), options.take("unshare")
    abi, seccomp = options.take("landlock"), options.take("seccomp")
    try:
        import ctypes

        from utils.processes.landlock import restrict
        from utils.processes.seccomp import forbid

        libc = ctypes.CDLL(None, use_errno=True)
    except (ImportError, OSError):  # a Python without ctypes
        return
    ioprio_set, clone = known_calls()
    if ioprio_set:
        libc.syscall(ioprio_set, _IOPRIO_WHO_PROCESS, 0, _IOPRIO_LOWEST)
    _be_the_first_to_go()
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if unshare and libc.unshare(unshare):
        raise OSError(ctypes.get_errno(), "no namespaces")
    if unshare & _CLONE_NEWPID:
        _become_first(libc, clone, parent, report)
    else:
        # After the namespaces, since the kernel forgets it where rights change.
        libc.prctl(_PR_SET_PDEATHSIG, _SIGKILL, 0, 0, 0)
        # The parent may have died before the kernel was told to watch it.
        if os.getppid() != parent:
            sys.exit(1)
    if abi:
        restrict(libc, abi, options.paths)
    if seccomp:
        forbid(libc)


def known_calls() -> tuple[int, int]:
    """The numbers of ioprio_set and clone; 0 where they are not known."""
    machine = os.uname().machine
    # A process may be of fewer bits than its kernel, and its calls then have other numbers.
    known = machine.endswith("64") is (sys.maxsize > 1 << 32)
    return _CALLS.get(machine if known else "", (0, 0))


def _be_the_first_to_go() -> None:
    """Where memory runs out, the kernel is to take this process and not the bot."""
    try:
        file = os.open("/proc/self/oom_score_adj", os.O_WRONLY)
        os.write(file, b"1000")
        os.close(file)
    except OSError:
        pass


def _become_first(libc: "ctypes.CDLL", clone: int, parent: int, report: int) -> None:
    """Go on as the first process of the new process namespace: with it, all that it has started dies.

    It is a child of the bot's, and the launcher is gone: one that waited would cost memory for nothing. Each
    holds on to the other by a pipe, so that none goes on when the bot dies before the kernel watches it.
    """
    ready, go = os.pipe(), os.pipe()
    process = libc.syscall(clone, _CLONE_PARENT | _SIGCHLD, 0, 0, 0, 0)
    if process < 0:
        raise OSError("it may not start a process")
    if process:
        os.close(ready[1])
        if os.read(ready[0], 1) and os.getppid() == parent:
            os.write(report, b"%d" % process)
            os.write(go[1], b"1")
        os._exit(0)
    libc.prctl(_PR_SET_PDEATHSIG, _SIGKILL, 0, 0, 0)
    os.close(go[1])
    os.write(ready[1], b"1")
    if not os.read(go[0], 1):
        os._exit(1)


def _limit(limits: dict[str, int]) -> None:
    """No core dumps, and no more than ``limits``, nor than it may have already."""
    later = {resource.RLIMIT_FSIZE: limits.pop("file_bytes_later", 0)}
    kinds = {
        "file_bytes": resource.RLIMIT_FSIZE,
        "open_files": resource.RLIMIT_NOFILE,
        "memory": resource.RLIMIT_AS,
        "data": resource.RLIMIT_DATA,
        "cpu_seconds": resource.RLIMIT_CPU,
        "processes": resource.RLIMIT_NPROC,
    }
    wanted = {resource.RLIMIT_CORE: 0, **{kinds[name]: limit for name, limit in limits.items()}}
    for kind, limit in wanted.items():
        hard = resource.getrlimit(kind)[1]
        most = max(limit, later.get(kind, 0))
        if hard != resource.RLIM_INFINITY:
            limit, most = min(limit, hard), min(most, hard)
        try:  # noqa: SIM105 - contextlib takes longer to load than all of this takes
            resource.setrlimit(kind, (limit, most))
        except (OSError, ValueError):  # macOS has no limit of address space
            pass
