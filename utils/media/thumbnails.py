"""A small picture for a video: one that exists and is not black, from about a tenth in."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from utils.errors import ConversionFailed
from utils.media.commands import Job, Value
from utils.media.tools import Tools

#: Telegram's limits: https://core.telegram.org/constructor/inputMediaUploadedDocument
MAX_SIDE = 320
MAX_BYTES = 200_000

#: Where to look, as parts of the duration; the last resort is the first picture there is.
_PLACES = (0.1, 0.25, 0.5, 0.75, 0.0)
#: Mean brightness (0 to 255), and spread of it, below which a picture is black.
_DARK, _FLAT = 16, 6


async def make_thumbnail(path: Path, output: Path, *, duration: float, tools: Tools) -> Path | None:
    """Write a JPEG of the video ``path`` to ``output`` (at most 320 pixels a side, below 200 KB).

    The picture has the shape that the video is shown in. None when there is no picture that can be decoded.
    """
    work = _Work(output.with_name(f"{output.name}.part"), output.with_name(f"{output.name}.grey"))
    best: tuple[float, bytes] | None = None
    try:
        for place in _PLACES:
            picture = await _grab(path, work, at=duration * place, tools=tools)
            if picture is None:
                continue
            light = await asyncio.to_thread(_light_of, work.grey)
            if best is None or light > best[0]:
                best = light, picture
            if light > 0:
                break
        if best is None:
            return None
        await asyncio.to_thread(output.write_bytes, best[1])
        return output
    finally:
        await asyncio.to_thread(work.remove)


class _Work(NamedTuple):
    """One picture twice: as JPEG, and its brightness, a byte a pixel."""

    picture: Path
    grey: Path

    def remove(self) -> None:
        """Blocking."""
        for path in self:
            path.unlink(missing_ok=True)


async def _grab(path: Path, work: _Work, *, at: float, tools: Tools) -> bytes | None:
    """The JPEG of the first picture from ``at`` seconds on; it is also in ``work``."""
    await asyncio.to_thread(work.remove)
    job = Job(threads=1)
    source = job.input(path, {"ss": f"{at:.3f}"} if at > 0 else {})
    scale = (
        f"scale='trunc(iw*sar+0.5)':ih,setsar=1,"
        f"scale='min({MAX_SIDE},iw)':'min({MAX_SIDE},ih)':force_original_aspect_ratio=decrease,format=yuvj420p"
    )
    options: dict[str, Value] = {"frames:v": 1, "vf": scale, "c:v": "mjpeg", "q:v": 4, "f": "mjpeg"}
    job.output(work.picture, [(source, "V:0")], options)
    job.output(work.grey, [(source, "V:0")], {"frames:v": 1, "vf": f"{scale},format=gray", "f": "rawvideo"})
    try:
        await tools.convert(job.arguments(), within=120, stall=60)
        picture = await asyncio.to_thread(work.picture.read_bytes)
    except (ConversionFailed, FileNotFoundError):
        return None
    return picture if 0 < len(picture) < MAX_BYTES else None


def _light_of(path: Path) -> float:
    """How much there is to see: 0 and less for a black picture. Blocking."""
    pixels = path.read_bytes()
    counts = Counter(pixels)
    mean = sum(value * count for value, count in counts.items()) / max(1, len(pixels))
    spread = sum((value - mean) ** 2 * count for value, count in counts.items()) / max(1, len(pixels))
    return mean - 256 if mean < _DARK and spread < _FLAT**2 else mean
