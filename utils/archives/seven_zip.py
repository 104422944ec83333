"""What 7-Zip reads: one pass over the whole archive, split by the listing and proved by check sums.

``7zz x -so`` writes the content of all files one after another, in listing order. Where that does not
hold, or something is damaged, the rest is taken in further passes over the entries that are left.
"""

from __future__ import annotations

import asyncio
import contextlib
import zlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from utils.archives.catalogue import Catalogue, decrypts
from utils.archives.engine import READ, Run
from utils.archives.entry import HEAD, Accept, Entry, Extracted, NewFile
from utils.archives.extraction import CutOff, EntryFile, concerns_entry, failed
from utils.archives.limits import Budget, FileTooLarge
from utils.archives.listing import Item
from utils.archives.names import RawName, decode_names, display_path, is_junk
from utils.archives.passes import Pipe, error_of, fault_of, start_pass, without_names
from utils.archives.scratch import Scratch
from utils.errors import (
    ArchiveDamaged,
    ArchiveError,
    DiskFull,
    EngineCrashed,
    NotAFile,
    PasswordNeeded,
    ProgramKilled,
    VolumeMissing,
)
from utils.texts import Text

#: Entries up to this size are shown to ``accept`` only when they are verified.
SMALL = 1024 * 1024
#: After so many entries in a row that could not be read, the rest is given up.
FAILURES_IN_A_ROW = 200
#: How names end of what is no picture, no video and no archive.
TEXTS = (".txt", ".nfo", ".diz", ".md", ".url", ".htm", ".html", ".ini", ".sfv", ".md5", ".sha1", ".sha256")
#: What 7-Zip says of a whole archive and not of one entry.
WHOLE = ("Missing volume", "Unexpected end of archive")


@dataclass
class _Slot:
    """One file of the listing; ``settled`` once it was handed over, refused, or given up.

    ``refused`` is the check sum of the first bytes for which it was refused; None when it was not.
    """

    item: Item
    entry: Entry
    settled: bool = False
    refused: int | None = None

    def is_wanted(self, head: bytes, accept: Accept) -> bool:
        """What ``accept`` says. It is asked again only if ``head`` differs: the stream was shifted before."""
        shown = zlib.crc32(head)
        if self.refused != shown:
            self.refused = None if accept(self.entry, head) else shown
        return self.refused is None


class _Broken(Exception):
    """The stream is not what the listing says, so nothing that follows can be trusted."""


