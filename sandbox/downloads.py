"""upload.getFile: ranges of files, read from disk off the loop."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path

from telethon.tl import TLObject, TLRequest, functions, types

from .limits import check_range
from .media import Media, MediaShelf
from .rpc import Result, RpcError
from .session import Serve, Session


class Downloads:
    """Serves files, each on the data centre of its uploader."""

    def __init__(self, shelf: MediaShelf) -> None:
        self._shelf = shelf

    def serves(self) -> Mapping[type[TLRequest], Serve]:
        return {functions.upload.GetFileRequest: self._get_file}

    async def _get_file(self, session: Session, request: TLRequest) -> Result:
        _ = session.me
        media, blob = self._locate(request.location)
        if media.dc != session.caller.dc_id:
            raise RpcError(303, f"FILE_MIGRATE_{media.dc}")
        check_range(request.offset, request.limit, precise=bool(request.precise))
        data = await asyncio.to_thread(_read, self._shelf.path(blob), request.offset, request.limit)
        kind = types.storage.FileJpeg() if media.photo else types.storage.FilePartial()
        return types.upload.File(type=kind, mtime=int(media.date), bytes=data)

    def _locate(self, location: TLObject) -> tuple[Media, int]:
        """The media and the blob. Raises LOCATION_INVALID, FILE_REFERENCE_EXPIRED."""
        photo = isinstance(location, types.InputPhotoFileLocation)
        if not photo and not isinstance(location, types.InputDocumentFileLocation):
            raise RpcError(400, "LOCATION_INVALID")
        try:
            media = self._shelf.known(location, photo=photo)
        except RpcError as error:
            raise RpcError(400, "LOCATION_INVALID") if error.message == "MEDIA_EMPTY" else error from None
        if not photo and not location.thumb_size:
            return media, media.blob
        for size in media.sizes:
            if size.letter == location.thumb_size:
                return media, size.blob
        raise RpcError(400, "LOCATION_INVALID")


def _read(path: Path, offset: int, size: int) -> bytes:
    handle = os.open(path, os.O_RDONLY)
    try:
        return os.pread(handle, size, offset)
    finally:
        os.close(handle)
