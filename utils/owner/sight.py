"""What there is at a moment."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True)
class JobView:
    """An archive under way, which ``who`` sent, ``since`` then; ``status`` is what its chat is shown."""

    id: str
    name: str
    status: str
    paused: bool
    who: str = ""
    since: float = 0.0


@dataclass(frozen=True)
class OverView:
    """An archive of ``who`` that is done since ``when``; ``trouble``: what could not be sent, and why."""

    id: str
    name: str
    when: float
    trouble: str
    who: str = ""


@dataclass(frozen=True)
class ConversionView:
    """A conversion that is not over; ``percent`` is 0 to 100."""

    name: str
    percent: float
    runs: bool


class MachineView(Protocol):
    """Another machine that converts: segments at a time, under way, handed in and failed, frames a second.

    ``refused`` is why it gets nothing to do, or "".
    """

    @property
    def name(self) -> str: ...
    @property
    def slots(self) -> int: ...
    @property
    def working(self) -> int: ...
    @property
    def done(self) -> int: ...
    @property
    def failed(self) -> int: ...
    @property
    def speed(self) -> float: ...
    @property
    def films(self) -> Sequence[str]: ...
    @property
    def refused(self) -> str: ...


@dataclass(frozen=True)
class Kept:
    """Something in quarantine, of ``size`` bytes; it goes by itself in so many ``days`` (None: never)."""

    name: str
    size: int
    reason: str
    days: float | None = None


@dataclass(frozen=True)
class Disk:
    """Bytes of the disk with the data; ``reserve`` is never used."""

    free: int
    total: int
    reserve: int

    @property
    def fills_up(self) -> bool:
        """Whether the reserve is near."""
        return self.free < 2 * self.reserve


@dataclass(frozen=True)
class Sight:
    """All of it. ``trouble`` is why Telegram cannot be reached, "" while it can."""

    jobs: Sequence[JobView]
    over: Sequence[OverView]
    conversions: Sequence[ConversionView]
    paused: bool
    trouble: str
    sent: int
    received: int
    disk: Disk
    quarantine: Sequence[Kept]
    machines: Sequence[MachineView] = ()

    @property
    def kept(self) -> int:
        """Bytes in quarantine."""
        return sum(one.size for one in self.quarantine)


def disk_of(folder: Path, reserve_mb: int) -> Disk:
    """How full the disk is. Blocking."""
    usage = shutil.disk_usage(folder)
    return Disk(usage.free, usage.total, reserve_mb * 1_000_000)
