"""Pictures that Telegram takes as photos: JPEG or PNG, upright, sRGB, within its limits.

A picture that is fine already keeps its bytes. What a picture is is found out by a child: see
:mod:`utils.pictures`. Here its words are checked, and put into sentences.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from pathlib import Path

from utils.errors import DiskFull, MediaError, NotMedia
from utils.media.second import WORTH, seen_by_ffmpeg
from utils.media.tools import Tools
from utils.pictures.limits import MAX_BYTES, MAX_PARTS, MAX_SUM, fit_canvas, is_within_limits
from utils.pictures.protocol import Act, Photo, Request, Undecoded, Why
from utils.texts import Text, said

#: Of such there may be something to be shown.
_PERHAPS_IN_PART = (Why.DAMAGED, Why.CUT_OFF, Why.KIND)
_JPEG_START = b"\xff\xd8\xff"
_REASONS = {
    Why.DAMAGED: Text("The picture cannot be decoded; it is damaged or empty."),
    Why.KIND: Text("The picture is of a kind that I cannot show."),
    Why.NO_PREVIEW: Text("It is a camera's raw file without a preview that I can show."),
    Why.CUT_OFF: Text("The picture cannot be decoded; it is cut off before there is anything to see."),
    Why.STAYS_LARGE: Text("The picture stays above 10 MB, however it is compressed."),
    Why.TIME: Text("The picture takes too long to decode."),
    Why.CRASHED: Text("The picture's decoder crashed on it."),
    Why.LOST: Text("The picture's decoder does not work."),
}


@dataclass(frozen=True)
class PreparedPhoto:
    """A picture to send, of ``size`` bytes. ``note`` says in words what was done to it, or is empty.

    Of some files there are several ``parts`` to send, each called a ``part_name``.
    """

    path: Path
    size: int
    width: int
    height: int
    changed: bool
    note: str
    parts: int = 1
    part_name: str = ""

    def without(self, part: int, error: MediaError) -> str:
        """That one of its parts, counted from 0, is not there because of ``error``."""
        number, reason = part + 1, error.told
        if self.part_name == "page":
            return Text("Page {number} cannot be shown: {reason}", number=number, reason=reason)
        return Text("Part {number} cannot be shown: {reason}", number=number, reason=reason)


async def prepare_photo(path: Path, output: Path, *, tools: Tools, part: int = 0) -> PreparedPhoto:
    """The picture ``path`` within Telegram's rules: as it is, or written anew to ``output``.

    ``part`` is which of its parts, from 0. Raises :class:`NotMedia`, with the reason, when it cannot be sent
    as a photo, and :class:`DiskFull`.
    """
    written, settled = output.with_name(f"{output.name}.part"), False
    try:
        try:
            if not part and (as_it_is := await _as_it_is(path, tools)):
                settled = True
                return as_it_is
            photo = await _photo(path, written, Request(Act.PHOTO, part), tools)
        except Undecoded as error:
            if error.why not in WORTH:
                raise
            photo = await _second_photo(path, written, error, tools)
        prepared = await asyncio.to_thread(_settle, photo, path, written, output)
        settled = True
        return prepared
    except Undecoded as error:
        if error.why is Why.NO_ROOM:
            raise DiskFull(Text("The disk was full before the picture was written.")) from error
        raise NotMedia(reason_of(error)) from error
    finally:
        if not settled:
            await asyncio.to_thread(written.unlink, missing_ok=True)


async def _as_it_is(path: Path, tools: Tools) -> PreparedPhoto | None:
    """The picture ``path`` if nothing has to be done to it. Raises :class:`Undecoded`."""
    try:
        photo, size = await tools.pictures.stays(path)
    except Undecoded as error:
        if error.why in _PERHAPS_IN_PART:
            return None
        raise
    assert isinstance(photo, Photo)
    if photo.changed or not is_within_limits(photo.width, photo.height, size):
        return None
    return PreparedPhoto(path, size, photo.width, photo.height, False, _note(photo, size))


async def _photo(path: Path, written: Path, request: Request, tools: Tools) -> Photo:
    photo = await tools.pictures.ask(request, path, written)
    assert isinstance(photo, Photo)
    return photo


async def _second_photo(path: Path, written: Path, first: Undecoded, tools: Tools) -> Photo:
    """What ffmpeg makes of it; what was said ``first`` is raised when that is nothing."""
    seen = written.with_name(f"{written.name}.png")
    async with seen_by_ffmpeg(path, seen, first, tools) as other:
        if other is None:
            raise first
        turn = other.told.orientation if 1 <= other.told.orientation <= 8 else 0
        # Never as it is: that is PNG of any size, and not what was sent.
        photo = await _photo(seen, written, Request(Act.PHOTO, 0, turn, anew=True), tools)
    return photo._replace(format=other.format, pages=other.told.pages)


def _settle(photo: Photo, path: Path, part: Path, output: Path) -> PreparedPhoto:
    """Take what a child wrote, if it can be what it says; ``part`` is gone then. Blocking."""
    size = now = path.stat().st_size
    if not (1 <= photo.width < MAX_SUM and 1 <= photo.height <= MAX_SUM - photo.width):
        raise Undecoded(Why.LOST)
    if photo.changed:
        with part.open("rb") as file:
            now = part.stat().st_size
            if file.read(3) != _JPEG_START or not now <= MAX_BYTES:
                raise Undecoded(Why.LOST)
        part.replace(output)
    else:
        part.unlink(missing_ok=True)
    sent = output if photo.changed else path
    prepared = PreparedPhoto(sent, now, photo.width, photo.height, photo.changed, _note(photo, size))
    if photo.slices > 1:
        return replace(prepared, parts=min(photo.slices, MAX_PARTS), part_name="part")
    if photo.format == "TIFF" and photo.pages > 1:
        return replace(prepared, parts=min(photo.pages, MAX_PARTS), part_name="page")
    return prepared


def _note(photo: Photo, size: int) -> str:
    """What was done to a picture of ``size`` bytes."""
    notes: list[str] = [Text("It is cut off; what was there is shown.")] if photo.cut_off else []
    if photo.format == "RAW":
        notes.append(Text("It is a camera's raw file; the preview in it is shown."))
    elif photo.format == "DEVELOPED":
        notes.append(Text("It is a camera's raw file without a preview; it was developed here."))
    elif photo.format not in ("JPEG", "MPO", "PNG"):
        notes.append(Text("Converted from {format}.", format=photo.format))
    if photo.pages == 0:
        notes.append(Text("It moves; its first picture is shown."))
    if photo.slices > 1:
        notes.append(
            Text("Cut into {count} slices: as a whole it would be too small to be read.", count=photo.slices)
        )
    elif photo.format == "TIFF" and photo.pages > MAX_PARTS:
        notes.append(
            Text("The first {count} of its {pages:,} pages are shown.", count=MAX_PARTS, pages=photo.pages)
        )
    elif photo.format != "TIFF" and photo.pages > 1:
        notes.append(Text("It holds {pages:,} pictures; the main one is shown.", pages=photo.pages))
    if photo.slices == 1:
        notes += fitted(*(max(1, side) for side in photo.shown))
    if not notes and photo.changed and size > MAX_BYTES:
        notes.append(Text("Compressed: it had {size:.0f} MB.", size=size / 1000000))
    return " ".join(map(said, notes))


def reason_of(error: Undecoded) -> str:
    """Why a picture could not be decoded, as a sentence."""
    if error.why is Why.PIXELS:
        width, height, limit = error.figures
        return Text(
            "The picture is {width}x{height}: {megapixels:,.0f} megapixels, and no more than "
            "{limit:,.0f} are decoded here.",
            width=width,
            height=height,
            megapixels=width * height / 1e6,
            limit=limit / 1e6,
        )
    if error.why is Why.MEMORY:
        return _too_large(*error.figures)
    return _REASONS[error.why]


def fitted(width: int, height: int) -> list[Text]:
    """What was done to a picture of that size to fit it in."""
    picture, whole = fit_canvas(width, height)
    scaled = Text("Scaled down from {width}x{height}.", width=width, height=height)
    margins = Text("Margins were added, since it is more than 20 times as long as wide.")
    return [scaled] * (picture != (width, height)) + [margins] * (whole != picture)


def _too_large(width: int, height: int, needed: int) -> Text:
    """That there is too little memory for a picture; 0 is what is not known of it."""
    memory = needed / 1e6
    if width and height and needed:
        return Text(
            "The picture ({width}x{height}) is too large for this machine: it needs about {memory:,.0f} "
            "MB of "
            "memory (PICTURE_MEMORY_MB).",
            width=width,
            height=height,
            memory=memory,
        )
    if width and height:
        return Text(
            "The picture ({width}x{height}) is too large for this machine (PICTURE_MEMORY_MB).",
            width=width,
            height=height,
        )
    if needed:
        return Text(
            "The picture is too large for this machine: it needs about {memory:,.0f} MB of memory "
            "(PICTURE_MEMORY_MB).",
            memory=memory,
        )
    return Text("The picture is too large for this machine (PICTURE_MEMORY_MB).")
