"""A video that comes as the file that it is, beside what it becomes."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from utils.jobs import lines
from utils.jobs.albums import MediaFile, part_key
from utils.jobs.media_files import second_name
from utils.jobs.record import JobRecord
from utils.texts import said, tr


def _key(video: MediaFile) -> str:
    return part_key(video.key, "original")


async def original_of(video: MediaFile, path: Path, number: int, known: Collection[str]) -> list[MediaFile]:
    """``video``, a document in ``path``, once more: as file ``number``, to be sent as it is.

    None when that is among those whose key is ``known``.
    """
    if _key(video) in known:
        return []
    copy = path.with_name(f"{number:06d}")
    await asyncio.to_thread(second_name, path, copy)
    return [replace(video, number=number, key=_key(video), path=copy.name)]


def not_converted(record: JobRecord, number: int, reason: str) -> list[lines.Line]:
    """What to journal when the deferred video ``number`` cannot be converted: it is sent as it is, once."""
    video = record.deferred[number]
    if _key(video) not in record.known_keys():
        return [lines.Unconvertible(number, said(reason))]
    told = tr("it could not be converted, and came as a file: {reason}", reason=said(reason))
    return [lines.Skip(video.key, video.name, told), lines.Drop(number)]
