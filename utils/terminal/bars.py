"""How far something is, on a terminal; into a pipe or a file nothing of it is written."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from tqdm import tqdm

#: Seconds between two drawings, and characters of a name that are shown.
INTERVAL, NAME_SHOWN = 0.2, 30
#: Columns of a terminal that does not know its size, columns of a bar at most, and columns that are left
#: free behind it: what is echoed when somebody presses Ctrl-C must not break the line.
COLUMNS, LONGEST, MARGIN = 80, 100, 4

SHARE = "{desc} {percentage:3.0f} % |{bar}| {elapsed} < {remaining}"
COUNT = "{desc} {n_fmt}  {elapsed}"


class Bar:
    """The progress of what is called ``name``, in one line of ``stream``. It leaves nothing behind."""

    def __init__(self, name: str, stream: TextIO | None) -> None:
        """``stream`` is None where it was closed before the program was started."""
        self._name = shown(name)
        self._stream = stream if stream is not None and stream.isatty() else None
        self._bar: tqdm[None] | None = None

    def show(self, done: float, total: float | None = 100) -> None:
        """``done`` of ``total`` are done; of a total that nobody knows, only what is done is shown."""
        if self._stream is None:
            return
        columns = _columns(self._stream)
        if self._bar is None:
            self._bar = _begun(self._name, done, total, columns, self._stream)
            return
        self._bar.total, self._bar.ncols = total, columns
        self._bar.update(done - self._bar.n)

    @contextmanager
    def aside(self) -> Iterator[None]:
        """What is printed inside stands above the bar."""
        self._wipe()
        yield
        if self._bar is not None:
            self._bar.refresh()

    def end(self) -> None:
        """Take it away, for good."""
        if self._bar is not None:
            self._bar.close()
        self._wipe()
        self._bar = self._stream = None

    def _wipe(self) -> None:
        """Empty its line. The terminal itself may have written into it, behind the bar."""
        if self._bar is not None and self._stream is not None:
            width = _columns(self._stream) + MARGIN - 1
            print(f"\r{'':{width}}", end="\r", file=self._stream, flush=True)


def shown(name: str) -> str:
    """``name`` without control characters, and with its middle left out where it is long."""
    plain = "".join(character if character.isprintable() else " " for character in name)
    return plain if len(plain) <= NAME_SHOWN else f"{plain[: NAME_SHOWN - 11]}…{plain[-10:]}"


def _columns(stream: TextIO) -> int:
    """Columns for a bar."""
    columns = os.get_terminal_size(stream.fileno()).columns or COLUMNS
    return max(1, min(columns, LONGEST) - MARGIN)


def _begun(name: str, done: float, total: float | None, columns: int, stream: TextIO) -> tqdm[None]:
    # Loaded here: nothing but a terminal needs it.
    from tqdm import tqdm

    # By itself it makes a lock between processes, for which Python may start a helper, and a thread.
    tqdm.set_lock(threading.RLock())
    tqdm.monitor_interval = 0
    return tqdm(
        desc=name,
        initial=done,
        total=total,
        file=stream,
        ncols=columns,
        bar_format=SHARE if total else COUNT,
        leave=False,
        mininterval=INTERVAL,
        miniters=0,
    )
