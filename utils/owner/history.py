"""What happened over the last day, in steps of five minutes; kept in memory, since the start."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

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
    """Takes in counts now and then."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._last = Counts(0, 0, 0, 0.0)
        self._steps: deque[Step] = deque(maxlen=int(DAY / STEP))

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
        oldest = int(self._clock() // STEP) - DAY / STEP
        return [step for step in self._steps if step.at > oldest]

    @property
    def now(self) -> int:
        """The number of the step that it is."""
        return int(self._clock() // STEP)


def memory_used() -> int:
    """Bytes of memory of this process, 0 where that cannot be told."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return 0
