"""Started as a program: the fork server. What the bot starts begins as a copy of this process.

    python -I -S forkserver_process.py DESCRIPTOR PARENT

It reads requests from the socket ``DESCRIPTOR``, and ends when that or ``PARENT``, the bot, does. A request
is four bytes, the length of what follows, and JSON: ``arguments`` of the launcher, ``folder`` to start in,
``umask`` and ``environment``. With it come four descriptors: standard input, output and error, and the pipe
that the launcher reports to. On that the copy says "=" and its process id and a space before anything else;
where no copy can be made, nothing is said.

A copy is a child of the bot's and not of this process: the bot waits for it, and it ends with the bot.
"""

import ctypes
import json
import os
import socket
import sys
from array import array

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE = 1, 4
_SIGCHLD, _SIGKILL, _CLONE_PARENT = 17, 9, 0x00008000
_LENGTH = 4


def main(link: socket.socket, parent: int) -> None:
    """Make copies until nobody asks any more."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, _SIGKILL, 0, 0, 0)
    # Where a child can be kept from nothing else, it cannot look into this process either.
    libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    link.set_inheritable(False)
    clone = known_calls()[1]
    if os.getppid() != parent or not clone:
        return
    while request := _next(link):
        text, files = request
        process = libc.syscall(clone, _CLONE_PARENT | _SIGCHLD, 0, 0, 0, 0)
        if process == 0:
            libc.prctl(_PR_SET_DUMPABLE, 1, 0, 0, 0)
            _begin(json.loads(text), files)
        for file in files:
            os.close(file)


def _next(link: socket.socket) -> tuple[bytes, list[int]] | None:
    """A request and its descriptors; None at the end."""
    # Not socket.recv_fds, which forgets the flags that it is given.
    flags = socket.MSG_WAITALL | socket.MSG_CMSG_CLOEXEC
    head, with_it, _, _ = link.recvmsg(_LENGTH, socket.CMSG_LEN(4 * array("i").itemsize), flags)
    if not with_it:
        return None
    text = link.recv(int.from_bytes(head, "big"), socket.MSG_WAITALL)
    return text, list(array("i", with_it[0][2]))


def _begin(request: "dict[str, Any]", files: list[int]) -> None:
    """Be the launcher from now on. Does not return."""
    report = files[3]
    try:
        os.setsid()
        os.write(report, b"=%d " % os.getpid())
        for number in range(3):
            os.dup2(files[number], number)
        os.chdir(request["folder"])
        os.umask(request["umask"])
        launch([f"report={report}", *request["arguments"]], request["environment"])
    except OSError as error:
        os.write(report, f"!{error.strerror or error}".encode())
    finally:
        os._exit(1)


if __name__ == "__main__":
    sys.path.append(__file__.removesuffix("/utils/processes/forkserver_process.py"))
    # Loaded once, so that no copy has to.
    import utils.processes.landlock
    import utils.processes.seccomp  # noqa: F401
    from utils.processes.launching import known_calls
    from utils.processes.launching import main as launch

    main(socket.socket(fileno=int(sys.argv[1])), int(sys.argv[2]))
