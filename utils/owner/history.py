"""What happened over the last day, in steps of five minutes, also before a restart."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from utils.storage.atomic import load_or_set_aside, write_json

HISTORY_FILE = "history.json"
#: Of the form of the file.
_FORM = 1

#: Seconds of a step, of all of them together, and between two looks.
STEP, DAY, LOOK = 300.0, 86_400.0, 60.0


@dataclass(frozen=True)
class Step:
    """Bytes that went out and came in during a step, ``seconds`` that ``conversions`` took which ended in it,
    and the most memory that was seen (bytes; 0: not known here). ``at``: its number since 1970.
    """

    at: int
    sent: int = 0
    received: int = 0
    conversions: int = 0
    seconds: float = 0.0
    memory: int = 0


@dataclass(frozen=True)
class Counts:
    """What is counted since the start."""

    sent: int
    received: int
    conversions: int
    seconds: float


class History:
    """Takes in counts now and then. Where there is a ``file``, what was taken in is kept there."""

    def __init__(self, clock: Callable[[], float] = time.time, file: Path | None = None) -> None:
        self._clock, self._file = clock, file
        self._last = Counts(0, 0, 0, 0.0)
        self._steps: deque[Step] = deque(maxlen=int(DAY / STEP))

    @classmethod
    def kept_in(cls, file: Path, quarantine: Path, clock: Callable[[], float] = time.time) -> History:
        """What is in ``file`` goes on; what cannot be read goes to quarantine. Blocking."""
        history = cls(clock, file)
        history._steps.extend(load_or_set_aside(file, quarantine, _parse) or ())
        return history

    def keep(self) -> None:
        """Write it down. Blocking. Raises OSError."""
        if self._file is not None:
            steps = [list(vars(step).values()) for step in list(self._steps)]
            write_json(self._file, {"version": _FORM, "steps": steps})

    def add(self, now: Counts, memory: int) -> None:
        """Remember what came to the counts since the last time."""
        at, last = int(self._clock() // STEP), self._last
        step = self._steps.pop() if self._steps and self._steps[-1].at == at else Step(at)
        self._steps.append(
            Step(
                at,
                step.sent + now.sent - last.sent,
                step.received + now.received - last.received,
                step.conversions + now.conversions - last.conversions,
                step.seconds + now.seconds - last.seconds,
                max(step.memory, memory),
            )
        )
        self._last = now

    def steps(self) -> Sequence[Step]:
        """Those of the last day, the oldest first."""
        oldest = self.now - DAY / STEP
        # After a clock was put back, some are still to come.
        return [step for step in self._steps if oldest < step.at <= self.now]

    @property
    def now(self) -> int:
        """The number of the step that it is."""
        return int(self._clock() // STEP)


def _parse(value: Any) -> Sequence[Step]:
    """Raises ValueError."""
    if (
        not isinstance(value, dict)
        or value.get("version") != _FORM
        or not isinstance(value.get("steps"), list)
    ):
        raise ValueError(f"it is not of version {_FORM}")
    for row in value["steps"]:
        if not isinstance(row, list) or not 1 <= len(row) <= 6 or not all(map(_is_figure, row)):
            raise ValueError("it does not say what happened when")
    return sorted((Step(*row) for row in value["steps"]), key=lambda step: step.at)


def _is_figure(value: object) -> bool:
    return type(value) in (int, float)


def memory_used() -> int:
    """Bytes of memory of this process, 0 where that cannot be told."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return 0
