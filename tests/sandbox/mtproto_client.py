"""A client that says exactly what a test wants, and a handler that does next to nothing."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from telethon import TelegramClient
from telethon.crypto import AuthKey
from telethon.errors import SecurityError
from telethon.extensions import BinaryReader
from telethon.network import Connection, ConnectionTcpFull, MTProtoPlainSender
from telethon.network.authenticator import do_authentication
from telethon.network.mtprotostate import MTProtoState
from telethon.sessions import MemorySession
from telethon.tl import TLObject, TLRequest, functions, types
from telethon.tl.core import GzipPacked, MessageContainer, RpcResult

from sandbox.mtproto import MtprotoServer
from sandbox.rpc import Caller, Result, RpcError

LOGGERS = TelegramClient(MemorySession(), 1, "x")._log

NEAREST = functions.help.GetNearestDcRequest()
LOCATION = types.InputDocumentFileLocation(1, 1, b"", "")


def say(text: str) -> TLRequest:
    return functions.messages.SendMessageRequest(types.InputPeerSelf(), text, random_id=1)


@dataclass
class Echo:
    """Says back what was said; waits at the gate first; refuses the text "no"."""

    said: list[str] = field(default_factory=list)
    callers: list[Caller] = field(default_factory=list)
    opened: list[Caller] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.gate.set()

    async def session_opened(self, caller: Caller) -> None:
        self.opened.append(caller)

    async def handle(self, caller: Caller, request: TLRequest) -> Result:
        self.callers.append(caller)
        if isinstance(request, functions.upload.GetFileRequest):
            return types.upload.File(types.storage.FileUnknown(), 0, bytes(request.limit))
        if isinstance(request, functions.upload.SaveFilePartRequest):
            return True
        if isinstance(request, functions.messages.SendMessageRequest):
            await self.gate.wait()
            self.said.append(request.message)
            if request.message == "no":
                raise RpcError(400, "MESSAGE_EMPTY")
            if request.message == "broken":
                raise LookupError("a mistake in the API")
            return types.UpdateShortMessage(1, 1, request.message, 1, 1, None)
        return types.NearestDc("ZZ", caller.dc_id, caller.dc_id)


@dataclass
class Got:
    """A message from the server, out of its container and gzip."""

    id: int
    seqno: int
    it: TLObject


class Raw:
    """One session on one connection, without any of a client's own reactions."""

    def __init__(self, connection: Connection, state: MTProtoState) -> None:
        self.connection = connection
        self.state = state
        self.packets: list[TLObject] = []
        self._waiting: list[Got] = []

    async def say(
        self, it: TLObject, *, msg_id: int | None = None, seqno: int | None = None, salt: int | None = None
    ) -> int:
        """Sends a message; odd numbers are given to requests, like Telethon does. Returns its id."""
        if msg_id is None:
            msg_id = self.state._get_new_msg_id()
        if seqno is None:
            seqno = self.state._get_seq_no(isinstance(it, TLRequest))
        await self.raw(bytes(it), msg_id, seqno, salt)
        return msg_id

    async def raw(self, body: bytes, msg_id: int, seqno: int, salt: int | None = None) -> None:
        kept = self.state.salt
        self.state.salt = kept if salt is None else salt
        packet = self.state.encrypt_message_data(struct.pack("<qii", msg_id, seqno, len(body)) + body)
        self.state.salt = kept
        await self.connection.send(packet)

    async def container(self, *items: tuple[int, int, bytes], seqno: int | None = None) -> int:
        """Sends (id, number, body) triples together."""
        body = struct.pack("<Ii", MessageContainer.CONSTRUCTOR_ID, len(items))
        body += b"".join(struct.pack("<qii", i, n, len(data)) + data for i, n, data in items)
        msg_id: int = self.state._get_new_msg_id()
        await self.raw(body, msg_id, self.state._get_seq_no(False) if seqno is None else seqno)
        return msg_id

    async def hear(self, kind: type[TLObject], timeout: float = 5.0) -> Got:  # noqa: ASYNC109 - a deadline
        """The next message of that class; others before it are forgotten."""
        async with asyncio.timeout(timeout):
            while True:
                while self._waiting:
                    got = self._waiting.pop(0)
                    if isinstance(got.it, kind):
                        return got
                message = self.state.decrypt_message_data(await self.connection.recv())
                self.packets.append(message.obj)
                self._waiting += _flat(message)

    async def silence(self, kind: type[TLObject], seconds: float = 0.3) -> bool:
        """Whether no such message comes for that long."""
        try:
            await self.hear(kind, seconds)
        except TimeoutError:
            return True
        return False

    async def ask(self, request: TLRequest, **how: int) -> TLObject:
        """A request's answer; errors are answers."""
        msg_id = await self.say(request, **how)
        got = await self.hear(RpcResult)
        assert got.it.req_msg_id == msg_id
        return answer_of(got.it, request)


def answer_of(result: RpcResult, request: TLRequest) -> TLObject:
    return result.error or request.read_result(BinaryReader(result.body))


def _flat(message: TLObject) -> list[Got]:
    if isinstance(message.obj, MessageContainer):
        return [got for inner in message.obj.messages for got in _flat(inner)]
    if isinstance(message.obj, GzipPacked):
        return [Got(message.msg_id, message.seq_no, BinaryReader(message.obj.data).tgread_object())]
    return [Got(message.msg_id, message.seq_no, message.obj)]


async def new_key(server: MtprotoServer, dc: int = 1) -> AuthKey:
    """By Telethon's own exchange, which takes one key in 256 for wrong and is then begun anew."""
    while True:
        with suppress(SecurityError):
            return await _exchange(server, dc)


async def _exchange(server: MtprotoServer, dc: int) -> AuthKey:
    connection = ConnectionTcpFull(server.host, server.ports[dc], dc, loggers=LOGGERS)
    await connection.connect()
    try:
        key, _ = await do_authentication(MTProtoPlainSender(connection, loggers=LOGGERS))
    finally:
        await connection.disconnect()
    return key


@asynccontextmanager
async def raw(
    server: MtprotoServer,
    key: AuthKey | None = None,
    *,
    session: int | None = None,
    transport: type[Connection] = ConnectionTcpFull,
    greet: bool = True,
) -> AsyncIterator[Raw]:
    """A connection; `session` goes on with an id; `greet` asks something so that salt and session exist."""
    state = MTProtoState(key or await new_key(server), loggers=LOGGERS)
    state.id = session if session is not None else state.id
    connection = transport(server.host, server.ports[1], 1, loggers=LOGGERS)
    await connection.connect()
    client = Raw(connection, state)
    try:
        if greet:
            await client.say(functions.PingRequest(1))
            state.salt = (await client.hear(types.BadServerSalt)).it.new_server_salt
            await client.ask(NEAREST)
        yield client
    finally:
        await connection.disconnect()
