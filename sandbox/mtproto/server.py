"""The listening server: connections, their packets, and the sessions behind them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import struct
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from telethon.extensions import BinaryReader
from telethon.tl import TLObject

from ..rpc import Caller, Handler
from .cipher import BadMessage, decrypt, encrypt
from .framing import BrokenFrame, Framing, detect, error_packet
from .handshake import Handshake, HandshakeFailed
from .keys import AuthKey, AuthKeys, ServerKey
from .link import Lane, LinkFaults
from .session import MESSAGE_HEAD, Message, Session

log = logging.getLogger(__name__)

#: Bytes of a stream's buffer; several parts of an upload fit.
STREAM_LIMIT = 4 * 1024 * 1024

KEY_UNKNOWN = 404


class MtprotoServer:
    """An MTProto server with one port for each data centre. Implements :class:`sandbox.rpc.Connections`.

    ``dcs`` maps each data centre's number to its port; 0 takes a free one. Keys are kept in ``state_dir``.
    """

    def __init__(
        self, handler: Handler, state_dir: Path, dcs: Mapping[int, int], host: str = "127.0.0.1"
    ) -> None:
        self.ports: dict[int, int] = dict(dcs)
        self.link = LinkFaults()
        self.host = host
        self._handler = handler
        self._server_key = ServerKey(state_dir)
        self._keys = AuthKeys(state_dir / "auth-keys.db")
        self._sessions: dict[tuple[int, int, int], Session] = {}
        self._connections: set[Connection] = set()
        self._listeners: list[asyncio.Server] = []

    @property
    def public_key_file(self) -> Path:
        """The public RSA key, PKCS#1 PEM."""
        return self._server_key.public_file

    async def start(self) -> None:
        """Listen on every port."""
        for dc_id, port in self.ports.items():
            listener = await asyncio.start_server(
                partial(self._connected, dc_id), self.host, port, limit=STREAM_LIMIT
            )
            self._listeners.append(listener)
            self.ports[dc_id] = listener.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Close everything. The keys stay in the state folder."""
        for listener in self._listeners:
            listener.close()
        for connection in list(self._connections):
            connection.close()
        while self._connections:
            await asyncio.wait([connection.task for connection in self._connections])
        for session in self._sessions.values():
            await session.end()
        for listener in self._listeners:
            await listener.wait_closed()
        self._keys.close()

    async def push(self, auth_key_id: int, update: TLObject) -> int:
        """Send ``update`` to the key's live sessions that want updates; returns how many there are."""
        reached = [
            session
            for session in self._of_key(auth_key_id)
            if session.live and session.caller.receives_updates
        ]
        for session in reached:
            session.push(update)
        return len(reached)

    def drop(self, auth_key_id: int) -> None:
        """Close the key's connections."""
        for session in self._of_key(auth_key_id):
            session.drop()

    def forget(self, auth_key_id: int) -> None:
        """Destroy the key."""
        self._keys.forget(auth_key_id)
        self.drop(auth_key_id)

    def renew_salts(self) -> None:
        """Every salt expires now."""
        for key in self._keys.all():
            self._keys.renew_salt(key)

    def _of_key(self, auth_key_id: int) -> list[Session]:
        return [session for place, session in self._sessions.items() if place[0] == auth_key_id]

    async def _connected(
        self, dc_id: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        task = asyncio.current_task()
        assert task is not None
        connection = Connection(self, dc_id, reader, writer, task)
        self._connections.add(connection)
        self.link.open = len(self._connections)
        self.link.peak = max(self.link.peak, self.link.open)
        try:
            if not self.link.away:
                await connection.serve()
        finally:
            connection.close()
            self._connections.discard(connection)
            self.link.open = len(self._connections)
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    def handshake(self, dc_id: int) -> Handshake:
        """A new exchange of keys."""
        return Handshake(self._server_key, self._keys, dc_id, time.time())

    def key(self, key_id: int, dc_id: int) -> AuthKey | None:
        """A client's key."""
        return self._keys.get(key_id, dc_id)

    def session(self, key: AuthKey, session_id: int, address: str) -> Session:
        """The session, which is new when its id is."""
        place = (key.id, session_id, key.dc_id)
        if place not in self._sessions:
            caller = Caller(key.dc_id, key.id, session_id, address=address)

            def salt() -> int:
                known = self._keys.get(key.id, key.dc_id)
                return known.salt if known else 0

            self._sessions[place] = Session(caller, self._handler, self.link, salt)
        return self._sessions[place]


class Connection:
    """One TCP connection."""

    def __init__(
        self,
        server: MtprotoServer,
        dc_id: int,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        task: asyncio.Task[None],
    ) -> None:
        self.task = task
        self._server = server
        self._dc_id = dc_id
        self._reader = reader
        self._writer = writer
        self._framing: Framing | None = None
        self._handshake: Handshake | None = None
        self._sessions: set[Session] = set()
        self._key: AuthKey | None = None
        self._in = Lane(server.link, "in", self._arrived)
        self._out = Lane(server.link, "out", self._write)
        # One bound method for ever: sessions tell connections apart by it.
        self._sender = self._send

    async def serve(self) -> None:
        """Read packets until the connection ends, however it ends."""
        try:
            self._framing = await detect(self._reader)
            while True:
                packet = await self._framing.read(self._reader)
                self._server.link.bytes_in += len(packet)
                self._in.put(packet)
                await self._in.room()
                # A client that does not read is not read from.
                await self._writer.drain()
        except (asyncio.IncompleteReadError, OSError):
            pass
        except BrokenFrame as error:
            log.info("Connection closed: %s", error)

    def close(self) -> None:
        """Close the connection; its sessions live on."""
        for session in self._sessions:
            session.detach(self._sender)
        self._sessions.clear()
        self._in.close()
        self._out.close()
        if not self._writer.is_closing():
            self._writer.transport.abort()

    def _arrived(self, packet: bytes) -> None:
        try:
            if packet[:8] == bytes(8):
                self._plain(packet)
            else:
                self._encrypted(packet)
        except (BadMessage, HandshakeFailed, struct.error) as error:
            log.info("Connection closed: %s", error)
            self.close()

    def _plain(self, packet: bytes) -> None:
        """A step of the key exchange."""
        if self._handshake is None:
            self._handshake = self._server.handshake(self._dc_id)
        answer = bytes(self._handshake.answer(BinaryReader(packet[20:]).tgread_object()))
        message_id = (int(time.time() * 2**32) & ~3) + 1
        self._out.put(struct.pack("<qqi", 0, message_id, len(answer)) + answer)

    def _encrypted(self, packet: bytes) -> None:
        (key_id,) = struct.unpack_from("<q", packet)
        key = self._server.key(key_id, self._dc_id)
        if key is None:
            self._out.put(error_packet(KEY_UNKNOWN))
            return
        self._key = key
        plain = decrypt(packet, key.key)
        salt, session_id = struct.unpack_from("<qq", plain)
        message_id, seq_no, length = MESSAGE_HEAD.unpack_from(plain, 16)
        if not 0 <= length <= len(plain) - 32:
            raise BadMessage(f"a message of {length} bytes")
        address = str(self._writer.get_extra_info("peername"))
        session = self._server.session(key, session_id, address)
        self._sessions.add(session)
        session.attach(self._sender, self.close)
        session.receive(salt, Message(message_id, seq_no, plain[32 : 32 + length]))

    def _send(self, plain: bytes) -> None:
        """Encrypt and send a session's message."""
        assert self._key is not None
        self._out.put(encrypt(plain, self._key.key, self._key.id))

    def _write(self, packet: bytes) -> None:
        if self._framing is not None and not self._writer.is_closing():
            self._server.link.bytes_out += len(packet)
            self._writer.writelines(self._framing.frame(packet))
