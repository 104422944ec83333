"""What is too large for one message: the parts that are sent instead of it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from utils.errors import ConversionFailed, PassedOver
from utils.jobs import lines
from utils.jobs.albums import MediaFile
from utils.jobs.journal import JobJournal
from utils.jobs.steps import Steps
from utils.media import FirstLook, Inspection
from utils.storage.volumes import how_to_join, split_file, volume_names
from utils.storage.workspace import disk_errors
from utils.texts import Said, Text, tr

log = logging.getLogger(__name__)


class Cutting(Protocol):
    """What has to be done with a video to send it in parts."""

    async def split_video(self, path: Path, folder: Path, limit: int) -> list[Path]: ...

    async def inspect(self, path: Path, name: str, seen: FirstLook | None = None) -> Inspection: ...

    async def make_thumbnail(self, path: Path, output: Path, duration: float) -> Path | None: ...


class Parts:
    """Makes the parts of one job's files that are larger than ``limit`` bytes, once."""

    def __init__(
        self,
        *,
        folder: Path,
        limit: int,
        journal: JobJournal,
        media: Cutting,
        number: Callable[[], int],
        steps: Steps,
    ) -> None:
        self._folder = folder
        self._limit = limit
        self._journal = journal
        self._record = journal.record
        self._media = media
        self._number = number
        self._steps = steps

    async def of(self, whole: MediaFile) -> list[MediaFile]:
        """What is sent for ``whole``, in order: itself, or those of its parts that are not delivered.

        The parts are durable before they are journaled, all of them in one line, so that a crash leaves
        either the whole or its parts. Raises :class:`DiskFull`.
        """
        known = self._record.parts.get(whole.number)
        if known is None:
            if whole.size <= self._limit or whole.kind == "photo":
                return [whole]
            known = await self._make(whole)
        return [self._record.files[number] for number in known if number not in self._record.delivered]

    async def _make(self, whole: MediaFile) -> list[int]:
        log.info("✂️ %s is larger than Telegram takes, so it is sent in parts", whole.name)
        told = Text("the disk is full; there is no room to cut {name} into parts.", name=whole.name)
        with disk_errors(told):
            parts = await self._videos(whole) if whole.kind == "video" else []
            if not parts:
                # A video that cannot be cut does not play in volumes: it counts as a file.
                whole = replace(whole, kind="document")
                parts = await self._volumes(whole)
        await self._journal.write(lines.Split(whole, tuple(parts)))
        original = self._record.deferred.get(whole.number)
        if original is None or original.path != whole.path:
            await asyncio.to_thread(self._unlink, whole)
        return self._record.parts[whole.number]

    async def _videos(self, whole: MediaFile) -> list[MediaFile]:
        source = self._folder / whole.path
        try:
            doing = Text("cutting {name} into parts", name=whole.name)
            async with self._steps.of(f"cut {whole.number}", doing):
                paths = await self._media.split_video(source, self._folder, self._limit)
        except (ConversionFailed, PassedOver) as error:
            log.warning("⚠️ %s cannot be cut, so it is sent in volumes: %s", whole.name, error.told)
            return []
        stem = whole.name.rpartition(".")[0] or whole.name
        parts = []
        for place, path in enumerate(paths, 1):
            found = await self._media.inspect(path, "part.mp4")
            thumb = await self._media.make_thumbnail(path, path.with_suffix(".thumb"), found.duration)
            part = replace(
                whole,
                number=self._number(),
                name=f"{stem} ({place} of {len(paths)}).mp4",
                path=path.name,
                size=(await asyncio.to_thread(path.stat)).st_size,
                duration=found.duration,
                thumb=thumb.name if thumb else "",
                note=tr(
                    "Part {number} of {count}: the whole is larger than Telegram takes.",
                    number=place,
                    count=len(paths),
                ),
            )
            parts.append(part)
        return parts

    async def _volumes(self, whole: MediaFile) -> list[MediaFile]:
        paths = await asyncio.to_thread(split_file, self._folder / whole.path, self._folder, self._limit)
        names = volume_names(whole.name, len(paths))
        join = Said(how_to_join(whole.name, names))
        note = tr("It is larger than Telegram takes. To join: {commands}", commands=join)
        notes = [f"{whole.note} {note}".strip(), *("" for _ in names[1:])]
        return [
            replace(
                whole,
                number=self._number(),
                name=name,
                path=path.name,
                size=(await asyncio.to_thread(path.stat)).st_size,
                thumb="",
                note=text,
            )
            for path, name, text in zip(paths, names, notes, strict=True)
        ]

    def _unlink(self, whole: MediaFile) -> None:
        for name in filter(None, (whole.path, whole.thumb)):
            (self._folder / name).unlink(missing_ok=True)
