"""The processes that a test, or what it tests, has started."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from pathlib import Path

#: Processes of Python's own, which serve all that come after them and end with their parent: a test that was
#: before may have needed them.
_OF_PYTHON = (b"multiprocessing.resource_tracker", b"multiprocessing.forkserver")


def children() -> list[int]:
    """Process ids of this process's children, the dead ones that nobody waited for among them."""
    found: list[int] = []
    for task in Path("/proc/self/task").iterdir():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # a thread that has just ended
            found += map(int, (task / "children").read_text().split())
    return [process for process in found if not _is_of_python(process)]


def _is_of_python(process: int) -> bool:
    try:
        command = Path(f"/proc/{process}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return any(words in command for words in _OF_PYTHON)


async def gone(process: int) -> None:
    """Wait until ``process`` has ended."""
    for _ in range(200):
        try:
            state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return
        if state == "Z":
            return
        await asyncio.sleep(0.02)
    os.kill(process, signal.SIGKILL)
    raise AssertionError("it is still there")
