"""What one child may do."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from pathlib import Path

from utils.constants import passed_on
from utils.processes.system import Isolation, system_paths

#: Bytes of the largest file of a child that has none to write: enough for what it says in one.
NO_FILES = 4 << 20
#: The newest version of Landlock that does not shut the network as well.
_LANDLOCK_OF_FILES = 3
#: Processes and threads of one child, where they can be counted by themselves.
_PROCESSES = 1024


@dataclass(frozen=True)
class Confinement:
    """What one child may do beyond what none may (see :mod:`utils.processes`). None: no limit.

    ``memory`` is bytes of address space, ``file_bytes`` of the largest file that it may write, ``open_files``
    how many it may have open, ``niceness`` how far it stands back for others (0 to 19), ``data`` bytes of
    memory that it has for itself (RLIMIT_DATA), ``cpu_seconds`` of computing.

    ``file_bytes_later`` is how far the bot may raise ``file_bytes`` while it runs.

    ``reads`` are files and folders (with all in them) that it may open beside those of the system, and
    ``writes`` those that it may write, too; all must be there already, and a link counts as what it leads to.
    Linux keeps it from all others where it has Landlock. What it is handed open it has anyway.

    ``network``: it may use the network, and so has no namespaces of its own; only a program of ours may.
    """

    memory: int | None
    file_bytes: int | None = NO_FILES
    open_files: int | None = 512
    niceness: int = 5
    data: int | None = field(default=None, kw_only=True)
    cpu_seconds: int | None = field(default=None, kw_only=True)
    file_bytes_later: int | None = field(default=None, kw_only=True)
    reads: tuple[Path, ...] = field(default=(), kw_only=True)
    writes: tuple[Path, ...] = field(default=(), kw_only=True)
    network: bool = field(default=False, kw_only=True)

    def options(self, program: str, system: Isolation) -> list[str]:
        """The same for the launcher, on a system that has ``system``, to start ``program``. Blocking."""
        if self.network:
            system = replace(
                system, landlock=min(system.landlock, _LANDLOCK_OF_FILES), unshare=0, seccomp=False
            )
        numbers = {
            "parent": os.getpid(),
            "landlock": system.landlock,
            "unshare": system.unshare,
            "seccomp": int(system.seccomp),
            "niceness": self.niceness,
            "memory": self.memory,
            "data": self.data,
            "cpu_seconds": self.cpu_seconds,
            "file_bytes": self.file_bytes,
            "file_bytes_later": self.file_bytes_later,
            "open_files": self.open_files,
            "processes": _PROCESSES if system.own_count else None,
        }
        paths: dict[str, tuple[str | Path, ...]] = {
            "system": system_paths(program),
            "reads": self.reads,
            "writes": (os.devnull, *self.writes),
        }
        return [
            *(f"{name}={number}" for name, number in numbers.items() if number is not None),
            *(f"{name}={Path(path).absolute()}" for name, members in paths.items() for path in members),
        ]


#: Libraries that would else keep a heap for every core, whatever memory there is.
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def environment() -> dict[str, str]:
    """The whole environment of every child: nothing of the bot's own, and the same words everywhere."""
    return {**passed_on(), "PATH": os.defpath, "LC_ALL": "C.UTF-8", **_ONE_THREAD}
