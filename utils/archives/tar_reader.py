"""A tar, plain or compressed, read from front to back while it comes in."""

from __future__ import annotations

import contextlib
import tarfile
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import UTC, datetime
from typing import IO, Self, cast

from utils.archives.entry import HEAD, Accept, Entry, Extracted, NewFile
from utils.archives.extraction import CutOff, EntryFile, concerns_entry, failed
from utils.archives.limits import Budget
from utils.archives.names import RawName, decode_names, display_path, is_junk
from utils.archives.scratch import Scratch
from utils.archives.streams import OpenStream, Stream
from utils.archives.threads import BlockingSource
from utils.errors import ArchiveDamaged, ArchiveError, DiskFull, NotAFile
from utils.texts import Text

#: Members that only say something about the archive: a label, where a volume goes on, names of old GNU tar.
_NOTES = (b"V", b"M", b"N")
#: Bytes moved between two looks at whether somebody wants to stop.
STEP = 1024 * 1024
#: Bytes that ``tarfile`` asks a compressed stream for at once.
BUFFER = 128 * 1024
#: Blocks of 512 bytes in which the next header is looked for: after damage, and after the end mark (archives
#: may be joined end to end).
LOST, LOST_AFTER_END = 500_000, 2048
#: Bytes behind the end mark that are read for the sake of the check sum.
BEHIND_THE_END = 64 * 1024 * 1024
LONGEST_HEADER = 1024 * 1024
#: So many of the last foreign names decide together how they are read.
SAMPLE = 50
_IN_MEMORY = (
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
)


class _Member(tarfile.TarInfo):
    """Notes what ``tarfile`` passes over in silence: a header in the middle that is none."""

    @classmethod
    def fromtarfile(cls, archive: tarfile.TarFile) -> Self:
        assert isinstance(archive, _Tar)
        archive.lost += 1
        if archive.lost > (LOST_AFTER_END if archive.ended else LOST):
            raise tarfile.EmptyHeaderError("nothing more")  # type: ignore[attr-defined]
        try:
            member = super().fromtarfile(archive)
            archive.lost = 0
            return member
        except tarfile.EOFHeaderError:  # type: ignore[attr-defined]
            archive.ended = True
            raise
        except tarfile.HeaderError:
            archive.damaged = archive.damaged or not archive.ended
            raise

    def _proc_member(self, archive: tarfile.TarFile) -> Self | None:
        """Long names and the like are read into memory: not if they are that long."""
        if self.type in _IN_MEMORY and self.size > LONGEST_HEADER:
            raise tarfile.InvalidHeaderError("too long")  # type: ignore[attr-defined]
        if self.type == tarfile.GNUTYPE_SPARSE:
            with _bounded(archive):
                return cast(Self, super()._proc_member(archive))  # type: ignore[misc]
        return cast(Self, super()._proc_member(archive))  # type: ignore[misc]

    def _proc_gnusparse_10(self, member: Self, headers: object, archive: tarfile.TarFile) -> None:
        """Where a sparse file has its content stands in front of it, however long."""
        with _bounded(archive):
            super()._proc_gnusparse_10(member, headers, archive)  # type: ignore[misc]


@contextlib.contextmanager
def _bounded(archive: tarfile.TarFile) -> Iterator[None]:
    """Nothing that is read meanwhile may be longer than a header. Raises ``tarfile``'s HeaderError."""
    file = archive.fileobj
    archive.fileobj = cast(IO[bytes], _Bounded(cast(IO[bytes], file)))
    try:
        yield
    finally:
        archive.fileobj = file


class _Bounded:
    """What ``tarfile`` uses of a file while it reads a header."""

    def __init__(self, file: IO[bytes]) -> None:
        self._left = LONGEST_HEADER
        self._read = file.read
        self.tell = file.tell

    def read(self, size: int) -> bytes:
        self._left -= size
        if self._left < 0:
            raise tarfile.InvalidHeaderError("too long")  # type: ignore[attr-defined]
        return self._read(size)


class _Tar(tarfile.TarFile):
    """``ended``: the end mark was seen; ``damaged``: what stood where a header belongs was none.

    ``lost`` counts the blocks since the last header that made sense.
    """

    tarinfo = _Member
    ended = False
    damaged = False
    lost = 0


