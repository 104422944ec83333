"""Bad behaviour on request, and the log of everything that was asked.

A test says what shall go wrong before it does: ``faults.flood("messages.sendMultiMedia", 1, times=2)``.
Requests are named by class or as in Telegram's documentation. What goes wrong between the processes (round
trip, bandwidth, cut connections) is said to ``faults.link``.
"""

from __future__ import annotations

import asyncio
import copy
import math
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

from telethon.tl import TLRequest

from .accounts import Accounts
from .habits import Habits
from .media import Media, MediaShelf
from .mtproto.link import LinkFaults, Named, TransportError, name_of
from .rpc import AnswerLost, Caller, Connections, RpcError
from .sending import Refusal
from .uploads import Uploads

#: How many requests the log remembers.
CALLS: Final = 200_000


#: How a log-in ends when its owner ends it elsewhere.
REVOKED: Final = RpcError(401, "SESSION_REVOKED")


@dataclass(frozen=True)
class Call:
    """One request: when (time.monotonic()), by whom, what. Parts lose their bytes; `size` counts them."""

    time: float
    user: int | None
    name: str
    request: TLRequest
    caller: Caller
    size: int = 0


When = Callable[[Call], bool]


@dataclass
class Gate:
    """Holds requests at one point until opened."""

    waiting: list[Call] = field(default_factory=list)
    _arrived: asyncio.Event = field(default_factory=asyncio.Event)
    _opened: asyncio.Event = field(default_factory=asyncio.Event)
    _lost: int = 0

    async def reached(self, timeout: float = 120.0) -> Call:  # noqa: ASYNC109 - a deadline for a test
        """The first request held here. Raises TimeoutError."""
        await asyncio.wait_for(self._arrived.wait(), timeout)
        return self.waiting[0]

    @property
    def opened(self) -> bool:
        """Whether nothing is held any more."""
        return self._opened.is_set()

    def open(self) -> None:
        """Lets those that wait, and all later ones, pass."""
        self._opened.set()

    def lose(self) -> None:
        """Forgets those that wait, as a server that is restarted does: they are never carried out."""
        self._lost = len(self.waiting)
        self._opened.set()

    async def _pass(self, call: Call) -> None:
        self.waiting.append(call)
        place = len(self.waiting)
        self._arrived.set()
        await self._opened.wait()
        if place <= self._lost:
            raise AnswerLost


@dataclass
class _Rule:
    name: str | None
    times: int | None
    when: When | None
    act: Callable[[Call], Awaitable[None]]

    def takes(self, call: Call) -> bool:
        """Whether this rule is for that call; if so, one of its times is used up."""
        if self.name not in (None, call.name) or self.times == 0:
            return False
        if self.when is not None and not self.when(call):
            return False
        if self.times is not None:
            self.times -= 1
        return True


