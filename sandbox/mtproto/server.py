"""The listening server: ports, connections, keys, and the sessions behind them."""

from __future__ import annotations

import asyncio
import logging
import secrets
import struct
import time
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Mapping
from itertools import islice
from pathlib import Path
from typing import Final

from telethon.tl import TLObject, types

from ..rpc import Handler
from .auth_keys import AuthKey, AuthKeyStore, Salts
from .bodies import BadBody, Inner
from .connection import Connection
from .doors import Doors
from .envelope import BadEnvelope, Envelope, open_envelope
from .handshake import Agreed, Handshake, HandshakeError
from .inbox import Inbox
from .keys import ServerKey
from .link import LinkFaults
from .requests import Requests
from .session import Session

log = logging.getLogger(__name__)

_UNKNOWN_KEY: Final = -404
_TOO_MANY: Final = -429
#: Sessions without a connection that are remembered.
_DETACHED: Final = 64
_PLAIN = struct.Struct("<qqi")

Place = tuple[int, int, int]


class MtprotoServer:
    """An MTProto server with one port for each data centre. Implements :class:`sandbox.rpc.Connections`.

    ``dcs`` maps each data centre's number to its port; 0 takes a free one. Keys are kept in ``state_dir``.
    ``clock`` gives unix seconds.
    """

    def __init__(
        self,
        handler: Handler,
        state_dir: Path,
        dcs: Mapping[int, int],
        host: str = "127.0.0.1",
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.link = LinkFaults()
        self._doors = Doors(host, dcs, lambda dc_id: Connection(dc_id, self.link, self))
        self._handler = handler
        self._clock = clock
        self._server_key = ServerKey(state_dir)
        self._keys = AuthKeyStore(state_dir / "auth-keys.db")
        self._salts = Salts()
        self._requests = Requests(handler, self.link, self._drop_session)
        self._inbox = Inbox(self, self._requests, self.link)
        self._sessions: OrderedDict[Place, Session] = OrderedDict()
        self._connections: dict[Connection, set[Session]] = {}
        self._handshakes: dict[Connection, Handshake] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._timers: dict[Connection, asyncio.TimerHandle] = {}
        self._return: asyncio.TimerHandle | None = None
        self._running = False

    @property
    def host(self) -> str:
        """Where it listens."""
        return self._doors.host

    @property
    def ports(self) -> dict[int, int]:
        """The port of each data centre."""
        return self._doors.ports

    @property
    def public_key_file(self) -> Path:
        """The public RSA key, PKCS#1 PEM."""
        return self._server_key.public_file

    # -- life

    async def start(self) -> None:
        """Listens on every port."""
        self._running = True
        self.link.serve(self)
        self._doors.take()
        if not self.link.away:
            self._doors.listen()
            await self._doors.serve()

    async def stop(self) -> None:
        """Closes everything. The keys stay in the state folder."""
        self._running = False
        self.close_doors(None)
        await self._requests.stop()
        await asyncio.gather(*(connection.finished for connection in list(self._connections)))
        for session in self._sessions.values():
            session.end()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._keys.close()

    def close_doors(self, seconds: float | None) -> None:
        """No listening, no connections; for so many seconds, or until open_doors()."""
        if self._return is not None:
            self._return.cancel()
            self._return = None
        self._doors.close(keep=self._running)
        for connection in list(self._connections):
            connection.abort()
        if seconds is not None:
            self._return = asyncio.get_running_loop().call_later(seconds, self.link.accept)

    def open_doors(self) -> None:
        """Listens again."""
        if self._running:
            self._doors.listen()
            self._spawn(self._doors.serve())

    def _spawn(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    # -- asked by the API

    async def push(self, auth_key_id: int, update: TLObject) -> int:
        """Sends `update` to every live session of that key that wants updates; how many there are."""
        reached = [
            session
            for place, session in self._sessions.items()
            if place[1] == auth_key_id
            and session.live
            and session.facts.interested
            and not session.facts.no_updates
        ]
        for session in reached:
            session.tell(update, content=True)
        return len(reached)

    def drop(self, auth_key_id: int) -> None:
        """Closes the key's connections."""
        for connection in list(self._connections):
            if auth_key_id in connection.keys:
                connection.abort()

    def forget(self, auth_key_id: int) -> None:
        """Destroys the key and closes its connections: from now on the transport answers -404 to it."""
        self._keys.forget(auth_key_id)
        for place in [place for place in self._sessions if place[1] == auth_key_id]:
            self._sessions.pop(place).end()
        self._spawn(asyncio.to_thread(self._keys.erase, auth_key_id))
        self.drop(auth_key_id)

    def renew_salts(self) -> None:
        """Every salt expires now."""
        self._salts.renew()

    # -- asked by connections

    def opened(self, connection: Connection) -> None:
        """A client connected."""
        self._connections[connection] = set()
        self.link.accepted += 1
        self._count()
        if self.link.away or not self._running:
            connection.abort()

    def closed(self, connection: Connection) -> None:
        """A connection ended."""
        for session in self._connections.pop(connection, ()):
            session.detach(connection)
        self._handshakes.pop(connection, None)
        if (timer := self._timers.pop(connection, None)) is not None:
            timer.cancel()
        self._count()
        self._forget_old_sessions()

    def received(self, connection: Connection, payload: memoryview) -> None:
        """A packet came."""
        if len(payload) < 20:
            connection.abort()
            return
        most = self.link.most_connections
        if most is not None and connection not in islice(self._connections, most):
            connection.send([struct.pack("<i", _TOO_MANY)])
            connection.close()
            return
        (key_id,) = struct.unpack_from("<q", payload)
        if key_id:
            connection.keys.add(key_id)
        if self.link.silent or (error := self.link.refuses(connection)):
            if not self.link.silent:
                connection.fail(error)
            return
        if key_id == 0:
            self._plain(connection, payload)
            return
        key = self._keys.get(connection.dc_id, key_id)
        if key is None:
            connection.send([struct.pack("<i", _UNKNOWN_KEY)])
            return
        self.link.messages_in += 1
        try:
            self._encrypted(connection, key, open_envelope(key, payload))
        except (BadEnvelope, BadBody) as error:
            log.info("%s: %s", connection.address, error)
            connection.abort()
            return
        if self.link.breaks("messages_in", 1):
            connection.abort()

    def _count(self) -> None:
        self.link.open = len(self._connections)
        self.link.peak = max(self.link.peak, self.link.open)

    # -- the key exchange

    def _plain(self, connection: Connection, payload: memoryview) -> None:
        handshake = self._handshakes.get(connection)
        if handshake is None:
            handshake = Handshake(self._server_key, connection.dc_id, self._clock)
            self._handshakes[connection] = handshake
        try:
            answer = handshake.read(bytes(payload[_PLAIN.size :]))
        except HandshakeError as error:
            log.info("%s: key exchange: %s", connection.address, error)
            connection.send([struct.pack("<i", _UNKNOWN_KEY)])
            return
        if isinstance(answer, Agreed):
            self._spawn(self._agreed(connection, answer))
        else:
            self._send_plain(connection, answer)

    async def _agreed(self, connection: Connection, agreed: Agreed) -> None:
        """The key is kept first: the client uses it as soon as it has the answer."""
        await asyncio.to_thread(self._keys.add, connection.dc_id, agreed.key)
        self.link.handshakes += 1
        self._send_plain(connection, agreed.answer)

    def _send_plain(self, connection: Connection, answer: TLObject) -> None:
        msg_id = (int(self._clock() * (1 << 32)) & ~3) | 1
        body = bytes(answer)
        connection.send([_PLAIN.pack(0, msg_id, len(body)) + body])

    # -- encrypted messages

    def _encrypted(self, connection: Connection, key: AuthKey, envelope: Envelope) -> None:
        session = self._session(connection, key, envelope.session_id)
        session.attach(connection)
        self._connections[connection].add(session)
        code = session.refusal(envelope.msg_id, envelope.salt)
        outer = Inner(envelope.msg_id, envelope.seqno, envelope.data, envelope.start, envelope.end)
        if code == 48:
            session.tell(types.BadServerSalt(outer.msg_id, outer.seqno, code, session.salt()), content=False)
        elif code:
            self._inbox.refuse(session, outer, code)
        else:
            self._open(session, outer)
            self._inbox.take(session, outer)

    def _session(self, connection: Connection, key: AuthKey, session_id: int) -> Session:
        place = (connection.dc_id, key.id, session_id)
        session = self._sessions.get(place)
        if session is None:
            session = Session(key, session_id, connection.dc_id, self._clock, self._salts, self._sent_packet)
            self._sessions[place] = session
        return session

    def _sent_packet(self) -> bool:
        """Counts a packet to a client; whether its connection breaks behind it."""
        self.link.messages_out += 1
        return self.link.breaks("messages_out", 1)

    def _open(self, session: Session, message: Inner) -> None:
        if session.opened is None:
            created = types.NewSessionCreated(message.msg_id, secrets.randbits(63), session.salt())
            session.tell(created, content=True)
            # It begins after this packet was read, and so knows what the wrappers in it said.
            session.opened = self._spawn(self._tell_api(session))

    async def _tell_api(self, session: Session) -> None:
        try:
            await self._handler.session_opened(session.caller)
        except Exception:  # noqa: BLE001 - the session is open, whatever the API makes of it
            log.exception("session_opened failed")

    # -- asked by messages about messages

    def now(self) -> float:
        """Unix seconds."""
        return self._clock()

    def upcoming_salts(self, session: Session, count: int) -> list[types.FutureSalt]:
        """Salts for the hours to come."""
        return self._salts.upcoming(session.key, self._clock(), count)

    def destroy_session(self, session: Session, session_id: int) -> bool:
        """Forgets another session of the same key; whether there was one."""
        if session_id == session.id:
            return False
        other = self._sessions.pop((session.dc_id, session.key.id, session_id), None)
        if other is not None:
            other.end()
        return other is not None

    def close_after(self, session: Session, seconds: float) -> None:
        """Closes the session's connections then, unless told anew."""
        loop = asyncio.get_running_loop()
        for connection, sessions in self._connections.items():
            if session in sessions:
                if connection in self._timers:
                    self._timers[connection].cancel()
                self._timers[connection] = loop.call_later(seconds, connection.abort)

    def _drop_session(self, session: Session) -> None:
        for connection, sessions in list(self._connections.items()):
            if session in sessions:
                connection.abort()

    def _forget_old_sessions(self) -> None:
        detached = [place for place, session in self._sessions.items() if not session.live]
        for place in detached[:-_DETACHED]:
            self._sessions.pop(place).end()
