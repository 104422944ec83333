"""A bot as a process, in a memory cgroup if wanted, whose memory and that of its children is watched."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from tests.e2e.process import environment
from tests.world import World, until
from utils.constants import ROOT

MB = 1_000_000
_SAMPLE_SECONDS = 0.03
_CGROUPS = Path("/sys/fs/cgroup/memory")
#: Puts itself into a cgroup before it becomes the bot, so that all of it counts.
_ENTER = (
    "import os, sys; open(sys.argv[1], 'w').write(str(os.getpid()));"
    "os.execv(sys.executable, [sys.executable, *sys.argv[2:]])"
)


class Watch:
    """Peaks in bytes since :meth:`reset`: of the bot as the kernel has it, of it and its children as seen."""

    def __init__(self, process: int) -> None:
        self.process = process
        self.all = 0

    def reset(self) -> None:
        """Forget the peaks so far."""
        with contextlib.suppress(OSError):
            Path(f"/proc/{self.process}/clear_refs").write_text("5")
        self.all = 0

    @property
    def bot(self) -> int:
        """Peak of the bot's own process."""
        return _kilobytes(Path(f"/proc/{self.process}/status"), "VmHWM:")

    async def sample(self) -> None:
        """Look every few milliseconds, until cancelled."""
        while True:
            self.all = max(self.all, await asyncio.to_thread(_shares, self.process))
            await asyncio.sleep(_SAMPLE_SECONDS)


def _kilobytes(path: Path, name: str) -> int:
    with contextlib.suppress(OSError):
        for line in path.read_text().splitlines():
            if line.startswith(name):
                return int(line.split()[1]) * 1024
    return 0


def family(process: int) -> Iterator[int]:
    """The process and all that it has started, and they in turn."""
    parents: dict[int, list[int]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            parents.setdefault(parent, []).append(int(folder.name))
    waiting = [process]
    while waiting:
        yield (one := waiting.pop())
        waiting += parents.get(one, [])


def is_busy(process: int) -> bool:
    """Whether something that it has started computes just now."""
    for one in family(process):
        with contextlib.suppress(OSError):
            state = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()[0]
            if one != process and state in "RD":
                return True
    return False


def _shares(process: int) -> int:
    """What they take together: memory that several share counts once."""
    return sum(_kilobytes(Path(f"/proc/{one}/smaps_rollup"), "Pss:") for one in family(process))


class CGroup:
    """A memory cgroup (version 1) of ``limit`` bytes, for whoever is root."""

    def __init__(self, limit: int) -> None:
        self._folder = _CGROUPS / f"bot-{os.getpid()}-{time.monotonic_ns()}"
        self._folder.mkdir()
        (self._folder / "memory.limit_in_bytes").write_text(str(limit))
        self.door = self._folder / "cgroup.procs"

    def peak(self) -> int:
        """Bytes, the cache of files among them."""
        return int((self._folder / "memory.max_usage_in_bytes").read_text())

    def kills(self) -> int:
        """How many processes the kernel ended since there was no more."""
        words = (self._folder / "memory.oom_control").read_text().split()
        return int(words[words.index("oom_kill") + 1])

    def remove(self) -> None:
        """After the last process in it has ended."""
        self._folder.rmdir()


@asynccontextmanager
async def watched_bot(
    world: World,
    settings: Mapping[str, str] | None = None,
    cgroup: CGroup | None = None,
    probe: Path | None = None,
) -> AsyncIterator[tuple[asyncio.subprocess.Process, Watch]]:
    """The bot of ``world`` runs inside; ended with SIGTERM. ``probe``: see :mod:`benchmarks.probed`."""
    script = [str(ROOT / "extract-compressed-files.py")]
    if probe is not None:
        script = ["-m", "benchmarks.probed", str(probe)]
    program = script if cgroup is None else ["-c", _ENTER, str(cgroup.door), *script]
    # Started in full, and not forked from one that is loaded: it shall share no memory with anybody.
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *program,
        cwd=ROOT,
        env=environment(world, **settings or {}),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    watch = Watch(process.pid)
    sampling = asyncio.create_task(watch.sample())
    try:
        await until(
            lambda: any("✅ Ready" in line for line in world.lines()) or process.returncode is not None
        )
        yield process, watch
    finally:
        sampling.cancel()
        if process.returncode is None:
            process.terminate()
        await process.wait()
