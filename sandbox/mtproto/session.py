"""One client session: what its messages mean, and what goes back.

A session outlives its connection: answers that were not acknowledged are sent again on the next one, and
a message that comes twice is carried out once. See https://core.telegram.org/mtproto/service_messages.
"""

from __future__ import annotations

import asyncio
import gzip
import logging
import secrets
import struct
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from telethon.extensions import BinaryReader
from telethon.tl import TLObject, TLRequest, functions, types

from ..rpc import AnswerLost, Caller, Handler, Result, RpcError
from .answers import GZIP_PACKED, rpc_error, rpc_result
from .link import LinkFaults

log = logging.getLogger(__name__)

CONTAINER = 0x73F1F8DC
MESSAGE_HEAD = struct.Struct("<qii")

#: Message ids may be so many seconds old, or ahead.
TOO_OLD, TOO_NEW = 300, 30

#: Answers that are kept for a client that asks again, by number and by bytes.
KEPT_ANSWERS, KEPT_BYTES = 400, 8 * 1024 * 1024

#: Requests of one session that run at a time.
AT_ONCE = 64

#: Telegram's codes in bad_msg_notification.
ID_TOO_LOW, ID_TOO_HIGH, ID_NOT_DIVISIBLE, EVEN_SEQ_NO_EXPECTED, ODD_SEQ_NO_EXPECTED = 16, 17, 18, 34, 35

#: Wrappers whose ``query`` is what is really asked.
_WRAPPERS = (
    functions.InvokeWithLayerRequest,
    functions.InitConnectionRequest,
    functions.InvokeWithoutUpdatesRequest,
    functions.InvokeAfterMsgRequest,
    functions.InvokeAfterMsgsRequest,
    functions.InvokeWithMessagesRangeRequest,
    functions.InvokeWithTakeoutRequest,
)


@dataclass(frozen=True)
class Message:
    """One message of a packet or container."""

    id: int
    seq_no: int
    body: bytes


@dataclass
class _Kept:
    """Answers by the id of the message they answer; the oldest are dropped."""

    answers: OrderedDict[int, bytes] = field(default_factory=OrderedDict)
    size: int = 0

    def put(self, message_id: int, answer: bytes) -> None:
        self.answers[message_id] = answer
        self.size += len(answer)
        while len(self.answers) > KEPT_ANSWERS or (self.size > KEPT_BYTES and len(self.answers) > 1):
            self.size -= len(self.answers.popitem(last=False)[1])


