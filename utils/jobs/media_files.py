"""From a file of ours to what is known of it when it is sent."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from utils.archives import Entry
from utils.errors import MediaError
from utils.jobs.albums import LIVE_SECONDS, MediaFile, part_key
from utils.jobs.parts import Cutting
from utils.media import FirstLook, Inspection, Music, PreparedPhoto, Stills
from utils.storage.atomic import sync_file
from utils.texts import said, tr


class Media(Cutting, Protocol):
    """What a job needs to know, and to have done, about one file."""

    async def prepare_photo(self, path: Path, output: Path, part: int = 0) -> PreparedPhoto: ...

    async def contact_sheet(self, paths: Sequence[Path], output: Path) -> bool: ...

    async def taken_at(self, path: Path) -> float: ...

    async def first_look(self, path: Path, name: str) -> FirstLook: ...

    async def take_film(self, path: Path, output: Path) -> bool: ...

    async def convert_film(self, path: Path, output: Path, inspection: Inspection) -> Inspection: ...

    async def make_stills(self, path: Path, thumb: Path, cover: Path | None, duration: float) -> Stills: ...

    async def describe_music(self, path: Path, cover: Path) -> Music | None: ...


def taken_out(entry: Entry, path: Path) -> MediaFile:
    """The file of ``entry`` in ``path``, whose name is its number."""
    return MediaFile(int(path.name), entry.key, entry.name, entry.folder, "photo", path.name, 0)


def film_of(entry: Entry) -> Entry:
    """The film that is in the picture ``entry``, as if it lay beside it."""
    return Entry(part_key(entry.key, "film"), film_name(entry.path), None)


def film_name(name: str) -> str:
    """What the film of a picture is called: ``IMG_1.heic`` has ``IMG_1.mp4``."""
    return f"{name.rpartition('.')[0] or name}.mp4"


async def as_photos(
    media: Media, file: MediaFile, path: Path, *, number: Callable[[], int], known: Collection[str]
) -> list[MediaFile]:
    """``file`` as the picture that Telegram takes, made of ``path``, which is deleted if that is another.

    It may be several: pages, or slices. The first has the key of ``file``, each of the others one of its own,
    and the next ``number``. Others whose key is ``known`` are there already, and are left out.
    """
    whole = await media.prepare_photo(path, path.with_suffix(".photo"))
    first = _as_photo(file, whole)
    if whole.parts > 1:
        first = replace(first, name=_name(file, whole, 0))
    more = []
    for part in range(1, whole.parts):
        key = part_key(file.key, f"{whole.part_name} {part + 1}")
        if key in known:
            continue
        output = path.with_name(f"{number():06d}.photo")
        try:
            photo = await media.prepare_photo(path, output, part)
        except MediaError as error:
            note = said(whole.without(part, error))
            first = replace(first, note=f"{first.note} {note}".strip())
            continue
        named = replace(file, number=int(output.stem), key=key, name=_name(file, whole, part))
        more.append(_as_photo(named, photo))
    if whole.path != path:
        await asyncio.to_thread(path.unlink)
    return [first, *more]


def _name(file: MediaFile, whole: PreparedPhoto, part: int) -> str:
    name, number = file.name, part + 1
    if whole.part_name == "page":
        return tr("{name} (page {number} of {count})", name=name, number=number, count=whole.parts)
    return tr("{name} (part {number} of {count})", name=name, number=number, count=whole.parts)


def _as_photo(file: MediaFile, photo: PreparedPhoto) -> MediaFile:
    return replace(
        file,
        path=photo.path.name,
        size=photo.size,
        width=photo.width,
        height=photo.height,
        note=said(photo.note),
    )


async def as_video(
    media: Media, file: MediaFile, path: Path, inspection: Inspection, still: Path | None = None
) -> MediaFile:
    """``file`` as the playable video in ``path``, with its thumbnail, and a cover unless it is a short film.

    The cover is ``still``, a picture that is called like it, or one of its own.
    """
    cover = path.with_suffix(".cover")
    covered = inspection.duration > LIVE_SECONDS
    given = still is not None and await asyncio.to_thread(_use, still, cover if covered else None)
    drawn = cover if covered and not given else None
    stills = await media.make_stills(path, path.with_suffix(".thumb"), drawn, inspection.duration)
    return replace(
        file,
        kind="video",
        path=path.name,
        size=await asyncio.to_thread(size_of, path),
        width=inspection.width,
        height=inspection.height,
        duration=inspection.duration,
        has_audio=inspection.has_audio,
        thumb=stills.thumb.name if stills.thumb else "",
        cover=cover.name if given or stills.cover else "",
    )


def _use(still: Path, cover: Path | None) -> bool:
    """Make ``still`` the ``cover`` as well, or delete it; whether there is a cover now. Blocking.

    It stays, as a process that is killed has to find it again.
    """
    try:
        if cover is None:
            still.unlink()
        else:
            second_name(still, cover)
    except FileNotFoundError:
        return False
    return cover is not None


async def kept_for_cover(photo: MediaFile, folder: Path) -> MediaFile:
    """``photo`` in ``folder``, with a copy of it that outlives its delivery, for a video of the same name."""
    source = folder / photo.path
    copy = source.with_suffix(".cover")
    await asyncio.to_thread(second_name, source, copy)
    return replace(photo, cover=copy.name)


def second_name(source: Path, copy: Path) -> None:
    """Have ``copy`` be ``source`` as well, whatever becomes of either. Blocking."""
    copy.unlink(missing_ok=True)
    try:
        copy.hardlink_to(source)
    except FileNotFoundError:
        raise
    except OSError:
        shutil.copyfile(source, copy)


async def as_original(file: MediaFile, path: Path) -> MediaFile:
    """``file`` as it is in ``path``, surely on disk: to be converted, or sent as a document."""
    return replace(file, kind="document", size=await asyncio.to_thread(_synced_size, path))


async def as_document(file: MediaFile, path: Path) -> MediaFile:
    """``file`` as it is in ``path``, to be sent as a document."""
    return replace(file, kind="document", size=await asyncio.to_thread(size_of, path))


async def as_music(media: Media, file: MediaFile, path: Path) -> MediaFile:
    """``file`` as the music in ``path``, or as a document where nothing plays it."""
    found = await media.describe_music(path, path.with_suffix(".thumb"))
    document = await as_document(file, path)
    if found is None:
        return document
    return replace(
        document,
        music=found.mime,
        title=found.title,
        performer=found.performer,
        duration=found.duration,
        thumb=found.cover.name if found.cover else "",
    )


def converted_name(name: str) -> str:
    """What a converted video is called: ``video.mov`` becomes ``video_converted.mp4``."""
    stem = name.rpartition(".")[0] or name
    return f"{stem}_converted.mp4"


def read_beginning(path: Path, size: int) -> bytes:
    """At most ``size`` bytes of ``path``. Blocking."""
    with path.open("rb") as file:
        return file.read(size)


def size_of(path: Path) -> int:
    """Size in bytes; -1 when there is no such file. Blocking."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return -1


def _synced_size(path: Path) -> int:
    sync_file(path)
    return size_of(path)