class SevenZipReader:
    """Reads a spooled archive.

    ``names`` are the items' decoded names where somebody knows better than the listing.
    """

    def __init__(
        self,
        format_: str,
        catalogue: Catalogue,
        scratch: Scratch,
        budget: Budget,
        *,
        passwords: Sequence[str] = (),
        names: Sequence[str] | None = None,
    ) -> None:
        self.format = format_
        self.ignored = 0
        self._catalogue = catalogue
        self._scratch = scratch
        self._budget = budget
        self._passwords = passwords
        self._password = catalogue.password
        self._tried: set[tuple[str, str]] = set()
        self._slots: list[_Slot] = []
        self._read_names(names)
        self.listing: Sequence[Entry] | None = [slot.entry for slot in self._slots if not slot.settled]
        self._run: Run | None = None
        self._file: EntryFile | None = None
        self._said = ""

    def _read_names(self, names: Sequence[str] | None) -> None:
        items = self._catalogue.items
        if names is None:
            names = decode_names([RawName(item.name.encode("utf-8", "surrogateescape")) for item in items])
        for number, (item, name) in enumerate(zip(items, names, strict=True)):
            if item.is_folder:
                continue
            path = display_path(name)
            junk = is_junk(path)
            self.ignored += junk
            # Junk is in the stream all the same, so it stays among the slots.
            self._slots.append(_Slot(item, Entry(str(number), path, item.size, item.time), junk))

    async def extract(self, accept: Accept, new_file: NewFile) -> AsyncIterator[Extracted]:
        """See :class:`~utils.archives.entry.ArchiveReader`."""
        for slot in self._slots:
            if slot.item.special and not slot.settled:
                slot.settled = True
                yield failed(slot.entry, NotAFile(slot.item.special))
        failures, last = 0, ArchiveError("")
        locked = self._lock_out(accept)
        order: Sequence[_Slot] = self._left() if self._catalogue.locked else self._slots
        while any(not slot.settled for slot in order):
            before = self._progress()
            async for extracted in self._pass(order, accept, new_file):
                damage = extracted.error if isinstance(extracted.error, ArchiveError) else None
                failures = failures + 1 if damage else 0
                last = damage or last
                yield extracted
            if order is not self._slots and self._progress() == before:
                # Another pass would end where this one did.
                failures += 1
                yield self._unreadable(order)
            if failures >= FAILURES_IN_A_ROW:
                raise _too_many(last)
            order = self._left()
        if locked is not None:
            raise locked
        self._check_whole()

    def _lock_out(self, accept: Accept) -> PasswordNeeded | None:
        """Leave out what no password opens; returns what to say of it in the end, should it be wanted."""
        if self._catalogue.locked is None:
            return None
        locked = [slot for slot in self._slots if slot.item.is_locked]
        self._slots = [slot for slot in self._slots if not slot.item.is_locked]
        unsettled = [slot.entry for slot in locked if not slot.settled]
        # Of the content nothing is known. Such names are believed, or a note would ask for a password.
        wanted = [not entry.name.lower().endswith(TEXTS) or accept(entry, b"") for entry in unsettled]
        return self._catalogue.locked if any(wanted) else None

    def _progress(self) -> tuple[int, str]:
        """What a pass has to change, or the next one would be the same again."""
        return sum(slot.settled for slot in self._slots), self._password

    @staticmethod
    def _unreadable(order: Sequence[_Slot]) -> Extracted:
        """Give up the first slot of ``order`` that is left: nothing tells where its content ends."""
        slot = next(slot for slot in order if not slot.settled)
        slot.settled = True
        return failed(slot.entry, ArchiveDamaged(Text("its size is unknown, and its name comes twice.")))

    def _left(self) -> list[_Slot]:
        """The slots of the next pass: what is not settled, and what has the same name as one of those."""
        pending = [slot for slot in self._slots if not slot.settled]
        if pending and pending[0].item.size is None:
            pending = pending[:1]  # an unknown size can be read only up to the end of a run
        names = {slot.item.name for slot in pending}
        return [slot for slot in self._slots if slot.item.name in names]

    def _check_whole(self) -> None:
        """Raise when 7-Zip said that something is missing as a whole."""
        said = self._said + without_names(self._catalogue.fault)
        if "Missing volume" in said:
            raise VolumeMissing(
                Text("it is one volume of a set; please send all of them under their own names.")
            )
        if "Unexpected end of archive" in said:
            raise CutOff(Text("the archive is cut off; what could be read was taken out."))
        if self._catalogue.fault:
            raise ArchiveDamaged(Text("the archive is damaged; what could be read was taken out."))

    async def close(self) -> None:
        if self._run is not None:
            await self._run.kill()
        if self._file is not None:
            await asyncio.to_thread(self._file.discard)
            self._file = None

    # -- one pass -------------------------------------------------------------------------------------

    async def _pass(
        self, order: Sequence[_Slot], accept: Accept, new_file: NewFile
    ) -> AsyncIterator[Extracted]:
        """Read what one run gives until it ends, breaks, or comes to an unknown size among others."""
        chosen = None if order is self._slots else [slot.item for slot in order]
        self._run = run = await start_pass(
            self._catalogue.path, self._scratch, self._budget, self._password, chosen
        )
        pipe = Pipe(run)
        fresh = True  # nothing came before that could have shifted the stream
        try:
            for slot in order:
                if slot.item.size is None and len(order) > 1:
                    return
                try:
                    extracted = await self._one(slot, pipe, accept, new_file)
                except _Broken:
                    if fresh and (error := await self._give_up(slot, order)) is not None:
                        yield error
                    return
                # Settled ones of other names, met in the first pass only, may give less than they say.
                fresh = fresh and slot.settled and chosen is not None
                slot.settled = True
                if extracted is not None:
                    yield extracted
            with contextlib.suppress(EngineCrashed, ProgramKilled):  # all that came is proved
                await run.wait()
        finally:
            self._listen(run)
            await run.kill()

    def _listen(self, run: Run) -> None:
        """Keep what ``run`` has said of the archive as a whole, which it says before it gives anything."""
        said = without_names(run.messages())
        self._said += "".join(f"{fault}\n" for fault in WHOLE if fault in said and fault not in self._said)

    async def _give_up(self, slot: _Slot, order: Sequence[_Slot]) -> Extracted | None:
        """The pass broke at its first unsettled slot (or at one of the same name): what to say of it.

        None when another password will help, or nobody wants it.
        """
        assert self._run is not None
        victim = slot if not slot.settled else next(s for s in order if not s.settled)
        messages = self._run.messages()
        crash = await self._run.crash()
        if crash is None and victim.item.encrypted and await self._other_password(victim):
            return None
        victim.settled = True
        # With a wrong password the first bytes are noise, which says nothing of whether it is wanted.
        if victim is slot and slot.refused is not None and not slot.item.encrypted:
            return None
        return failed(victim.entry, crash or error_of(fault_of(messages, victim.item.name)))

    async def _other_password(self, slot: _Slot) -> bool:
        """Whether another of the passwords is the one of ``slot``; the next pass uses it then."""
        catalogue = self._catalogue
        for password in self._passwords:
            if password == self._password or (slot.entry.key, password) in self._tried:
                continue
            self._tried.add((slot.entry.key, password))
            with contextlib.suppress(EngineCrashed):
                if await decrypts(catalogue.path, self._scratch, self._budget, slot.item, password):
                    self._password = password
                    return True
        return False

    # -- one entry ------------------------------------------------------------------------------------

    async def _one(self, slot: _Slot, pipe: Pipe, accept: Accept, new_file: NewFile) -> Extracted | None:
        """Take one entry's content out of ``pipe``; None when nobody wants it. Raises _Broken."""
        item = slot.item
        if slot.settled:
            await self._skip(item, pipe)
            return None
        if item.size is not None and item.size <= SMALL and item.crc is not None:
            data = await pipe.peek(item.size)
            if len(data) < item.size or zlib.crc32(data) != item.crc:
                raise _Broken
        head = await pipe.peek(HEAD if item.size is None else min(HEAD, item.size))
        if item.size is not None and len(head) < min(HEAD, item.size):
            raise _Broken
        if not slot.is_wanted(head, accept):
            await self._skip(item, pipe)
            return None
        self._file = file = EntryFile(slot.entry, new_file(slot.entry), self._budget)
        try:
            await asyncio.to_thread(self._file.open)
            extracted = await self._copy(self._file, item, pipe)
        except (FileTooLarge, DiskFull) as error:
            await asyncio.to_thread(file.discard)
            if not concerns_entry(error, file):
                raise
            await self._skip(item, pipe, file.size)
            return failed(slot.entry, error)
        except (ArchiveDamaged, _Broken):
            await asyncio.to_thread(self._file.discard)
            raise _Broken from None
        self._file = None
        return extracted

    async def _copy(self, file: EntryFile, item: Item, pipe: Pipe) -> Extracted:
        while item.size is None or file.size < item.size:
            data = await pipe.take(READ if item.size is None else min(READ, item.size - file.size))
            if not data:
                break
            await asyncio.to_thread(file.write, data)
        if item.crc is None:
            await self._hear(item, pipe)
        return file.finish(item.crc)

    async def _hear(self, item: Item, pipe: Pipe) -> None:
        """Without a check sum, 7-Zip's own word counts: it is said before the next entry begins."""
        assert self._run is not None
        crash = None if await pipe.peek(1) else await self._run.crash()
        if crash is not None or fault_of(self._run.messages(), item.name):
            raise _Broken

    async def _skip(self, item: Item, pipe: Pipe, taken: int = 0) -> None:
        """Pass over the content of ``item`` from byte ``taken`` on."""
        while item.size is None or taken < item.size:
            data = await pipe.take(READ if item.size is None else min(READ, item.size - taken))
            if not data:
                break
            taken += len(data)
            self._budget.decode(len(data), self._scratch.folder)
        if item.size is not None and taken < item.size:
            raise _Broken


def _too_many(last: ArchiveError) -> ArchiveError:
    """What to say when the rest is given up, ``last`` being what was wrong with the last entry."""
    if isinstance(last, EngineCrashed):
        return EngineCrashed(Text("7-Zip crashes on it again and again; the rest was given up."))
    return ArchiveDamaged(Text("too much of the archive is damaged; the rest was given up."))
