"""``python -m tests.storage.endless append|save FILE``: writes to it, over and over, until it is killed."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from utils.constants import ROOT
from utils.conversion_state import ConversionStateManager
from utils.storage.journal import Journal


@contextmanager
def running(what: str, file: Path) -> Iterator[subprocess.Popen[bytes]]:
    """It runs inside, and is killed at the end.

    A process of :mod:`multiprocessing` would do as well, but that starts one more, which stays.
    """
    command = [sys.executable, "-m", "tests.storage.endless", what, str(file)]
    with subprocess.Popen(command, cwd=ROOT) as process:
        try:
            yield process
        finally:
            process.send_signal(signal.SIGKILL)


async def append(file: Path) -> None:
    """One line after another."""
    journal = Journal(file)
    journal.open()
    for number in range(1_000_000):
        await journal.append({"n": number, "filler": "x" * 3000})


async def save(file: Path) -> None:
    """A large state, over and over."""
    # A kill is no power cut. Without the waits for the disk more of them come while a file is written.
    os.fsync = lambda fd: None
    states = ConversionStateManager(state_file=file)
    for number in range(100):
        states.states[f"file {number}"] = {"status": "pending", "details": {"plan": "x" * 100_000}}
    for number in range(1_000_000):
        states.save_state("the one", "pending", number % 100, "out")


if __name__ == "__main__":
    asyncio.run({"append": append, "save": save}[sys.argv[1]](Path(sys.argv[2])))
