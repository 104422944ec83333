"""Which child gets a picture, and for how long: a quick way for all, and another for what is not quick.

One child lives on and takes one picture after another; a start costs as much as ten small pictures. It has
little time and a part of the memory for each. What crashes there, takes longer or more is tried a second time
alone: in a child of its own, with more of both, in a queue of its own, so that it holds nobody up. Whoever
sends such pictures has the next ones tried there at once, the more of them the more often it happens.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections import OrderedDict
from collections.abc import AsyncIterator, Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from utils.pictures.protocol import Act, Answer, Request, Undecoded, Why
from utils.pictures.worker import Worker

#: What is worth a second try, with more time and memory.
_AGAIN = (Why.TIME, Why.MEMORY, Why.CRASHED, Why.LOST)
#: Bytes of memory without which no child can work.
LEAST_MEMORY = 64_000_000
#: The quick child's share of the memory, and that of one that unpacks, of what is left.
_QUICK_SHARE, _UNPACKING_SHARE = 0.35, 0.5
#: Pictures after which a child is replaced, and the share of its memory that it may keep between two.
_RENEWED_AFTER, _KEPT_SHARE = 1000, 0.6
#: Bytes of what a photo may become; more than Telegram takes, so that trying it is no error.
_PHOTO_BYTES = 32 << 20
#: Pictures of one sender that go the slow way at most after each that had to.
_MOST_DISTRUST = 64
#: Senders that are remembered.
_SENDERS = 256


@dataclass(frozen=True)
class Patience:
    """Seconds. ``contended``: on the quick way while others wait; ``idle``: of a child without pictures."""

    quick: float = 2.5
    contended: float = 1.0
    alone: float = 45.0
    idle: float = 60.0


class Pictures:
    """The children that decode pictures, within ``memory`` bytes together.

    ``keep``: the quick one lives on until :meth:`close`; otherwise each child serves one picture.
    """

    def __init__(self, memory: int, *, keep: bool = True, patience: Patience | None = None) -> None:
        self._memory = max(memory, LEAST_MEMORY)
        self._keep = keep
        self._patience = patience or Patience()
        self._quick = asyncio.Lock()
        self._alone = asyncio.Lock()
        self._unpacking = asyncio.Lock()
        self._unpacked = 0
        self._worker: Worker | None = None
        self._idle: asyncio.TimerHandle | None = None
        self._ending: set[asyncio.Task[None]] = set()
        self._waiting = 0
        self._contended = asyncio.Event()
        self._distrust: OrderedDict[Hashable, tuple[int, int]] = OrderedDict()

    async def ask(
        self, asked: Act | Request, source: Path | None = None, output: Path | None = None
    ) -> Answer:
        """Have done what is ``asked`` for with the picture ``source``; what is written goes to ``output``.

        Who sent it is told by the folder that it is in. Raises :class:`Undecoded`.
        """
        request = asked if isinstance(asked, Request) else Request(asked)
        return await self._ask(request, await asyncio.to_thread(_opened, source, output), source)

    async def stays(self, source: Path) -> tuple[Answer, int]:
        """Whether the picture ``source`` may be sent as it is, and its size in bytes. Raises as :meth:`ask`.

        Nothing can be written: most pictures need nothing, and a file that is made for nothing costs more
        than to ask twice.
        """
        files, size = await asyncio.to_thread(_opened_with_size, source)
        return await self._ask(Request(Act.STAY), files, source), size

    async def _ask(self, request: Request, files: list[int], source: Path | None) -> Answer:
        """Close ``files`` in the end."""
        try:
            sender = source.parent if source else None
            if not self._is_trusted(sender):
                answer = await self._ask_alone(request, files)
                self._relent(sender)
                return answer
            try:
                return await self._ask_quickly(request, files)
            except Undecoded as error:
                if error.why not in _AGAIN:
                    raise
                first = error
            # What was refused by its header cost nothing.
            told = first.figures[2] if first.why is Why.MEMORY else 0
            if first.why is not Why.LOST and not told:
                self._suspect(sender)
            if told > self._rest:
                raise first
            return await self._ask_alone(request, files)
        finally:
            for file in files:
                os.close(file)

    async def unpack(self, source: Path, output: Path, *, within: float, file_bytes: int) -> Answer:
        """Have the pictures of an animation written to ``output``, in ``within`` seconds at most.

        It takes long, and has a child and a share of the memory of its own. Raises :class:`Undecoded`.
        """
        files = await asyncio.to_thread(_opened, source, output)
        try:
            async with self._unpacking:
                # What is tried alone just now may take all that this one is about to get.
                async with self._alone:
                    self._unpacked = int(self._rest * _UNPACKING_SHARE)
                try:
                    memory = self._unpacked
                    return await self._ask_new(Request(Act.FRAMES), files, memory, within, file_bytes)
                finally:
                    self._unpacked = 0
        finally:
            for file in files:
                os.close(file)

    @contextlib.asynccontextmanager
    async def elsewhere(self) -> AsyncIterator[int]:
        """While another program decodes a picture: the bytes of memory that it may take."""
        async with self._alone:
            yield self._rest

    async def close(self) -> None:
        """End all children; none is started afterwards but for who asks again."""
        self._stop_idling()
        worker, self._worker = self._worker, None
        if worker is not None:
            await worker.end()
        await asyncio.gather(*self._ending)

    @property
    def _rest(self) -> int:
        """Memory of what is tried alone."""
        return int(self._memory * (1 - _QUICK_SHARE)) - self._unpacked

    # -- the quick way ------------------------------------------------------------------------------

    async def _ask_quickly(self, request: Request, files: list[int]) -> Answer:
        async with self._turn():
            worker = await self._quick_worker()
            try:
                return await self._in_time(worker, request, files)
            except BaseException as error:
                # After its own word it is as good as before.
                if not isinstance(error, Undecoded) or error.why in (Why.TIME, Why.LOST):
                    await self._drop(worker)
                raise
            finally:
                if not self._keep or self._is_worn(worker):
                    await self._drop(worker)
                else:
                    self._idle_from_now()

    @contextlib.asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """In the order of asking; whoever has the turn can see that others wait."""
        self._waiting += 1
        self._contended.set()
        try:
            await self._quick.acquire()
        finally:
            self._waiting -= 1
        try:
            if not self._waiting:
                self._contended.clear()
            self._stop_idling()
            yield
        finally:
            self._quick.release()

    async def _quick_worker(self) -> Worker:
        if self._worker is not None and not self._worker.is_waiting():
            # The system took it, having no memory left.
            await self._drop(self._worker)
        if self._worker is None:
            # The time of one picture is watched here; its CPU, that of all that it will see.
            seconds = int(self._patience.quick * _RENEWED_AFTER) + 60
            memory = int(self._memory * _QUICK_SHARE)
            self._worker = await Worker.start(memory=memory, seconds=seconds, file_bytes=_PHOTO_BYTES)
        return self._worker

    async def _in_time(self, worker: Worker, request: Request, files: list[int]) -> Answer:
        patience = self._patience
        asking = asyncio.ensure_future(worker.ask(request, files))
        tasks: list[asyncio.Future[Any]] = [asking]
        try:
            done, _ = await asyncio.wait(tasks, timeout=min(patience.contended, patience.quick))
            if not done:
                tasks.append(asyncio.ensure_future(self._contended.wait()))
                left = max(0.0, patience.quick - patience.contended)
                await asyncio.wait(tasks, timeout=left, return_when=asyncio.FIRST_COMPLETED)
            if not asking.done():
                raise Undecoded(Why.TIME)
            return asking.result()
        finally:
            for task in tasks:
                task.cancel()
            if not all(task.done() for task in tasks):
                await asyncio.gather(*tasks, return_exceptions=True)

    def _is_worn(self, worker: Worker) -> bool:
        grown = worker.memory > self._memory * _QUICK_SHARE * _KEPT_SHARE
        return grown or worker.asked >= _RENEWED_AFTER or not worker.is_waiting()

    async def _drop(self, worker: Worker) -> None:
        if self._worker is worker:
            self._worker = None
        await worker.end()

    def _idle_from_now(self) -> None:
        self._idle = asyncio.get_running_loop().call_later(self._patience.idle, self._end_idle)

    def _stop_idling(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None

    def _end_idle(self) -> None:
        self._idle = None
        if self._worker is not None:
            task = asyncio.ensure_future(self._drop(self._worker))
            self._worker = None
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)

    # -- alone --------------------------------------------------------------------------------------

    async def _ask_alone(self, request: Request, files: list[int]) -> Answer:
        async with self._alone:
            return await self._ask_new(request, files, self._rest, self._patience.alone, _PHOTO_BYTES)

    async def _ask_new(
        self, request: Request, files: list[int], memory: int, within: float, file_bytes: int
    ) -> Answer:
        worker = await Worker.start(memory=memory, seconds=int(within) + 5, file_bytes=file_bytes)
        try:
            async with asyncio.timeout(within):
                return await worker.ask(request, files)
        except TimeoutError as error:
            raise Undecoded(Why.TIME) from error
        finally:
            await worker.end()

    # -- whose pictures take which way --------------------------------------------------------------

    def _is_trusted(self, sender: Hashable) -> bool:
        return self._distrust.get(sender, (0, 0))[1] == 0

    def _suspect(self, sender: Hashable) -> None:
        """Each time twice as many pictures have to go well before the quick way is open again."""
        times = self._distrust.pop(sender, (0, 0))[0]
        self._distrust[sender] = (times + 1, min(_MOST_DISTRUST, 2**times))
        while len(self._distrust) > _SENDERS:
            self._distrust.popitem(last=False)

    def _relent(self, sender: Hashable) -> None:
        times, left = self._distrust.get(sender, (0, 0))
        if left:
            self._distrust[sender] = (times, left - 1)


def _opened_with_size(source: Path) -> tuple[list[int], int]:
    """Blocking."""
    files = _opened(source, None)
    return files, os.fstat(files[0]).st_size


def _opened(source: Path | None, output: Path | None) -> list[int]:
    """Both, the second one new and empty. Blocking."""
    files: list[int] = []
    try:
        if source is not None:
            files.append(os.open(source, os.O_RDONLY | os.O_CLOEXEC))
        if output is not None:
            files.append(os.open(output, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600))
        return files
    except BaseException:
        for file in files:
            os.close(file)
        raise