class Faults:
    """The script. Everything may be said at any time; `times=None` means from now on."""

    def __init__(
        self, accounts: Accounts, shelf: MediaShelf, uploads: Uploads, connections: Callable[[], Connections]
    ) -> None:
        self._accounts = accounts
        self._shelf = shelf
        self._uploads = uploads
        self._connections = connections
        self._before: list[_Rule] = []
        self._after: list[_Rule] = []
        self._refusals: list[tuple[Callable[[Media], bool], RpcError, set[str]]] = []
        #: What is no fault, but otherwise than elsewhere.
        self.habits = Habits()
        #: Round trip, bandwidth and cuts of the line itself; the server puts its own here.
        self.link = LinkFaults()
        #: Every request that arrived, oldest first.
        self.calls: deque[Call] = deque(maxlen=CALLS)

    # -- what was asked

    def note(self, caller: Caller, user: int | None, request: TLRequest) -> Call:
        """Writes a request into the log."""
        size = 0
        if isinstance(getattr(request, "bytes", None), bytes):
            size, request = len(request.bytes), copy.copy(request)
            request.bytes = b""
        call = Call(time.monotonic(), user, type(request).__name__, request, caller, size)
        self.calls.append(call)
        return call

    def called(self, request: Named, user: int | None = None) -> list[Call]:
        """The calls of that name (and that user), oldest first."""
        name = name_of(request)
        return [call for call in self.calls if call.name == name and user in (None, call.user)]

    # -- what shall go wrong

    def fail(
        self, request: Named | None, error: RpcError, *, times: int | None = 1, when: When | None = None
    ) -> None:
        """Answers with `error` instead of acting. `request=None` means any."""

        async def act(call: Call) -> None:
            raise RpcError(error.code, error.message)

        self._before.append(_Rule(name_of(request), times, when, act))

    def revoke(self, user: int, error: RpcError = REVOKED) -> None:
        """Ends the user's log-ins: they are answered with `error`, and their connections are closed once."""
        keys = set(self._accounts.keys(user))
        self.fail(None, error, times=None, when=lambda call: call.caller.auth_key_id in keys)
        self.disconnect(user)

    def move(self, user: int, dc: int) -> None:
        """The user lives on that data centre from now on: USER_MIGRATE_x everywhere else."""
        self._accounts.move(user, dc)

    def transport_error(
        self, code: int, *, user: int | None = None, transport: str | None = None, times: int | None = 1
    ) -> TransportError:
        """Answers packets (of the user, in that transport) with an error of the transport, such as -429."""
        return self.link.transport_error(
            code,
            times,
            lambda peer: (
                transport in (None, peer.transport)
                and (user is None or bool(peer.keys.intersection(self._accounts.keys(user))))
            ),
        )

    def flood(
        self,
        request: Named | None,
        seconds: int,
        *,
        times: int | None = 1,
        when: When | None = None,
        premium: bool = False,
    ) -> None:
        """FLOOD_WAIT_x, or FLOOD_PREMIUM_WAIT_x."""
        name = "FLOOD_PREMIUM_WAIT" if premium else "FLOOD_WAIT"
        self.fail(request, RpcError(420, f"{name}_{seconds}"), times=times, when=when)

    def server_error(
        self,
        request: Named | None,
        *,
        times: int | None = 1,
        seconds: float | None = None,
        when: When | None = None,
    ) -> None:
        """A 500; for so many seconds where they are given, however often."""
        until = math.inf if seconds is None else time.monotonic() + seconds

        def now(call: Call) -> bool:
            return call.time < until and (when is None or when(call))

        times = times if seconds is None else None
        self.fail(request, RpcError(500, "RPC_CALL_FAIL"), times=times, when=now)

    def rate(self, request: Named | None, limit: int, per: float, *, premium: bool = False) -> None:
        """At most `limit` such requests in `per` seconds an account; more get a FLOOD_WAIT that is true."""
        passed: dict[int | None, deque[float]] = {}
        name = "FLOOD_PREMIUM_WAIT" if premium else "FLOOD_WAIT"

        async def act(call: Call) -> None:
            recent = passed.setdefault(call.user, deque())
            while recent and recent[0] <= call.time - per:
                recent.popleft()
            if len(recent) >= limit:
                raise RpcError(420, f"{name}_{max(1, math.ceil(recent[0] + per - call.time))}")
            recent.append(call.time)

        self._before.append(_Rule(name_of(request), None, None, act))

    def lose_answer(self, request: Named, *, times: int | None = 1, when: When | None = None) -> None:
        """Does what was asked, cuts the connection and never answers."""

        async def act(call: Call) -> None:
            raise AnswerLost

        self._after.append(_Rule(name_of(request), times, when, act))

    def hold(
        self, request: Named, *, after: bool = False, times: int | None = 1, when: When | None = None
    ) -> Gate:
        """Freezes such requests before (or `after`) the act until the gate is opened."""
        gate = Gate()
        (self._after if after else self._before).append(_Rule(name_of(request), times, when, gate._pass))
        return gate

    def refuse_media(
        self,
        refused: Callable[[Media], bool],
        error: str = "MEDIA_INVALID",
        *,
        requests: tuple[Named, ...] = ("messages.sendMedia", "messages.sendMultiMedia"),
    ) -> None:
        """From now on these requests do not accept media of which `refused` is true."""
        names = {name for name in map(name_of, requests) if name is not None}
        self._refusals.append((refused, RpcError(400, error), names))

    def make_plain_photos(self) -> None:
        """From now on live photos come without their films, as where a server passes over what it is told."""
        self._shelf.takes_live_photos = False

    def expire_references(self) -> None:
        """All file references given out so far are refused from now on."""
        self._shelf.expire_references()

    def reference_lifetime(self, seconds: float | None) -> None:
        """References expire that long after they were given out; None: never by themselves."""
        self._shelf.reference_seconds = seconds

    def forget_parts(self, user: int, parts: int | None = None) -> int:
        """Loses the first `parts` parts (None: all) of the user's uploads under way; returns how many."""
        return self._uploads.forget(user, parts)

    def unregister(self, user: int) -> None:
        """Logs the user out everywhere: AUTH_KEY_UNREGISTERED from now on."""
        for key in self._accounts.keys(user):
            self._accounts.log_out(key)
            self._connections().drop(key)

    def forget_keys(self, user: int) -> None:
        """Destroys the user's authorization keys: the transport answers -404."""
        for key in self._accounts.keys(user):
            self._accounts.log_out(key)
            self._connections().forget(key)

    def disconnect(self, user: int) -> None:
        """Closes the user's connections; they may come back at once."""
        for key in self._accounts.keys(user):
            self._connections().drop(key)

    def clear(self) -> None:
        """Everything behaves again (held requests stay held until their gates open)."""
        self._before.clear()
        self._after.clear()
        self._refusals.clear()
        self._shelf.reference_seconds = None
        self.habits.clear()
        self.link.clear()

    # -- asked by the API

    async def before(self, call: Call) -> None:
        """Raises RpcError or waits, as the script says."""
        for rule in [rule for rule in self._before if rule.takes(call)]:
            await rule.act(call)

    async def after(self, call: Call) -> None:
        """As before(); may raise AnswerLost."""
        for rule in [rule for rule in self._after if rule.takes(call)]:
            await rule.act(call)

    def admit(self, refusal: Refusal) -> None:
        """Raises RpcError for a media that the script refuses."""
        name = type(refusal.request).__name__
        for refused, error, names in self._refusals:
            if name in names and refused(refusal.media):
                raise RpcError(error.code, error.message)
