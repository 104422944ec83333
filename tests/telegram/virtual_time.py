"""An event loop on which sleeping takes no time: its clock jumps to whatever is due next."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, ParamSpec, TypeVar

T = TypeVar("T")
P = ParamSpec("P")


class VirtualLoop(asyncio.SelectorEventLoop):
    """Good for code that only sleeps; a loop that waits for a socket as well would jump past it."""

    now = 0.0

    def time(self) -> float:
        return self.now

    def _run_once(self) -> None:
        # A timer that was cancelled may still head the list, and is not what comes next.
        due = [timer.when() for timer in self._scheduled if not timer.cancelled()]  # type: ignore[attr-defined]
        if due and not self._ready:  # type: ignore[attr-defined]
            self.now = max(self.now, min(due))
        super()._run_once()  # type: ignore[misc]


def run(main: Coroutine[Any, Any, T]) -> T:
    """The result of ``main`` on a loop of its own, whose ``time()`` is the clock."""
    loop = VirtualLoop()
    try:
        return loop.run_until_complete(main)
    finally:
        loop.close()


def on_virtual_time(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """A test that runs on such a loop: it takes no time, and however busy the machine is, nothing is late."""

    @wraps(test)
    def runs(*arguments: P.args, **named: P.kwargs) -> None:
        run(test(*arguments, **named))

    return runs
