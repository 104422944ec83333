"""Files up and down, as documents, photos, videos and albums."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from PIL import Image
from telethon import TelegramClient, errors, functions, helpers, types

from sandbox import Sandbox
from sandbox.person import Person

from .conftest import BOT, BOT_ID, jpeg

KB, MB = 1024, 1024 * 1024


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


async def save(client: TelegramClient, data: bytes, *, part: int = 512 * KB) -> types.InputFile:
    """Uploads by raw requests, large files by the large request."""
    number, pieces = helpers.generate_random_long(), [data[i : i + part] for i in range(0, len(data), part)]
    for index, piece in enumerate(pieces):
        if len(data) > 10 * MB:
            await client(functions.upload.SaveBigFilePartRequest(number, index, len(pieces), piece))
        else:
            await client(functions.upload.SaveFilePartRequest(number, index, piece))
    if len(data) > 10 * MB:
        return types.InputFileBig(number, len(pieces), "file.bin")
    return types.InputFile(number, len(pieces), "file.bin", hashlib.md5(data).hexdigest())


async def uploaded_photo(client: TelegramClient, peer: object, data: bytes) -> types.InputMediaPhoto:
    file = await save(client, data)
    file.name = "photo.jpg"
    media = types.InputMediaUploadedPhoto(file)
    photo = (await client(functions.messages.UploadMediaRequest(peer, media))).photo
    return types.InputMediaPhoto(types.InputPhoto(photo.id, photo.access_hash, photo.file_reference))


async def uploaded_document(
    client: TelegramClient, peer: object, data: bytes, *, mime: str = "application/zip", **more: object
) -> types.InputMediaDocument:
    more.setdefault("attributes", [])
    media = types.InputMediaUploadedDocument(await save(client, data), mime_type=mime, **more)
    document = (await client(functions.messages.UploadMediaRequest(peer, media))).document
    location = types.InputDocument(document.id, document.access_hash, document.file_reference)
    return types.InputMediaDocument(location)


def album(*media: object, caption: str = "") -> list[types.InputSingleMedia]:
    return [types.InputSingleMedia(item, caption if index == 0 else "") for index, item in enumerate(media)]


@pytest.mark.parametrize("size", [1, 4096, 300 * KB, 10 * MB + 1])
async def test_document_comes_back_as_it_went(
    sandbox: Sandbox, person: Person, bot_client: TelegramClient, tmp_path: Path, size: int
) -> None:
    """A person's file lives on the person's data centre: the bot takes its log-in there to fetch it."""
    data, path = os.urandom(size), tmp_path / "архив 日本.zip"
    path.write_bytes(data)
    await person.send_file(BOT, path, "take this")
    message = await bot_client.get_messages("@ann", ids=1)
    document = message.media.document
    assert (message.file.name, document.size, document.dc_id) == (path.name, size, 2)
    assert message.raw_text == "take this"
    assert await message.download_media(bytes) == data
    (stored,) = sandbox.messages((await person.client.get_me()).id, BOT_ID)
    assert (stored.kind, stored.name, stored.size, stored.sha256) == (
        "document",
        path.name,
        size,
        sha256(data),
    )
    assert stored.path is not None
    assert stored.path.read_bytes() == data


async def test_photo_has_sizes_and_keeps_the_bytes(
    sandbox: Sandbox, person: Person, bot_client: TelegramClient, chat: types.InputPeerUser
) -> None:
    data = jpeg(1000, 600)
    file = io.BytesIO(data)
    file.name = "view.jpg"
    sent = await bot_client.send_file(chat, file, caption="a view")
    assert [(s.type, s.w, s.h) for s in sent.photo.sizes] == [
        ("m", 320, 192),
        ("x", 800, 480),
        ("y", 1000, 600),
    ]
    arrived = await person.wait_for_text("a view")
    assert await arrived.download_media(bytes) == data
    small = Image.open(io.BytesIO(await arrived.download_media(bytes, thumb=0)))
    assert small.size == (320, 192)
    stored = sandbox.messages(chat.user_id, BOT_ID)[-1]
    assert (stored.kind, stored.caption, stored.width, stored.height) == ("photo", "a view", 1000, 600)
    assert stored.sha256 == sha256(data)


def make_video(path: Path, *, sound: bool) -> Path:
    tool = shutil.which("ffmpeg")
    assert tool is not None
    tone = ["-f", "lavfi", "-i", "sine=duration=1"] if sound else []
    picture = ["-f", "lavfi", "-i", "testsrc=size=160x120:duration=1"]
    subprocess.run(
        [
            tool,
            "-v",
            "error",
            "-y",
            *picture,
            *tone,
            "-pix_fmt",
            "yuv420p",
            "-preset",
            "ultrafast",
            str(path),
        ],
        check=True,
    )
    return path


@pytest.mark.parametrize(
    ("sound", "nosound_video", "kind"),
    [(True, False, "video"), (False, True, "video"), (False, False, "document")],
)
async def test_silent_video_becomes_a_gif_unless_told(
    sandbox: Sandbox,
    bot_client: TelegramClient,
    chat: types.InputPeerUser,
    tmp_path: Path,
    sound: bool,
    nosound_video: bool,
    kind: str,
) -> None:
    data = make_video(tmp_path / "clip.mp4", sound=sound).read_bytes()
    shown = types.DocumentAttributeVideo(1.0, 160, 120, supports_streaming=True)
    thumb = await save(bot_client, jpeg(160, 120))
    media = await uploaded_document(
        bot_client,
        chat,
        data,
        mime="video/mp4",
        attributes=[shown],
        thumb=thumb,
        nosound_video=nosound_video,
    )
    sent = await bot_client(functions.messages.SendMediaRequest(chat, media, "clip"))
    document = sent.updates[1].message.media.document
    gif = any(isinstance(item, types.DocumentAttributeAnimated) for item in document.attributes)
    assert gif is (kind == "document")
    stored = sandbox.messages(chat.user_id, BOT_ID)[-1]
    assert (stored.kind, stored.width, stored.height, stored.duration) == (kind, 160, 120, 1.0)
    assert (stored.supports_streaming, stored.nosound) == (True, nosound_video)
    assert stored.thumb is not None
    assert stored.thumb.read_bytes() == jpeg(160, 120)
    multi = functions.messages.SendMultiMediaRequest(
        chat, album(media, await uploaded_photo(bot_client, chat, jpeg(50, 50)))
    )
    if gif:
        with pytest.raises(errors.MediaInvalidError):
            await bot_client(multi)
    else:
        await bot_client(multi)


async def test_bad_thumbnail_is_dropped(
    sandbox: Sandbox, bot_client: TelegramClient, chat: types.InputPeerUser
) -> None:
    for thumb in (jpeg(400, 100), b"no picture"):
        media = await uploaded_document(bot_client, chat, b"x", thumb=await save(bot_client, thumb))
        await bot_client(functions.messages.SendMediaRequest(chat, media, ""))
        assert sandbox.messages(chat.user_id, BOT_ID)[-1].thumb is None


async def test_album_by_the_clients_own_way(
    sandbox: Sandbox, person: Person, bot_client: TelegramClient, chat: types.InputPeerUser
) -> None:
    files = [io.BytesIO(jpeg(300 + number, 200)) for number in range(3)]
    for number, file in enumerate(files):
        file.name = f"{number}.jpg"
    sent = await bot_client.send_file(chat, files, caption="the album")
    assert len({message.grouped_id for message in sent}) == 1
    await person.wait_for_text("the album")
    stored = sandbox.messages(chat.user_id, BOT_ID)[1:]
    assert [message.width for message in stored] == [300, 301, 302]
    assert {message.album for message in stored} == {str(sent[0].grouped_id)}


async def test_album_by_raw_requests_happens_once(
    sandbox: Sandbox, bot_client: TelegramClient, chat: types.InputPeerUser
) -> None:
    media = [await uploaded_photo(bot_client, chat, jpeg(100 + n, 100)) for n in range(3)]
    request = functions.messages.SendMultiMediaRequest(chat, album(*media, caption="three"))
    first, again = await bot_client(request), await bot_client(request)

    def numbers(updates: types.Updates) -> list[int]:
        return [u.message.id for u in updates.updates if isinstance(u, types.UpdateNewMessage)]

    assert numbers(first) == numbers(again)
    assert len(sandbox.messages(chat.user_id, BOT_ID)) == 4
    # One more item beside those that were sent: only that one is new, and it joins the album.
    more = types.InputSingleMedia(await uploaded_photo(bot_client, chat, jpeg(99, 99)), "")
    third = await bot_client(functions.messages.SendMultiMediaRequest(chat, [*request.multi_media, more]))
    assert numbers(third)[:3] == numbers(first)
    stored = sandbox.messages(chat.user_id, BOT_ID)
    assert [message.width for message in stored[1:]] == [100, 101, 102, 99]
    assert len({message.album for message in stored[1:]}) == 1


async def test_what_an_album_refuses(bot_client: TelegramClient, chat: types.InputPeerUser) -> None:
    photo = await uploaded_photo(bot_client, chat, jpeg(100, 100))
    document = await uploaded_document(bot_client, chat, b"PK")
    send = functions.messages.SendMultiMediaRequest
    await bot_client(send(chat, album(document, document)))
    await bot_client(send(chat, album(photo)))
    with pytest.raises(errors.MediaInvalidError):
        await bot_client(send(chat, album(photo, document)))
    with pytest.raises(errors.MultiMediaTooLongError):
        await bot_client(send(chat, album(*[photo] * 11)))
    with pytest.raises(errors.MediaInvalidError):
        await bot_client(send(chat, album(types.InputMediaUploadedPhoto(await save(bot_client, jpeg(9, 9))))))
    with pytest.raises(errors.MediaCaptionTooLongError):
        await bot_client(send(chat, album(photo, photo, caption="a" * 1025)))
    items = album(photo, photo)
    items[1].random_id = 0
    with pytest.raises(errors.RandomIdEmptyError):
        await bot_client(send(chat, items))
    await bot_client(send(chat, album(*[photo] * 10, caption="a" * 1024)))


@pytest.mark.parametrize(
    ("name", "data", "error"),
    [
        ("a.heic", jpeg(10, 10), errors.PhotoExtInvalidError),
        ("a.jpg", b"no picture at all", errors.ImageProcessFailedError),
        ("a.jpg", jpeg(2100, 100), errors.PhotoInvalidDimensionsError),
        ("a.jpg", jpeg(10, 10) + b"\0" * (10 * MB), errors.PhotoSaveFileInvalidError),
    ],
)
async def test_photos_that_are_refused(
    bot_client: TelegramClient, chat: types.InputPeerUser, name: str, data: bytes, error: type[Exception]
) -> None:
    file = await save(bot_client, data)
    file.name = name
    with pytest.raises(error):
        await bot_client(functions.messages.UploadMediaRequest(chat, types.InputMediaUploadedPhoto(file)))


async def test_missing_and_wrong_parts(bot_client: TelegramClient, chat: types.InputPeerUser) -> None:
    async def upload_media(file: object) -> None:
        media = types.InputMediaUploadedDocument(file, "application/zip", [])
        await bot_client(functions.messages.UploadMediaRequest(chat, media))

    part = functions.upload.SaveFilePartRequest
    await bot_client(part(5, 0, b"a" * KB))
    await bot_client(part(5, 2, b"c"))
    with pytest.raises(errors.FilePartMissingError) as missing:
        await upload_media(types.InputFile(5, 3, "x.zip", ""))
    assert missing.value.which == 1
    with pytest.raises(errors.FilePartSizeChangedError):
        await bot_client(part(5, 1, b"b" * 2 * KB))
    await bot_client(part(5, 1, b"b" * KB))
    with pytest.raises(errors.Md5ChecksumInvalidError):
        await upload_media(types.InputFile(5, 3, "x.zip", "0" * 32))
    await upload_media(types.InputFile(5, 3, "x.zip", hashlib.md5(b"a" * KB + b"b" * KB + b"c").hexdigest()))
    with pytest.raises(errors.FilePartsInvalidError):
        await upload_media(types.InputFile(5, 0, "x.zip", ""))
    with pytest.raises(errors.FilePart0MissingError):
        await upload_media(types.InputFile(6, 1, "x.zip", ""))
    with pytest.raises(errors.FilePartEmptyError):
        await bot_client(part(7, 0, b""))
    with pytest.raises(errors.FilePartsInvalidError):
        await bot_client(functions.upload.SaveBigFilePartRequest(7, 0, 4001, b"a"))
    with pytest.raises(errors.FilePartSizeInvalidError):
        await bot_client(functions.upload.SaveBigFilePartRequest(7, 0, 2, b"a" * 1000))


async def test_large_files_need_the_large_request(bot_client: TelegramClient) -> None:
    for index in range(20):
        await bot_client(functions.upload.SaveFilePartRequest(8, index, bytes(512 * KB)))
    with pytest.raises(errors.FilePartsInvalidError):
        await bot_client(functions.upload.SaveFilePartRequest(8, 20, bytes(512 * KB)))


@pytest.mark.parametrize("part", [512 * KB, 128 * KB])
async def test_large_file_in_any_order(
    sandbox: Sandbox, bot_client: TelegramClient, chat: types.InputPeerUser, part: int
) -> None:
    data = os.urandom(11 * MB + 5)
    pieces = [data[i : i + part] for i in range(0, len(data), part)]
    for index in reversed(range(len(pieces))):
        await bot_client(functions.upload.SaveBigFilePartRequest(9, index, len(pieces), pieces[index]))
    file = types.InputFileBig(9, len(pieces), "big.zip")
    media = types.InputMediaUploadedDocument(file, "application/zip", [])
    await bot_client(functions.messages.SendMediaRequest(chat, media, ""))
    await bot_client(functions.messages.SendMediaRequest(chat, media, "the same upload again"))
    stored = sandbox.messages(chat.user_id, BOT_ID)[1:]
    assert [message.sha256 for message in stored] == [sha256(data)] * 2


async def test_ranges(person: Person, bot_client: TelegramClient, chat: types.InputPeerUser) -> None:
    data = os.urandom(1500 * KB)
    media = await uploaded_document(bot_client, chat, data)
    place = media.id
    location = types.InputDocumentFileLocation(place.id, place.access_hash, place.file_reference, "")
    get = functions.upload.GetFileRequest

    async def piece(offset: int, limit: int, precise: bool | None = None) -> bytes:
        return bytes((await bot_client(get(location, offset, limit, precise))).bytes)

    assert await piece(0, MB) == data[:MB]
    assert await piece(MB, MB) == data[MB:]
    assert await piece(KB, 3 * KB, precise=True) == data[KB : 4 * KB]
    assert await piece(2 * MB, 4 * KB) == b""
    with pytest.raises(errors.OffsetInvalidError):
        await piece(KB, 4 * KB)
    with pytest.raises(errors.LimitInvalidError):
        await piece(0, 5 * KB)
    with pytest.raises(errors.LimitInvalidError):
        await piece(MB - 4 * KB, 8 * KB)
    location.access_hash += 1
    with pytest.raises(errors.LocationInvalidError):
        await piece(0, MB)


async def test_file_lives_where_its_uploader_does(
    sandbox: Sandbox, person: Person, bot_client: TelegramClient, chat: types.InputPeerUser
) -> None:
    media = await uploaded_document(person.client, types.InputPeerSelf(), b"hello")
    place = media.id
    location = types.InputDocumentFileLocation(place.id, place.access_hash, place.file_reference, "")
    with pytest.raises(errors.FileMigrateError) as moved:
        await bot_client(functions.upload.GetFileRequest(location, 0, 4096))
    assert moved.value.new_dc == 2
    assert await bot_client.download_file(location) == b"hello"


async def test_expired_references(
    sandbox: Sandbox, person: Person, bot_client: TelegramClient, chat: types.InputPeerUser
) -> None:
    sent = await bot_client.send_file(chat, b"hello", force_document=True)
    media = [await uploaded_photo(bot_client, chat, jpeg(50, 50)) for _ in range(2)]
    sandbox.faults.expire_references()
    media.append(await uploaded_photo(bot_client, chat, jpeg(50, 50)))
    with pytest.raises(errors.FileReferenceExpiredError):
        await bot_client.download_file(sent.document)
    fresh = await bot_client.get_messages(chat, ids=sent.id)
    assert await bot_client.download_file(fresh.document) == b"hello"
    with pytest.raises(errors.BadRequestError, match="FILE_REFERENCE_1_EXPIRED"):
        await bot_client(functions.messages.SendMultiMediaRequest(chat, album(media[2], media[0], media[1])))
    with pytest.raises(errors.FileReferenceExpiredError):
        await bot_client(functions.messages.SendMediaRequest(chat, media[0], ""))
    sandbox.faults.reference_lifetime(-1)
    with pytest.raises(errors.FileReferenceExpiredError):
        await bot_client(functions.messages.SendMediaRequest(chat, media[2], ""))


async def test_media_of_a_message_can_be_changed(
    sandbox: Sandbox, bot_client: TelegramClient, chat: types.InputPeerUser
) -> None:
    sent = await bot_client.send_file(chat, await uploaded_photo(bot_client, chat, jpeg(50, 50)), caption="a")
    photo = await uploaded_photo(bot_client, chat, jpeg(60, 60))
    await bot_client.edit_message(chat, sent.id, "b", file=photo)
    stored = sandbox.messages(chat.user_id, BOT_ID)[-1]
    assert (stored.caption, stored.width) == ("b", 60)
    with pytest.raises(errors.MediaCaptionTooLongError):
        await bot_client.edit_message(chat, sent.id, "b" * 1025)
