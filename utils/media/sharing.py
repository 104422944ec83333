"""Which segments wait, and who gets the next one: a lane here, or another machine."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Coroutine, Iterable
from dataclasses import dataclass

#: Machines that are gone with a segment before it is encoded here.
_LOSSES = 2


class Bell:
    """Wakes all who wait, each time it is rung."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """Something may have changed."""
        self._rung.set()
        self._rung = asyncio.Event()

    def wait(self) -> Coroutine[None, None, object]:
        """Until it is rung, from this call on, whenever that is awaited."""
        return self._rung.wait()


@dataclass
class Loan:
    """A segment that another machine has; ``begun``: and works on."""

    number: int
    task: asyncio.Task[None] | None = None
    begun: bool = False


class Todo:
    """The segments that are still to be encoded.

    ``local``: lanes here take any; else only what came back, as long as other machines take the rest.
    """

    def __init__(self, numbers: Iterable[int]) -> None:
        self._waiting = deque(numbers)
        self._back: deque[int] = deque()
        self._loans: dict[int, Loan] = {}
        self._gone = Counter[int]()
        self.bell = Bell()
        self.local = True

    @property
    def over(self) -> bool:
        """Nothing waits, and no other machine has anything."""
        return not (self._waiting or self._back or self._loans)

    async def take(self) -> int | None:
        """The next one for a lane here; None when there is, and will be, none."""
        while not self.over:
            if self._back:
                return self._taken(self._back.popleft())
            if self.local and self._waiting:
                return self._taken(self._waiting.popleft())
            if self.local and (loan := self._idle()) is not None:
                return self._recall(loan)
            await self.bell.wait()
        return None

    def lend(self) -> Loan | None:
        """The next one for another machine, if any waits."""
        if not self._waiting:
            return None
        number = self._waiting.popleft()
        self._loans[number] = Loan(number)
        return self._loans[number]

    def give_back(self, loan: Loan, *, done: bool, gone: bool = False, untried: bool = False) -> None:
        """Another machine has it no more; unless it is ``done``, it is encoded here.

        ``gone``: the machine is; then others may have it once more, as it need not be the segment's fault.
        ``untried``: no machine had it; then others may.
        """
        if self._loans.get(loan.number) is loan:
            del self._loans[loan.number]
            self._gone[loan.number] += gone
            if untried or (gone and self._gone[loan.number] < _LOSSES):
                self._waiting.appendleft(loan.number)
            elif not done:
                self._back.append(loan.number)
            self.bell.ring()

    def _taken(self, number: int) -> int:
        self.bell.ring()
        return number

    def _idle(self) -> Loan | None:
        return next((loan for loan in reversed(self._loans.values()) if not loan.begun), None)

    def _recall(self, loan: Loan) -> int:
        del self._loans[loan.number]
        if loan.task is not None:
            loan.task.cancel()
        return self._taken(loan.number)
