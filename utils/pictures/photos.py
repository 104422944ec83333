"""A picture as Telegram takes it: JPEG or PNG, upright, sRGB, within its limits. Runs in a child.

A picture that is fine already keeps its bytes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import BinaryIO

from PIL import Image, ImageFile

from utils.pictures.bare import bare_versions
from utils.pictures.developing import developed
from utils.pictures.hdr import Transfer, tone_mapped, transfer_in_profile, transfer_of
from utils.pictures.headers import jpeg_header
from utils.pictures.limits import (
    KEPT_SIDE,
    LEAST_SIDE,
    MAX_BYTES,
    Canvas,
    decoded_bytes,
    is_within_limits,
    rewritten_bytes,
    rewritten_canvas,
    slices_of,
)
from utils.pictures.metadata import orientation_of
from utils.pictures.opening import judged, open_picture, require_memory, size_of, told_for_others
from utils.pictures.pixels import decode, shrunk, to_srgb
from utils.pictures.protocol import NOT_ELSEWHERE, Photo, Request, Undecoded, Why
from utils.pictures.raw import Preview, previews_of
from utils.pictures.tiff import pages_of

#: What another version of the same picture may be free of.
_OF_ITSELF = (Why.DAMAGED, Why.CUT_OFF, Why.KIND)
_QUALITIES = (95, 90, 85, 75, 60)
_WHITE = (255, 255, 255)
_PNG_DEPTH_AT = 24
_JPEG = ("JPEG", "MPO")
#: How files begin that may stay as they are.
_MAY_STAY, _LONGEST_START = (b"\xff\xd8\xff", b"\x89PNG"), 4
#: The share of the memory that a picture's file may have to be held in it, twice.
_BARE_SHARE = 6
#: What stands for the number of pictures of one that moves.
_MOVES = 0
#: The tag that lists the pictures in an MPO.
_MP_ENTRIES = 0xB002
#: The sizes that a JPEG can be decoded at, in eighths of its own.
_EIGHTHS = (1, 2, 3, 4, 8)
#: How much smaller than wanted a JPEG may be decoded: the rest is not worth four times the memory.
_NEARLY = 0.95
#: How a picture is turned upright, by its orientation.
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def make_photo(file: BinaryIO, output: BinaryIO, memory: int, request: Request) -> Photo:
    """See that the picture in ``file`` may stay as it is, or write it, or a part of it, anew to ``output``.

    ``memory`` is what may be used, in bytes. Raises :class:`Undecoded`.
    """
    task = _Task(memory, request)
    try:
        previews = previews_of(file)
        return _made(file, output, task) if previews is None else _raw_made(file, previews, output, task)
    except Exception as error:  # noqa: BLE001 - whatever the decoder does is about the picture
        found = judged(error, task.needed, memory)
    raise told_for_others(found, file, task.part)


def _raw_made(file: BinaryIO, previews: Sequence[Preview], output: BinaryIO, task: _Task) -> Photo:
    try:
        return _preview_made(previews, output, task)
    except Undecoded as error:
        first = error
    if first.why not in (*_OF_ITSELF, Why.NO_PREVIEW):
        raise first
    task.orientation = 1  # it is developed upright
    try:
        return _made_whole(developed(file, task.memory), output, task)._replace(format="DEVELOPED")
    except Undecoded as error:
        # Of a preview that is damaged that is the word for it.
        raise (first if error.why is Why.NO_PREVIEW else error) from error


def look_whether_it_stays(file: BinaryIO, memory: int, request: Request) -> Photo:
    """See whether the picture in ``file`` may stay as it is: is it whole then? Else it is called changed.

    Nothing is written, so that nothing has to be there to be written to. Raises :class:`Undecoded`.
    """
    task = _Task(memory, request)
    try:
        file.seek(0)
        if file.read(_LONGEST_START).startswith(_MAY_STAY) and previews_of(file) is None:
            image = _opened(file, task)
            if _may_stay(image, file, task):
                return _unchanged(image, file, task)
        return Photo("", 0, 0, (0, 0), True, False, 1, 1)
    except Exception as error:  # noqa: BLE001 - whatever the decoder does is about the picture
        found = judged(error, task.needed, memory)
    raise told_for_others(found, file, task.part)


def _preview_made(previews: Sequence[Preview], output: BinaryIO, task: _Task) -> Photo:
    """The largest that is whole of those that a raw file has, else what there is of one."""
    task.anew = True
    first: Undecoded | None = None
    for make in (_made_whole, _made):
        for preview in previews:
            task.orientation = preview.orientation
            try:
                return make(preview.open(), output, task)._replace(format="RAW", pages=1)
            except Exception as error:  # noqa: BLE001
                found = judged(error, task.needed, task.memory)
            if found.why not in _OF_ITSELF:
                raise found
            # Another decoder would take the stamp that lies in front for the picture.
            first = first or Undecoded(found.why, *NOT_ELSEWHERE)
    raise first or Undecoded(Why.NO_PREVIEW)


def _made(file: BinaryIO, output: BinaryIO, task: _Task) -> Photo:
    try:
        return _made_whole(file, output, task)
    except Exception as error:  # noqa: BLE001 - whatever the decoder does is about the picture
        first = judged(error, task.needed, task.memory)
    if first.why not in _OF_ITSELF:
        raise first
    return _rewrite_anyhow(file, output, task, first)


def _made_whole(file: BinaryIO, output: BinaryIO, task: _Task) -> Photo:
    image = _opened(file, task)
    if _may_stay(image, file, task):
        return _unchanged(image, file, task)
    del image
    return _rewrite(file, output, task)


def _rewrite_anyhow(file: BinaryIO, output: BinaryIO, task: _Task, first: Undecoded) -> Photo:
    """Of a picture that is not as it should be: all of it if that can be, else what is there of it."""
    bare = list(bare_versions(file)) if size_of(file) <= task.memory // _BARE_SHARE else []
    tries = [(one, False) for one in bare] + [(one, True) for one in (file, *bare)]
    for source, cut_off in tries:
        ImageFile.LOAD_TRUNCATED_IMAGES = cut_off
        try:
            return _rewrite(source, output, task)._replace(cut_off=cut_off)
        except Exception as error:  # noqa: BLE001
            found = judged(error, task.needed, task.memory)
        finally:
            ImageFile.LOAD_TRUNCATED_IMAGES = False
        if found.why not in _OF_ITSELF:
            raise found
        if found.why is Why.CUT_OFF:
            first = found
    raise first


class _Task:
    """What is asked for, the bytes that the picture at hand ``needed``, and the ``memory`` that there is."""

    def __init__(self, memory: int, request: Request) -> None:
        self.memory = memory
        self.part = request.part
        self.orientation = request.orientation
        self.anew = request.anew
        self.needed = 0

    def turn(self, image: Image.Image) -> int:
        """The orientation of ``image``, as it is now."""
        return self.orientation or orientation_of(image)

    def slices(self, image: Image.Image) -> int:
        """In how many slices it is sent; pages are not sliced, nor is what lies on its side."""
        if image.format == "TIFF" or self.anew or self.turn(image) != 1:
            return 1
        return slices_of(*image.size)

    def require(self, size: tuple[int, int], needed: int) -> None:
        self.needed = needed
        require_memory(size, needed, self.memory)


def _opened(file: BinaryIO, task: _Task) -> Image.Image:
    """Its cost is known: even to ask a PNG for its orientation decodes it."""
    image = open_picture(file, task.memory, task.part)
    if image.format not in _JPEG:
        task.require(image.size, _decoded(image, file))
    return image


def _may_stay(image: Image.Image, file: BinaryIO, task: _Task) -> bool:
    """Is it a JPEG or PNG that Telegram takes and shows right?"""
    size = size_of(file)
    if not is_within_limits(image.width, image.height, size) or task.turn(image) != 1:
        return False
    if task.anew or task.slices(image) > 1:
        return False
    if image.format in _JPEG:
        return image.mode in ("RGB", "L") and _transfer(image, file) is None
    return image.format == "PNG" and _png_depth(file) <= 8 and _transfer(image, file) is None


def _unchanged(image: Image.Image, file: BinaryIO, task: _Task) -> Photo:
    """Its bytes stay, if they can be decoded to the end."""
    width, height = image.size
    held = 0
    if image.format in _JPEG:
        held = jpeg_header(file).held
        # An eighth of the size decodes fast and still reads the file to its end.
        image.draft(image.mode, (max(1, width // 8), max(1, height // 8)))
    task.require((width, height), held + _decoded(image, file))
    image.load()
    pages = _pages(image, file)
    return Photo(str(image.format), width, height, (width, height), False, False, pages, 1)


def _rewrite(file: BinaryIO, output: BinaryIO, task: _Task) -> Photo:
    image = _opened(file, task)
    format_, size, pages, slices = str(image.format), image.size, _pages(image, file), task.slices(image)
    shown = _upright(size, task.turn(image))
    held = jpeg_header(file).held if format_ in _JPEG else 0
    canvas = rewritten_canvas(*shown)
    if format_ in _JPEG and slices == 1:
        canvas = _draft(image, held, task)
    task.require(size, held + _decoded(image, file) + rewritten_bytes(canvas))
    profile, transfer = image.info.get("icc_profile"), _transfer(image, file)
    source = decode(image, file)
    if slices > 1:
        source = source.slice(min(task.part, slices - 1), slices)
    # Asked again: some decoders turn a picture upright themselves.
    turn = task.turn(image)
    now = _upright(source.size, turn)
    if now[0] < canvas.picture[0] or format_ == "TIFF" or slices > 1:
        canvas = rewritten_canvas(*now)
    if format_ == "TIFF":
        shown = now
    picture = shrunk(source, _upright(canvas.picture, turn))
    del image, source  # their memory is needed
    # Where both say it, a profile says more of colours than numbers do.
    by_number = transfer is not None and (transfer.is_hdr or not profile)
    picture = tone_mapped(picture, transfer) if transfer and by_number else to_srgb(picture, profile)
    if turn in TURNS:
        picture = picture.transpose(TURNS[turn])
    if ImageFile.LOAD_TRUNCATED_IMAGES and len(picture.getcolors(1) or ()) == 1:
        raise Undecoded(Why.DAMAGED)  # nothing of it was there
    picture = _with_margins(picture, canvas)
    _write(picture, output)
    return Photo(format_, picture.width, picture.height, shown, True, False, pages, slices)


def _transfer(image: Image.Image, file: BinaryIO) -> Transfer | None:
    return transfer_of(file, str(image.format)) or transfer_in_profile(image.info.get("icc_profile"))


def _pages(image: Image.Image, file: BinaryIO) -> int:
    """How many pictures are in it; not counted are those that belong to another of them."""
    if image.format == "TIFF":
        return max(1, len(pages_of(file)))
    if image.format == "MPO":
        # Beside them are previews and, more often, what phones know of the brightness of the first.
        entries = getattr(image, "mpinfo", {}).get(_MP_ENTRIES, ())
        return 1 + sum("Multi-Frame" in str(one["Attribute"]["MPType"]) for one in entries[1:])
    if image.format in ("PNG", "GIF") and getattr(image, "is_animated", False):
        return _MOVES
    return int(getattr(image, "n_frames", 1)) if image.format == "HEIF" else 1


def _draft(image: Image.Image, held: int, task: _Task) -> Canvas:
    """Have a JPEG decoded no larger than it need be, or than there is memory for; returns its canvas."""
    orientation = task.turn(image)
    for side in (KEPT_SIDE, LEAST_SIDE):
        canvas = rewritten_canvas(*_upright(image.size, orientation), side)
        wanted = _upright(canvas.picture, orientation)
        eighths = min(n for n in _EIGHTHS if n == 8 or image.width * n / 8 >= wanted[0] * _NEARLY)
        size = (math.ceil(image.width * eighths / 8), math.ceil(image.height * eighths / 8))
        if held + decoded_bytes("JPEG", image.mode, *size, 0) + rewritten_bytes(canvas) <= task.memory:
            break
    if eighths == 3:
        _decode_at_three_eighths(image, size)
    elif eighths < 8:
        image.draft(image.mode, (max(1, image.width * eighths // 8), max(1, image.height * eighths // 8)))
    return canvas


def _decode_at_three_eighths(image: Image.Image, size: tuple[int, int]) -> None:
    """As ``draft`` does for the others: of a third libjpeg makes the next larger size, which is this."""
    assert isinstance(image, ImageFile.ImageFile)
    image.tile = [image.tile[0]._replace(extents=(0, 0, *size))]
    vars(image).update(_size=size, decoderconfig=(3, 0))


def _with_margins(picture: Image.Image, canvas: Canvas) -> Image.Image:
    if canvas.picture == canvas.whole:
        return picture
    whole = Image.new("RGB", canvas.whole, _WHITE)
    left, top = (canvas.whole[0] - picture.width) // 2, (canvas.whole[1] - picture.height) // 2
    whole.paste(picture, (left, top))
    return whole


def _write(picture: Image.Image, output: BinaryIO) -> None:
    """A JPEG of the best quality that Telegram takes."""
    for quality in _QUALITIES:
        output.seek(0)
        output.truncate()
        picture.save(output, "JPEG", quality=quality, subsampling=0 if quality > 90 else 2, optimize=False)
        if output.tell() <= MAX_BYTES:
            output.flush()
            return
    raise Undecoded(Why.STAYS_LARGE)


def _decoded(image: Image.Image, file: BinaryIO) -> int:
    return decoded_bytes(str(image.format), image.mode, *image.size, size_of(file))


def _upright(size: tuple[int, int], orientation: int) -> tuple[int, int]:
    """``size`` of a picture with that orientation, when it is turned upright; or the other way round."""
    return size[::-1] if orientation > 4 else size


def _png_depth(file: BinaryIO) -> int:
    """Bits a channel, from the header."""
    file.seek(0)
    header = file.read(_PNG_DEPTH_AT + 1)
    return header[_PNG_DEPTH_AT] if len(header) > _PNG_DEPTH_AT else 0
