"""Exactly once: every message of a job, under random_ids that were journaled before the call.

Telegram answers a repeated ``random_id`` with the message that was made the first time
(https://core.telegram.org/api/updates#handling-of-repeated-requests), so an announced message may be sent
again after any crash. A file counts as delivered only when a message that holds it is known.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

from telethon import errors as rpc
from telethon.tl.tlobject import TLObject, TLRequest

from utils.errors import PassedOver, Refused, TransferFailed
from utils.jobs import lines
from utils.jobs.albums import Album, MediaFile
from utils.jobs.intake import Reply
from utils.jobs.journal import JobJournal
from utils.jobs.marks import UPLOAD
from utils.jobs.medium import Medium
from utils.jobs.proof import DUPLICATE, Call, Outgoing, Proof, Watching
from utils.jobs.refusals import (
    EXPIRED,
    NO_BUTTONS,
    NO_REPLY,
    PASSING,
    PASSING_PAUSE,
    REFUSALS,
    refuses_live,
)
from utils.jobs.requests import media_request, words_request
from utils.jobs.steps import Steps
from utils.jobs.summary import with_words
from utils.jobs.together import alone, left_over, messages_under, numbers_of, same_numbers
from utils.jobs.uploading import NewUpload, Uploading
from utils.jobs.wishes import Wishes
from utils.telegram.pauses import error_name
from utils.texts import Text, said

log = logging.getLogger(__name__)

#: How often one message is sent again because a medium's reference expired or the like.
REPEATS = 5


class Delivery:
    """The messages of one job, as replies to ``reply_to``: texts into ``chat``, media into ``target``.

    Media are no replies where ``target`` is another chat.
    """

    def __init__(
        self,
        *,
        chat: TLObject,
        target: TLObject,
        reply_to: Reply,
        files: Path,
        journal: JobJournal,
        call: Call,
        upload: NewUpload,
        steps: Steps,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        draw: Callable[[], int] = lambda: secrets.randbits(63) | 1,
        watching: Watching | None = None,
        wishes: Callable[[], Wishes] = Wishes,
    ) -> None:
        self._chat = chat
        self._target = target
        self._reply_to = reply_to
        self._origin = reply_to.message
        self._files = files
        self._uploading = Uploading(target=target, files=files, call=call, upload=upload, sleep=sleep)
        self._journal = journal
        self._record = journal.record
        self._steps = steps
        self._sleep = sleep
        self._draw = draw
        self._wishes = wishes
        self._proof = Proof(call, sleep=sleep, watching=watching)
        #: Whether a photo and its film are one message from now on: not where Telegram makes no live photos.
        self.live = True

    @property
    def _silent(self) -> bool:
        """Whether what is sent now comes without a sound."""
        return self._wishes().silent == "yes"

    def is_refused(self, file: MediaFile) -> bool:
        """Telegram will not take ``file`` as the picture, video or music that it is."""
        return file.group != "document" and file.number in self._record.refused

    def refusal(self, file: MediaFile) -> str:
        """Telegram's name for why it refused ``file``."""
        return self._record.refused[file.number]

    async def send_text(
        self,
        key: str,
        text: str,
        buttons: TLObject | None = None,
        *,
        instead: str = "",
        above: MediaFile | None = None,
    ) -> int:
        """Send one text message; returns its id. The same ``key`` never makes two messages.

        Where the message cannot have ``buttons``, ``instead`` is put below the text. It stands under the
        picture or file ``above``, if there is one and Telegram takes it.
        """
        if key in self._record.sent:
            return self._record.sent[key][0]
        for _ in range(REPEATS):
            (random_id,) = await self._announce(key, [])
            medium = await self._taken(above) if above is not None else None
            request = words_request(
                self._chat, text, random_id, self._reply_to, buttons, silent=self._silent, above=medium
            )
            try:
                known = await self._proof.send(self._outgoing(key, request, [medium] if medium else []))
            except rpc.RPCError as error:
                name = error_name(error)
                if above is not None and EXPIRED.search(name):
                    await self._journal.write(lines.Renew(above.number))
                elif name == NO_REPLY and self._reply_to.message:
                    self._reply_to = self._reply_to.to_nobody()
                elif name == NO_BUTTONS and buttons is not None:
                    buttons, text = None, with_words(text, instead)
                elif medium is not None:
                    # There may be words without pictures.
                    above = None
                else:
                    raise
                continue
            if known.ids:
                return (await self._sent(key, [], known.ids))[0]
            await self._journal.write(lines.Rejected(key, DUPLICATE))
        raise TransferFailed("Telegram did not take a text.")

    async def send_listing(self, key: str, name: str, text: str) -> None:
        """Send ``text`` as a file called ``name``. The same ``key`` never makes two messages."""
        if key in self._record.sent:
            return
        content, file = text.encode(), self._files / key
        await asyncio.to_thread(file.write_bytes, content)
        listing = MediaFile(0, "", name, "", "document", key, len(content))
        await self.send_text(key, "", above=listing)

    async def _taken(self, file: MediaFile) -> Medium | None:
        """What Telegram calls ``file``, or None where it does not take it."""
        try:
            await self.prepare(file)
        except (Refused, rpc.RPCError):
            return None
        return self._record.media[file.number]

    async def prepare(self, file: MediaFile) -> None:
        """Upload ``file`` and have Telegram look at it, unless that was done before.

        Raises :class:`Refused` when Telegram will not take it as what it is; that is journaled, and the
        file is then to be sent as a document.
        """
        if file.number in self._record.media:
            return
        if self.is_refused(file):
            raise Refused(f"{file.name} was refused before.", reason=self.refusal(file))
        step = f"{UPLOAD}{file.number}{' as a file' if file.group == 'document' else ''}"
        try:
            async with self._steps.turn_of(step, Text("uploading it")):
                medium = await self._uploading.medium(file, self._steps.marked(step))
        except PassedOver as over:
            await self.refuse(file, said(over.told))
            raise Refused(f"{file.name}: {over.told}", reason=over.told) from over
        except rpc.RPCError as error:
            if not REFUSALS.search(error_name(error)):
                raise
            await self._refuse(file, error_name(error))
        await self._journal.write(lines.Media(file.number, medium))

    def messages(self, key: str, files: Sequence[MediaFile]) -> list[Album]:
        """What each message under ``key`` holds: one file, or a photo and its film."""
        return messages_under(self._record, key, files, live=self.live)

    async def send(self, key: str, files: Sequence[MediaFile], text: str) -> dict[int, int]:
        """Send prepared ``files`` as one message or album with the caption ``text``.

        Returns the message ids by the files' numbers: of all of them, or of those of an album that arrived.
        What is left then is to be sent in the messages of :meth:`left`. Raises :class:`Refused` when
        Telegram refuses the message as a whole: nothing of it was sent then.
        """
        numbers, messages = numbers_of(files), self.messages(key, files)
        if self._record.delivered.issuperset(numbers):
            known_ids = self._record.sent.get(key, ())
            return dict(zip(numbers, known_ids or [0] * len(numbers), strict=False))
        passing = False
        # Telegram names one reference at a time, and those of an album expire together.
        tries = REPEATS - 1 + len(files)
        for _ in range(tries):
            random_ids = await self._announce(key, messages)
            if key in self._record.rejected:
                raise _rejection(len(messages), self._record.rejected[key])
            for file in files:
                await self.prepare(file)
            media = [[self._record.media[file.number] for file in message] for message in messages]
            reply_to = self._reply_to if self._target == self._chat else Reply()
            request = media_request(self._target, media, random_ids, text, reply_to, silent=self._silent)
            out = self._outgoing(key, request, [first for first, *_ in media])
            try:
                known = await self._proof.send(out)
            except rpc.RPCError as error:
                if error_name(error) == PASSING and not passing:
                    passing = True
                    await self._sleep(PASSING_PAUSE)
                elif found := await self._after_refusal(error, key, messages, out):
                    return await self._sent_in_part(key, messages, await self._arrived(messages, found))
                continue
            arrived = await self._arrived(messages, known.ids)
            if len(arrived) == len(files):
                await self._journal.write(lines.Sent(key, tuple(arrived), tuple(arrived.values())))
                return arrived
            if arrived or len(messages) > 1:
                return await self._sent_in_part(key, messages, arrived, doubtful=known.doubtful)
            # It is not in the chat, and nothing more is to be learned of it: other random_ids.
            await self._journal.write(lines.Rejected(key, DUPLICATE))
        raise TransferFailed(f"Telegram did not take {files[0].name} after {tries} tries.")

    def media_of(self, files: Sequence[MediaFile]) -> list[Medium]:
        """What Telegram calls those of ``files`` that are there."""
        return [self._record.media[file.number] for file in files if file.number in self._record.media]

    def left(self, files: Sequence[MediaFile]) -> list[tuple[str, Sequence[MediaFile]]]:
        """See :func:`utils.jobs.together.left_over`."""
        return left_over(self._record, files)

    async def _arrived(self, messages: Sequence[Album], ids: Mapping[int, int]) -> dict[int, int]:
        """The message ids of the files that are in the chat, if those of ``messages`` are ``ids``, by place.

        A film is there only where Telegram shows that it has made a live photo.
        """
        live = [ids[place] for place, message in enumerate(messages) if place in ids and len(message) > 1]
        shown = await self._proof.live_among(self._target, live) if live else set()
        if len(shown) < len(live):
            log.warning("⚠️ Telegram has made plain photos of live ones; their films are sent by themselves")
            self.live = False
        return {
            file.number: ids[place]
            for place in sorted(ids)
            for file in messages[place][: 2 if ids[place] in shown else 1]
        }

    async def _sent_in_part(
        self, key: str, messages: Sequence[Album], named: dict[int, int], *, doubtful: bool = False
    ) -> dict[int, int]:
        """Journal what of the album ``key`` arrived, and what is to be asked for by itself if ``doubtful``.

        The whole is not under its key, so that what is left may be.
        """
        there = sum(message[0].number in named for message in messages)
        if there < len(messages):
            log.warning("⚠️ Of an album of %d, %d arrived; the rest is sent again", len(messages), there)
        random_ids = dict.fromkeys(self._record.announced[key].random_ids)
        single = [
            lines.Announce(alone(message[0]), numbers_of(message), (random_id,) * len(message))
            for message, random_id in zip(messages, random_ids, strict=True)
            if doubtful and message[0].number not in named
        ]
        # From now on its random_ids are those of the messages that ask for each by itself.
        over = [lines.Rejected(key, DUPLICATE)] if doubtful else []
        part = [lines.Sent(f"{key}-part", tuple(named), tuple(named.values()))] if named else []
        await self._journal.write(*single, *over, *part)
        return named

    async def _after_refusal(
        self, error: rpc.RPCError, key: str, messages: Sequence[Album], out: Outgoing
    ) -> dict[int, int]:
        """Journal what makes the next try another one, or raise.

        Returns what of an album that was refused is in the chat all the same, by its places.
        """
        name = error_name(error)
        expired = EXPIRED.search(name)
        live = any(len(message) > 1 for message in messages)
        if expired:
            place = expired.group(1)
            renewed = messages if place is None else [messages[int(place)]]
            await self._journal.write(*(lines.Renew(file.number) for message in renewed for file in message))
        elif name == NO_REPLY and self._reply_to.message:
            self._reply_to = self._reply_to.to_nobody()
        elif not (REFUSALS.search(name) or (live and refuses_live(error))):
            raise error
        elif covered := [
            n for n in numbers_of(tuple(itertools.chain(*messages))) if self._record.media[n].cover
        ]:
            # Perhaps it is a cover that is not taken: it is tried without, under the same random_ids.
            self._uploading.covers = False
            await self._journal.write(*map(lines.Renew, covered))
        elif live or len(messages) > 1:
            if found := await self._proof.look(out):
                return found
            # Its files may go in other messages from now on, so that it must never be sent again.
            await self._journal.write(lines.Rejected(key, name))
            raise _rejection(len(messages), name) from error
        else:
            await self._refuse(messages[0][0], name)
        return {}

    async def refuse(self, file: MediaFile, reason: str) -> None:
        """Remember that Telegram will not take ``file`` as the picture or video that it is."""
        await self._journal.write(lines.Refused(file.number, reason))

    async def _refuse(self, file: MediaFile, reason: str) -> None:
        await self.refuse(file, reason)
        raise Refused(f"Telegram refused {file.name} ({reason}).", reason=reason)

    async def _announce(self, key: str, messages: Sequence[Album]) -> tuple[int, ...]:
        """The random_ids of the message ``key``: those of an earlier announcement, or new ones, journaled."""
        old = self._record.announced.get(key)
        lost = self._record.rejected.get(key) == DUPLICATE
        numbers = tuple(number for message in messages for number in numbers_of(message))
        if old is not None and old.numbers == numbers and not lost:
            return tuple(dict.fromkeys(old.random_ids))
        random_ids = tuple(self._draw() for _ in messages or [()])
        # A film has the random_id of its picture.
        each = tuple(random_ids[place] for place, message in enumerate(messages) for _ in message)
        await self._journal.write(lines.Announce(key, numbers, each or random_ids))
        return random_ids

    def _outgoing(self, key: str, request: TLRequest, media: Sequence[Medium] = ()) -> Outgoing:
        """The message ``key``, which is announced, with where it would be found."""
        text, other = self._record.before[key]
        known = [text, self._origin] if same_numbers(request.peer, self._chat) else []
        if same_numbers(request.peer, self._target):
            known.append(other)
        random_ids = tuple(dict.fromkeys(self._record.announced[key].random_ids))
        return Outgoing(request, random_ids, max(known), tuple(medium.id for medium in media))

    async def _sent(self, key: str, numbers: Sequence[int], ids: Mapping[int, int]) -> list[int]:
        messages = tuple(ids[place] for place in sorted(ids))
        await self._journal.write(lines.Sent(key, tuple(numbers), messages))
        return list(messages)


def _rejection(files: int, reason: str) -> Refused:
    return Refused(f"Telegram refused an album of {files} ({reason}).", reason=reason)
