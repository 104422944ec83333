"""A file at Telegram that is read like one on disk: any range, in any order.

``upload.getFile`` takes ranges under rules of its own
(https://core.telegram.org/api/files#downloading-files): offset and limit are multiples of 4 KB, the limit
divides 1 MB, and no range crosses a 1 MB boundary.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

from telethon import errors
from telethon.tl import TLRequest, types
from telethon.tl.functions.upload import GetFileRequest

from utils.errors import ArchiveError, TransferFailed
from utils.telegram.part_file import PartFile
from utils.telegram.pauses import error_name
from utils.telegram.read_ahead import ReadAhead
from utils.telegram.transfers import WINDOWS, Direction, FileTransfer, Transfers, in_flight
from utils.telegram.waits import OnWait
from utils.texts import Text

log = logging.getLogger(__name__)

#: Bytes of a part of a whole download: the most that Telegram gives at once.
PART_SIZE = 1024 * 1024
#: How often a file's reference is fetched anew for one part before it fails.
REFERENCE_ATTEMPTS = 3

Location: TypeAlias = "types.InputDocumentFileLocation | types.InputPhotoFileLocation"
#: Fetches the file's message again, for a fresh file reference.
Refresh = Callable[[], Awaitable[types.Message]]


@dataclass(frozen=True)
class Place:
    """Where a file lies: what :class:`RemoteFile` needs to know from its message."""

    name: str
    size: int
    dc: int
    location: Location
    #: Says which file it is, the same for the same file for ever.
    identity: str


def place_of(message: types.Message) -> Place | None:
    """Where the document or picture of ``message`` lies; None when it has neither."""
    media = getattr(message, "media", None)  # a deleted message comes as MessageEmpty, which has none
    if isinstance(media, types.MessageMediaDocument) and isinstance(media.document, types.Document):
        return _document(media.document)
    if isinstance(media, types.MessageMediaPhoto) and isinstance(media.photo, types.Photo):
        return _photo(media.photo)
    return None


def _document(document: types.Document) -> Place:
    names = [a.file_name for a in document.attributes if isinstance(a, types.DocumentAttributeFilename)]
    location = types.InputDocumentFileLocation(
        id=document.id,
        access_hash=document.access_hash,
        file_reference=document.file_reference,
        thumb_size="",
    )
    name = names[0] if names else f"document {document.id}"
    return Place(name, document.size, document.dc_id, location, f"document-{document.id}")


def _photo(photo: types.Photo) -> Place | None:
    """The largest size of a picture."""
    sizes = [(s.size, s.type) for s in photo.sizes if isinstance(s, types.PhotoSize)]
    sizes += [(max(s.sizes), s.type) for s in photo.sizes if isinstance(s, types.PhotoSizeProgressive)]
    if not sizes:
        return None
    size, kind = max(sizes)
    location = types.InputPhotoFileLocation(
        id=photo.id, access_hash=photo.access_hash, file_reference=photo.file_reference, thumb_size=kind
    )
    return Place(f"photo {photo.id}.jpg", size, photo.dc_id, location, f"photo-{photo.id}-{kind}")


class RemoteFile:
    """One file at Telegram; satisfies ``ByteSource``. Any number of reads may run at once.

    ``refresh`` is called when Telegram says that the file reference has expired, ``on_fetched`` with the
    number of bytes that came, each time some did, and ``on_whole`` when all of it is to be fetched. Reads
    raise :class:`TransferFailed` when Telegram will not give the bytes.
    """

    def __init__(
        self,
        transfers: Transfers,
        place: Place,
        *,
        refresh: Refresh | None = None,
        on_wait: OnWait | None = None,
        on_fetched: Callable[[int], None] | None = None,
        on_whole: Callable[[], None] | None = None,
    ) -> None:
        self.name = place.name
        self.size = place.size
        self._place = place
        self._transfers = transfers
        self._refresh = refresh
        self._on_fetched = on_fetched
        self._on_whole = on_whole
        self._refreshing = asyncio.Lock()
        self._transfer = FileTransfer(transfers, Direction.DOWN, on_wait=on_wait)
        self._cache = ReadAhead(place.size, self._fetch)

    @classmethod
    def of(
        cls,
        transfers: Transfers,
        message: types.Message,
        *,
        refresh: Refresh | None = None,
        on_wait: OnWait | None = None,
        on_fetched: Callable[[int], None] | None = None,
        on_whole: Callable[[], None] | None = None,
    ) -> RemoteFile:
        """The file of ``message``. Raises :class:`ArchiveError` when it has none (any more)."""
        place = place_of(message)
        if place is None:
            raise ArchiveError(Text("its message holds no file any more."))
        return cls(
            transfers, place, refresh=refresh, on_wait=on_wait, on_fetched=on_fetched, on_whole=on_whole
        )

    @property
    def identity(self) -> str:
        """The same text for the same file, whoever sends it and however often."""
        return self._place.identity

    async def read(self, offset: int, size: int) -> bytes:
        """Exactly ``size`` bytes from ``offset``; fewer only at the end of the file."""
        return await self._cache.read(offset, size)

    async def close(self) -> None:
        """Stop reading ahead and forget what was kept in memory."""
        await self._cache.close()

    async def download_to(self, path: Path) -> None:
        """Fetch the whole file to ``path``, going on from what an earlier run left there.

        ``path`` appears only when it is complete and verified. Raises :class:`DiskFull` and
        :class:`TransferFailed`; what had arrived is kept for the next try.
        """
        if self._on_whole is not None:
            self._on_whole()
        if await asyncio.to_thread(_is_complete, path, self.size):
            self._tell_fetched(self.size)
            return
        parts = PartFile(path, identity=self.identity, size=self.size, part_size=PART_SIZE)
        async with self._transfer.lane(self._place.dc, self.size):
            await parts.open()
            try:
                self._tell_fetched(parts.bytes_done)

                async def fetch(part: int) -> None:
                    data = await self._fetch(part * PART_SIZE, PART_SIZE)
                    await parts.write(part, data)

                jobs = (fetch(part) for part in parts.missing())
                await in_flight(jobs, WINDOWS[Direction.DOWN][1])
                await parts.finish()
            finally:
                await parts.close()

    async def _fetch(self, offset: int, limit: int) -> bytes:
        """One range that keeps to Telegram's rules, from wherever the file is."""
        expected = min(limit, self.size - offset)
        for _ in range(REFERENCE_ATTEMPTS):
            place = self._place
            try:
                data = await self._ask(place, offset, limit, expected)
            except errors.FileMigrateError as error:
                self._place = replace(self._place, dc=error.new_dc)
            except _EXPIRED as error:
                await self._fresh_reference(place, error)
            except errors.RPCError as error:
                raise TransferFailed(f"{self.name} cannot be fetched: {error_name(error)}.") from error
            else:
                if len(data) != expected:
                    raise TransferFailed(f"{self.name} ended early: Telegram gave too few bytes.")
                self._tell_fetched(len(data))
                return data
        raise TransferFailed(f"{self.name} cannot be fetched: Telegram keeps refusing its reference.")

    def _tell_fetched(self, count: int) -> None:
        if self._on_fetched is not None:
            self._on_fetched(count)

    async def _ask(self, place: Place, offset: int, limit: int, expected: int) -> bytes:
        async def request() -> TLRequest:
            return GetFileRequest(self._place.location, offset, limit, precise=False, cdn_supported=False)

        answer = await self._transfer.part(place.dc, expected, request)
        return bytes(answer.bytes)

    async def _fresh_reference(self, used: Place, error: errors.RPCError) -> None:
        """Fetch the message again, once for all the parts that met the old reference."""
        async with self._refreshing:
            if self._place.location is not used.location:
                return
            if self._refresh is None:
                raise TransferFailed(f"{self.name} cannot be fetched any more: its reference expired.")
            log.info("%s: %s, fetching its message again", self.identity, error_name(error))
            fresh = place_of(await self._refresh())
            if fresh is None or fresh.identity != self.identity:
                raise TransferFailed(f"{self.name} is gone: its message was changed or deleted.")
            self._place = fresh


_EXPIRED = (
    errors.FileReferenceExpiredError,
    errors.FileReferenceInvalidError,
    errors.FileReferenceEmptyError,
)


def _is_complete(path: Path, size: int) -> bool:
    return path.is_file() and path.stat().st_size == size
