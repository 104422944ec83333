"""Exactly once: every message of a job, under random_ids that were journaled before the call.

Telegram answers a repeated ``random_id`` with the message that was made the first time
(https://core.telegram.org/api/updates#handling-of-repeated-requests), so an announced message may be sent
again after any crash. A file counts as delivered only when the server's answer names it.
"""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from telethon import errors as rpc
from telethon.tl.tlobject import TLObject, TLRequest

from utils.errors import ChatClosed, Refused, TransferFailed
from utils.jobs import lines
from utils.jobs.albums import MediaFile
from utils.jobs.journal import JobJournal
from utils.jobs.requests import (
    media_request,
    medium_of,
    message_ids,
    photo_name,
    text_request,
    upload_request,
)
from utils.telegram.upload import UploadState
from utils.telegram.waits import error_name

log = logging.getLogger(__name__)

#: How often a call is repeated when its answer says that the ids are in use, and the seconds in between.
DUPLICATE_REPEATS, DUPLICATE_PAUSE = 5, 2.0

#: How often one message is sent again because a medium's reference expired or the answer was incomplete.
REPEATS = 5

#: How often parts that Telegram lost are sent again for one file.
MISSING_PARTS = 20

#: Telegram's names for "not this item": sending it as a plain document can help.
REFUSALS = re.compile(
    r"PHOTO_(INVALID|INVALID_DIMENSIONS|SAVE_FILE_INVALID|EXT_INVALID|CONTENT_TYPE_INVALID|ID_INVALID)"
    r"|IMAGE_PROCESS_FAILED|MEDIA_INVALID|MEDIA_EMPTY|MEDIA_TYPE_INVALID|MEDIA_FILE_INVALID"
    r"|VIDEO_(FILE_INVALID|CONTENT_TYPE_INVALID)|FILE_CONTENT_TYPE_INVALID|WC_CONVERT_URL_INVALID"
)
#: Telegram's names for "not to this chat, ever", such as that of a person who has blocked the bot.
CLOSED = re.compile(
    r"USER_IS_BLOCKED|YOU_BLOCKED_USER|INPUT_USER_DEACTIVATED|USER_BANNED_IN_CHANNEL|CHANNEL_PRIVATE"
    r"|CHAT_(ADMIN_REQUIRED|WRITE_FORBIDDEN|FORBIDDEN|RESTRICTED|GUEST_SEND_FORBIDDEN|SEND_\w+_FORBIDDEN)"
    r"|TOPIC_(CLOSED|DELETED)|PRIVACY_PREMIUM_REQUIRED|ALLOW_PAYMENT_REQUIRED(_\d+)?"
)
MISSING = re.compile(r"FILE_PART_(\d+)_MISSING")
EXPIRED = re.compile(r"FILE_REFERENCE_(?:(\d+)_)?(?:EXPIRED|INVALID|EMPTY)")
#: The message that is answered was deleted; Telegram takes the answer without it.
NO_REPLY = "REPLY_MESSAGE_ID_INVALID"


@contextmanager
def chat_errors() -> Iterator[None]:
    """Turn Telegram's word that a chat is closed to us, wherever it comes, into :class:`ChatClosed`."""
    try:
        yield
    except rpc.RPCError as error:
        if not CLOSED.fullmatch(error_name(error)):
            raise
        raise ChatClosed(f"nothing can be sent to the chat any more ({error_name(error)}).") from error


class Call(Protocol):
    """Sends one request and waits out what Telegram asks to wait for."""

    async def __call__(self, request: TLRequest) -> Any: ...


class FileUpload(Protocol):
    """One file's way up: ``run`` gives what ``uploadMedia`` takes."""

    state: UploadState

    async def run(self) -> TLObject: ...

    async def resend_part(self, part: int) -> None: ...


#: A file (its path, and the name that is shown) that is to be uploaded.
NewUpload = Callable[[Path, str], FileUpload]


