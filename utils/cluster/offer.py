"""One conversion that is offered to other machines, as the bot sees it."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Coroutine

from utils.cluster.orders import Json
from utils.cluster.pieces import order_of
from utils.media import Bell, Lost, OnProgress, Piece, Progress

#: Segments that wait at machines beside those that are encoded.
_AHEAD = 2


class ProcessOffer:
    """See :class:`utils.media.Offer`. ``say`` is how the farm is spoken to."""

    def __init__(
        self,
        id: str,
        trial: Piece,
        digest: str,
        name: str,
        say: Callable[[Json], Coroutine[None, None, None]],
        called: Callable[[str], str],
    ) -> None:
        self.id = id
        #: What people call a machine.
        self.called = called
        self.name = name
        self._trial = trial
        self._digest = digest
        self._say = say
        self._slots = 0
        self._bell = Bell()
        self._out: dict[str, tuple[asyncio.Future[str], OnProgress]] = {}
        self._background: set[asyncio.Task[None]] = set()

    async def announce(self) -> None:
        """Let the farm, or the next one, know of it."""
        said = {
            "do": "offer",
            "offer": self.id,
            "trial": order_of(self._trial, self.id),
            "digest": self._digest,
        }
        await self._say({**said, "source": str(self._trial.source)})

    def room(self) -> int:
        """How many pieces would be taken in all."""
        return self._slots + _AHEAD if self._slots else 0

    def changed(self) -> Coroutine[None, None, object]:
        """Until there may be another answer."""
        return self._bell.wait()

    async def encode(self, piece: Piece, on_progress: OnProgress, without: frozenset[str]) -> str:
        """Have ``piece`` encoded by none of ``without``; returns by which machine it was. Raises Lost."""
        number = secrets.token_hex(6)
        future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._out[number] = future, on_progress
        try:
            said = {"do": "encode", "offer": self.id, "piece": number, "without": sorted(without)}
            files = {"source": str(piece.source), "output": str(piece.output)}
            await self._say({**said, **files, "order": order_of(piece, self.id)})
            return await future
        finally:
            del self._out[number]
            if future.cancelled():
                self._later(self._say({"do": "cancel", "piece": number}))

    def refuse(self, machine: str, why: str) -> None:
        """What came from ``machine`` was not what it was asked for."""
        self._later(self._say({"do": "refuse", "offer": self.id, "machine": machine, "why": why}))

    def hear(self, said: Json) -> None:
        """One line of the farm's."""
        if said["is"] == "slots":
            if said["offer"] == self.id:
                self._slots = int(said["slots"])
                self._bell.ring()
            return
        future, on_progress = self._out.get(said["piece"], (None, None))
        if future is None or on_progress is None or future.done():
            return
        if said["is"] == "progress":
            self._later(_report(on_progress, Progress(int(said["frames"]), float(said["seconds"]))))
        elif said["is"] == "done":
            future.set_result(said["machine"])
        elif said["is"] == "lost":
            future.set_exception(Lost(said["why"], said["machine"], untried=said.get("untried", False)))

    def lose_all(self, why: str) -> None:
        """There is no farm any more."""
        self._slots = 0
        for future, _ in self._out.values():
            if not future.done():
                future.set_exception(Lost(why))
        self._bell.ring()

    def _later(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.ensure_future(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)


async def _report(on_progress: OnProgress, now: Progress) -> None:
    await on_progress(now)
