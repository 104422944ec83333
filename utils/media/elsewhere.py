"""Segments encoded on other machines, as a conversion sees it: a farm takes pieces and gives files."""

from __future__ import annotations

from collections.abc import Coroutine, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from utils.media.checkpoint import Recipe, Segment
from utils.media.commands import Value
from utils.media.encode import segment_arguments
from utils.media.tools import OnProgress

#: Stretches of a file: the first byte of each, and the one after its last. In order, apart from each other.
Spans = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Piece:
    """One segment to be encoded: all that decides its bytes, and where they are to be.

    ``seek`` and ``skip`` as in :func:`utils.media.encode.segment_arguments`. ``within`` and ``stall`` are
    seconds, ``file_bytes`` how large the result may be. Of the source's ``size`` bytes, ``index`` is what is
    read whatever the segment, and ``spans`` what this one needs beside that.
    """

    source: Path
    output: Path
    recipe: Recipe
    segment: Segment
    stream: int
    seek: Mapping[str, Value]
    skip: int
    within: float
    stall: float
    file_bytes: int = 0
    size: int = 0
    index: Spans = ()
    spans: Spans = ()

    def arguments(self) -> list[str]:
        """For ffmpeg."""
        return segment_arguments(
            self.source,
            self.output,
            recipe=self.recipe,
            segment=self.segment,
            stream=self.stream,
            seek=self.seek,
            skip=self.skip,
        )


class Lost(Exception):
    """A piece was not encoded elsewhere. ``machine`` is who was to do it, "" if there was none.

    ``untried``: there was no machine at all, which says nothing about the piece.
    """

    def __init__(self, why: str, machine: str = "", *, untried: bool = False) -> None:
        super().__init__(why)
        self.machine = machine
        self.untried = untried


class Offer(Protocol):
    """The segments of one conversion, offered to the machines that make the same bytes of them."""

    def room(self) -> int:
        """How many pieces would be taken in all; 0 while there is no machine for them."""

    def changed(self) -> Coroutine[None, None, object]:
        """Until there may be another answer, from this call on."""

    async def encode(self, piece: Piece, on_progress: OnProgress, without: frozenset[str]) -> str:
        """Have ``piece`` encoded by none of ``without``; returns by which machine it was. Raises Lost."""

    def called(self, machine: str) -> str:
        """What people call it."""

    def refuse(self, machine: str, why: str) -> None:
        """What came from ``machine`` was not what it was asked for."""


class Farm(Protocol):
    """Other machines."""

    @property
    def local(self) -> bool:
        """Whether this machine encodes as well while others do."""

    async def joined(self) -> None:
        """Returns when a machine is there."""

    def offer(self, trial: Piece, digest: str, name: str) -> AbstractAsyncContextManager[Offer]:
        """Who makes of ``trial`` a file with the SHA-256 ``digest`` may encode for ``name``."""
