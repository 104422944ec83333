"""What one job's transfers tell in its status: how far they are, and what they wait for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from utils.jobs.summary import duration_words
from utils.telegram.window import Lanes


class Shows(Protocol):
    """A job, as far as its status goes; ``percent`` is 0 to 100."""

    def show(self, step: str, percent: float | None = None) -> None: ...

    def waits(self, seconds: float, step: str) -> None: ...


@dataclass(frozen=True)
class Progress:
    """Of the job ``job``, which is looked up among ``jobs`` when there is something to tell."""

    jobs: Mapping[str, Shows]
    job: str

    async def waits(self, seconds: float, reason: str) -> None:
        """Telegram, or the network, has the job wait."""
        self.jobs[self.job].waits(seconds, f"⏳ Waiting {duration_words(seconds)}: {reason}")

    def of(self, step: str) -> TransferProgress:
        """Of one file; ``step`` says what is done with it."""
        return TransferProgress(self, step)


@dataclass(frozen=True)
class TransferProgress:
    """Called as a file's parts are done; small files are not worth a word."""

    progress: Progress
    step: str

    async def __call__(self, done: int, total: int) -> None:
        """``done`` of ``total`` bytes."""
        if total >= Lanes.LARGE:
            self.progress.jobs[self.progress.job].show(self.step, 100 * done / total)
