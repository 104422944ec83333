"""One connection for files.

Telethon's own connection serves updates and messages; files get connections of their own, so that a photo's
parts never stand in the way of a message, and because Telethon gzips every part (five sixths of an
upload's CPU, for nothing: media does not shrink).
"""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import suppress
from hashlib import sha256
from io import BytesIO
from struct import pack

from telethon import TelegramClient, errors
from telethon.crypto import AES, AuthKey
from telethon.network import Connection, MTProtoSender
from telethon.network.mtprotostate import MTProtoState
from telethon.tl import TLObject, TLRequest, functions
from telethon.tl.alltlobjects import LAYER

from utils.telegram.acknowledging import acknowledge_late

#: Seconds without a single answer, though some are due, after which a connection counts as dead.
STALL_SECONDS = 60.0
#: Seconds that opening a connection may take.
CONNECT_SECONDS = 15.0


class PlainState(MTProtoState):  # type: ignore[misc]
    """Telethon's message state for large messages that do not compress."""

    def write_data_as_message(
        self, buffer: BytesIO, data: bytes, content_related: bool, *, after_id: int | None = None
    ) -> int:
        msg_id: int = self._get_new_msg_id()
        buffer.write(pack("<qii", msg_id, self._get_seq_no(content_related), len(data)))
        buffer.write(data)
        return msg_id

    def encrypt_message_data(self, data: bytes) -> bytes:
        """Telethon's, with half as many copies of the part (https://core.telegram.org/mtproto/description)."""
        padding = os.urandom(-(len(data) + 28) % 16 + 12)
        plain = b"".join((pack("<qq", self.salt, self.id), data, padding))
        key = self.auth_key.key
        digest = sha256(key[88:120])
        digest.update(plain)
        msg_key = digest.digest()[8:24]
        aes_key, aes_iv = self._calc_key(key, msg_key, True)
        encrypted = AES.encrypt_ige(plain, aes_key, aes_iv)
        return b"".join((pack("<Q", self.auth_key.key_id), msg_key, encrypted))


_PARTS = (functions.upload.SaveFilePartRequest, functions.upload.SaveBigFilePartRequest)


class _NoUpdates:
    """Stands where Telethon's queue of updates would be: these connections are not for them."""

    def put_nowait(self, update: object) -> None:
        pass


class FileSender(MTProtoSender):  # type: ignore[misc]
    """One connection. When it ends, what it had under way fails, and the pool opens another."""

    def __init__(self, auth_key: AuthKey, *, client: TelegramClient) -> None:
        super().__init__(
            auth_key,
            loggers=client._log,
            retries=0,
            auto_reconnect=False,
            connect_timeout=CONNECT_SECONDS,
            updates_queue=_NoUpdates(),
        )
        self._state = PlainState(self.auth_key, loggers=client._log)
        acknowledge_late(self)
        self._client = client
        self._greeted = False
        self.in_flight = 0
        self.last_used = self.last_answer = time.monotonic()

    @property
    def alive(self) -> bool:
        return bool(self._transport_connected()) and not self._disconnected.done()

    async def call(self, request: TLRequest) -> TLObject:
        """The answer; raises :class:`ConnectionError` when the connection ends or stalls before."""
        if not self.in_flight:
            self.last_answer = time.monotonic()
        self.in_flight += 1
        future = self.send(self._introduced(request))
        size = 0
        if isinstance(request, _PARTS):
            size = len(request.bytes)
            request.bytes = b""  # send() has serialised it: one copy in memory is enough
        gone = self._disconnected
        try:
            while not future.done():
                done, _ = await asyncio.wait(
                    {future, gone}, timeout=STALL_SECONDS / 4, return_when=asyncio.FIRST_COMPLETED
                )
                if future not in done:
                    self._check_alive(gone)
            answer = self._result(future)
            self._client.sent += size
            self._client.received += len(getattr(answer, "bytes", b""))
            return answer
        finally:
            self._withdraw(future)
            self.in_flight -= 1
            self.last_used = time.monotonic()

    def _start_reconnect(self, error: Exception | None) -> None:
        """Telethon's would try, which is not wanted here, and log that it failed."""
        if self._user_connected and not self._reconnecting:
            self._reconnecting: bool = True
            self._reconnect_task = asyncio.create_task(self._disconnect(error=error))

    def _withdraw(self, future: asyncio.Future[TLObject]) -> None:
        """Nobody waits any more: what was not sent yet need not be."""
        if future.cancel():
            queue = self._send_queue._deque
            for state in [state for state in queue if state.future is future]:
                queue.remove(state)

    def _check_alive(self, gone: asyncio.Future[None]) -> None:
        if gone.done():
            error = gone.exception()
            raise error if isinstance(error, errors.AuthKeyNotFound) else ConnectionError("connection ended")
        if time.monotonic() - self.last_answer > STALL_SECONDS:
            self._start_reconnect(ConnectionError("no answer"))
            raise ConnectionError(f"no answer for {STALL_SECONDS:.0f} seconds")

    def _result(self, future: asyncio.Future[TLObject]) -> TLObject:
        if future.cancelled():
            raise ConnectionError("the connection ended")
        error = future.exception()
        if isinstance(error, OSError | EOFError):
            raise ConnectionError("the connection ended") from error
        self.last_answer = time.monotonic()
        self._greeted = self._greeted or error is None
        return future.result()

    def _introduced(self, request: TLRequest) -> TLRequest:
        """Until the first answer says that the server knows this session, each request introduces it."""
        if self._greeted:
            return request
        ours = self._client._init_request
        introduction = functions.InitConnectionRequest(
            api_id=ours.api_id,
            device_model=ours.device_model,
            system_version=ours.system_version,
            app_version=ours.app_version,
            system_lang_code=ours.system_lang_code,
            lang_pack=ours.lang_pack,
            lang_code=ours.lang_code,
            query=functions.InvokeWithoutUpdatesRequest(request),
            proxy=ours.proxy,
        )
        return functions.InvokeWithLayerRequest(LAYER, introduction)

    async def _try_gen_auth_key(self, attempt: int) -> bool:
        # One exchange in 256 has to be made anew, since clients differ on keys that begin with a zero.
        for tried in (attempt, attempt + 1):
            if await super()._try_gen_auth_key(tried):
                return True
        return False

    async def open(self, connection: Connection) -> None:
        await self.connect(connection)
        # How a connection ended is told to those who wait for answers; nobody else needs to look.
        self._disconnected.add_done_callback(lambda gone: gone.cancelled() or gone.exception())

    async def close(self) -> None:
        with suppress(OSError):
            await self.disconnect()
