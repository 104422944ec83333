"""The processes that a test, or what it tests, has started."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

#: Processes of Python's own and of these tests, which serve all that come after them and end with their
#: parent: a test that was before may have needed them.
_OF_PYTHON = (
    b"multiprocessing.resource_tracker",
    b"multiprocessing.forkserver",
    b"tests.e2e.nursery",
    b"forkserver_process.py",
)


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


def marked(mark: str) -> list[int]:
    """Process ids, as we see them, of all programs that have ``mark`` in their command line; no dead ones.

    A program in a process namespace of its own knows only the numbers that are given there.
    """
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit() and _has(path, mark)]


def _has(process: Path, mark: str) -> bool:
    try:
        command = (process / "cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return mark.encode() in command and b"launch.py" not in command


async def until_marked(mark: str, *, there: bool) -> list[int]:
    """Wait until a program with ``mark`` is there, or none is any more; returns which there are."""
    for _ in range(1000):
        found = marked(mark)
        if bool(found) is there:
            return found
        await asyncio.sleep(0.02)
    raise AssertionError(f"with the mark {mark}: {found}")
