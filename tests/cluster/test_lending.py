"""What others hand in is checked, and what they do not do is done here: a farm in this process."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from tests.cluster.yard import HERE, convert, until
from tests.files import ffmpeg_after
from utils.media import Bell, Lost, OnProgress, Piece, Progress, Tools
from utils.media.sharing import Todo

TOOLS = Tools()


class Village:
    """Machines that lie, disappear, or do not begin, each with one of the pieces; then all do well."""

    def __init__(self) -> None:
        self.local = True
        self.bell = Bell()
        self.given: list[tuple[int, frozenset[str]]] = []
        self.refused: list[tuple[str, str]] = []
        self.digests: list[bool] = []
        self.given_up = 0

    async def joined(self) -> None:
        """At once."""

    @asynccontextmanager
    async def offer(self, trial: Piece, digest: str, name: str) -> AsyncIterator[Village]:
        mine = replace(trial, output=trial.output.with_name("mine.mp4"))
        await self._encode(mine)
        self.digests.append(hashlib.sha256(mine.output.read_bytes()).hexdigest() == digest)
        mine.output.unlink()
        yield self

    def room(self) -> int:
        return 3

    async def changed(self) -> None:
        await self.bell.wait()

    async def encode(self, piece: Piece, on_progress: OnProgress, without: frozenset[str]) -> str:
        self.given.append((piece.segment.first, without))
        number = -1 if without else sum(not others for _, others in self.given) - 1
        if number == 0:
            piece.output.write_bytes(b"This is no video.")
        elif number == 1:
            # A picture is missing.
            fewer = replace(piece.segment, frames=piece.segment.frames - 1)
            await self._encode(replace(piece, segment=fewer))
        elif number == 2:
            raise Lost("it is gone")
        elif number == 3:
            try:
                await asyncio.Event().wait()
            finally:
                self.given_up += 1
        else:
            await on_progress(Progress(1, 0.0))
            await self._encode(piece)
        return f"machine {number}" if number >= 0 else "honest machine"

    def called(self, machine: str) -> str:
        return machine

    def refuse(self, machine: str, why: str) -> None:
        self.refused.append((machine, why))

    async def _encode(self, piece: Piece) -> None:
        await TOOLS.convert(piece.arguments(), within=60, stall=60)


async def test_only_machines_that_are_gone_with_it_count_against_a_segment() -> None:
    todo = Todo([0, 1])
    todo.local = False
    for gone, untried in ((False, True), (False, True), (True, False), (False, True), (True, False)):
        loan = todo.lend()
        assert loan is not None and loan.number == 0
        todo.give_back(loan, done=False, gone=gone, untried=untried)
    assert await todo.take() == 0, "two machines are gone with it, so it is encoded here"
    loan = todo.lend()
    assert loan is not None and loan.number == 1


async def test_what_others_lie_about_or_do_not_do_is_done_again_and_the_bytes_are_the_same(
    source: Path, tmp_path: Path
) -> None:
    alone, _ = await convert(source, tmp_path / "alone", None)
    village, held = Village(), tmp_path / "held"
    held.touch()
    # Else there would be nothing left for others.
    path = ffmpeg_after(tmp_path / "home", HERE, f"while [ -e '{held}' ]; do sleep 0.05; done")
    home = Tools(f"{path.partition(':')[0]}/ffmpeg")
    converting = asyncio.ensure_future(convert(source, tmp_path / "out", village, tools=home))
    await until(lambda: len(village.refused) == 2 and len(village.given) == 7)
    held.unlink()
    assert (await converting)[0] == alone
    assert village.digests == [True]
    assert {machine for machine, _ in village.refused} == {"machine 0", "machine 1"}
    assert all(why for _, why in village.refused)
    # Whoever lied is not asked again for the same piece, and what nobody begins is taken back.
    assert [without for _, without in village.given if without] in (
        [{"machine 0"}, {"machine 1"}],
        [{"machine 1"}, {"machine 0"}],
    )
    assert village.given_up == 1
