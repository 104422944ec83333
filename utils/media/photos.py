"""Pictures that Telegram takes as photos: JPEG or PNG, upright, sRGB, within its limits.

A picture that is fine already keeps its bytes. What a picture is is found out by a child: see
:mod:`utils.pictures`. Here its words are checked, and put into sentences.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

from utils.errors import DiskFull, NotMedia
from utils.media.tools import Tools
from utils.pictures.limits import MAX_BYTES, MAX_SUM, fit_canvas
from utils.pictures.protocol import Act, Photo, Undecoded, Why

_JPEG_START = b"\xff\xd8\xff"
_REASONS = {
    Why.DAMAGED: "The picture cannot be decoded; it is damaged or empty.",
    Why.CUT_OFF: "The picture cannot be decoded; it is cut off before there is anything to see.",
    Why.STAYS_LARGE: "The picture stays above 10 MB, however it is compressed.",
    Why.TIME: "The picture takes too long to decode.",
    Why.CRASHED: "The picture's decoder crashed on it.",
    Why.LOST: "The picture's decoder does not work.",
}


@dataclass(frozen=True)
class PreparedPhoto:
    """A picture to send. ``note`` says in words what was done to it, or is empty."""

    path: Path
    width: int
    height: int
    changed: bool
    note: str


async def prepare_photo(path: Path, output: Path, *, tools: Tools) -> PreparedPhoto:
    """The picture ``path`` within Telegram's rules: as it is, or written anew to ``output``.

    Raises :class:`NotMedia`, with the reason, when it cannot be sent as a photo, and :class:`DiskFull`.
    """
    part = output.with_name(f"{output.name}.part")
    try:
        photo = await tools.pictures.ask(Act.PHOTO, path, part)
        assert isinstance(photo, Photo)
        return await asyncio.to_thread(_settle, photo, path, part, output)
    except Undecoded as error:
        if error.why is Why.NO_ROOM:
            raise DiskFull("The disk was full before the picture was written.") from error
        raise NotMedia(reason_of(error)) from error
    finally:
        await asyncio.to_thread(part.unlink, missing_ok=True)


def _settle(photo: Photo, path: Path, part: Path, output: Path) -> PreparedPhoto:
    """Take what a child wrote, if it can be what it says. Blocking."""
    size = path.stat().st_size
    if not (1 <= photo.width < MAX_SUM and 1 <= photo.height <= MAX_SUM - photo.width):
        raise Undecoded(Why.LOST)
    if not photo.changed:
        return PreparedPhoto(path, photo.width, photo.height, changed=False, note="")
    with part.open("rb") as file:
        if file.read(3) != _JPEG_START or not part.stat().st_size <= MAX_BYTES:
            raise Undecoded(Why.LOST)
    part.replace(output)
    return PreparedPhoto(output, photo.width, photo.height, changed=True, note=_note(photo, size))


def _note(photo: Photo, size: int) -> str:
    """What was done to a picture of ``size`` bytes."""
    notes = ["It is cut off; what was there is shown."] if photo.cut_off else []
    if photo.format not in ("JPEG", "MPO", "PNG"):
        notes.append(f"Converted from {photo.format}.")
    notes += fit_canvas(*(max(1, side) for side in photo.shown)).notes
    if not notes and size > MAX_BYTES:
        notes.append(f"Compressed: it had {size / 1_000_000:.0f} MB.")
    return " ".join(notes)


def reason_of(error: Undecoded) -> str:
    """Why a picture could not be decoded, as a sentence."""
    if error.why is Why.PIXELS:
        width, height, limit = error.figures
        return (
            f"The picture is {width}x{height}: {width * height / 1e6:,.0f} megapixels, "
            f"and no more than {limit / 1e6:,.0f} are decoded here."
        )
    if error.why is Why.MEMORY:
        width, height, needed = error.figures
        size = f" ({width}x{height})" if width and height else ""
        needs = f": it needs about {needed / 1e6:,.0f} MB of memory" if needed else ""
        return f"The picture{size} is too large for this machine{needs} (PICTURE_MEMORY_MB)."
    return _REASONS[error.why]
