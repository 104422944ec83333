"""What this process itself does against its children: no look into it, and none that outlives its job."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

PR_SET_DUMPABLE, PR_SET_CHILD_SUBREAPER = 4, 36
#: How often it is looked whether there are more, and seconds between: what is ended hands its own on to us.
_LOOKS, _PAUSE = 200, 0.005


class _Orphans:
    """Processes that a child left behind; they become ours when ``adopted`` is set."""

    def __init__(self) -> None:
        self.adopted = False
        #: Who was started here and is not collected yet.
        self.known: set[int] = set()
        self._expected = 0

    @contextlib.contextmanager
    def expecting(self) -> Iterator[None]:
        """While this lasts a process is started that is not known yet."""
        self._expected += 1
        try:
            yield
        finally:
            self._expected -= 1

    def end(self) -> None:
        """End all children of this process that nobody here has started. Blocking."""
        for _ in range(_LOOKS if self.adopted else 0):
            found = _children()
            # Who is just being started is not known yet, so that this has to wait for the next time.
            strangers = found - self.known
            if not strangers or self._expected:
                return
            for process in strangers:
                with contextlib.suppress(ProcessLookupError, ChildProcessError):
                    os.kill(process, signal.SIGKILL)
                    os.waitpid(process, os.WNOHANG)
            time.sleep(_PAUSE)


orphans = _Orphans()


def guard_this_process() -> None:
    """On Linux: who is not root looks into this process no more, and what children leave behind comes to it.

    Only for a process that starts no others by another way than :mod:`utils.processes`: it ends those. It
    leaves no core dump from now on, and debuggers need root.
    """
    if not sys.platform.startswith("linux"):
        return
    with contextlib.suppress(OSError, AttributeError):  # a libc without prctl
        libc = ctypes.CDLL(None)
        libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
        orphans.adopted = libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0


def _children() -> set[int]:
    found: set[int] = set()
    with contextlib.suppress(OSError):  # a kernel that does not tell
        for thread in Path("/proc/self/task").iterdir():
            with contextlib.suppress(OSError):  # one that has just ended
                found.update(map(int, (thread / "children").read_text().split()))
    return found
