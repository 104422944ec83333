"""Loading what the program is made of."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def loading() -> Iterator[None]:
    """Inside, modules are loaded. They stay, so Python is not to look through them for what may go.

    Not now, which takes a tenth of a start, and not later either: each look stops all else for 80 ms.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
