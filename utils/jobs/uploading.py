"""A job's files on their way to Telegram, which looks at each before it is sent."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from telethon import errors as rpc
from telethon.tl.tlobject import TLObject

from utils.errors import TransferFailed
from utils.jobs.albums import MediaFile
from utils.jobs.medium import Cover, Medium
from utils.jobs.proof import Call
from utils.jobs.refusals import MISSING, PASSING, PASSING_PAUSE, refuses_addition
from utils.jobs.requests import medium_of, photo_name, upload_request
from utils.telegram.pauses import error_name
from utils.telegram.upload import UploadState

log = logging.getLogger(__name__)

#: How often parts that Telegram lost are sent again for one file.
MISSING_PARTS = 20


class FileUpload(Protocol):
    """One file's way up: ``run`` gives what ``uploadMedia`` takes."""

    state: UploadState

    async def run(self) -> TLObject: ...

    async def resend_part(self, part: int) -> None: ...


#: A file (its path, and the name that is shown) that is to be uploaded.
NewUpload = Callable[[Path, str], FileUpload]


class Uploading:
    """Uploads what is in the folder ``files`` to be sent to ``target``."""

    def __init__(
        self,
        *,
        target: TLObject,
        files: Path,
        call: Call,
        upload: NewUpload,
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self._target = target
        self._files = files
        self._call = call
        self._new_upload = upload
        self._sleep = sleep
        #: Whether videos get covers from now on: not where Telegram takes none.
        self.covers = True

    async def medium(self, file: MediaFile, looking: AbstractContextManager[object]) -> Medium:
        """What Telegram calls ``file``, uploaded and looked at. Raises Telegram's refusals.

        ``looking`` is entered when all its bytes are there: sending them, which may take an hour in which
        the bot is stopped again and again, is the same for every file.
        """
        name = photo_name(file.name) if file.kind == "photo" else file.name
        uploads = [self._new_upload(self._files / file.path, name)]
        if file.thumb and file.group != "document":
            uploads.append(self._new_upload(self._files / file.thumb, "thumb.jpg"))
        handles = [await upload.run() for upload in uploads]
        cover = await self._cover_of(file)
        with looking:
            try:
                media = await self._looked_at(file, uploads, handles, cover)
            except rpc.RPCError as error:
                if cover is None or not refuses_addition(error):
                    raise
                self._without_covers(error)
                cover, media = None, await self._looked_at(file, uploads, handles)
        return replace(medium_of(media), cover=() if cover is None else (cover,))

    async def _cover_of(self, video: MediaFile) -> Cover | None:
        """The cover of ``video``, uploaded; None where there is none, or Telegram does not take it."""
        path = self._files / video.cover
        if video.kind != "video" or not video.cover or not self.covers:
            return None
        if not await asyncio.to_thread(path.exists):
            return None
        upload = self._new_upload(path, "cover.jpg")
        try:
            handles = [await upload.run()]
            photo = medium_of(await self._looked_at(replace(video, kind="photo"), [upload], handles))
            return Cover(photo.id, photo.access_hash, photo.file_reference)
        except rpc.RPCError as error:
            if not refuses_addition(error):
                raise
            log.warning("⚠️ Telegram does not take the cover of %s (%s)", video.name, error_name(error))
            return None

    def _without_covers(self, error: rpc.RPCError) -> None:
        log.warning("⚠️ Telegram takes no covers of videos (%s); they are sent without", error_name(error))
        self.covers = False

    async def _looked_at(
        self,
        file: MediaFile,
        uploads: Sequence[FileUpload],
        handles: Sequence[TLObject],
        cover: Cover | None = None,
    ) -> TLObject:
        request = upload_request(self._target, file, *handles, cover=cover)
        passing = False
        for _ in range(MISSING_PARTS):
            try:
                return await self._call(request)
            except rpc.RPCError as error:
                if error_name(error) == PASSING and not passing:
                    passing = True
                    await self._sleep(PASSING_PAUSE)
                    continue
                missing = MISSING.fullmatch(error_name(error))
                if missing is None:
                    raise
                part = int(missing.group(1))
                log.info("Part %d of %s is missing at Telegram, sending it again", part, file.name)
                # Telegram does not say of which of the two files, and a part too many does no harm.
                for upload in uploads:
                    if part < upload.state.parts:
                        await upload.resend_part(part)
        raise TransferFailed(f"Telegram keeps losing parts of {file.name}.")
