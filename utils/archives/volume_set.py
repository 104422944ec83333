"""The volumes of one split archive: in order, complete as far as can be told, and read as one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from utils.archives.entry import HEAD, Accept, ArchiveReader, Entry, Extracted, NewFile, taking
from utils.archives.extraction import CutOff
from utils.archives.formats import TAIL, format_of
from utils.archives.limits import Budget
from utils.archives.scratch import Scratch, spool
from utils.archives.source import ByteSource, JoinedSource
from utils.archives.volumes import (
    Arrangement,
    Scheme,
    arrange,
    canonical_names,
    disks_of_zip,
    rar_continues,
    size_of_7z,
    volume_name,
    volume_of,
)
from utils.errors import UnsupportedArchive, VolumeMissing
from utils.texts import Text


class VolumeSet:
    """``sources`` in the order of ``arrangement``; nothing is known to be missing."""

    def __init__(self, sources: Sequence[ByteSource], arrangement: Arrangement, format_: str) -> None:
        self.format = format_
        self._sources = sources
        self._arrangement = arrangement

    @classmethod
    async def of(cls, sources: Sequence[ByteSource]) -> VolumeSet | None:
        """The set that ``sources`` are, in any order; None for a file by itself.

        Costs two small reads. Raises VolumeMissing with what is missing, and UnsupportedArchive for
        several files that are not of one set.
        """
        arrangement = arrange([source.name for source in sources])
        if arrangement is None:
            if len(sources) > 1:
                raise UnsupportedArchive(Text("these files are not the volumes of one archive."))
            await _check_alone(sources[0])
            return None
        if arrangement.missing:
            raise VolumeMissing(
                Text("these volumes are missing: {names}.", names=", ".join(arrangement.missing))
            )
        ordered = [sources[index] for index in arrangement.order]
        head = await ordered[0].read(0, min(HEAD, ordered[0].size))
        found = cls(ordered, arrangement, format_of(head, ordered[0].name))
        if await found._is_cut(head):
            raise found.missing()
        return found

    async def _is_cut(self, head: bytes) -> bool:
        """Whether the last volume says that it is not the last."""
        last = self._sources[-1]
        size = min(TAIL, last.size)
        tail = await last.read(last.size - size, size)
        if self._arrangement.scheme in (Scheme.PART, Scheme.OLD_RAR):
            return rar_continues(tail) is True
        if self._arrangement.scheme is Scheme.ZIP:
            return disks_of_zip(tail) > len(self._sources) - 1
        whole = size_of_7z(head)
        return whole is not None and sum(source.size for source in self._sources) < whole

    def missing(self) -> VolumeMissing:
        """The error for a set whose last volume is not there."""
        return VolumeMissing(
            Text("at least one volume is missing: {name}.", name=self._arrangement.following)
        )

    @contextmanager
    def cut_off_means_missing(self) -> Iterator[None]:
        """Turn an archive that ends too early into a volume that is missing."""
        try:
            yield
        except (CutOff, VolumeMissing) as error:
            raise self.missing() from error

    def joined(self) -> ByteSource | None:
        """All volumes as one source, when the set is nothing but a file that was cut; else None."""
        if self._arrangement.scheme is not Scheme.CUT:
            return None
        return JoinedSource(self._sources[0].name.rpartition(".")[0], self._sources)

    async def spool(self, scratch: Scratch, budget: Budget) -> Path:
        """All volumes on disk, under names by which 7-Zip finds them; returns what it has to open."""
        folder = scratch.new_folder()
        paths = [folder / name for name in canonical_names(self._arrangement)]
        for source, path in zip(self._sources, paths, strict=True):
            await spool(source, path, scratch, budget)
        return paths[-1] if self._arrangement.scheme is Scheme.ZIP else paths[0]


async def _check_alone(source: ByteSource) -> None:
    """A file by itself: raise VolumeMissing when its end says that it is not."""
    size = min(TAIL, source.size)
    if not source.name.lower().endswith((".rar", ".zip")):
        return
    head, tail = await source.read(0, 4), await source.read(source.size - size, size)
    stem = source.name.rpartition(".")[0]
    if disks_of_zip(tail) and source.name.lower().endswith(".zip"):
        raise VolumeMissing(
            Text("it is the last volume of a set; the others are missing: {name}.z01 and so on.", name=stem)
        )
    # What stands last in a ZIP may be a volume that goes on: the ZIP does not.
    if head.startswith(b"Rar!") and rar_continues(tail):
        first = volume_of(f"{stem}.r00")
        assert first is not None
        raise VolumeMissing(Text("at least one volume is missing: {name}.", name=volume_name(first, 2)))


class SetReader:
    """Reads what the volumes of a set hold together."""

    def __init__(self, inner: ArchiveReader, volumes: VolumeSet) -> None:
        self.format = inner.format
        self.listing: Sequence[Entry] | None = inner.listing
        self._inner = inner
        self._volumes = volumes

    @property
    def ignored(self) -> int:
        return self._inner.ignored

    async def extract(self, accept: Accept, new_file: NewFile) -> AsyncIterator[Extracted]:
        """See :class:`~utils.archives.entry.ArchiveReader`."""
        with self._volumes.cut_off_means_missing():
            async with taking(self._inner.extract(accept, new_file)) as found:
                async for extracted in found:
                    yield extracted

    async def close(self) -> None:
        await self._inner.close()