class Session:
    """One session of one authorization key."""

    def __init__(self, caller: Caller, handler: Handler, link: LinkFaults, salt: Callable[[], int]) -> None:
        self.caller = caller
        self._handler = handler
        self._link = link
        self._salt = salt
        self._send: Callable[[bytes], None] | None = None
        self._close: Callable[[], None] | None = None
        self._last_id = 0
        self._sequence = 0
        self._opened = False
        self._kept = _Kept()
        #: Answers by the id of the server's message that carried them, until they are acknowledged.
        self._unacknowledged: OrderedDict[int, int] = OrderedDict()
        self._running: dict[int, asyncio.Task[None]] = {}
        self._places = asyncio.Semaphore(AT_ONCE)

    # -- connections --------------------------------------------------------------------------------

    @property
    def live(self) -> bool:
        """It has a connection."""
        return self._send is not None

    def attach(self, send: Callable[[bytes], None], close: Callable[[], None]) -> None:
        """Use this connection from now on; what was not acknowledged goes out again."""
        if self._send is send:
            return
        self._send, self._close = send, close
        for request_id in list(self._unacknowledged.values()):
            if request_id in self._kept.answers:
                self._emit(self._kept.answers[request_id], content=True)

    def detach(self, send: Callable[[bytes], None]) -> None:
        """That connection is gone."""
        if self._send is send:
            self._send = self._close = None

    def drop(self) -> None:
        """Close the connection, if there is one."""
        if self._close is not None:
            self._close()

    async def end(self) -> None:
        """Stop everything."""
        for task in self._running.values():
            task.cancel()
        await asyncio.gather(*self._running.values(), return_exceptions=True)

    # -- what comes in ------------------------------------------------------------------------------

    def receive(self, salt: int, message: Message) -> None:
        """Act on one message of a packet whose ``salt`` the client believed to be right."""
        problem = self._time_problem(message)
        if problem:
            self._bad(message, problem)
            return
        if salt != self._salt():
            bad = types.BadServerSalt(message.id, message.seq_no, 48, self._salt())
            self._emit(bytes(bad), content=False)
            return
        if not self._opened:
            self._opened = True
            created = types.NewSessionCreated(message.id, secrets.randbits(63), self._salt())
            self._emit(bytes(created), content=True)
            asyncio.ensure_future(self._handler.session_opened(self.caller))
        for inner in unpack(message):
            self._one(inner)

    def _time_problem(self, message: Message) -> int:
        if message.id % 4:
            return ID_NOT_DIVISIBLE
        age = time.time() - (message.id >> 32)
        if age > TOO_OLD:
            return ID_TOO_LOW
        return ID_TOO_HIGH if -age > TOO_NEW else 0

    def _bad(self, message: Message, code: int) -> None:
        self._emit(bytes(types.BadMsgNotification(message.id, message.seq_no, code)), content=False)

    def _one(self, message: Message) -> None:
        if message.id in self._running:
            return
        if message.id in self._kept.answers:
            self._answer(message.id, self._kept.answers[message.id])
            return
        try:
            item = BinaryReader(message.body).tgread_object()
        except Exception:  # noqa: BLE001 - whatever a stranger's bytes make the parser raise
            self._answer(message.id, rpc_error(message.id, RpcError(400, "INPUT_METHOD_INVALID")))
            return
        if not self._service(message, item):
            self._start(message, item)

    def _service(self, message: Message, item: TLObject) -> bool:
        """Act on a message about messages; returns whether it was one."""
        if isinstance(item, types.MsgsAck):
            if message.seq_no % 2:
                self._bad(message, EVEN_SEQ_NO_EXPECTED)
            for acknowledged in item.msg_ids:
                self._unacknowledged.pop(acknowledged, None)
        elif isinstance(item, functions.PingRequest | functions.PingDelayDisconnectRequest):
            self._emit(bytes(types.Pong(message.id, item.ping_id)), content=False)
        elif isinstance(item, types.MsgsStateReq | types.MsgResendReq):
            info = bytes(4 if known in self._kept.answers else 1 for known in item.msg_ids)
            self._emit(bytes(types.MsgsStateInfo(message.id, info)), content=False)
        elif isinstance(item, functions.GetFutureSaltsRequest):
            now = int(time.time())
            salts = [types.FutureSalt(now, now + 86_400, self._salt())]
            self._emit(bytes(types.FutureSalts(message.id, now, salts)), content=False)
        elif isinstance(item, functions.DestroySessionRequest):
            self._emit(bytes(types.DestroySessionNone(item.session_id)), content=False)
        elif not isinstance(item, types.MsgsStateInfo | types.MsgsAllInfo | types.HttpWait):
            return False
        return True

    def _start(self, message: Message, item: TLObject) -> None:
        if not message.seq_no % 2:
            self._bad(message, ODD_SEQ_NO_EXPECTED)
            return
        after = self._earlier(item)
        request = self._peel(item)
        if self._link.cuts(request):
            self.drop()
            return
        task = asyncio.create_task(self._run(message.id, request, after))
        self._running[message.id] = task
        task.add_done_callback(lambda _: self._running.pop(message.id, None))

    def _earlier(self, item: TLObject) -> list[asyncio.Task[None]]:
        """The running requests that ``item`` has to wait for."""
        if isinstance(item, functions.InvokeAfterMsgRequest):
            ids = [item.msg_id]
        elif isinstance(item, functions.InvokeAfterMsgsRequest):
            ids = list(item.msg_ids)
        else:
            return []
        return [self._running[known] for known in ids if known in self._running]

    def _peel(self, item: TLObject) -> TLRequest:
        """What is really asked; the wrappers' facts go into the caller."""
        while isinstance(item, _WRAPPERS):
            if isinstance(item, functions.InvokeWithLayerRequest):
                self.caller.layer = item.layer
            elif isinstance(item, functions.InitConnectionRequest):
                self.caller.api_id = item.api_id
            elif isinstance(item, functions.InvokeWithoutUpdatesRequest):
                self.caller.receives_updates = False
            item = item.query
        return item

    async def _run(self, message_id: int, request: TLRequest, after: list[asyncio.Task[None]]) -> None:
        if after:
            await asyncio.wait(after)
        try:
            async with self._places:
                answer = rpc_result(message_id, await self._result(request))
        except RpcError as error:
            answer = rpc_error(message_id, error)
        except AnswerLost:
            return
        self._answer(message_id, answer)

    async def _result(self, request: TLRequest) -> Result:
        if isinstance(request, functions.RpcDropAnswerRequest):
            return types.RpcAnswerUnknown()
        try:
            return await self._handler.handle(self.caller, request)
        except (RpcError, AnswerLost):
            raise
        except Exception as error:
            log.exception("%s failed", type(request).__name__)
            raise RpcError(500, "INTERNAL") from error

    # -- what goes out ------------------------------------------------------------------------------

    def push(self, update: TLObject) -> None:
        """Send an update."""
        self._emit(bytes(update), content=True)

    def _answer(self, request_id: int, answer: bytes) -> None:
        self._kept.put(request_id, answer)
        sent = self._emit(answer, content=True)
        self._unacknowledged[sent] = request_id
        while len(self._unacknowledged) > KEPT_ANSWERS:
            self._unacknowledged.popitem(last=False)

    def _emit(self, body: bytes, *, content: bool) -> int:
        """Send one message if there is a connection; returns its id."""
        message_id = self._next_id(answer=content)
        seq_no = self._sequence * 2 + content
        self._sequence += content
        if self._send is not None:
            head = struct.pack("<qq", self._salt(), self.caller.session_id)
            self._send(head + MESSAGE_HEAD.pack(message_id, seq_no, len(body)) + body)
        return message_id

    def _next_id(self, *, answer: bool) -> int:
        """Ids grow with the time; modulo 4 they are 1 for answers and 3 for notifications."""
        now = int(time.time() * 2**32) & ~3
        self._last_id = max(now, (self._last_id & ~3) + 4)
        return self._last_id + (1 if answer else 3)


def unpack(message: Message) -> Iterator[Message]:
    """The messages in ``message``: itself, or those of a container; gzip_packed ones unpacked."""
    body = message.body
    (kind,) = struct.unpack_from("<I", body)
    if kind == GZIP_PACKED:
        reader = BinaryReader(body[4:])
        yield from unpack(Message(message.id, message.seq_no, gzip.decompress(reader.tgread_bytes())))
    elif kind == CONTAINER:
        (count,) = struct.unpack_from("<i", body, 4)
        at = 8
        for _ in range(count):
            message_id, seq_no, length = MESSAGE_HEAD.unpack_from(body, at)
            at += MESSAGE_HEAD.size
            yield from unpack(Message(message_id, seq_no, body[at : at + length]))
            at += length
    else:
        yield message
