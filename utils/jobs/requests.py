"""What is said to Telegram about a job's messages, and what its answers say. Pure: no I/O."""

from __future__ import annotations

import mimetypes
from collections.abc import Sequence
from typing import Literal

from telethon.tl import functions, types
from telethon.tl.tlobject import TLObject, TLRequest

from utils.errors import TransferFailed
from utils.jobs.albums import CAPTION_UNITS, MediaFile, shorten
from utils.jobs.intake import Reply
from utils.jobs.medium import Cover, Medium


def text_request(
    chat: TLObject,
    text: str,
    random_id: int,
    reply_to: Reply,
    buttons: TLObject | None,
    *,
    silent: bool = False,
) -> TLRequest:
    """Sends ``text`` as it is, as a reply to ``reply_to``."""
    return functions.messages.SendMessageRequest(
        chat,
        text,
        no_webpage=True,
        silent=silent,
        random_id=random_id,
        reply_to=reply_to.input(),
        reply_markup=buttons,
    )


def words_request(
    chat: TLObject,
    text: str,
    random_id: int,
    reply_to: Reply,
    buttons: TLObject | None,
    *,
    silent: bool,
    above: Medium | None,
) -> TLRequest:
    """Sends ``text`` as it is, or under the medium ``above``, as a reply to ``reply_to``."""
    if above is None:
        return text_request(chat, text, random_id, reply_to, buttons, silent=silent)
    return media_request(chat, [[above]], [random_id], text, reply_to, silent=silent, buttons=buttons)


def upload_request(
    target: TLObject,
    file: MediaFile,
    handle: TLObject,
    thumb: TLObject | None = None,
    *,
    cover: Cover | None = None,
) -> TLRequest:
    """Has Telegram look at ``file``, whose parts (and whose thumbnail's) are there under these handles."""
    return functions.messages.UploadMediaRequest(target, _uploaded(file, handle, thumb, cover))


def media_request(
    target: TLObject,
    media: Sequence[Sequence[Medium]],
    random_ids: Sequence[int],
    text: str,
    reply_to: Reply,
    *,
    silent: bool = False,
    buttons: TLObject | None = None,
) -> TLRequest:
    """Sends ``media`` as one message or album with the caption ``text``, as a reply to ``reply_to``.

    Each message has one of them, or a photo and its film; only one by itself may have ``buttons``.
    """
    text = shorten(text, CAPTION_UNITS)
    if len(media) == 1:
        return functions.messages.SendMediaRequest(
            target,
            _input(*media[0]),
            text,
            silent=silent,
            random_id=random_ids[0],
            reply_to=reply_to.input(),
            reply_markup=buttons,
        )
    items = [
        types.InputSingleMedia(_input(*medium), text if place == 0 else "", random_id=random_id)
        for place, (medium, random_id) in enumerate(zip(media, random_ids, strict=True))
    ]
    return functions.messages.SendMultiMediaRequest(target, items, silent=silent, reply_to=reply_to.input())


def photo_name(name: str) -> str:
    """``name`` for a picture's upload: Telegram refuses one by its ending, too (PHOTO_EXT_INVALID)."""
    stem, dot, ending = name.rpartition(".")
    return name if ending.lower() in ("jpg", "jpeg", "png") else f"{stem if dot else name}.jpg"


def message_ids(answer: TLObject, random_ids: Sequence[int]) -> dict[int, int]:
    """The message ids that ``answer`` names, each by the place of its random_id among ``random_ids``."""
    if isinstance(answer, types.UpdateShortSentMessage) and len(random_ids) == 1:
        return {0: answer.id}
    return {
        random_ids.index(update.random_id): update.id
        for update in getattr(answer, "updates", [])
        if isinstance(update, types.UpdateMessageID) and update.random_id in random_ids
    }


def _uploaded(file: MediaFile, handle: TLObject, thumb: TLObject | None, cover: Cover | None) -> TLObject:
    """The ``InputMediaUploaded…`` for ``file``."""
    if file.kind == "photo":
        return types.InputMediaUploadedPhoto(handle)
    attributes: list[TLObject] = [types.DocumentAttributeFilename(file.name)]
    if file.kind == "video":
        attributes.append(
            types.DocumentAttributeVideo(
                duration=file.duration, w=file.width, h=file.height, supports_streaming=True
            )
        )
    if file.music:
        attributes.append(
            types.DocumentAttributeAudio(
                duration=round(file.duration), title=file.title or None, performer=file.performer or None
            )
        )
    guessed = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    return types.InputMediaUploadedDocument(
        handle,
        mime_type="video/mp4" if file.kind == "video" else file.music or guessed,
        attributes=attributes,
        thumb=thumb,
        # Without it a silent MP4 becomes a GIF, which cannot be in an album.
        nosound_video=file.kind == "video" and not file.has_audio,
        force_file=file.group == "document",
        video_cover=_input_photo(cover) if cover is not None else None,
    )


def medium_of(media: TLObject) -> Medium:
    """What to remember of an uploaded medium."""
    kind: Literal["photo", "document"]
    if isinstance(media, types.MessageMediaPhoto):
        kind, item = "photo", media.photo
    elif isinstance(media, types.MessageMediaDocument):
        kind, item = "document", media.document
    else:
        raise TransferFailed(f"Telegram answered an upload with {type(media).__name__}.")
    return Medium(kind, item.id, item.access_hash, item.file_reference)


def has_film(message: TLObject) -> bool:
    """Whether ``message`` is a live photo: one that a server has made a mere photo of lacks its film."""
    media = getattr(message, "media", None)
    return isinstance(media, types.MessageMediaPhoto) and media.video is not None


def _input(medium: Medium, film: Medium | None = None) -> TLObject:
    """The medium that :func:`medium_of` remembered, to be sent; a photo perhaps with its ``film``."""
    if medium.kind == "document":
        document = types.InputDocument(medium.id, medium.access_hash, medium.file_reference)
        cover = _input_photo(medium.cover[0]) if medium.cover else None
        return types.InputMediaDocument(document, video_cover=cover)
    photo = _input_photo(medium)
    if film is None:
        return types.InputMediaPhoto(photo)
    video = types.InputDocument(film.id, film.access_hash, film.file_reference)
    return types.InputMediaPhoto(photo, live_photo=True, video=video)


def _input_photo(medium: Medium | Cover) -> TLObject:
    return types.InputPhoto(medium.id, medium.access_hash, medium.file_reference)
