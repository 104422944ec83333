"""The line between the server and its clients: how far, how wide, and when it breaks.

Everything may be changed at any time. Requests are named by class or by a part of Telegram's name for them
("upload.getFile" is GetFileRequest); ``when`` narrows them down further.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from telethon.tl import TLRequest

from .pacing import Bucket

Named = str | type[TLRequest]
When = Callable[[TLRequest], bool]


class Act(StrEnum):
    """What happens to a request, or to its answer."""

    CUT = "cut"  #: the connection breaks instead of the act
    LOSE = "lose"  #: the act is done, then the connection breaks without an answer
    DELAY = "delay"  #: the answer is held back


@dataclass
class Rule:
    """One line of the script. `times` goes down; None is for good."""

    act: Act
    name: str | None
    when: When | None
    times: int | None
    seconds: float = 0.0

    def takes(self, request: TLRequest) -> bool:
        """Whether it is for this request; if so, one of its times is used up."""
        if self.times == 0 or self.name not in (None, type(request).__name__):
            return False
        if self.when is not None and not self.when(request):
            return False
        if self.times is not None:
            self.times -= 1
        return True


@dataclass(eq=False)
class Cut:
    """Breaks the connection on which one of its counts reaches 0; None counts nothing."""

    messages_in: int | None = None
    messages_out: int | None = None
    bytes_in: int | None = None
    bytes_out: int | None = None

    def room(self, kind: str) -> int | None:
        """How much of `kind` may still pass."""
        left: int | None = getattr(self, kind)
        return left

    def count(self, kind: str, amount: int) -> bool:
        """Counts; whether the connection breaks now."""
        left = self.room(kind)
        if left is None:
            return False
        setattr(self, kind, max(0, left - amount))
        return left <= amount


class Peer(Protocol):
    """A connection, as far as the script tells them apart."""

    keys: set[int]  #: ids of the authorization keys that were used on it

    @property
    def transport(self) -> str: ...


@dataclass
class TransportError:
    """Packets of some connections are answered with four bytes, and those are closed. `times` goes down.

    https://core.telegram.org/mtproto/mtproto-transports#transport-errors
    """

    code: int
    times: int | None
    when: Callable[[Peer], bool] | None

    def takes(self, peer: Peer) -> bool:
        """Whether it is for a packet of this connection; if so, one of its times is used up."""
        if self.times == 0 or (self.when is not None and not self.when(peer)):
            return False
        if self.times is not None:
            self.times -= 1
        return True


class Gatekeeper(Protocol):
    """The server, as far as the script needs it."""

    def close_doors(self, seconds: float | None) -> None: ...
    def open_doors(self) -> None: ...


@dataclass
class LinkFaults:
    """What the line is like, and plain counters.

    ``rtt`` in seconds, half of it each way, however much is in flight. ``bandwidth`` in bytes a second for
    all connections together, ``connection_bandwidth`` for each one, both for either direction; None: no
    limit. The four below them are for one direction (seen from the client) and go before.
    """

    rtt: float = 0.0
    bandwidth: float | None = None
    connection_bandwidth: float | None = None
    up: float | None = None
    down: float | None = None
    connection_up: float | None = None
    connection_down: float | None = None
    silent: bool = False  #: connections are taken and what comes is read, but nothing is ever answered
    most_connections: int | None = None  #: those above are answered -429 ("too many") and closed

    #: Requests that arrived, by class name ("GetFileRequest"); a repeated message counts as `repeats`.
    requests: Counter[str] = field(default_factory=Counter)
    repeats: int = 0
    bytes_in: int = 0  #: as they stand on the wire
    bytes_out: int = 0
    messages_in: int = 0  #: encrypted packets
    messages_out: int = 0
    open: int = 0  #: connections now
    peak: int = 0  #: most that were open at once
    accepted: int = 0  #: all that were ever opened
    handshakes: int = 0  #: authorization keys made

    def __post_init__(self) -> None:
        self._rules: list[Rule] = []
        self._cuts: list[Cut] = []
        self._errors: list[TransportError] = []
        self._gatekeeper: Gatekeeper | None = None
        self._away = False
        self.upward = Bucket()
        self.downward = Bucket()

    # -- what shall go wrong

    @property
    def away(self) -> bool:
        """The server is not there: connections are closed, new ones refused. May be set."""
        return self._away

    @away.setter
    def away(self, away: bool) -> None:
        if away:
            self.refuse(None)
        else:
            self.accept()

    def refuse(self, seconds: float | None = None) -> None:
        """The server goes away, for that long or until :meth:`accept`."""
        self._away = True
        if self._gatekeeper is not None:
            self._gatekeeper.close_doors(seconds)

    def accept(self) -> None:
        """The server is back."""
        self._away = False
        if self._gatekeeper is not None:
            self._gatekeeper.open_doors()

    def cut_before(
        self, request: Named | When | None, times: int | None = 1, when: When | None = None
    ) -> None:
        """Breaks the connection instead of acting on such a request."""
        if callable(request) and not isinstance(request, type):
            request, when = None, request
        self._add(Act.CUT, request, when, times)

    def lose_answer(self, request: Named | None, times: int | None = 1, when: When | None = None) -> None:
        """Acts on such a request, then breaks the connection instead of answering."""
        self._add(Act.LOSE, request, when, times)

    def delay_answer(
        self, request: Named | None, seconds: float, times: int | None = None, when: When | None = None
    ) -> None:
        """Holds the answers of such requests back."""
        self._add(Act.DELAY, request, when, times, seconds)

    def cut_after(
        self,
        *,
        messages_in: int | None = None,
        messages_out: int | None = None,
        bytes_in: int | None = None,
        bytes_out: int | None = None,
    ) -> Cut:
        """Breaks one connection, once: the one on which the count of what all carry from now on is full.

        Messages are encrypted packets; the last one counted still passes. Bytes are cut to the byte.
        """
        cut = Cut(messages_in, messages_out, bytes_in, bytes_out)
        self._cuts.append(cut)
        return cut

    def transport_error(
        self, code: int, times: int | None = 1, when: Callable[[Peer], bool] | None = None
    ) -> TransportError:
        """Answers packets with that error of the transport, such as -429, and closes the connection."""
        error = TransportError(code, times, when)
        self._errors.append(error)
        return error

    def clear(self) -> None:
        """A good line again; the counters stay."""
        self.rtt = 0.0
        self.silent = False
        self._errors.clear()
        self.bandwidth = self.connection_bandwidth = self.up = self.down = None
        self.connection_up = self.connection_down = self.most_connections = None
        self._rules.clear()
        self._cuts.clear()
        if self._away:
            self.accept()

    # -- asked by the server

    def serve(self, gatekeeper: Gatekeeper) -> None:
        """The server that this line belongs to."""
        self._gatekeeper = gatekeeper

    def arrived(self, request: TLRequest) -> Rule | None:
        """Counts a request; the rule that takes it, if any."""
        self.requests[type(request).__name__] += 1
        return next((rule for rule in self._rules if rule.takes(request)), None) if self._rules else None

    def refuses(self, peer: Peer) -> int:
        """The error of the transport that a packet of this connection is answered with, or 0."""
        return next((error.code for error in self._errors if error.takes(peer)), 0)

    @property
    def rates_up(self) -> tuple[float | None, float | None]:
        """Bytes a second from clients: all together, each connection."""
        return self.up or self.bandwidth, self.connection_up or self.connection_bandwidth

    @property
    def rates_down(self) -> tuple[float | None, float | None]:
        """Bytes a second to clients: all together, each connection."""
        return self.down or self.bandwidth, self.connection_down or self.connection_bandwidth

    def room(self, kind: str) -> int | None:
        """How many bytes may pass before a connection breaks; None: any number."""
        rooms = [room for cut in self._cuts if (room := cut.room(kind)) is not None]
        return min(rooms) if rooms else None

    def breaks(self, kind: str, amount: int) -> bool:
        """Counts what passed, for the script; whether the connection breaks now."""
        if not self._cuts:
            return False
        full = [cut for cut in self._cuts if cut.count(kind, amount)]
        self._cuts = [cut for cut in self._cuts if cut not in full]
        return bool(full)

    def _add(
        self, act: Act, request: Named | None, when: When | None, times: int | None, seconds: float = 0.0
    ) -> None:
        self._rules.append(Rule(act, name_of(request), when, times, seconds))


def name_of(request: Named | None) -> str | None:
    """The class name: "GetFileRequest" for itself, its class or "upload.getFile"."""
    if request is None:
        return None
    if isinstance(request, type):
        return request.__name__
    name = request.rpartition(".")[2]
    return name if name.endswith("Request") else name[:1].upper() + name[1:] + "Request"