class TarReader:
    """Reads the tar in ``stream``; what has no end mark and no sense is passed over and reported."""

    listing: Sequence[Entry] | None = None

    def __init__(self, kind: str, stream: OpenStream, scratch: Scratch, budget: Budget) -> None:
        self.format = f"tar.{kind}" if kind else "tar"
        self.ignored = 0
        self._stream = stream
        self._budget = budget
        self._scratch = scratch
        self._tar: _Tar | None = None
        self._foreign: list[RawName] = []
        self._counted: _Counted | None = None
        self._current: EntryFile | None = None

    async def extract(self, accept: Accept, new_file: NewFile) -> AsyncIterator[Extracted]:
        """See :class:`~utils.archives.entry.ArchiveReader`."""
        number = -1
        while (member := await self._stream.worker.run(self._next)) is not None:
            number += 1
            self._budget.add_entries(1)
            if member.isdir() or member.type in _NOTES:
                continue
            path = display_path(self._decode(member.name))
            if is_junk(path):
                self.ignored += 1
                continue
            entry = Entry(str(number), path, member.size, _time(member.mtime))
            extracted = await self._take(member, entry, accept, new_file)
            if extracted is not None:
                yield extracted
        assert self._tar is not None
        await self._stream.worker.run(self._read_to_the_end)
        if not self._tar.ended:
            raise CutOff(Text("the archive ends without an end mark: it is probably cut off."))
        if self._tar.damaged:
            raise ArchiveDamaged(Text("a part of the archive is damaged; what could be read was taken out."))

    async def close(self) -> None:
        await self._stream.close()
        if self._current is not None:
            self._current.discard()

    def _decode(self, name: str) -> str:
        """``name`` as all the names until now say that it is to be read."""
        raw = RawName(name.encode("utf-8", "surrogateescape"))
        if raw.raw.isascii():
            return name
        self._foreign = [*self._foreign[-SAMPLE:], raw]
        return decode_names(self._foreign)[-1]

    # -- in the thread --------------------------------------------------------------------------------

    def _next(self) -> tarfile.TarInfo | None:
        """The next member. Raises ArchiveDamaged."""
        try:
            if self._tar is None:
                self._tar = self._open()
            member = self._tar.next()
            # Kept by tarfile for looking members up, which is not done here.
            self._tar.members.clear()  # type: ignore[attr-defined]
        except tarfile.ReadError as error:
            if "unexpected end" in str(error):
                raise CutOff(Text("the archive is cut off.")) from error
            raise ArchiveDamaged(Text("the archive is damaged.")) from error
        except (tarfile.TarError, EOFError, ValueError, OverflowError, IndexError, RecursionError) as error:
            raise ArchiveDamaged(Text("the archive is damaged.")) from error
        return member

    def _open(self) -> _Tar:
        stream = self._stream.stream
        source = cast(IO[bytes], stream)
        if isinstance(stream, BlockingSource):
            # Entries that nobody wants are jumped over, and never fetched.
            return _Tar.open(fileobj=source, mode="r:", ignore_zeros=True, errors="surrogateescape")
        self._counted = _Counted(stream, self._budget, self._scratch)
        counted = cast(IO[bytes], self._counted)
        return _Tar.open(
            fileobj=counted, mode="r|", bufsize=BUFFER, ignore_zeros=True, errors="surrogateescape"
        )

    def _read_to_the_end(self) -> None:
        """Compressed data have a check sum at their end, which is all that vouches for what was in them."""
        if self._counted is None:
            return
        for _ in range(BEHIND_THE_END // STEP):
            if not self._counted.read(STEP):
                return

    # -- one member -----------------------------------------------------------------------------------

    async def _take(
        self, member: tarfile.TarInfo, entry: Entry, accept: Accept, new_file: NewFile
    ) -> Extracted | None:
        if not member.isreg():
            return failed(entry, NotAFile(_kind(member)))
        assert self._tar is not None
        content = self._tar.extractfile(member)
        assert content is not None
        try:
            head = await self._stream.worker.run(_read, content, min(HEAD, member.size))
            if not accept(entry, head):
                return None
            # A stream's bytes are counted as they come out, but not what a sparse file's holes become.
            counted = isinstance(self._stream.stream, BlockingSource) or member.issparse()
            self._current = EntryFile(entry, new_file(entry), self._budget, counted=counted)
            await self._stream.worker.run(self._current.open)
            return await self._copy(content, head)
        except (ArchiveError, DiskFull) as error:
            if self._current is not None:
                await self._stream.worker.run(self._current.discard)
            if not concerns_entry(error, self._current):
                raise
            return failed(entry, error)

    async def _copy(self, content: IO[bytes], data: bytes) -> Extracted:
        file = self._current
        assert file is not None
        while data:
            await self._stream.worker.run(file.write, data)
            data = await self._stream.worker.run(_read, content, STEP)
        extracted = await self._stream.worker.run(file.finish)
        self._current = None
        return extracted


class _Counted:
    """A stream of which every byte that comes out is counted, wanted or not."""

    def __init__(self, stream: Stream, budget: Budget, scratch: Scratch) -> None:
        self._stream = stream
        self._budget = budget
        self._folder = scratch.folder

    def read(self, size: int) -> bytes:
        data = self._stream.read(size)
        self._budget.decode(len(data), self._folder)
        return data


def _read(content: IO[bytes], size: int) -> bytes:
    try:
        return content.read(size)
    except (tarfile.TarError, EOFError, ValueError) as error:
        raise ArchiveDamaged(Text("the archive is cut off in it.")) from error


def _kind(member: tarfile.TarInfo) -> str:
    if member.issym():
        return Text("a symbolic link")
    if member.islnk():
        return Text("a hard link")
    return Text("a pipe") if member.isfifo() else Text("a device")


def _time(utc: float) -> float:
    """When a file was changed, as the clocks here showed it."""
    try:
        return datetime.fromtimestamp(utc).replace(tzinfo=UTC).timestamp()  # noqa: DTZ006
    except (ValueError, OverflowError, OSError):
        return 0.0
