"""Another look at a picture that its own decoder gave up: ffmpeg reads some kinds that the others do not."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

from utils.errors import ConversionFailed, ToolStopped
from utils.media.commands import Job, Value
from utils.media.disk import read_head
from utils.media.tools import Tools
from utils.pictures.formats import format_of
from utils.pictures.protocol import Elsewhere, Undecoded, Why

#: What another decoder may see otherwise. What takes too much time or memory takes it there, too.
WORTH = (Why.DAMAGED, Why.CUT_OFF, Why.KIND, Why.CRASHED)
#: What is told of a picture whose decoder died.
UNTOLD = Elsewhere(0, 1, 1)
_WITHIN = 60.0
#: Bytes of what it writes at most: all pixels that ffmpeg is allowed, as PNG.
_MOST = 200_000_000
#: What it says, or what is said of it, when it got none.
_NO_MEMORY = re.compile("allocate memory|little memory")
#: How often it is asked when it is killed.
_TRIES = 3


class Seen(NamedTuple):
    """A picture that ffmpeg shows: its format, and what is told of it."""

    format: str
    told: Elsewhere


@asynccontextmanager
async def seen_by_ffmpeg(
    path: Path, output: Path, first: Undecoded, tools: Tools
) -> AsyncIterator[Seen | None]:
    """Have ``output``, for now, be the picture ``path`` as PNG, of which a child said ``first``.

    None where ffmpeg shows it no better.

    Whole or not at all: what ffmpeg complains of it would show as grey. One core, and the memory of pictures;
    raises :class:`Undecoded` where that is too little.
    """
    try:
        yield await _decode(path, output, first, tools)
    finally:
        await asyncio.to_thread(output.unlink, missing_ok=True)


async def _decode(path: Path, output: Path, first: Undecoded, tools: Tools) -> Seen | None:
    known = format_of(await asyncio.to_thread(read_head, path))
    told = Elsewhere(*first.figures) if first.figures else UNTOLD
    # A crash says nothing of which page it was.
    if known is None or not known.second or not told.page or (known.name == "TIFF" and not first.figures):
        return None
    # What has an orientation in its EXIF is turned by the child that takes it from here.
    turned = int(known.second == "mov")
    reading: dict[str, Value] = {"f": known.second, "format_whitelist": known.second, "autorotate": turned}
    if known.name == "TIFF":
        reading["page"] = told.page
    job = Job(threads=1)
    source = job.input(path, reading)
    writing: dict[str, Value] = {"f": "image2pipe", "c:v": "png", "pix_fmt": "rgba", "frames:v": 1}
    job.output(output, [(source, "v:0")], writing)
    for tries_left in reversed(range(_TRIES)):
        try:
            async with tools.pictures.elsewhere() as memory:
                await tools.convert(
                    job.arguments(), within=_WITHIN, stall=_WITHIN, strict=True, file_bytes=_MOST, data=memory
                )
            return Seen(known.name, told)
        except ConversionFailed as error:
            if _NO_MEMORY.search(error.told):
                raise Undecoded(Why.MEMORY, 0, 0, 0) from error
            # One that was killed says nothing of the picture.
            if not tries_left or not isinstance(error, ToolStopped):
                return None
    raise AssertionError
