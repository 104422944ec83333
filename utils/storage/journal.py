"""One job's story: append-only, one JSON object a line, each line on disk before the call returns."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from utils.errors import JournalBroken
from utils.storage.atomic import sync_folder

Record = Mapping[str, Any]


class Journal:
    """Append-only records in a file.

    A line that has an outside effect is appended *before* the act that it announces, a line that records
    a result *after* it. A torn last line, all that a crash can leave, is dropped on opening.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        #: What waits to be written, each with whom it concerns when it is; and who writes.
        self._waiting: list[tuple[tuple[Record, ...], asyncio.Future[None]]] = []
        self._writer: asyncio.Task[None] | None = None

    def open(self) -> list[Record]:
        """Create the file or read it; returns the records that are whole. Blocking.

        Only its owner can read it: a caption may hold a password. Raises :class:`JournalBroken`, and leaves
        the file as it is, when something before its last line is no record: no crash leaves that.
        """
        new = not self.path.exists()
        self.path.touch(0o600)
        self.path.chmod(0o600)
        with self.path.open("a+b") as file:
            file.seek(0)
            data = file.read()
            records, good = parse(data)
            if salvage(data[good:]):
                raise JournalBroken(f"{self.path.name} is damaged after line {len(records)}.")
            if file.tell() != good:
                file.truncate(good)
                os.fsync(file.fileno())
        if new:
            sync_folder(self.path.parent)
        return records

    async def append(self, *records: Record) -> None:
        """Append ``records``, fsynced together, in the order of the calls.

        What comes while the disk is busy is fsynced together, too. A caller that is cancelled meanwhile
        leaves whole lines behind, or none.
        """
        written = asyncio.get_running_loop().create_future()
        # Whoever waited may be gone when it turns out that the disk is full.
        written.add_done_callback(lambda future: future.cancelled() or future.exception())
        self._waiting.append(one := (records, written))
        if self._writer is None:
            self._writer = asyncio.create_task(self._write_all())
        try:
            await asyncio.shield(written)
        except asyncio.CancelledError:
            if one in self._waiting:
                self._waiting.remove(one)
            raise

    async def _write_all(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting, []
                if not await self._write_these(batch) and len(batch) > 1:
                    # One of them is too large: the others may fit.
                    for one in batch:
                        await self._write_these([one], last=True)
        finally:
            self._writer = None

    async def _write_these(
        self, batch: Sequence[tuple[tuple[Record, ...], asyncio.Future[None]]], *, last: bool = False
    ) -> bool:
        """Append all of ``batch``, or none."""
        try:
            await asyncio.to_thread(self._write, tuple(itertools.chain(*(records for records, _ in batch))))
        except Exception as error:  # noqa: BLE001
            if last or len(batch) == 1:
                batch[0][1].set_exception(error)
            return False
        for _, written in batch:
            written.set_result(None)
        return True

    def _write(self, records: tuple[Record, ...]) -> None:
        append_lines(self.path, records)


def append_lines(path: Path, records: Iterable[Record]) -> int:
    """Append ``records`` to ``path``, all of them or none; returns the size of the file then. Blocking."""
    data = b"".join(_line(record) for record in records)
    with path.open("ab") as file:
        before = file.tell()
        try:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        except OSError:
            # A full disk may have taken half of it; the next append must not glue itself to a torn line.
            os.ftruncate(file.fileno(), before)
            raise
    return before + len(data)


def _line(record: Record) -> bytes:
    text = json.dumps(record, ensure_ascii=False, separators=(",", ":"))
    try:
        return text.encode() + b"\n"
    except UnicodeEncodeError:
        # The system's own message about a file may hold a path that is no text.
        return json.dumps(record, separators=(",", ":")).encode() + b"\n"


def parse(data: bytes) -> tuple[list[Record], int]:
    """The whole records in ``data`` and the number of bytes that they take."""
    records: list[Record] = []
    good = 0
    for line in _lines(data):
        record = _record(line)
        if record is None:
            break
        records.append(record)
        good += len(line)
    return records, good


def salvage(data: bytes) -> list[Record]:
    """Every whole record in ``data``, whatever stands between them."""
    return [record for record in map(_record, _lines(data)) if record is not None]


def _record(line: bytes) -> Record | None:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _lines(data: bytes) -> Iterator[bytes]:
    for line in data.splitlines(keepends=True):
        if line.endswith(b"\n"):
            yield line
