"""One TCP connection: bytes to packets and back, over a line as long and as narrow as the script says.

Packets are received into their own buffer and sent in pieces of it, so that a megabyte is copied as seldom as
can be. In either direction the bandwidth is kept at the socket and the distance is kept by holding whole
packets back: a constant delay before or behind a line that is full comes to the same.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from typing import Final, Protocol

from .link import LinkFaults
from .pacing import Lane, piece_size
from .transport import LARGEST, BadPacket, Piece, Transport, detect

log = logging.getLogger(__name__)

_SMALL: Final = 64 << 10
#: Pieces up to this size are joined: one system call costs more than the copy.
_JOIN: Final = 16 << 10
_WRITE: Final = 256 << 10
#: A client that leaves so many bytes unread is not read from either.
_BACKLOG: Final = 32 << 20
#: Timers are not more exact than this.
_SOON: Final = 0.0003


class Receiver(Protocol):
    """What happens to packets."""

    def opened(self, connection: Connection) -> None: ...
    def received(self, connection: Connection, payload: memoryview) -> None: ...
    def closed(self, connection: Connection) -> None: ...


class Connection(asyncio.BufferedProtocol):
    """Speaks with one client in the transport that it chose."""

    def __init__(self, dc_id: int, link: LinkFaults, receiver: Receiver) -> None:
        self.dc_id = dc_id
        self.address = ""
        self.keys: set[int] = set()  #: ids of the authorization keys that were used on it
        self.finished: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._loop = asyncio.get_running_loop()
        self._link = link
        self._receiver = receiver
        self._socket: asyncio.Transport | None = None
        self._transport: Transport | None = None
        self._small = memoryview(bytearray(_SMALL))
        self._filled = 0
        self._large: memoryview | None = None
        self._paused: set[str] = set()
        self._in_lane, self._out_lane = Lane(link.upward), Lane(link.downward)
        self._in_busy = self._out_busy = False
        self._arriving: deque[tuple[float, memoryview]] = deque()
        self._leaving: deque[tuple[float, list[Piece]]] = deque()
        self._queue: deque[memoryview] = deque()
        self._queued = 0
        self._blocked = False
        self._granted = self._asked = 0
        self._closing = False
        self._timers: dict[str, asyncio.TimerHandle] = {}
        # TCP's own handshake takes a round trip too before the first bytes are under way.
        self._not_before = self._loop.time() + link.rtt

    # -- the connection's life

    @property
    def transport(self) -> str:
        """ "full", "intermediate", "abridged" or "padded"; "" until the client has said which."""
        return "" if self._transport is None else type(self._transport).__name__.lower()

    @property
    def open(self) -> bool:
        return self._socket is not None and not self._socket.is_closing()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._socket = transport
        transport.set_write_buffer_limits(high=_WRITE, low=_WRITE // 4)
        host, port = transport.get_extra_info("peername")[:2]
        self.address = f"{host}:{port}"
        self._receiver.opened(self)

    def connection_lost(self, exc: Exception | None) -> None:
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        self._arriving.clear()
        self._leaving.clear()
        self._queue.clear()
        self._receiver.closed(self)
        if not self.finished.done():
            self.finished.set_result(None)

    def abort(self) -> None:
        """Breaks the connection; what is under way is lost."""
        if self._socket is not None:
            self._socket.abort()

    def close(self) -> None:
        """Breaks the connection behind what was sent."""
        self._closing = True
        self._pump()

    def eof_received(self) -> bool:
        return False

    # -- what comes in

    def get_buffer(self, sizehint: int) -> memoryview:
        view = self._small if self._large is None else self._large
        limit = piece_size(self._link.rates_up)
        room = self._link.room("bytes_in")
        most = min(x for x in (len(view) - self._filled, limit or _WRITE * 8, room or _WRITE * 8))
        self._asked = most if limit else 0
        return view[self._filled : self._filled + most]

    def buffer_updated(self, nbytes: int) -> None:
        self._link.bytes_in += nbytes
        self._filled += nbytes
        passed = self._passed(nbytes)
        try:
            self._cut_up(passed)
        except BadPacket as error:
            log.info("%s: %s", self.address, error)
            self.abort()
        if self._link.breaks("bytes_in", nbytes):
            self.abort()

    def _passed(self, nbytes: int) -> float:
        """When these bytes have come through the line; reads on only then."""
        now = self._loop.time()
        rates = self._link.rates_up
        if not any(rates):
            self._in_busy = False
            return now
        passed = self._in_lane.passes(nbytes, rates, now, busy=self._in_busy)
        self._in_busy = nbytes == self._asked
        if passed > now + _SOON:
            self.pause("line")
            self._at("read", passed, lambda: self.resume("line"))
        return passed

    def _cut_up(self, passed: float) -> None:
        """Takes complete packets out of the buffer."""
        if self._large is not None:
            if self._filled == len(self._large):
                packet, self._large, self._filled = self._large, None, 0
                self._arrive(packet, passed)
            return
        start, end = 0, self._filled
        if self._transport is None:
            found = detect(bytes(self._small[:end]))
            if found is None:
                return
            self._transport, start = found
        while end - start and (size := self._size(self._small[start:end])):
            if size > _SMALL:
                self._large = memoryview(bytearray(size))
                self._large[: end - start] = self._small[start:end]
                self._filled = end - start
                return
            if size > end - start:
                break
            self._arrive(memoryview(bytes(self._small[start : start + size])), passed)
            start += size
        if start:
            self._small[: end - start] = bytes(self._small[start:end])
            self._filled = end - start

    def _size(self, head: memoryview) -> int:
        assert self._transport is not None
        measured = self._transport.measure(head)
        if measured is None:
            return 0
        size = sum(measured)
        if not 4 <= measured[1] <= LARGEST:
            raise BadPacket(f"a packet of {size} bytes")
        return size

    def _arrive(self, packet: memoryview, passed: float) -> None:
        self._arriving.append((max(passed, self._not_before) + self._link.rtt / 2, packet))
        if "arrive" not in self._timers:
            self._arrived()

    def _arrived(self) -> None:
        while self._arriving and self.open:
            due, packet = self._arriving[0]
            if due > self._loop.time() + _SOON:
                self._at("arrive", due, self._arrived)
                return
            self._arriving.popleft()
            self._deliver(packet)

    def _deliver(self, packet: memoryview) -> None:
        assert self._transport is not None
        try:
            payload = self._transport.unwrap(packet)
        except BadPacket as error:
            log.info("%s: %s", self.address, error)
            self.abort()
            return
        self._receiver.received(self, payload)

    def pause(self, reason: str) -> None:
        """Stops reading until every reason is gone."""
        if not self._paused and self._socket is not None and self.open:
            self._socket.pause_reading()
        self._paused.add(reason)

    def resume(self, reason: str) -> None:
        """Takes a reason away."""
        if reason in self._paused:
            self._paused.discard(reason)
            if not self._paused and self._socket is not None and self.open:
                self._socket.resume_reading()

    # -- what goes out

    def send(self, payload: Sequence[Piece]) -> None:
        """Sends a packet."""
        if self.open and self._transport is not None and not self._closing:
            self._send(self._transport.wrap(payload))

    def fail(self, code: int) -> None:
        """Sends an error of the transport, and breaks the connection behind it."""
        if self.open and self._transport is not None and not self._closing:
            self._send(self._transport.error(code))
            self.close()

    def _send(self, pieces: list[Piece]) -> None:
        if not self._link.rtt and not self._leaving:
            self._enqueue(pieces)
            return
        self._leaving.append((self._loop.time() + self._link.rtt / 2, pieces))
        if "leave" not in self._timers:
            self._leave()

    def _leave(self) -> None:
        while self._leaving:
            due, pieces = self._leaving[0]
            if due > self._loop.time() + _SOON:
                self._at("leave", due, self._leave)
                return
            self._leaving.popleft()
            self._enqueue(pieces)

    def _enqueue(self, pieces: list[Piece]) -> None:
        size = sum(map(len, pieces))
        if size <= _JOIN:
            pieces = [b"".join(pieces)]
        # A packet may end on no padding at all: of an empty piece nothing could ever be written.
        self._queue.extend(memoryview(piece) for piece in pieces if piece)
        self._queued += size
        if self._queued > _BACKLOG:
            self.pause("backlog")
        self._pump()

    def _pump(self) -> None:
        """Writes what the line and the socket take now."""
        while self._queue and not self._blocked and self.open and "write" not in self._timers:
            piece = self._queue[0]
            size = self._granted or self._ask(len(piece))
            if not size:
                return
            self._granted = 0
            self._write(piece[:size])
            if size == len(piece):
                self._queue.popleft()
            else:
                self._queue[0] = piece[size:]
        if not self._queue:
            self._out_busy = False
            if self._closing and not self._leaving and self._socket is not None:
                self._socket.close()

    def _ask(self, size: int) -> int:
        """How much may be written now; 0: the line is full, a timer is set for when it is not."""
        rates = self._link.rates_down
        limit = piece_size(rates)
        if not limit:
            return min(size, _WRITE)
        size, now = min(size, limit), self._loop.time()
        passed = self._out_lane.passes(size, rates, now, busy=self._out_busy)
        self._out_busy = True
        if passed <= now + _SOON:
            return size
        self._at("write", passed, self._grant, size)
        return 0

    def _grant(self, size: int) -> None:
        self._granted = size
        self._pump()

    def _write(self, piece: memoryview) -> None:
        assert self._socket is not None
        room = self._link.room("bytes_out")
        passes = piece if room is None else piece[:room]
        self._socket.write(passes)
        self._queued -= len(piece)
        self._link.bytes_out += len(passes)
        if self._queued < _BACKLOG // 2:
            self.resume("backlog")
        if self._link.breaks("bytes_out", len(passes)):
            self._socket.close()  # what was written still goes out

    def pause_writing(self) -> None:
        self._blocked = True

    def resume_writing(self) -> None:
        self._blocked = False
        self._pump()

    def _at(self, name: str, when: float, act: object, *arguments: object) -> None:
        def fire() -> None:
            self._timers.pop(name, None)
            act(*arguments)  # type: ignore[operator]

        if name in self._timers:
            self._timers[name].cancel()
        self._timers[name] = self._loop.call_at(when, fire)
