"""What proves that a message is in the chat: its number, and nothing less.

A call that is repeated is answered with what the first one made, or, while that is still running,
RANDOM_ID_DUPLICATE (https://core.telegram.org/api/updates#handling-of-repeated-requests). Some servers give
that answer for ever, to a call that was carried out in part, or lost. So it proves nothing: what holds the
file, or the text, is looked for.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any, Protocol

from telethon import errors as rpc
from telethon.tl import types
from telethon.tl.tlobject import TLObject, TLRequest

from utils.errors import TransferFailed
from utils.jobs.requests import has_film, message_ids
from utils.telegram.account import messages_request
from utils.telegram.pauses import error_name
from utils.telegram.sightings import Watch, is_in

log = logging.getLogger(__name__)

DUPLICATE = "RANDOM_ID_DUPLICATE"

#: Seconds between the repeats of a call that may still be running: a minute, as official clients wait.
PAUSES = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
#: The same for a message of one item, after which there is no other way to ask.
LONG_PAUSES = (*PAUSES, 60.0, 60.0, 60.0, 60.0)

#: Messages that are looked at with one request, and how many requests there are at most.
LOOK, LOOKS = 100, 50


class Call(Protocol):
    """Sends one request and waits out what Telegram asks to wait for."""

    async def __call__(self, request: TLRequest) -> Any: ...


#: What Telegram tells of our messages meanwhile is put into the watch.
Watching = Callable[[Watch], AbstractContextManager[None]]


@dataclass(frozen=True)
class Outgoing:
    """A message, or an album, that is announced.

    Each of ``random_ids`` is one place in it, and so is each of ``media`` (Telegram's numbers), which are
    none when it is a text. It will have a higher id than ``newest``, or that is not known (0).
    """

    request: TLRequest
    random_ids: tuple[int, ...]
    newest: int
    media: tuple[int, ...] = ()


@dataclass(frozen=True)
class Known:
    """The message ids by their places. ``doubtful``: what is not among them may still come."""

    ids: dict[int, int] = field(default_factory=dict)
    doubtful: bool = False


class Proof:
    """Makes calls until it is known what became of them."""

    def __init__(
        self,
        call: Call,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        watching: Watching | None,
    ) -> None:
        self._call = call
        self._sleep = sleep
        self._watching = watching

    async def send(self, out: Outgoing) -> Known:
        """Send ``out``, or find what an earlier call made of it.

        Raises Telegram's refusals, and :class:`TransferFailed` when a single message is neither answered nor
        can be looked for.
        """
        watch = _watch(out)
        with self._watching(watch) if self._watching else nullcontext():
            pauses = PAUSES if len(out.random_ids) > 1 else LONG_PAUSES
            for pause in (*pauses, 0.0):
                named = await self._answer(out)
                watch.seen |= named
                if named and len(watch.seen) < len(out.random_ids):
                    # What an answer leaves out was not sent; that can be seen.
                    await self._look(out, watch)
                if named:
                    return Known(watch.seen)
                await self._sleep(pause)
                looked = await self._look(out, watch)
                if len(watch.seen) == len(out.random_ids):
                    return Known(watch.seen)
        if len(out.random_ids) == 1 and not looked:
            raise TransferFailed("Telegram does not say whether a message arrived.")
        return Known(watch.seen, doubtful=True)

    async def look(self, out: Outgoing) -> dict[int, int]:
        """The message ids of what is in the chat of ``out``, by their places."""
        watch = _watch(out)
        await self._look(out, watch)
        return watch.seen

    async def live_among(self, chat: TLObject, ids: Sequence[int]) -> set[int]:
        """Those of the messages ``ids`` that are live photos."""
        found = await self._call(messages_request(chat, ids))
        return {message.id for message in found.messages if has_film(message) and is_in(message, chat)}

    async def _answer(self, out: Outgoing) -> dict[int, int]:
        """Make the call: the message ids that its answer names, by their places."""
        try:
            answer = await self._call(out.request)
        except rpc.RPCError as error:
            if error_name(error) != DUPLICATE:
                raise
            log.info("Telegram says that a message was sent, or is being sent; looking for it")
            return {}
        return message_ids(answer, out.random_ids)

    async def _look(self, out: Outgoing, watch: Watch) -> bool:
        """Put what is found behind ``out.newest`` into ``watch``; whether everything there was looked at."""
        if not out.newest:
            return False
        for first in range(out.newest + 1, out.newest + 1 + LOOK * LOOKS, LOOK):
            request = messages_request(out.request.peer, range(first, first + LOOK))
            found = [m for m in (await self._call(request)).messages if not isinstance(m, types.MessageEmpty)]
            for message in found:
                if out.media:
                    watch.take_message(message)
                elif _is_text(message, out.request):
                    watch.seen[0] = message.id
            if not found or len(watch.seen) == len(out.random_ids):
                return True
        return False


def _watch(out: Outgoing) -> Watch:
    return Watch(
        out.request.peer,
        {random_id: place for place, random_id in enumerate(out.random_ids)},
        {medium: place for place, medium in enumerate(out.media)},
    )


def _is_text(message: TLObject, request: TLRequest) -> bool:
    """Whether ``message`` is the one that ``request`` sends."""
    return (
        isinstance(message, types.Message)
        and bool(message.out or message.post)
        and message.media is None
        and is_in(message, request.peer)
        and message.message == request.message.strip()
    )
