"""One client's session: what came, what went, what is still to be acknowledged. It outlives connections."""

from __future__ import annotations

import asyncio
import bisect
import struct
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from telethon.tl import TLObject, types

from ..rpc import Caller
from .auth_keys import AuthKey, Salts
from .bodies import CONTAINER, write_update
from .envelope import Piece, seal
from .memory import Kept, Received, Sent

#: Seconds that a client's message may be old or ahead.
TOO_OLD: Final = 300
TOO_NEW: Final = 30
#: Ids of received messages that are remembered.
_REMEMBERED: Final = 2000
#: Messages that wait for an acknowledgement: their bodies take no more than this together...
_UNACKED_BYTES: Final = 32 << 20
#: ...and after it came, an answer to a message that may be repeated is kept within this.
_KEPT_BYTES: Final = 2 << 20
_KEPT_EACH: Final = 64 << 10
#: Seconds after which a request that has no answer yet is acknowledged by itself.
_ACK_AFTER: Final = 0.5
#: A container holds so much at the most.
_CONTAINER_BYTES: Final = 64 << 10
_CONTAINER_MESSAGES: Final = 100


class Outlet(Protocol):
    """A connection, for a session."""

    address: str

    @property
    def open(self) -> bool: ...
    def send(self, payload: Sequence[Piece]) -> None: ...
    def close(self) -> None: ...
    def pause(self, reason: str) -> None: ...
    def resume(self, reason: str) -> None: ...


@dataclass
class Facts:
    """What wrappers said about the session."""

    layer: int | None = None
    api_id: int | None = None
    no_updates: bool = False
    interested: bool = False  #: it asked for more than files


