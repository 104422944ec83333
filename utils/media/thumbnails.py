"""Stills of a video: a small one, and a larger one for its cover, from a scene that says something."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from utils.errors import ConversionFailed
from utils.media.commands import NO_STREAM, Job, Value
from utils.media.scenes import HEIGHT, WIDTH, interest, most_interesting
from utils.media.tools import Tools

#: Telegram's limits: https://core.telegram.org/constructor/inputMediaUploadedDocument
MAX_SIDE = 320
MAX_BYTES = 200_000
#: Sides of a cover at most: as large as a photo is shown in a chat.
COVER_SIDE = 1280

#: Where to look, as parts of the duration: at the pictures next to these that can be decoded by themselves.
_PLACES = (0.1, 0.3, 0.5, 0.75)
#: Seconds below which one of them is looked at first, as few pictures of a clip can be decoded by themselves;
#: and how interesting it has to be for the others to be left alone.
_SHORT, _FIRST_PLACE, _ENOUGH = 5.0, 0.3, 3.0
#: Where to look if these are black, or there are none, at exactly that place; the last resort is the first
#: picture there is.
_EXACT_PLACES = (0.1, 0.25, 0.5, 0.75, 0.0)


@dataclass(frozen=True)
class Stills:
    """JPEGs in the shape that a video is shown in. There is no ``cover`` of a video that is no larger than
    its ``thumb``, and neither where no picture can be decoded.
    """

    thumb: Path | None = None
    cover: Path | None = None


async def make_thumbnail(path: Path, output: Path, *, duration: float, tools: Tools) -> Path | None:
    """Write a JPEG of the video ``path`` to ``output`` (at most 320 pixels a side, below 200 KB).

    None when there is no picture that can be decoded.
    """
    return (await make_stills(path, output, None, duration=duration, tools=tools)).thumb


async def make_stills(
    path: Path, thumb: Path, cover: Path | None, *, duration: float, tools: Tools
) -> Stills:
    """Write two JPEGs of the same picture of the video ``path``: one as :func:`make_thumbnail` to ``thumb``,
    and, unless that is None, one of at most 1280 pixels a side to ``cover``.

    One ffmpeg decodes four pictures (of a short clip mostly one), and more only where these are black.
    """
    grabbed: list[_Grabbed] = []
    if duration < _SHORT:
        grabbed = await _grab(path, thumb, [duration * _FIRST_PLACE], cover, tools)
    if not any(each.interest >= _ENOUGH for each in grabbed):
        grabbed = await _grab(path, thumb, [duration * place for place in _PLACES], cover, tools)
    exact = iter(_EXACT_PLACES)
    while not any(each.interest >= 0 for each in grabbed) and (place := next(exact, None)) is not None:
        grabbed += await _grab(path, thumb, [duration * place], cover, tools, exactly=True)
    if not grabbed:
        return Stills()
    best = grabbed[most_interesting([each.interest for each in grabbed])]
    await asyncio.to_thread(thumb.write_bytes, best.thumb)
    if cover is None or not best.cover:
        return Stills(thumb)
    await asyncio.to_thread(cover.write_bytes, best.cover)
    return Stills(thumb, cover)


class _Grabbed(NamedTuple):
    """One picture: as thumbnail, as cover (empty: it would be no larger), and how interesting it is."""

    thumb: bytes
    cover: bytes
    interest: float


async def _grab(
    path: Path,
    output: Path,
    moments: Sequence[float],
    cover: Path | None,
    tools: Tools,
    *,
    exactly: bool = False,
) -> list[_Grabbed]:
    """The pictures at these ``moments`` (seconds), as far as there are any.

    They are the first from there on if ``exactly``, or the ones before that can be decoded by themselves.
    """
    job = Job(threads=1)
    for moment in moments:
        job.input(path, _seek(moment, exactly=exactly))
    work = [[output.with_name(f"{output.name}.{n}.{part}") for part in range(3)] for n in range(len(moments))]
    for number, (small, grey, large) in enumerate(work):
        streams = [(n, "V:0" if n == number else NO_STREAM) for n in range(len(moments))]
        job.output(small, streams, _jpeg(MAX_SIDE))
        shape = f"scale={WIDTH}:{HEIGHT}:flags=area,format=gray"
        job.output(grey, streams, {"frames:v": 1, "vf": shape, "f": "rawvideo"})
        if cover is not None:
            job.output(large, streams, _jpeg(COVER_SIDE))
    try:
        await tools.convert(job.arguments(), within=120, stall=60)
    except ConversionFailed:
        return []
    else:
        return await asyncio.to_thread(_take, work)
    finally:
        await asyncio.to_thread(_remove, work)


def _seek(moment: float, *, exactly: bool) -> dict[str, Value]:
    options: dict[str, Value] = {"ss": f"{moment:.3f}"} if moment > 0 else {}
    if not exactly:
        # An input may be read on for as long as another one has nothing yet: hardly any of it is decoded.
        options |= {"noaccurate_seek": None, "skip_frame": "nokey"}
    return options


def _jpeg(side: int) -> dict[str, Value]:
    """The options of a JPEG of at most ``side`` pixels a side."""
    scale = (
        f"scale='trunc(iw*sar+0.5)':ih,setsar=1,"
        f"scale='min({side},iw)':'min({side},ih)':force_original_aspect_ratio=decrease,format=yuvj420p"
    )
    return {"frames:v": 1, "vf": scale, "c:v": "mjpeg", "q:v": 4, "f": "mjpeg"}


def _take(work: Sequence[Sequence[Path]]) -> list[_Grabbed]:
    """What ffmpeg wrote. Blocking."""
    found = []
    for small, grey, large in work:
        thumb, pixels, cover = (path.read_bytes() if path.exists() else b"" for path in (small, grey, large))
        if pixels and 0 < len(thumb) < MAX_BYTES:
            found.append(_Grabbed(thumb, cover if len(cover) > len(thumb) else b"", interest(pixels)))
    return found


def _remove(work: Sequence[Sequence[Path]]) -> None:
    """Blocking."""
    for paths in work:
        for path in paths:
            path.unlink(missing_ok=True)
