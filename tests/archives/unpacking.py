"""Opens an archive as the bot does, takes everything out, and looks at what is left behind."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.children import children
from utils.archives import Entry, Limits, open_archive
from utils.archives.source import ByteSource
from utils.errors import BotError

MB = 1_000_000


class MemorySource:
    """A source in memory that takes ``delay`` seconds for each read and remembers what was asked for."""

    def __init__(self, data: bytes, name: str = "archive", delay: float = 0.0) -> None:
        self.data = data
        self.name = name
        self.size = len(data)
        self.delay = delay
        self.fetched = 0
        self.reads = 0
        self.active = 0
        self.most_active = 0
        self.active_bytes = 0
        self.most_bytes = 0

    async def read(self, offset: int, size: int) -> bytes:
        self.active += 1
        self.active_bytes += size
        self.most_active = max(self.most_active, self.active)
        self.most_bytes = max(self.most_bytes, self.active_bytes)
        try:
            await asyncio.sleep(self.delay)
            data = self.data[offset : offset + size]
            self.fetched += len(data)
            self.reads += 1
            return data
        finally:
            self.active -= 1
            self.active_bytes -= size


@dataclass
class Outcome:
    """How it ended: contents and sentences by path, in the order in which they came."""

    format: str = ""
    listing: Sequence[Entry] | None = None
    ignored: int = 0
    files: dict[str, bytes] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    error: BotError | None = None

    @property
    def told(self) -> str:
        """The sentence about the archive as a whole."""
        return self.error.told if self.error else ""


def everything(_: Entry, __: bytes) -> bool:
    """Accepts all entries."""
    return True


async def unpack(
    source: bytes | ByteSource | Sequence[ByteSource],
    folder: Path,
    *,
    name: str = "archive",
    limits: Limits | None = None,
    passwords: Sequence[str] = (),
    accept: Callable[[Entry, bytes], bool] = everything,
    on_file: Callable[[Entry], None] | None = None,
) -> Outcome:
    """Take everything that is accepted out of ``source``.

    Asserts that nothing is left: no file but those that were yielded, no process, no thread.
    """
    scratch, output = folder / "scratch", folder / "output"
    output.mkdir(parents=True, exist_ok=True)
    scratch.mkdir(exist_ok=True)
    outcome = Outcome()
    threads = set(threading.enumerate())
    numbers = iter(range(1_000_000))
    kept: set[Path] = set()

    def new_file(_: Entry) -> Path:
        return output / f"{next(numbers):06d}"

    if isinstance(source, bytes):
        source = MemorySource(source, name)
    try:
        reader = await open_archive(
            source, scratch=scratch, limits=limits or Limits(disk_reserve=0), passwords=passwords
        )
    except BotError as error:
        outcome.error = error
    else:
        try:
            outcome.format, outcome.listing = reader.format, reader.listing
            async for extracted in reader.extract(accept, new_file):
                entry = extracted.entry
                assert (extracted.path is None) != (extracted.error is None)
                path = entry.path if entry.path not in outcome.keys else f"{entry.path}#{entry.key}"
                assert entry.key not in outcome.keys.values(), "a key came twice"
                outcome.keys[path] = entry.key
                if extracted.path is not None:
                    outcome.files[path] = extracted.path.read_bytes()
                    assert len(outcome.files[path]) == extracted.size
                    kept.add(extracted.path)
                elif extracted.error is not None:
                    outcome.errors[path] = extracted.error.told
                if on_file:
                    on_file(entry)
        except BotError as error:
            outcome.error = error
        finally:
            await reader.close()
            outcome.ignored = reader.ignored
    _assert_nothing_left(folder, kept, threads)
    return outcome


def _assert_nothing_left(folder: Path, kept: set[Path], threads: set[threading.Thread]) -> None:
    left = {path for path in folder.rglob("*") if not path.is_dir()} - kept
    assert not left, f"left behind: {sorted(left)}"
    assert not list((folder / "scratch").iterdir()), "the scratch folder is not empty"
    assert {path for path in kept if not path.is_file()} == set()
    assert not children(), "a process is left"
    new = {t for t in threading.enumerate() if t not in threads and not t.name.startswith(OF_ASYNCIO)}
    assert not new, f"threads are left: {new}"


#: Threads of asyncio's own, which end a moment later: its executor, and its waiting for ended processes.
OF_ASYNCIO = ("asyncio", "waitpid")
