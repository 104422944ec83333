"""Requests of a session: each runs once, in a task of its own, and is answered in its own time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

from telethon.tl import TLObject, TLRequest, functions, types

from ..rpc import AnswerLost, Handler, RpcError
from .bodies import write_error, write_result
from .envelope import Piece
from .link import Act, LinkFaults, Rule
from .memory import Received
from .session import Session
from .wrappers import Peeled, peel

log = logging.getLogger(__name__)

#: So many requests of one session are taken in; then its connections are no longer read.
_AT_ONCE = 200

#: A session that only ever asks these moves files for another one; Telegram sends it no updates.
_FILES_ONLY = ("telethon.tl.functions.upload",)


class Requests:
    """Runs requests."""

    def __init__(self, handler: Handler, link: LinkFaults, drop: Callable[[Session], None]) -> None:
        self._handler = handler
        self._link = link
        self._drop = drop
        self._tasks: set[asyncio.Task[bool]] = set()

    async def stop(self) -> None:
        """Cancels what runs, and waits for its end."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def take(self, session: Session, msg_id: int, message: TLObject) -> None:
        """Begins to serve one request, which the session has noted already."""
        peeled = peel(message)
        request = peeled.request
        _note(session, peeled)
        if not isinstance(request, TLRequest):
            session.answer(msg_id, write_error(msg_id, RpcError(400, "INPUT_METHOD_INVALID")))
            return
        if isinstance(request, functions.RpcDropAnswerRequest):
            session.answer(msg_id, write_result(msg_id, request, _dropped(session, request.req_msg_id)))
            return
        rule = self._link.arrived(request)
        if rule is not None and rule.act is Act.CUT:
            del session.received[msg_id]  # it never arrived
            self._drop(session)
            return
        earlier = [session.received[known] for known in peeled.after if known in session.received]
        task = asyncio.create_task(self._run(session, msg_id, request, earlier, rule))
        session.received[msg_id].task = task
        session.busy(1, _AT_ONCE)
        self._tasks.add(task)
        task.add_done_callback(lambda task: self._done(session, msg_id, task))

    def _done(self, session: Session, msg_id: int, task: asyncio.Task[bool]) -> None:
        self._tasks.discard(task)
        session.busy(-1, _AT_ONCE)

    async def _run(
        self,
        session: Session,
        msg_id: int,
        request: TLRequest,
        earlier: Sequence[Received],
        rule: Rule | None,
    ) -> bool:
        """Serves a request; whether it went well."""
        try:
            if session.opened is not None:
                await asyncio.shield(session.opened)
            await _wait_for(earlier)
            body = await self._ask(session, msg_id, request)
            well = True
        except RpcError as error:
            body, well = write_error(msg_id, error), False
        except AnswerLost:
            self._drop(session)
            return True
        if rule is not None and rule.act is Act.DELAY:
            await asyncio.sleep(rule.seconds)
        if rule is not None and rule.act is Act.LOSE:
            self._drop(session)
        session.answer(msg_id, body)
        return well

    async def _ask(self, session: Session, msg_id: int, request: TLRequest) -> list[Piece]:
        try:
            return write_result(msg_id, request, await self._handler.handle(session.caller, request))
        except (RpcError, AnswerLost):
            raise
        except Exception as error:  # noqa: BLE001 - whatever the API breaks on, the client gets an answer
            log.exception("%s failed", type(request).__name__)
            raise RpcError(500, "INTERNAL_SERVER_ERROR") from error


def _note(session: Session, peeled: Peeled) -> None:
    facts = session.facts
    facts.layer = peeled.layer or facts.layer
    facts.api_id = peeled.api_id or facts.api_id
    facts.no_updates = facts.no_updates or peeled.no_updates
    if type(peeled.request).__module__ not in _FILES_ONLY and not isinstance(
        peeled.request, functions.auth.ImportAuthorizationRequest
    ):
        facts.interested = True


async def _wait_for(earlier: Sequence[Received]) -> None:
    """Raises MSG_WAIT_FAILED when one of them fails."""
    for received in earlier:
        if received.task is not None:
            await asyncio.wait({received.task})
            if received.task.cancelled() or not received.task.result():
                raise RpcError(400, "MSG_WAIT_FAILED")


def _dropped(session: Session, msg_id: int) -> TLObject:
    """Forgets an answer that the client no longer wants; the act itself goes on."""
    received = session.received.get(msg_id)
    if received is None or received.task is None:
        return types.RpcAnswerUnknown()
    if not received.answered:
        received.unwanted = True
        return types.RpcAnswerDroppedRunning()
    if received.answer is None:
        return types.RpcAnswerUnknown()
    dropped = received.answer
    session.acknowledged([dropped.msg_id])
    return types.RpcAnswerDropped(dropped.msg_id, dropped.seqno, dropped.size)
