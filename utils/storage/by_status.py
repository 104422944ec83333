"""Which entries have which status, in the order in which they got it."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from typing import Any


class ByStatus:
    """Of entries with ``status`` and ``last_updated``; a change costs the same, however many there are."""

    def __init__(self, statuses: Iterable[str]) -> None:
        self._paths: dict[str, dict[str, None]] = {status: {} for status in statuses}

    def know(self, states: Mapping[str, Mapping[str, Any]], changed: Iterable[str] | None = None) -> None:
        """These are the entries, of which those of ``changed`` may be new, other or gone; None: any."""
        for path in changed or ():
            for paths in self._paths.values():
                paths.pop(path, None)
            if path in states:
                self._paths[states[path]["status"]][path] = None
        if changed is None or sum(map(len, self._paths.values())) != len(states):
            for paths in self._paths.values():
                paths.clear()
            for path in sorted(states, key=lambda path: states[path].get("last_updated", 0.0)):
                self._paths[states[path]["status"]][path] = None

    def take_oldest(self, status: str, but: int) -> list[str]:
        """Forget all of ``status`` but so many; returns them."""
        paths = self._paths[status]
        oldest = list(itertools.islice(paths, max(0, len(paths) - but)))
        for path in oldest:
            del paths[path]
        return oldest
