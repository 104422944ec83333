"""What this system has to keep a child in with, and where its programs and libraries are."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from utils.constants import passed_on

_PROBE = Path(__file__).with_name("probe.py")
_NEWUSER, _NEWPID, _NEWNET = 0x10000000, 0x20000000, 0x40000000
#: Seconds that the probe may take.
_PATIENCE = 20.0
#: Where systems keep programs and libraries, and the little else that these look at.
_SYSTEM = (
    *("/usr", "/lib", "/lib32", "/lib64", "/libx32", "/bin", "/sbin", "/nix/store", "/gnu/store"),
    *("/system", "/apex", "/vendor", "/linkerconfig", "/etc/ld.so.cache", "/etc/ld.so.preload"),
    *("/dev/urandom", "/dev/random", "/dev/zero", "/proc/cpuinfo", "/proc/meminfo", "/proc/stat"),
    *("/proc/sys/vm/overcommit_memory", "/sys/devices/system/cpu", "/sys/devices/system/node"),
)
#: What of the place that a program is installed in it may need: a virtual environment, Homebrew's, Termux's.
_OF_PREFIX = ("bin", "lib", "lib64", "libexec", "share", "opt", "Cellar", "pyvenv.cfg")


@dataclass(frozen=True)
class Isolation:
    """What the launcher uses: the version of Landlock (0: none), flags of unshare(2), a filter on calls.

    ``waits``: the bot can wait for processes that asyncio has not started.
    """

    landlock: int = 0
    unshare: int = 0
    seccomp: bool = False
    waits: bool = False

    @property
    def files(self) -> bool:
        """Whether a child can be kept from files that are not its own."""
        return self.landlock >= 1

    @property
    def network(self) -> bool:
        """Whether a child is kept from every network."""
        return self.seccomp or bool(self.unshare & _NEWNET)

    @property
    def processes(self) -> bool:
        """Whether a child sees none but its own processes, which all end with it."""
        return bool(self.unshare & _NEWPID)

    @property
    def own_count(self) -> bool:
        """Whether a limit on processes counts its own only, and not all of the bot's user.

        So in a user namespace since Linux 5.14; Landlock's second version came with 5.19.
        """
        return bool(self.unshare & _NEWUSER) and self.landlock >= 2


@cache
def isolation() -> Isolation:
    """What this system has, found out once by a process that may die of it. Blocking the first time."""
    if not sys.platform.startswith("linux"):
        return Isolation()
    command = [sys.executable, "-I", "-S", str(_PROBE)]
    try:
        told = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_PATIENCE, env={}, check=False
        ).stdout.split()
    except (OSError, subprocess.TimeoutExpired):
        told = []
    unshare, seccomp, waits, landlock = ([int(word) for word in told] + [0, 0, 0, 0])[:4]
    return Isolation(landlock, unshare, bool(seccomp), bool(waits))


@cache
def system_paths(program: str) -> tuple[str, ...]:
    """What every child that is to become ``program`` (a path) may read and execute. Blocking."""
    own = [*_place_of(Path(program)), *_place_of(_interpreter_of(Path(program)))]
    told = [passed_on().get(name, "") for name in ("LD_LIBRARY_PATH", "LIBVA_DRIVERS_PATH")]
    libraries = [Path(folder) for folder in ":".join(told).split(":") if folder]
    known = [*map(Path, _SYSTEM), *own, *libraries]
    return tuple(str(place) for place in dict.fromkeys(known) if place.exists())


def _place_of(program: Path) -> Iterator[Path]:
    """The program, and what was installed with it; by its name, and by what that leads to."""
    for path in dict.fromkeys((program.absolute(), program.resolve())):
        yield path
        if path.parent.name in ("bin", "sbin"):
            yield from (path.parent.parent / name for name in _OF_PREFIX)


def _interpreter_of(program: Path) -> Path:
    """What runs a script; a program that is none is its own."""
    with program.open("rb") as file:
        first = file.readline(256)
    words = first.removeprefix(b"#!").split()
    return Path(os.fsdecode(words[0])) if first.startswith(b"#!") and words else program