class Delivery:
    """The messages of one job: texts into ``chat``, as replies to ``reply_to``; media into ``target``."""

    def __init__(
        self,
        *,
        chat: TLObject,
        target: TLObject,
        reply_to: int | None,
        files: Path,
        journal: JobJournal,
        call: Call,
        upload: NewUpload,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        draw: Callable[[], int] = lambda: secrets.randbits(63) | 1,
    ) -> None:
        self._chat = chat
        self._target = target
        self._reply_to = reply_to
        self._files = files
        self._journal = journal
        self._record = journal.record
        self._call = call
        self._new_upload = upload
        self._sleep = sleep
        self._draw = draw

    def is_refused(self, file: MediaFile) -> bool:
        """Telegram will not take ``file`` as the picture or video that it is."""
        return file.kind != "document" and file.number in self._record.refused

    def refusal(self, file: MediaFile) -> str:
        """Telegram's name for why it refused ``file``."""
        return self._record.refused[file.number]

    async def send_text(self, key: str, text: str, buttons: TLObject | None = None) -> int:
        """Send one text message; returns its id. The same ``key`` never makes two messages."""
        if key in self._record.sent:
            return self._record.sent[key][0]
        (random_id,) = await self._announce(key, [])
        places = {random_id: 0}
        request = text_request(self._chat, text, random_id, self._reply_to, buttons)
        try:
            ids = await self._send(request, places)
        except rpc.RPCError as error:
            if error_name(error) != NO_REPLY:
                raise
            ids = await self._send(text_request(self._chat, text, random_id, None, buttons), places)
        return (await self._sent(key, [], ids))[0]

    async def prepare(self, file: MediaFile) -> None:
        """Upload ``file`` and have Telegram look at it, unless that was done before.

        Raises :class:`Refused` when Telegram will not take it as what it is; that is journaled, and the
        file is then to be sent as a document.
        """
        if file.number in self._record.media:
            return
        if self.is_refused(file):
            raise Refused(f"{file.name} was refused before.", reason=self.refusal(file))
        name = photo_name(file.name) if file.kind == "photo" else file.name
        uploads = [self._new_upload(self._files / file.path, name)]
        if file.kind == "video" and file.thumb:
            uploads.append(self._new_upload(self._files / file.thumb, "thumb.jpg"))
        try:
            media = await self._upload_media(file, uploads)
        except rpc.RPCError as error:
            if not REFUSALS.search(error_name(error)):
                raise
            await self._refuse(file, error_name(error))
        await self._journal.write(lines.Media(file.number, medium_of(media)))

    async def _upload_media(self, file: MediaFile, uploads: Sequence[FileUpload]) -> TLObject:
        handles = [await upload.run() for upload in uploads]
        request = upload_request(self._target, file, *handles)
        for _ in range(MISSING_PARTS):
            try:
                return await self._call(request)
            except rpc.RPCError as error:
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

    async def send(self, key: str, files: Sequence[MediaFile], text: str) -> list[int]:
        """Send prepared ``files`` as one message or album with the caption ``text``; returns message ids.

        Raises :class:`Refused` when Telegram refuses the message as a whole: nothing of it was sent then.
        """
        if key in self._record.sent:
            return list(self._record.sent[key])
        numbers = [file.number for file in files]
        random_ids = await self._announce(key, numbers)
        if key in self._record.rejected:
            raise _rejection(len(files), self._record.rejected[key])
        for _ in range(REPEATS):
            for file in files:
                await self.prepare(file)
            media = [self._record.media[file.number] for file in files]
            try:
                ids = await self._send(
                    media_request(self._target, media, random_ids, text),
                    {random_id: place for place, random_id in enumerate(random_ids)},
                )
            except rpc.RPCError as error:
                await self._after_refusal(error, key, files)
                continue
            return await self._sent(key, numbers, ids)
        raise TransferFailed(f"Telegram did not take {files[0].name} after {REPEATS} tries.")

    async def _after_refusal(self, error: rpc.RPCError, key: str, files: Sequence[MediaFile]) -> None:
        """Journal what makes the next try another one, or raise."""
        name = error_name(error)
        expired = EXPIRED.search(name)
        if expired:
            place = expired.group(1)
            renewed = files if place is None else [files[int(place)]]
            await self._journal.write(*(lines.Renew(file.number) for file in renewed))
        elif not REFUSALS.search(name):
            raise error
        elif len(files) > 1:
            # Its files may go in other messages from now on, so that it must never be sent again.
            await self._journal.write(lines.Rejected(key, name))
            raise _rejection(len(files), name) from error
        else:
            await self._refuse(files[0], name)

    async def refuse(self, file: MediaFile, reason: str) -> None:
        """Remember that Telegram will not take ``file`` as the picture or video that it is."""
        await self._journal.write(lines.Refused(file.number, reason))

    async def _refuse(self, file: MediaFile, reason: str) -> None:
        await self.refuse(file, reason)
        raise Refused(f"Telegram refused {file.name} ({reason}).", reason=reason)

    async def _announce(self, key: str, numbers: Sequence[int]) -> tuple[int, ...]:
        """The random_ids of the message ``key``: those of an earlier announcement, or new ones, journaled."""
        old = self._record.announced.get(key)
        if old is not None and old.numbers == tuple(numbers):
            return old.random_ids
        random_ids = tuple(self._draw() for _ in range(max(1, len(numbers))))
        await self._journal.write(lines.Announce(key, tuple(numbers), random_ids))
        return random_ids

    async def _sent(self, key: str, numbers: Sequence[int], ids: Sequence[int]) -> list[int]:
        await self._journal.write(lines.Sent(key, tuple(numbers), tuple(ids)))
        return list(ids)

    async def _send(self, request: TLRequest, places: Mapping[int, int]) -> list[int]:
        """Make the call until its answer names every random_id; returns message ids in their order.

        An answer that stays RANDOM_ID_DUPLICATE over several spaced repeats proves that the ids were used:
        the message is in the chat, and its id is not known (0).
        """
        duplicates = 0
        for _ in range(REPEATS + DUPLICATE_REPEATS):
            try:
                answer = await self._call(request)
            except rpc.RPCError as error:
                if error_name(error) != "RANDOM_ID_DUPLICATE":
                    raise
                duplicates += 1
                if duplicates == DUPLICATE_REPEATS:
                    return [0] * len(places)
                await self._sleep(DUPLICATE_PAUSE)
                continue
            ids = message_ids(answer, places)
            if ids is not None:
                return ids
            await self._sleep(DUPLICATE_PAUSE)
        raise TransferFailed("Telegram's answer does not name every message that was sent.")


def _rejection(files: int, reason: str) -> Refused:
    return Refused(f"Telegram refused an album of {files} ({reason}).", reason=reason)
