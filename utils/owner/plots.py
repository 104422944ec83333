"""Plots as SVG within the page, each with its words beside it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape

from utils.owner.history import DAY, STEP, History, Step
from utils.owner.words import size_words

_WIDTH, _HEIGHT = int(DAY / STEP), 60


def plots(history: History) -> str:
    """Throughput, time of conversions, and memory."""
    steps, now = history.steps(), history.now
    rates = (*(("Sent", lambda step: step.sent / STEP), ("Fetched", lambda step: step.received / STEP)),)
    shown = [
        _plot(name, steps, now, value, lambda most: f"{size_words(most)}/s at most") for name, value in rates
    ]
    shown.append(
        _plot(
            "Time of a conversion",
            [step for step in steps if step.conversions],
            now,
            lambda step: step.seconds / step.conversions,
            lambda most: f"{most:.0f} s at most",
            bars=True,
        )
    )
    if any(step.memory for step in steps):
        shown.append(
            _plot("Memory", steps, now, lambda step: step.memory, lambda most: f"{size_words(most)} at most")
        )
    return f'<div class="plots">{"".join(shown)}</div>'


def _plot(
    name: str,
    steps: Sequence[Step],
    now: int,
    value: Callable[[Step], float],
    words: Callable[[float], str],
    *,
    bars: bool = False,
) -> str:
    """One of them; the right end is now, the left end a day ago."""
    points = [(_WIDTH - 1 - (now - step.at), value(step)) for step in steps]
    most = max((height for _, height in points), default=0.0)
    said = escape(words(most) if most else "nothing yet")
    scale = (_HEIGHT - 4) / most if most else 0.0
    heights = [(x + 0.5, _HEIGHT - 1 - y * scale) for x, y in points]
    if bars:
        drawn = "".join(f"M{x:.1f} {_HEIGHT}V{y:.1f}" for x, y in heights)
    else:
        # A bot that was away leaves a gap.
        joined = [place > 0 and x - heights[place - 1][0] == 1 for place, (x, _) in enumerate(heights)]
        moves = zip(joined, heights, strict=True)
        drawn = "".join(f"{'L' if on else 'M'}{x:.1f} {y:.1f}{'' if on else 'h.1'}" for on, (x, y) in moves)
    title = f"{name} over the last day: {said}"
    return (
        f"<figure><figcaption><b>{name}</b> {said}</figcaption>"
        f'<svg role="img" aria-label="{title}" viewBox="0 0 {_WIDTH} {_HEIGHT}" preserveAspectRatio="none">'
        f'<path class="grid" d="M0 {_HEIGHT - 0.5}H{_WIDTH}M72 0V{_HEIGHT}M144 0V{_HEIGHT}M216 0V{_HEIGHT}"/>'
        f'<path class="line" d="{drawn}"/></svg></figure>'
    )
