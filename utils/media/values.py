"""Values as ffprobe writes them. Whoever made the file wrote some of them: they may be anything."""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

_DEGREES = re.compile(r"-?[0-9]{1,9}")


def rotation(stream: Mapping[str, Any]) -> int:
    """Degrees counter-clockwise, as in the display matrix, or as the old tag has it (clockwise)."""
    for item in stream.get("side_data_list", []):
        if "rotation" in item:
            return _quarter_turns(float(item["rotation"]))
    tag = str(stream.get("tags", {}).get("rotate", "0"))
    return _quarter_turns(-int(tag)) if _DEGREES.fullmatch(tag) else 0


def _quarter_turns(degrees: float) -> int:
    return round(degrees / 90) * 90 % 360


def seconds(value: object) -> float | None:
    """As a length of time; None for what cannot be one."""
    try:
        found = float(str(value))
    except ValueError:
        return None
    return found if 0 <= found < 1e12 else None


def fraction(value: object) -> Fraction:
    """0 for what is no number."""
    try:
        return Fraction(str(value))
    except (ValueError, ZeroDivisionError):
        return Fraction(0)


def ratio(value: object) -> Fraction | None:
    """Such as "25/1"; None for what is not above 0."""
    found = fraction(value)
    return found if found > 0 else None


def aspect(value: object) -> Fraction:
    """Such as "16:15"; 1 for what makes no sense."""
    return ratio(str(value).replace(":", "/")) or Fraction(1)
