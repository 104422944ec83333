"""One check: what was looked at, what was found and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"  #:      nothing to do
    WARN = "warn"  #:  the bot would work, but somebody should know
    FAIL = "fail"  #:  the bot would not work, or not with what people send

    @property
    def glyph(self) -> str:
        """What stands at the beginning of the line."""
        return {Level.OK: "✅", Level.WARN: "⚠️", Level.FAIL: "❌"}[self]


@dataclass(frozen=True)
class Check:
    """The result of one check. ``advice`` is what to do, empty when there is nothing to do."""

    group: str
    name: str
    level: Level
    found: str
    advice: str = ""

    def line(self) -> str:
        """The check as one line of text."""
        told = f"{self.level.glyph} {self.name}: {self.found}"
        told += f" → {self.advice}" if self.advice else ""
        return " ".join(told.split())
