"""What one child may do."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass

from utils.constants import passed_on

#: Bytes of the largest file of a child that has none to write: enough for what it says in one.
NO_FILES = 4 << 20


@dataclass(frozen=True)
class Confinement:
    """What one child may do beyond what none may (see :mod:`utils.processes`). None: no limit.

    ``memory`` is bytes of address space, ``file_bytes`` of the largest file that it may write, ``open_files``
    how many it may have open, ``niceness`` how far it stands back for others (0 to 19).

    One number each, handed to ``launch.py`` by name. Folders that it may read and write belong here too, once
    the launcher can shut it out of all others.
    """

    memory: int | None
    file_bytes: int | None = NO_FILES
    open_files: int | None = 512
    niceness: int = 5

    def options(self) -> list[str]:
        """The same for ``launch.py``."""
        return [f"{name}={number}" for name, number in asdict(self).items() if number is not None]


def environment() -> dict[str, str]:
    """The whole environment of every child: nothing of the bot's own, and the same words everywhere."""
    return {**passed_on(), "PATH": os.defpath, "LC_ALL": "C.UTF-8"}