class Session:
    """A session of one authorization key."""

    def __init__(
        self,
        key: AuthKey,
        session_id: int,
        dc_id: int,
        clock: Callable[[], float],
        salts: Salts,
        breaks: Callable[[], bool],
    ) -> None:
        """`breaks` is asked with every packet sent: whether the connection breaks behind it."""
        self.key = key
        self.id = session_id
        self.dc_id = dc_id
        self.facts = Facts()
        self.opened: asyncio.Task[None] | None = None  #: tells the API; None before the first valid message
        self.received: OrderedDict[int, Received] = OrderedDict()
        self.running = 0
        self._clock = clock
        self._salts = salts
        self._breaks = breaks
        self._outlets: list[Outlet] = []
        self._order: list[tuple[int, int]] = []
        self._last_id = self._sequence = 0
        self._unacked = Kept(_UNACKED_BYTES)
        self._answers = Kept(_KEPT_BYTES)
        self._outbox: list[Sent] = []
        self._flushing: asyncio.Handle | None = None
        self._to_ack: set[int] = set()
        self._acking: asyncio.TimerHandle | None = None

    # -- connections

    @property
    def live(self) -> bool:
        """Whether a connection is there."""
        return bool(self._outlets)

    @property
    def caller(self) -> Caller:
        address = self._outlets[-1].address if self._outlets else ""
        facts = self.facts
        wants = not facts.no_updates
        return Caller(self.dc_id, self.key.id, self.id, facts.layer, facts.api_id, wants, address)

    def attach(self, outlet: Outlet) -> None:
        """Uses that connection from now on; on a new one what was not acknowledged is sent again."""
        if self._outlets and self._outlets[-1] is outlet:
            return
        alone = not self._outlets
        if outlet in self._outlets:
            self._outlets.remove(outlet)
        self._outlets.append(outlet)
        if alone and self._unacked.sent:
            self._repeat(list(self._unacked.sent.values()))

    def detach(self, outlet: Outlet) -> None:
        """That connection is gone."""
        if outlet in self._outlets:
            self._outlets.remove(outlet)

    def busy(self, running: int, most: int) -> None:
        """So many more or fewer requests run; above `most` no more are read."""
        self.running += running
        for outlet in self._outlets:
            if self.running >= most:
                outlet.pause("busy")
            else:
                outlet.resume("busy")

    def end(self) -> None:
        """No more timers."""
        if self.opened is not None:
            self.opened.cancel()
        for timer in (self._flushing, self._acking):
            if timer is not None:
                timer.cancel()

    # -- what comes in

    def refusal(self, msg_id: int, salt: int) -> int:
        """Why a packet is not accepted (the code of bad_msg_notification), or 0."""
        if msg_id % 4:
            return 18
        age = self._clock() - (msg_id >> 32)
        if age > TOO_OLD:
            return 16
        if -age > TOO_NEW:
            return 17
        return 0 if self._salts.accepts(self.key, salt, self._clock()) else 48

    def sequence_refusal(self, msg_id: int, seqno: int) -> int:
        """32 or 33 when a message's number does not fit between those of its neighbours; else notes it, 0."""
        if msg_id in self.received:
            return 0
        at = bisect.bisect(self._order, (msg_id, seqno))
        if at and (before := self._order[at - 1])[0] != msg_id and _not_above(seqno, before[1]):
            return 32
        if at < len(self._order) and _not_above(self._order[at][1], seqno):
            return 33
        self._order.insert(at, (msg_id, seqno))
        del self._order[:-_REMEMBERED]
        return 0

    def note(self, msg_id: int) -> None:
        """Remembers a message, which will be acknowledged, by its answer or before."""
        self.received[msg_id] = Received()
        while len(self.received) > _REMEMBERED:
            self.received.popitem(last=False)
        self._ack_later(msg_id)

    def acknowledged(self, msg_ids: Sequence[int]) -> None:
        """The client has these."""
        for msg_id in msg_ids:
            self._unacked.pop(msg_id)

    def state_of(self, msg_id: int) -> int:
        """The byte of msgs_state_info. https://core.telegram.org/mtproto/service_messages_about_messages"""
        received = self.received.get(msg_id)
        if received is None:
            known = next(iter(self.received), 0)
            return 1 if msg_id < known else 3 if msg_id >> 32 > self._clock() + TOO_NEW else 2
        return 4 | (64 if received.answered else 32 if received.task is not None else 16)

    # -- what goes out

    def answer(self, request_id: int, body: list[Piece]) -> None:
        """Sends the answer to a request, and keeps it for a repeated one."""
        sent = self._sent(body, content=True, answer=True)
        sent.answers = request_id
        received = self.received.get(request_id)
        if received is not None:
            received.answered = True
            if received.unwanted:
                return
            if sent.size <= _KEPT_EACH:
                received.answer = sent
                for old in self._answers.add(request_id, sent):
                    self._give_up(old)
        self._post(sent)

    def again(self, received: Received, msg_id: int) -> None:
        """Sends an answer again; where it is no longer kept, the client had acknowledged it."""
        unacked = (sent for sent in self._unacked.sent.values() if sent.answers == msg_id)
        answer = received.answer or next(unacked, None)
        if answer is not None:
            self._repeat([answer])
        elif received.answered:
            self.tell(types.MsgsAck([msg_id]), content=False)

    def tell(self, message: TLObject, *, content: bool, answers: int | None = None) -> None:
        """Sends a message about messages, or an update."""
        body: list[Piece] = write_update(message) if content else [bytes(message)]
        sent = self._sent(body, content=content, answer=answers is not None)
        sent.answers = answers
        self._post(sent)

    def resend(self, msg_ids: Sequence[int]) -> None:
        """Sends those again that are still known."""
        self._repeat([self._unacked.sent[known] for known in msg_ids if known in self._unacked.sent])

    def salt(self) -> int:
        """The salt that is valid now."""
        return self._salts.current(self.key, self._clock())

    def _repeat(self, messages: Sequence[Sent]) -> None:
        """Sends messages that may have been sent before; those that are just about to be go once."""
        waiting = {sent.msg_id for sent in self._outbox}
        self._outbox += [sent for sent in messages if sent.msg_id not in waiting]
        self._flush_soon()

    def _give_up(self, sent: Sent) -> None:
        received = self.received.get(sent.answers or 0)
        if received is not None:
            received.answer = None

    def _sent(self, body: list[Piece], *, content: bool, answer: bool) -> Sent:
        seqno = self._sequence * 2 + content
        self._sequence += content
        return Sent(self._next_id(answer=answer), seqno, body)

    def _next_id(self, *, answer: bool) -> int:
        """Grows with the time; modulo 4 it is 1 for answers and 3 for the rest."""
        self._last_id = max(int(self._clock() * (1 << 32)) & ~3, self._last_id + 4)
        return self._last_id | (1 if answer else 3)

    def _post(self, sent: Sent) -> None:
        self._to_ack.discard(sent.answers or 0)
        if sent.content:
            self._unacked.add(sent.msg_id, sent)
        if self._outlets:
            self._outbox.append(sent)
            self._flush_soon()

    def _flush_soon(self) -> None:
        if self._flushing is None:
            self._flushing = asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        """Small messages that came together travel together."""
        self._flushing = None
        outbox, self._outbox = self._outbox, []
        if not self._outlets:
            return
        batch: list[Sent] = []
        for sent in outbox:
            size = sum(one.size for one in batch) + sent.size
            if batch and (size > _CONTAINER_BYTES or len(batch) == _CONTAINER_MESSAGES):
                self._send(batch)
                batch = []
            batch.append(sent)
        if batch:
            self._send(batch)

    def _send(self, batch: list[Sent]) -> None:
        if len(batch) == 1:
            one = batch[0]
            msg_id, seqno, body = one.msg_id, one.seqno, one.body
        else:
            msg_id, seqno, body = self._next_id(answer=False), self._sequence * 2, _container(batch)
        outlet = self._outlets[-1]
        outlet.send(seal(self.key, self.salt(), self.id, msg_id, seqno, body))
        if self._breaks():
            outlet.close()

    def _ack_later(self, msg_id: int) -> None:
        self._to_ack.add(msg_id)
        if self._acking is None:
            self._acking = asyncio.get_running_loop().call_later(_ACK_AFTER, self._ack)

    def _ack(self) -> None:
        self._acking = None
        if self._to_ack:
            self.tell(types.MsgsAck(sorted(self._to_ack)), content=False)
            self._to_ack.clear()


def _not_above(seqno: int, before: int) -> bool:
    return seqno < before or (seqno == before and seqno % 2 == 1)


def _container(batch: Sequence[Sent]) -> list[Piece]:
    pieces: list[Piece] = [struct.pack("<Ii", CONTAINER, len(batch))]
    for sent in batch:
        pieces += [struct.pack("<qii", sent.msg_id, sent.seqno, sent.size), *sent.body]
    return pieces
