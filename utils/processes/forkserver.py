"""The fork server: one small process of which everything that the bot starts begins as a copy.

A Python that becomes the program costs 25 ms of CPU at each start, a quarter of what ffprobe costs; a copy of
one that has all it needs costs 3. Linux only. Elsewhere, and wherever it fails, programs are started without.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from utils.processes.confinement import environment
from utils.processes.guard import orphans
from utils.processes.system import isolation

_PROGRAM = str(Path(__file__).with_name("forkserver_process.py"))
#: Seconds that it may take to end when nobody asks any more.
_END = 5.0


class ForkServer:
    """Its owner: starts it when it is needed, and again when it was killed."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._link: socket.socket | None = None
        self._lock = threading.Lock()
        #: The process that it belongs to: a copy of that may not use it.
        self._owner = 0

    @property
    def number(self) -> int:
        """Its process id; 0 where it does not run."""
        return 0 if self._process is None else self._process.pid

    def ready(self) -> bool:
        """Whether it can be asked. Starts it, but only from the main thread: it ends with who did.

        Blocking the first time, unless :func:`isolation` was asked before.
        """
        if not isolation().waits:
            return False
        if self._owner != os.getpid() or self._process is None or self._process.poll() is not None:
            if threading.current_thread() is not threading.main_thread():
                return False
            self._start()
        return self._link is not None

    def ask(self, arguments: Sequence[str], files: Sequence[int], folder: Path | None) -> None:
        """Have a copy made that calls the launcher with ``arguments``, in ``folder``.

        ``files``: standard input, output and error, and where to report; nothing comes there when it was
        killed meanwhile. Blocking.
        """
        request = {
            "arguments": list(arguments),
            "folder": str(folder or Path.cwd()),
            "umask": _umask(),
            "environment": environment(),
        }
        text = json.dumps(request).encode()
        with self._lock, contextlib.suppress(OSError):
            if self._link is not None:
                data = len(text).to_bytes(4, "big") + text
                sent = socket.send_fds(self._link, [data], list(files))
                self._link.sendall(data[sent:])

    def close(self) -> None:
        """End it. Blocking."""
        if self._link is not None:
            self._link.close()
            self._link = None
        if self._process is not None and self._owner == os.getpid():
            self._process.wait(_END)
            orphans.known.discard(self._process.pid)
            self._process = None

    def _start(self) -> None:
        self.close()
        ours, theirs = socket.socketpair()
        self._owner = os.getpid()
        with theirs, orphans.expecting():
            try:
                self._process = subprocess.Popen(
                    [sys.executable, "-I", "-S", _PROGRAM, str(theirs.fileno()), str(self._owner)],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    pass_fds=(theirs.fileno(),),
                    env=environment(),
                    cwd="/",
                    start_new_session=True,
                )
            except OSError:
                ours.close()
                return
            orphans.known.add(self._process.pid)
        self._link = ours


fork_server = ForkServer()
atexit.register(fork_server.close)


def _umask() -> int:
    """This process's. To ask for it otherwise is to change it for a moment."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("Umask:"):
            return int(line.split()[1], 8)
    return 0o077
