"""Looking at media and correcting it, with the tools that are installed."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Sequence
from pathlib import Path

from utils.constants import Settings
from utils.media.checkpoint import NoCheckpoint
from utils.media.convert import Converter
from utils.media.first_look import FirstLook, first_look
from utils.media.inspection import Inspection, inspect
from utils.media.moments import taken_at
from utils.media.motion import take_film
from utils.media.music import Music, describe_music
from utils.media.photos import PreparedPhoto, prepare_photo
from utils.media.settings import EncodeSettings
from utils.media.sheets import contact_sheet
from utils.media.split import split_video
from utils.media.thumbnails import Stills, make_stills, make_thumbnail
from utils.media.tools import Tools
from utils.pictures.pool import Pictures


class MediaTools:
    """:func:`inspect`, :func:`prepare_photo` and :func:`make_thumbnail` with one set of tools."""

    def __init__(self, tools: Tools, encode: EncodeSettings | None = None) -> None:
        self.tools = tools
        self._converter = Converter(encode or EncodeSettings(), tools)

    @classmethod
    def from_settings(cls, settings: Settings) -> MediaTools:
        """With ffmpeg and ffprobe from the path. :meth:`close` it in the end."""
        pictures = Pictures(settings.PICTURE_MEMORY_MB * 1_000_000)
        tools = Tools(pictures=pictures, reserve=settings.DISK_RESERVE_MB * 1_000_000)
        return cls(tools, EncodeSettings.from_settings(settings))

    def follow(self, settings: Settings) -> None:
        """What is done from now on goes by these."""
        self._converter.follow(settings)
        self.tools.room.reserve = settings.DISK_RESERVE_MB * 1_000_000

    async def close(self) -> None:
        """End what waits for more pictures."""
        await self.tools.pictures.close()

    async def first_look(self, path: Path, name: str) -> FirstLook:
        """See :func:`utils.media.first_look.first_look`."""
        return await asyncio.to_thread(first_look, path, name)

    async def inspect(self, path: Path, name: str, seen: FirstLook | None = None) -> Inspection:
        """See :func:`utils.media.inspection.inspect`."""
        return await inspect(path, name, tools=self.tools, seen=seen)

    async def prepare_photo(self, path: Path, output: Path, part: int = 0) -> PreparedPhoto:
        """See :func:`utils.media.photos.prepare_photo`."""
        return await prepare_photo(path, output, tools=self.tools, part=part)

    async def take_film(self, path: Path, output: Path) -> bool:
        """See :func:`utils.media.motion.take_film`."""
        return await asyncio.to_thread(take_film, path, output)

    async def contact_sheet(self, paths: Sequence[Path], output: Path) -> bool:
        """See :func:`utils.media.sheets.contact_sheet`."""
        return await contact_sheet(paths, output, self.tools.pictures)

    async def taken_at(self, path: Path) -> float:
        """See :func:`utils.media.moments.taken_at`."""
        return await asyncio.to_thread(taken_at, path)

    async def convert_film(self, path: Path, output: Path, inspection: Inspection) -> Inspection:
        """See :meth:`utils.media.convert.Converter.convert`; cut off, it begins anew: for what is short."""

        async def on_progress(_: float) -> None:
            return None

        folder = output.with_suffix(".segments")
        try:
            return await self._converter.convert(
                path,
                output,
                inspection=inspection,
                checkpoint=NoCheckpoint(),
                work_dir=folder,
                on_progress=on_progress,
            )
        finally:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

    async def make_thumbnail(self, path: Path, output: Path, duration: float) -> Path | None:
        """See :func:`utils.media.thumbnails.make_thumbnail`."""
        return await make_thumbnail(path, output, duration=duration, tools=self.tools)

    async def make_stills(self, path: Path, thumb: Path, cover: Path | None, duration: float) -> Stills:
        """See :func:`utils.media.thumbnails.make_stills`."""
        return await make_stills(path, thumb, cover, duration=duration, tools=self.tools)

    async def describe_music(self, path: Path, cover: Path) -> Music | None:
        """See :func:`utils.media.music.describe_music`."""
        return await describe_music(path, cover, tools=self.tools)

    async def split_video(self, path: Path, folder: Path, limit: int) -> list[Path]:
        """See :func:`utils.media.split.split_video`."""
        return await split_video(path, folder, limit, tools=self.tools)
