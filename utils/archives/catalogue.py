"""A spooled archive as 7-Zip sees it: its items, and the password that opens it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from utils.archives.engine import Run
from utils.archives.extraction import CutOff
from utils.archives.limits import Budget, check_table
from utils.archives.listing import Item, ListingParser
from utils.archives.passes import fault_of, start_pass
from utils.archives.scratch import Scratch
from utils.errors import (
    ArchiveDamaged,
    ArchiveError,
    EngineCrashed,
    PasswordNeeded,
    UnsupportedArchive,
    WrongPassword,
)
from utils.texts import Text

#: Passwords are tried on so many items, and on the first one only if it has no more bytes than that.
TRIAL_ITEMS = 3
TRIAL = 64 * 1024 * 1024
#: Formats of which 7-Zip says more, such as that it is cut off, when it is told which one it is.
TOLD = {"7z": "-t7z"}
#: Formats whose sums have 16 bits.
OTHER_SUMS = ("lzh",)
#: 7-Zip's exit codes: 0 is fine, 1 a warning (such as data after the end), the rest are faults.
FINE = (0, 1)
#: What it ends with when the items that it was to take have no names that it can be told.
NOT_CHOSEN = 7


@dataclass(frozen=True)
class Catalogue:
    """``fault`` is what listing complained of although it gave items; "" when it did not.

    ``locked`` is what to say of the encrypted ones among the items when nothing opens them.
    """

    path: Path
    items: Sequence[Item]
    password: str
    fault: str
    locked: PasswordNeeded | None = None


async def read_catalogue(
    path: Path, format_: str, scratch: Scratch, budget: Budget, passwords: Sequence[str]
) -> Catalogue:
    """List ``path``, which is of ``format_``, trying no password and then each of ``passwords``.

    Raises PasswordNeeded, WrongPassword (when there is nothing that needs none), ArchiveDamaged,
    UnsupportedArchive, EngineCrashed and LimitExceeded.
    """
    for password in ("", *passwords):
        items, code, messages = await _list(path, format_, scratch, budget, password)
        if "encrypted archive" in messages:
            continue
        if not items and code not in FINE:
            raise _open_error(messages)
        # Of a RAR that is cut off it says nothing in a listing; only its exit code tells.
        fault = "" if code in FINE else messages or f"exit code {code}"
        fits, locked = password, None
        if any(item.is_locked for item in items):
            candidates = (password,) if password else passwords
            try:
                fits = await _fitting(path, scratch, budget, items, candidates)
            except PasswordNeeded as error:
                if not any(item.is_open for item in items):
                    raise
                locked = error
        return Catalogue(path, items, fits, fault, locked)
    raise password_error(passwords)


def password_error(passwords: Sequence[str]) -> PasswordNeeded:
    """What to say when none of ``passwords`` opens an encrypted archive."""
    if any(passwords):
        return WrongPassword(Text("it is encrypted, and the password does not fit."))
    return PasswordNeeded(Text("it is encrypted, and I know no password for it."))


async def _list(
    path: Path, format_: str, scratch: Scratch, budget: Budget, password: str
) -> tuple[list[Item], int, str]:
    told = (TOLD[format_],) if format_ in TOLD else ()
    arguments = ("l", "-slt", "-ba", "-sccUTF-8", *told, "--", str(path))
    run = await Run.start(arguments, scratch=scratch, password=password, standstill=budget.limits.timeout)
    parser = ListingParser(crc32=format_ not in OTHER_SUMS)
    items: list[Item] = []
    size = 0
    try:
        async for line in run.lines():
            size += len(line) if line.startswith(b"Path") else 0
            check_table(size, budget.limits)
            items.extend(parser.feed(line))
            if len(items) > budget.limits.max_entries:
                budget.add_entries(len(items))
        items.extend(parser.finish())
        return items, await run.wait(), run.messages()
    finally:
        await run.kill()


def _open_error(messages: str) -> ArchiveError:
    if "Missing volume" in messages or "Unexpected end" in messages:
        return CutOff(Text("the archive is cut off."))
    if "Headers Error" in messages or "Data Error" in messages or "CRC" in messages:
        return ArchiveDamaged(Text("the archive is damaged: its table of contents cannot be read."))
    if "Unsupported" in messages:
        return UnsupportedArchive(Text("the archive is of a kind that is not supported."))
    if "allocate" in messages:
        return UnsupportedArchive(Text("the archive needs too much memory to be opened."))
    return ArchiveDamaged(Text("the archive is damaged, or not what it seems to be."))


async def _fitting(
    path: Path, scratch: Scratch, budget: Budget, items: Sequence[Item], passwords: Sequence[str]
) -> str:
    """The first of ``passwords`` that decrypts something.

    Raises PasswordNeeded, WrongPassword, and EngineCrashed when nobody knows whether one would have.
    """
    crash: EngineCrashed | None = None
    encrypted = [item for item in items if item.is_locked]
    # In a solid archive the first costs least, because all that stands before the others comes with them.
    first = [item for item in encrypted[:1] if (item.size or 0) <= TRIAL]
    for item in (first + sorted(encrypted, key=lambda item: item.size or 0))[:TRIAL_ITEMS]:
        for password in passwords:
            try:
                if await decrypts(path, scratch, budget, item, password):
                    return password
            except EngineCrashed as error:
                crash = error
    raise crash or password_error(passwords)


async def decrypts(path: Path, scratch: Scratch, budget: Budget, item: Item, password: str) -> bool:
    """Whether ``password`` is the one of ``item``: it is unpacked to its end, and 7-Zip has no complaint.

    An item that 7-Zip cannot be asked for (a line end is in its name) is unpacked with all the others. Raises
    EngineCrashed.
    """
    for chosen in ([item], None):
        run = await start_pass(path, scratch, budget, password, chosen)
        size = 0
        try:
            while data := await run.read():
                size += len(data)
            code = await run.wait()
            if "Unsupported" in fault_of(run.messages(), item.name):
                return True  # no password can tell; extraction will say what is wrong
            if size or code not in (*FINE, NOT_CHOSEN):
                return code in FINE and size >= (item.size or 0)
        finally:
            await run.kill()
    return False
