"""The fewest faults with which a round still fails."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence


async def fewest(count: int, fails: Callable[[Sequence[int]], Awaitable[bool]]) -> list[int]:
    """The places, of ``count``, of as few as are needed so that ``fails`` is true of them.

    By delta debugging (Zeller and Hildebrandt, "Simplifying and isolating failure-inducing input", 2002): of
    all, one part is left out, or all other parts are, in smaller and smaller parts. Nothing can be left out
    of the result by itself.
    """
    kept, parts = list(range(count)), 2
    while kept:
        parts = min(parts, len(kept))
        bounds = [len(kept) * n // parts for n in range(parts + 1)]
        for start, end in zip(bounds, bounds[1:], strict=False):
            rest = kept[:start] + kept[end:]
            if await fails(rest):
                kept, parts = rest, max(parts - 1, 2)
                break
        else:
            if parts >= len(kept):
                break
            parts *= 2
    return kept
