"""Having the segments of one conversion encoded elsewhere, side by side with the lanes here."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

from utils.errors import BotError, guarded
from utils.media.elsewhere import Farm, Lost, Offer, Piece
from utils.media.recipe import Reading
from utils.media.sharing import Loan, Todo
from utils.media.spans import Parts, parts_of
from utils.media.tools import Progress
from utils.media.work import Work

log = logging.getLogger(__name__)

#: Frames that every machine encodes first, to be compared with what is made of them here.
_TRIAL_FRAMES = 24
#: Machines that try a segment before it is encoded here.
_TRIES = 2

#: Checks the file of a segment and takes it over. Raises ConversionFailed.
Accept = Callable[[int, Path], Awaitable[None]]
OnSegment = Callable[[int, Progress], Awaitable[None]]


class Abroad:
    """Lends what waits in ``todo``. ``piece_of`` makes a piece of a segment's number."""

    def __init__(
        self,
        work: Work,
        farm: Farm,
        todo: Todo,
        *,
        reading: Reading,
        piece_of: Callable[[int], Awaitable[Piece]],
        middle: int,
        accept: Accept,
        on_progress: OnSegment,
    ) -> None:
        """``middle`` is the number of the segment whose first frames are the trial."""
        self._work = work
        self._farm = farm
        self._todo = todo
        self._reading = reading
        self._piece_of = piece_of
        self._middle = middle
        self._parts: Parts
        self._accept = accept
        self._on_progress = on_progress

    async def run(self) -> None:
        """Until nothing waits. An edge: whatever goes wrong, the lanes here do the work."""
        try:
            await guarded(self._run(), "Other machines are not used for this conversion")
        finally:
            self._todo.local = True
            self._todo.bell.ring()

    async def _run(self) -> None:
        if not await self._until_joined():
            return
        try:
            self._parts = await parts_of(
                *(self._reading.path, self._reading.stream, self._work.tools),
                within=self._work.settings.timeout_seconds,
            )
            trial, digest = await self._trial()
        except BotError as error:
            log.info("Other machines are not asked for %s: %s", self._work.name, error.told)
            return
        async with self._farm.offer(trial, digest, self._work.name) as offer:
            await self._lend(offer)

    async def _until_joined(self) -> bool:
        """Whether a machine is there before the work is over."""
        joined = asyncio.ensure_future(self._farm.joined())
        try:
            while not self._todo.over:
                over = asyncio.ensure_future(self._todo.bell.wait())
                await asyncio.wait((joined, over), return_when=asyncio.FIRST_COMPLETED)
                over.cancel()
                if joined.done():
                    return True
            return False
        finally:
            joined.cancel()

    async def piece(self, number: int) -> Piece:
        """The segment ``number``, with the stretches of the source that it needs."""
        piece = await self._piece_of(number)
        return self._with_spans(replace(piece, output=piece.output.with_suffix(".elsewhere")))

    def _with_spans(self, piece: Piece) -> Piece:
        frames, begin = self._reading.frames, piece.segment.first - piece.skip
        assert frames is not None
        first = frames.times[begin] if begin else None
        spans = self._parts.spans(first, piece.segment.end, frames.time_base)
        return replace(piece, size=self._parts.size, index=self._parts.index, spans=spans)

    async def _trial(self) -> tuple[Piece, str]:
        """A few frames of the source, and the SHA-256 of what they are encoded to here."""
        piece, frames = await self._piece_of(self._middle), self._reading.frames
        assert frames is not None
        segment = piece.segment
        if segment.frames > _TRIAL_FRAMES:
            # No more of the source is fetched for it than that.
            end = frames.times[segment.first + _TRIAL_FRAMES]
            segment = replace(segment, frames=_TRIAL_FRAMES, end=end)
        output = self._work.folder / "trial.mp4.part"
        trial = self._with_spans(replace(piece, segment=segment, output=output))
        try:
            await self._work.convert(trial.arguments(), trial.output)
            digest = await asyncio.to_thread(lambda: hashlib.sha256(trial.output.read_bytes()).hexdigest())
        finally:
            await asyncio.to_thread(trial.output.unlink, missing_ok=True)
        return trial, digest

    async def _lend(self, offer: Offer) -> None:
        out: set[asyncio.Task[None]] = set()
        try:
            while not self._todo.over:
                news = [asyncio.ensure_future(one) for one in (offer.changed(), self._todo.bell.wait())]
                self._todo.local = self._farm.local or not offer.room()
                while len(out) < offer.room() and (loan := self._todo.lend()) is not None:
                    loan.task = asyncio.create_task(self._encode(loan, offer))
                    out.add(loan.task)
                done, _ = await asyncio.wait((*out, *news), return_when=asyncio.FIRST_COMPLETED)
                for one in news:
                    one.cancel()
                for task in done & out:
                    if not task.cancelled():
                        task.result()
                out -= done
        finally:
            for task in out:
                task.cancel()
            await asyncio.gather(*out, return_exceptions=True)

    async def _encode(self, loan: Loan, offer: Offer) -> None:
        done = gone = untried = False
        piece = await self.piece(loan.number)
        try:
            done = await self._try(loan, offer, piece)
        except Lost as error:
            log.info("Segment %d of %s comes back: %s", loan.number, self._work.name, error)
            gone, untried = not error.untried, error.untried
        finally:
            await asyncio.to_thread(piece.output.unlink, missing_ok=True)
            self._todo.give_back(loan, done=done, gone=gone, untried=untried)

    async def _try(self, loan: Loan, offer: Offer, piece: Piece) -> bool:
        """Whether the segment was encoded by another machine, and is what it is meant to be.

        Raises :class:`Lost` when there is nobody more to ask.
        """

        async def progress(now: Progress) -> None:
            loan.begun = True
            await self._on_progress(loan.number, now)

        without = frozenset[str]()
        for _ in range(_TRIES):
            try:
                machine = await offer.encode(piece, progress, without)
            except Lost as error:
                if not error.machine:
                    raise
                log.info("Segment %d of %s comes back: %s", loan.number, self._work.name, error)
                without |= {error.machine}
                continue
            loan.begun = True
            try:
                await self._accept(loan.number, piece.output)
            except BotError as error:
                whose, film = offer.called(machine), self._work.name
                log.warning(
                    "⚠️ Segment %d of %s from %s is not used: %s", loan.number, film, whose, error.told
                )
                offer.refuse(machine, error.told)
                without |= {machine}
                continue
            return True
        return False
