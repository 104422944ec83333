"""What is made once for all tests of a run, also where several processes share the tests."""

from __future__ import annotations

import atexit
import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path

#: The environment variable with the folder; the processes that pytest starts inherit it.
FOLDER = "TESTS_SHARED_FOLDER"


def made_once(name: str, make: Callable[[Path], object]) -> Path:
    """The file or folder called ``name``. Who asks first has it made at the path that ``make`` is given.

    Nobody may change it afterwards: others have it, too.
    """
    path = _folder() / name
    if not path.exists():
        with path.with_name(f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not path.exists():
                beside = path.with_name(f"{name}.new")
                _remove(beside)
                make(beside)
                beside.rename(path)
    return path


def share_folder() -> Callable[[], None]:
    """Make the folder for this process and those that it starts; returns what removes it."""
    folder = Path(tempfile.mkdtemp(prefix="tests-shared-"))
    os.environ[FOLDER] = str(folder)

    def remove() -> None:
        os.environ.pop(FOLDER, None)
        shutil.rmtree(folder, ignore_errors=True)

    return remove


def _folder() -> Path:
    if FOLDER not in os.environ:  # a benchmark that uses what tests use
        _own_folder()
    return Path(os.environ[FOLDER])


@cache
def _own_folder() -> None:
    atexit.register(share_folder())


def _remove(path: Path) -> None:
    with suppress(FileNotFoundError):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
