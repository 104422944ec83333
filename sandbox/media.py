"""Photos and documents as the server keeps them, and what clients see of them."""

from __future__ import annotations

import asyncio
import hmac
import json
import struct
import time
from dataclasses import dataclass, replace
from pathlib import Path

from telethon.tl import TLObject, types

from . import mp4, pictures
from .accounts import Account
from .rpc import RpcError
from .store import Store, new_id
from .tl import pack, unpack
from .uploads import Blob, Uploads

#: Version, epoch, moment (seconds), then a tag that ties the reference to its file.
_REFERENCE = struct.Struct(">BIQ8s")


@dataclass(frozen=True)
class Size:
    """A photo's size or a document's thumbnail."""

    letter: str
    width: int
    height: int
    size: int
    blob: int


@dataclass(frozen=True)
class Media:
    """A photo or a document. `blob` is what was uploaded, byte for byte."""

    id: int
    photo: bool
    access_hash: int
    owner: int
    dc: int
    date: float
    blob: int
    size: int
    name: str
    mime: str
    width: int | None
    height: int | None
    duration: float | None
    streaming: bool
    nosound: bool
    attributes: tuple[TLObject, ...]
    sizes: tuple[Size, ...]

    @property
    def animated(self) -> bool:
        return any(isinstance(item, types.DocumentAttributeAnimated) for item in self.attributes)

    @property
    def video(self) -> bool:
        """Shown as a video (a silent one that became a GIF is none)."""
        shown = any(isinstance(item, types.DocumentAttributeVideo) for item in self.attributes)
        return shown and not self.animated

    @property
    def kind(self) -> str:
        """ "photo", "video" or "document"."""
        return "photo" if self.photo else "video" if self.video else "document"

    @property
    def album_group(self) -> str:
        """What it may share an album with."""
        if self.animated:
            return "gif"
        if any(isinstance(item, types.DocumentAttributeAudio) for item in self.attributes):
            return "audio"
        return "visual" if self.photo or self.video else "document"


