"""Albums on their way: the next ones are uploaded while one is being sent, and they arrive in order."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from utils.errors import Refused
from utils.jobs.albums import ALBUM_SIZE, Album, MediaFile, counted, refused_as
from utils.jobs.captions import caption
from utils.jobs.delivery import Delivery
from utils.jobs.wishes import Wishes
from utils.telegram.transfers import in_flight
from utils.texts import tr

log = logging.getLogger(__name__)

#: Albums that may be uploading or waiting behind the one that is being sent.
ALBUMS_AHEAD = 2


class Outbox:
    """Sends the albums of one job in the order in which they were put in.

    A file is deleted when, and only when, a message that holds it is known.
    """

    def __init__(
        self,
        delivery: Delivery,
        *,
        files: Path,
        archive: str,
        on_sent: Callable[[Album], Awaitable[None]],
        on_refused: Callable[[MediaFile, Refused], Awaitable[None]],
        wishes: Callable[[], Wishes] = Wishes,
    ) -> None:
        self._delivery = delivery
        self._files = files
        self._archive = archive
        self._on_sent = on_sent
        self._on_refused = on_refused
        self._wishes = wishes
        self._sender: asyncio.Task[None] | None = None
        self._under_way = 0
        self._begun: dict[int, asyncio.Task[None]] = {}

    @cached_property
    def _queue(self) -> asyncio.Queue[tuple[str, Album, asyncio.Task[None]] | None]:
        """Made when it is used: there may be a thousand of these."""
        return asyncio.Queue(ALBUMS_AHEAD)

    @property
    def idle(self) -> bool:
        """Nothing is on its way."""
        return self._under_way == 0

    def begin(self, file: MediaFile) -> None:
        """Upload ``file`` while its album is still being collected, to be put in later."""
        self._begun[file.number] = asyncio.create_task(self._prepare_one(file))

    async def put(self, album: Album, key: str = "") -> None:
        """Take ``album`` in; waits while enough are on their way. Raises what an earlier one raised."""
        if self._sender is None:
            self._sender = asyncio.create_task(self._send_all())
        self._under_way += 1
        upload = asyncio.create_task(self._prepare(album))
        try:
            await self.or_failure(self._queue.put((key or f"album-{album[0].number}", album, upload)))
        except BaseException:
            await _end(upload)
            raise

    async def drain(self) -> None:
        """Wait until everything is sent. Raises what sending raised."""
        if self._sender is not None:
            await self.or_failure(self._queue.put(None))
            await self._sender
            self._sender = None

    async def close(self) -> None:
        """Stop at once; what is not sent stays on disk."""
        if self._sender is not None:
            await _end(self._sender)
            self._sender = None
        while not self._queue.empty():
            item = self._queue.get_nowait()
            if item is not None:
                await _end(item[2])
        begun, self._begun = self._begun, {}
        await _end(*begun.values())

    async def or_failure(self, waiting: Awaitable[object]) -> None:
        """Wait for ``waiting``, or raise what sending raised, should that come first."""
        assert self._sender is not None
        task = asyncio.ensure_future(waiting)
        try:
            await asyncio.wait([task, self._sender], return_when=asyncio.FIRST_COMPLETED)
        finally:
            if not task.done():
                task.cancel()
        if self._sender.done() and not task.done():
            self._sender.result()

    async def _prepare(self, album: Album) -> None:
        """Upload all of ``album`` side by side, but for what was begun before."""

        async def one(file: MediaFile) -> None:
            begun = self._begun.pop(file.number, None)
            await (begun or self._prepare_one(file))

        await in_flight((one(file) for file in album), len(album))

    async def _prepare_one(self, file: MediaFile) -> None:
        """Upload ``file``; what Telegram refuses is journaled by the delivery."""
        try:
            await self._delivery.prepare(file)
        except Refused as refused:
            log.warning("⚠️ %s", refused.told)

    async def _send_all(self) -> None:
        while (item := await self._queue.get()) is not None:
            key, album, upload = item
            try:
                await upload
                await self._deliver(key, album)
            finally:
                upload.cancel()
            self._under_way -= 1
            await self._on_sent(album)

    async def _deliver(self, key: str, album: Album) -> None:
        """Send what Telegram takes as an album and each of the rest as a document."""
        good = tuple(file for file in album if not self._delivery.is_refused(file))
        messages = self._delivery.messages(key, good)
        try:
            if len(messages) > ALBUM_SIZE:
                await self._deliver_in_tens(key, good)
            elif good:
                await self._send(key, good)
        except Refused as refused:
            if len(good) == 1 and good[0].group == "document":
                await self._on_refused(good[0], refused)
            elif len(messages) < len(good):
                await self._deliver_side_by_side(key, good)
            else:
                await self._deliver_after_refusal(key, good, refused)
        for file in album:
            if file not in good:
                await self._deliver_document(file)

    async def _deliver_side_by_side(self, key: str, good: Album) -> None:
        """Telegram did not take the photos of ``good`` together with their films."""
        log.info("ℹ️ Telegram did not take live photos; they are sent beside their films")
        self._delivery.live = False
        await self._deliver(f"{key}-apart", good)
        # If one of them was to blame, the next may be taken as they are.
        self._delivery.live = any(self._delivery.is_refused(file) for file in good)

    async def _deliver_in_tens(self, key: str, good: Album) -> None:
        for place in range(0, len(good), ALBUM_SIZE):
            await self._deliver(f"{key}.{place}", good[place : place + ALBUM_SIZE])

    async def _deliver_after_refusal(self, key: str, good: Album, refused: Refused) -> None:
        """One item of ``good`` is to blame: as soon as it is known, the rest goes as one album.

        If Telegram does not say which, it is the one without which the rest is taken. A refused album sends
        nothing, so that trying is harmless. When no single one is to blame, the halves are looked at.
        """
        for file in good:
            if any(self._delivery.is_refused(other) for other in good):
                await self._deliver(key, good)
                return
            rest = tuple(other for other in good if other is not file)
            try:
                await self._send(f"{key}-without-{file.number}", rest)
            except Refused:
                continue
            await self._delivery.refuse(file, refused.reason)
            await self._deliver_document(file)
            return
        middle = len(good) // 2
        await self._deliver(f"{key}.1", good[:middle])
        await self._deliver(f"{key}.2", good[middle:])

    async def _deliver_document(self, file: MediaFile) -> None:
        if file.group != "document":
            why = refused_as(file.group, self._delivery.refusal(file))
            note = tr("{reason}, so it comes as a file.", reason=why)
            file = replace(file, kind="document", music="", note=note)
        try:
            await self._send(f"file-{file.number}", (file,))
        except Refused as refused:
            await self._on_refused(file, refused)

    async def _send(self, key: str, files: Sequence[MediaFile]) -> None:
        messages = self._delivery.messages(key, files)
        what = counted(messages)
        name = what if len(messages) > 1 else files[0].name
        if len(messages) > 1:
            log.info("📤 Uploading %s as album...", what)
        else:
            log.info("📤 Uploading %s...", name)
        names = self._wishes().captions == "names"
        said = caption(self._archive, [file for file, *_ in messages], names=names)
        arrived = await self._delivery.send(key, files, said)
        await asyncio.to_thread(self._delete, [file for file in files if file.number in arrived])
        left = [file for file in files if file.number not in arrived]
        if not left:
            sent = (self._archive, self._delivery.media_of([file for file, *_ in messages]))
            log.info("✅ Uploaded %s", name, extra={"sent": sent})
        for following, rest in self._delivery.left(left):
            await self._deliver(following, tuple(rest))

    def _delete(self, files: Sequence[MediaFile]) -> None:
        for file in files:
            # The copy of a photo is still to become the cover of a video.
            cover = file.cover if file.kind == "video" else ""
            for name in filter(None, (file.path, file.thumb, cover)):
                (self._files / name).unlink(missing_ok=True)


async def _end(*tasks: asyncio.Task[None]) -> None:
    """Cancel ``tasks`` and wait for them. Whatever they raised is no news: something else failed before."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
