"""What bot, farm and workers all have to know. It loads nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

#: Raised when what farm and workers say to each other changes its meaning.
PROTOCOL = 1
#: That of the setting is Dask's; HTTPS is so many ports further.
DOOR = 1

Json = dict[str, Any]


@dataclass(frozen=True)
class Machine:
    """Another machine, for people: it encodes ``slots`` segments at a time.

    ``refused`` is why it gets nothing to do, or ""; ``working`` is how many segments it has now, of
    ``films``, ``speed`` how many frames it encoded a second while it had any.
    """

    id: str
    name: str
    slots: int
    refused: str = ""
    working: int = 0
    done: int = 0
    failed: int = 0
    speed: float = 0.0
    films: tuple[str, ...] = ()