class MediaShelf:
    """Makes media of uploads, finds them again, and hands out file references that can expire."""

    def __init__(self, store: Store, uploads: Uploads) -> None:
        self._store = store
        self._uploads = uploads
        self._key = store.secret("file references")
        #: Seconds that a reference lives; None for as long as expire_references() is not called.
        self.reference_seconds: float | None = None
        #: Else a live photo comes as a plain one, as where a server passes over what it does not know.
        self.takes_live_photos = True

    # -- in

    async def take(self, owner: Account, media: TLObject) -> Media:
        """What an InputMedia* names: an upload, or something already here. Raises RpcError."""
        if isinstance(media, types.InputMediaUploadedPhoto):
            return await self._new_photo(owner, media)
        if isinstance(media, types.InputMediaUploadedDocument):
            return self._covered(await self._new_document(owner, media), media.video_cover)
        if isinstance(media, types.InputMediaDocument):
            return self._covered(self.known(media.id, photo=False), media.video_cover)
        if isinstance(media, types.InputMediaPhoto):
            return self._with_film(self.known(media.id, photo=True), media)
        raise RpcError(400, "MEDIA_INVALID")

    def _covered(self, media: Media, cover: TLObject | None) -> Media:
        """``media``, which is sent with that ``cover``, or none (layer 229). Raises MEDIA_INVALID."""
        self._store.run("DELETE FROM covers WHERE media = ?", media.id)
        if cover is not None:
            if not media.video:
                raise RpcError(400, "MEDIA_INVALID")
            photo = self.known(cover, photo=True)
            self._store.run("INSERT INTO covers VALUES (?, ?)", media.id, photo.id)
        return media

    def cover_of(self, media: Media) -> Media | None:
        """The photo that is shown until a video is played."""
        row = self._store.one("SELECT photo FROM covers WHERE media = ?", media.id)
        return self.get(row["photo"]) if row is not None else None

    def known(self, location: TLObject, *, photo: bool) -> Media:
        """What an InputPhoto, an InputDocument or a file location names.

        Raises FILE_REFERENCE_EMPTY, FILE_REFERENCE_EXPIRED, MEDIA_EMPTY.
        """
        if not isinstance(
            location,
            types.InputPhoto
            | types.InputDocument
            | types.InputPhotoFileLocation
            | types.InputDocumentFileLocation,
        ):
            raise RpcError(400, "MEDIA_EMPTY")
        found = self.get(location.id)
        if found is None or found.access_hash != location.access_hash or found.photo != photo:
            raise RpcError(400, "MEDIA_EMPTY")
        if not location.file_reference:
            raise RpcError(400, "FILE_REFERENCE_EMPTY")
        if not self._is_valid(found, location.file_reference):
            raise RpcError(400, "FILE_REFERENCE_EXPIRED")
        return found

    async def _new_photo(self, owner: Account, media: types.InputMediaUploadedPhoto) -> Media:
        blob = await self._uploads.blob(owner.id, media.file)
        pictures.check_photo_file(media.file.name, blob.size)
        renditions = await asyncio.to_thread(pictures.photo_sizes, blob.path)
        sizes = [
            Size(item.letter, item.width, item.height, made.size, made.id)
            for item in renditions
            for made in [blob if item.data is None else self._uploads.put(item.data)]
        ]
        base = self._base(owner, blob, media.file.name, "image/jpeg")
        largest = sizes[-1]
        # Which film it has is kept as the client named it.
        named = media.live_photo and self.takes_live_photos
        film = (media.video,) if named and self.known(media.video, photo=False).video else ()
        shown = replace(base, photo=True, width=largest.width, height=largest.height, sizes=tuple(sizes))
        return self._keep(replace(shown, attributes=film))

    def _with_film(self, still: Media, media: types.InputMediaPhoto) -> Media:
        """A live photo is one where the message says so, each time; here a photo is in one message.

        (layer 229: inputMediaPhoto has a film, and messageMediaPhoto, while photo has none.)
        """
        named = media.live_photo and self.takes_live_photos
        film = (media.video,) if named and self.known(media.video, photo=False).video else ()
        self._store.run("UPDATE media SET attributes = ? WHERE id = ?", pack(film), still.id)
        return replace(still, attributes=film)

    def film_of(self, media: Media) -> Media | None:
        """The short film of a live photo (layer 229: inputMediaUploadedPhoto, live_photo)."""
        return self.get(media.attributes[0].id) if media.photo and media.attributes else None

    async def _new_document(self, owner: Account, media: types.InputMediaUploadedDocument) -> Media:
        blob = await self._uploads.blob(owner.id, media.file)
        attributes = [*media.attributes]
        if not any(isinstance(item, types.DocumentAttributeFilename) for item in attributes):
            attributes.append(types.DocumentAttributeFilename(media.file.name))
        if media.force_file:
            attributes = [a for a in attributes if not isinstance(a, types.DocumentAttributeVideo)]
        elif await self._becomes_gif(blob, media, attributes):
            attributes.append(types.DocumentAttributeAnimated())
        base = self._base(owner, blob, _filename(attributes), media.mime_type or "application/octet-stream")
        sizes = await self._thumbs(owner, media.thumb)
        shown = replace(base, attributes=tuple(attributes), nosound=bool(media.nosound_video), sizes=sizes)
        return self._keep(_with_video_facts(shown))

    async def _becomes_gif(
        self, blob: Blob, media: types.InputMediaUploadedDocument, attributes: list[TLObject]
    ) -> bool:
        if any(isinstance(item, types.DocumentAttributeAnimated) for item in attributes):
            return False  # it is one already
        if media.mime_type == "image/gif":
            return True
        if media.mime_type != "video/mp4" or media.nosound_video:
            return False
        return await asyncio.to_thread(mp4.is_silent, blob.path)

    async def _thumbs(self, owner: Account, thumb: TLObject | None) -> tuple[Size, ...]:
        if thumb is None:
            return ()
        blob = await self._uploads.blob(owner.id, thumb)
        sides = await asyncio.to_thread(pictures.thumbnail, blob.path, blob.size)
        return () if sides is None else (Size("m", *sides, blob.size, blob.id),)

    @staticmethod
    def _base(owner: Account, blob: Blob, name: str, mime: str) -> Media:
        return Media(
            id=new_id(),
            photo=False,
            access_hash=new_id(),
            owner=owner.id,
            dc=owner.dc,
            date=time.time(),
            blob=blob.id,
            size=blob.size,
            name=name,
            mime=mime,
            width=None,
            height=None,
            duration=None,
            streaming=False,
            nosound=False,
            attributes=(),
            sizes=(),
        )

    def _keep(self, media: Media) -> Media:
        sizes = json.dumps([[s.letter, s.width, s.height, s.size, s.blob] for s in media.sizes])
        values = (
            *(media.id, media.photo, media.access_hash, media.owner, media.dc, media.date, media.blob),
            *(media.size, media.name, media.mime, media.width, media.height, media.duration),
            *(media.streaming, media.nosound, pack(media.attributes), sizes),
        )
        self._store.run(f"INSERT INTO media VALUES ({','.join('?' * len(values))})", *values)
        return media

    def get(self, number: int) -> Media | None:
        row = self._store.one("SELECT * FROM media WHERE id = ?", number)
        if row is None:
            return None
        facts = dict(row)
        facts["attributes"] = tuple(unpack(row["attributes"]))
        facts["sizes"] = tuple(Size(*size) for size in json.loads(row["sizes"]))
        for flag in ("photo", "streaming", "nosound"):
            facts[flag] = bool(facts[flag])
        return Media(**facts)

    def path(self, blob: int) -> Path:
        return self._store.blob_path(blob)

    # -- out

    def shown(self, media: Media) -> types.TypeMessageMedia:
        """As a client sees it, with a reference that is valid now."""
        if media.photo:
            film = self.film_of(media)
            return types.MessageMediaPhoto(
                photo=self._photo(media),
                live_photo=film is not None or None,
                video=self._document(film) if film is not None else None,
            )
        cover = self.cover_of(media)
        return types.MessageMediaDocument(
            document=self._document(media),
            video=media.video or None,
            video_cover=self._photo(cover) if cover is not None else None,
        )

    def _photo(self, media: Media) -> types.Photo:
        return types.Photo(
            id=media.id,
            access_hash=media.access_hash,
            file_reference=self._reference(media),
            date=int(media.date),
            sizes=[_photo_size(size) for size in media.sizes],
            dc_id=media.dc,
        )

    def _document(self, media: Media) -> types.Document:
        return types.Document(
            id=media.id,
            access_hash=media.access_hash,
            file_reference=self._reference(media),
            date=int(media.date),
            mime_type=media.mime,
            size=media.size,
            dc_id=media.dc,
            attributes=list(media.attributes),
            thumbs=[_photo_size(size) for size in media.sizes] or None,
        )

    # -- file references (https://core.telegram.org/api/file-references)

    def expire_references(self) -> None:
        """Every reference handed out so far is refused from now on; new ones are good."""
        self._store.set_number("reference epoch", self._store.number("reference epoch") + 1)

    def _reference(self, media: Media) -> bytes:
        epoch, moment = self._store.number("reference epoch"), int(time.time() * 1000)
        return _REFERENCE.pack(1, epoch, moment, self._tag(media, epoch, moment))

    def _is_valid(self, media: Media, reference: bytes) -> bool:
        if len(reference) != _REFERENCE.size:
            return False
        _, epoch, moment, tag = _REFERENCE.unpack(reference)
        if not hmac.compare_digest(tag, self._tag(media, epoch, moment)):
            return False
        if self.reference_seconds is not None and moment / 1000 + self.reference_seconds < time.time():
            return False
        return bool(epoch >= self._store.number("reference epoch"))

    def _tag(self, media: Media, epoch: int, moment: int) -> bytes:
        return hmac.digest(self._key, f"{media.id}:{epoch}:{moment}".encode(), "sha256")[:8]


def _photo_size(size: Size) -> types.PhotoSize:
    return types.PhotoSize(type=size.letter, w=size.width, h=size.height, size=size.size)


def _filename(attributes: list[TLObject]) -> str:
    names = [a.file_name for a in attributes if isinstance(a, types.DocumentAttributeFilename)]
    return names[-1] if names else ""


def _with_video_facts(media: Media) -> Media:
    for item in media.attributes:
        if isinstance(item, types.DocumentAttributeVideo):
            return replace(
                media,
                width=item.w,
                height=item.h,
                duration=item.duration,
                streaming=bool(item.supports_streaming),
                nosound=media.nosound or bool(item.nosound),
            )
        if isinstance(item, types.DocumentAttributeImageSize):
            media = replace(media, width=item.w, height=item.h)
    return media
