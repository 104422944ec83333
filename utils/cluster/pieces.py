"""A piece of work as it goes through the pipe to the farm, and on to a worker: plain JSON."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from utils.cluster.orders import Json
from utils.media import Piece, Recipe, Segment


def order_of(piece: Piece, film: str) -> Json:
    """All of ``piece`` but where its files are: that is nobody's business elsewhere.

    Pieces with the same ``film`` are of one source.
    """
    segment = piece.segment
    return {
        "film": film,
        "video": [list(pair) for pair in piece.recipe.video],
        "mode": piece.recipe.mode,
        "segment": [segment.first, segment.frames, segment.start, segment.end],
        "stream": piece.stream,
        "seek": dict(piece.seek),
        "skip": piece.skip,
        "within": piece.within,
        "stall": piece.stall,
        "file_bytes": piece.file_bytes,
        "size": piece.size,
        "index": [list(span) for span in piece.index],
        "spans": [list(span) for span in piece.spans],
    }


def piece_of(order: Mapping[str, Any], source: Path, output: Path) -> Piece:
    """The piece of an order, with the files that it has here. Raises KeyError, TypeError or ValueError."""
    recipe = Recipe(
        identity="",
        ffmpeg="",
        mode=str(order["mode"]),
        rewrapped=False,
        time_base="",
        video=tuple((str(name), str(value)) for name, value in order["video"]),
        seek_back=0,
        segments=(),
    )
    return Piece(
        source=source,
        output=output,
        recipe=recipe,
        segment=Segment(*(int(number) for number in order["segment"])),
        stream=int(order["stream"]),
        seek={str(name): value for name, value in order["seek"].items()},
        skip=int(order["skip"]),
        within=float(order["within"]),
        stall=float(order["stall"]),
        file_bytes=int(order["file_bytes"]),
        size=int(order["size"]),
        index=_spans(order["index"]),
        spans=_spans(order["spans"]),
    )


def _spans(pairs: Any) -> tuple[tuple[int, int], ...]:
    return tuple((int(start), int(end)) for start, end in pairs)
