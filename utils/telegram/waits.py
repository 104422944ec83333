"""The one way of every request to Telegram, past which nothing is sent.

Telegram's waits (FLOOD_WAIT, FLOOD_PREMIUM_WAIT, SLOWMODE_WAIT) are obeyed to the second and the same
request is sent again; trouble of the server and a lost connection are waited out with growing pauses. Each
wait is told, so that a chat can say what is being waited for. See https://core.telegram.org/api/errors.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

from telethon import errors, utils
from telethon.network import MTProtoSender
from telethon.tl import TLObject, TLRequest

from utils.telegram.archive_client import ENDED, ArchiveBotClient
from utils.telegram.outage import Outage
from utils.telegram.pauses import TROUBLE, Pause, Reason, is_repeatable, pause_after, was_refused

if TYPE_CHECKING:
    from utils.telegram.senders import SenderPool

log = logging.getLogger(__name__)
T = TypeVar("T")

#: Seconds after which a request without an answer counts as lost.
ANSWER_TIMEOUT = 60.0

#: What is called at the beginning of each wait: seconds, and why.
OnWait = Callable[[float, str], Awaitable[None]]
Sleep = Callable[[float], Awaitable[None]]


async def repeated(
    call: Callable[[], Awaitable[T]],
    *,
    wait: Callable[[Pause], Awaitable[None]],
    repeatable: bool = True,
    outage: Outage | None = None,
) -> T:
    """The result of ``call``, which is called again after each pause that its errors ask for.

    With ``repeatable=False`` only a refusal (a wait) is repeated, because then the request was certainly
    not carried out; trouble that leaves it open is raised. Trouble of the server ends for a request that it
    cannot serve while it serves others; as long as it serves nobody it is waited out. ``outage`` is told.
    """
    outage = outage or Outage()
    failures: Counter[type[BaseException]] = Counter()
    began, me = time.monotonic(), object()
    try:
        while True:
            try:
                result = await call()
                outage.answered()
                return result
            except TROUBLE as error:
                failures[type(error)] += 1
                pause = pause_after(error, failures[type(error)], alone=outage.answered_since(began))
                if pause is None or not (repeatable or was_refused(pause)):
                    raise
                outage.begins(pause.reason, me, error)
            await wait(pause)
    finally:
        outage.over(me)


class Caller:
    """Calls requests until they are answered, obeying every wait.

    ``sleep`` is injected so that tests need not wait; ``on_wait`` is told about each wait unless the call
    names its own. Other errors of Telegram come out as Telethon's.
    """

    def __init__(
        self,
        client: ArchiveBotClient,
        *,
        pool: SenderPool | None = None,
        sleep: Sleep = asyncio.sleep,
        on_wait: OnWait | None = None,
        answer_timeout: float = ANSWER_TIMEOUT,
    ) -> None:
        self._client = client
        self._pool = pool
        self._sleep = sleep
        self._on_wait = on_wait
        self._answer_timeout = answer_timeout

    async def __call__(
        self,
        request: TLRequest,
        *,
        dc: int | None = None,
        on_wait: OnWait | None = None,
        repeatable: bool | None = None,
    ) -> TLObject:
        """Telegram's answer to ``request``, asked at the data centre ``dc`` (default: the account's).

        ``repeatable`` says whether the request may be sent again when it is not known if it was carried
        out; by default :func:`is_repeatable` decides.
        """
        told = on_wait or self._on_wait

        async def wait(pause: Pause) -> None:
            if was_refused(pause):
                name = type(request).__name__
                log.info("%s waits %.0f seconds: %s", name, pause.seconds, pause.reason.value)
            if told is not None:
                await told(pause.seconds, pause.reason.value)
            await self._sleep(pause.seconds)

        async def once() -> TLObject:
            if dc is None or dc == self._client.session.dc_id or self._pool is None:
                return await self._at_home(request, told)
            return await self._pool.call(request, dc)

        await request.resolve(self._client, utils)
        safe = is_repeatable(request) if repeatable is None else repeatable
        result = await repeated(once, wait=wait, repeatable=safe, outage=self._client.outage)
        self._client.session.process_entities(result)
        return result

    async def once(self, request: TLRequest) -> TLObject:
        """Telegram's answer to ``request``, which is sent once: waits and trouble are raised, not waited out.

        For what is not worth waiting for, or would be stale afterwards.
        """
        await request.resolve(self._client, utils)
        result = await self._at_home(request, None)
        self._client.session.process_entities(result)
        return result

    def telling(self, on_wait: OnWait) -> Caller:
        """The same, with each wait told to ``on_wait``."""
        return Caller(
            self._client,
            pool=self._pool,
            sleep=self._sleep,
            on_wait=on_wait,
            answer_timeout=self._answer_timeout,
        )

    async def _at_home(self, request: TLRequest, told: OnWait | None) -> TLObject:
        """Through the client's own connection, past its own ways of waiting."""
        sender = self._client._sender
        future = sender.send(request)
        try:
            while not future.done():
                heard = sender._state._highest_remote_id
                if (await asyncio.wait({future}, timeout=self._answer_timeout))[0]:
                    break
                if sender._transport_connected():
                    self._give_up(sender, future, heard)
                    raise TimeoutError(f"no answer to {type(request).__name__}")
                # Telethon sends it again by itself once it is connected; only say why it takes long.
                if told is not None:
                    await told(self._answer_timeout, Reason.CONNECTION.value)
            if future.cancelled():
                raise ConnectionError("disconnected before the answer came")
            return future.result()
        except ENDED as error:
            await self._client.end(error)
        except errors.UserMigrateError as error:
            await self._client.end(error)
        finally:
            future.cancel()

    def _give_up(self, sender: MTProtoSender, future: asyncio.Future[TLObject], heard: int) -> None:
        """Withdraw a request, and the connection with it when nothing at all was heard meanwhile.

        That happens when it is dead, and when the clock was set back: Telethon then ignores every answer as
        being from the future, until a new session learns the server's time.
        """
        for number, state in list(sender._pending_state.items()):
            if state.future is future:
                del sender._pending_state[number]
        if sender._state._highest_remote_id == heard:
            sender._start_reconnect(None)
