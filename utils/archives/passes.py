"""A run of 7-Zip that writes the content of items to a pipe, one after another."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from utils.archives.engine import Run
from utils.archives.limits import Budget
from utils.archives.listing import Item
from utils.archives.scratch import Scratch
from utils.errors import ArchiveDamaged, ArchiveError, UnsupportedArchive
from utils.texts import Text

_FAULT = re.compile(r"^ERROR: ([^:\n]+) : (.*)$", re.MULTILINE)
#: What Python makes of bytes that are no UTF-8 ("surrogateescape"), and what 7-Zip makes of them.
_ESCAPED = {0xDC00 + byte: 0xEF00 + byte for byte in range(0x80, 0x100)}
_GENERAL = re.compile(r"^ERROR(?!: [^:\n]+ : )", re.MULTILINE)


async def start_pass(
    path: Path, scratch: Scratch, budget: Budget, password: str, items: Sequence[Item] | None
) -> Run:
    """Start to extract ``items`` (None: everything) of the archive ``path`` to the pipe."""
    chosen: tuple[str, ...] = ()
    if items is not None:
        names = scratch.new_file()
        await asyncio.to_thread(names.write_bytes, list_file(item.name for item in items))
        chosen = ("-spd", "-scsUTF-16LE", f"-i@{names}")
    arguments = ("x", "-so", "-sccUTF-8", *chosen, "--", str(path))
    return await Run.start(arguments, scratch=scratch, password=password, standstill=budget.limits.timeout)


def list_file(names: Iterable[str]) -> bytes:
    """A file that names items to 7-Zip, each once, in UTF-16.

    Bytes that are no UTF-8 have places from U+EF80 on in 7-Zip's names, which it takes from no list in UTF-8.
    A name with a line end in it, or with nothing, would spoil the whole list: its item cannot be chosen.
    """
    # In quotes, or else spaces at either end are lost.
    lines = "".join(f'"{name}"\n' for name in dict.fromkeys(names) if name and "\r" not in name)
    return ("\ufeff" + lines.translate(_ESCAPED)).encode("utf-16-le")


class Pipe:
    """The output of a run, with a look ahead."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._buffer = b""

    async def peek(self, size: int) -> bytes:
        """The next ``size`` bytes without taking them; fewer at the end."""
        if len(self._buffer) < size:
            parts, held = [self._buffer], len(self._buffer)
            while held < size and (data := await self._run.read()):
                parts.append(data)
                held += len(data)
            self._buffer = b"".join(parts)
        return self._buffer[:size]

    async def take(self, most: int) -> bytes:
        """At least one of the next ``most`` bytes; empty at the end."""
        data = self._buffer or await self._run.read()
        self._buffer = data[most:]
        return data[:most]


def fault_of(messages: str, name: str) -> str:
    """What 7-Zip said is wrong with the item ``name``; "" when nothing is."""
    for match in _FAULT.finditer(messages):
        if match[2] == name:
            return match[1]
    general = _GENERAL.search(messages)
    return "Error" if general and not _FAULT.search(messages) else ""


def without_names(messages: str) -> str:
    """``messages`` without names of items, which may hold any words."""
    return _FAULT.sub(r"ERROR: \1", messages)


def error_of(fault: str) -> ArchiveError:
    """The same as an error for a person."""
    if "Unsupported" in fault:
        return UnsupportedArchive(Text("its compression method is not supported."))
    if "allocate" in fault or "memory" in fault:
        return UnsupportedArchive(Text("it needs too much memory to be unpacked."))
    if "password" in fault.lower():
        return ArchiveDamaged(Text("it is damaged, or has another password than the rest."))
    if "CRC" in fault:
        return ArchiveDamaged(Text("its check sum does not match."))
    if "end of data" in fault:
        return ArchiveDamaged(Text("it is cut off."))
    return ArchiveDamaged(Text("its data are damaged."))
