"""What one file is and what has to be done with it."""

from __future__ import annotations

import asyncio
import contextlib
import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from utils.errors import ConversionFailed, NotMedia, ToolStopped
from utils.media.animations import UNPACKED, can_move, moving_format, probe_animation
from utils.media.boxes import Layout, read_layout
from utils.media.commands import Job
from utils.media.disk import read_head
from utils.media.first_look import FirstLook, first_look
from utils.media.geometry import Size, display_size
from utils.media.kinds import Kind, kind_of, may_be_music
from utils.media.plan import Action, ConversionPlan, plan_conversion
from utils.media.probe import Probe, probe
from utils.media.tools import Tools
from utils.texts import Text

#: By these elements Matroska says so: encodings of a track, one of them, and in that encryption.
_LOCK = re.compile(rb"\x6d\x80.{1,8}\x62\x40.{1,40}\x50\x35", re.DOTALL)
#: How often a file is looked at when what looks at it is killed.
LOOKS = 3


class Verdict(StrEnum):
    """What happens with a file."""

    PHOTO = "photo"  #: a picture
    READY = "ready"  #: a video that plays as it is
    DEFERRED = "deferred"  #: a video to convert
    MUSIC = "music"  #: sound without a picture, where one was expected
    OTHER = "other"  #: neither, or nothing that can be read


@dataclass(frozen=True)
class Inspection:
    """The verdict on one file. ``width`` and ``height`` are display values, ``duration`` is in seconds.

    They are 0 where they mean nothing or are not known (pictures). ``reason`` is a sentence.
    """

    verdict: Verdict
    width: int
    height: int
    duration: float
    has_audio: bool
    plan: ConversionPlan | None
    reason: str


_STILL = Inspection(Verdict.PHOTO, 0, 0, 0.0, False, None, "It is a picture.")


async def inspect(path: Path, name: str, *, tools: Tools, seen: FirstLook | None = None) -> Inspection:
    """Look at the content of ``path``, which its sender called ``name``; ``seen`` is what was seen already.

    Never raises for what the file is: a file that is no medium has the verdict OTHER, and a reason.
    """
    for tries_left in reversed(range(LOOKS)):
        try:
            return await _look(path, name, tools, seen)
        except (NotMedia, ConversionFailed) as error:
            # One that was killed says nothing of the file.
            if not tries_left or not isinstance(error, ToolStopped):
                return _other(error.told)
    raise AssertionError


async def _look(path: Path, name: str, tools: Tools, seen: FirstLook | None) -> Inspection:
    """The verdict. Raises :class:`NotMedia` and :class:`ConversionFailed`."""
    seen = await asyncio.to_thread(first_look, path, name) if seen is None else seen
    head = seen.head
    kind = kind_of(head, name)
    if kind is Kind.OTHER:
        return _other(Text("It is neither a picture nor a video."))
    if kind is Kind.CALLED:
        return _pretender(head, name)
    if kind is Kind.PHOTO and seen.is_sequence:
        with contextlib.suppress(NotMedia):  # one picture of it may be shown all the same
            return await inspect_video(path, tools=tools)
    if kind is Kind.PHOTO:
        moving = await moving_format(path, tools) if can_move(head) else ""
        if moving in UNPACKED:
            return await _inspect_animation(path, moving, tools)
        if moving:
            with contextlib.suppress(NotMedia):  # the first of its pictures may be whole
                return await inspect_video(path, tools=tools)
        return _STILL
    return await inspect_video(path, tools=tools)


async def _inspect_animation(path: Path, name: str, tools: Tools) -> Inspection:
    found = await probe_animation(path, name, tools)
    plan = plan_conversion(found, None, size=await asyncio.to_thread(lambda: path.stat().st_size))
    assert plan is not None
    return _video(plan, found, None)


def _pretender(head: bytes, name: str) -> Inspection:
    """What is called like a picture or a video, and is neither."""
    if may_be_music(head, name):
        return Inspection(Verdict.MUSIC, 0, 0, 0.0, True, None, Text("It holds sound but no picture."))
    if head and not head.strip(b"\0"):
        return _other(Text("There are only zeros in it where a picture or a video should begin."))
    return _other(Text("It is called like a picture or a video, and is neither."))


async def inspect_video(path: Path, *, tools: Tools) -> Inspection:
    """The verdict on a video. Raises :class:`NotMedia` and :class:`ConversionFailed`."""
    layout = await asyncio.to_thread(read_layout, path)
    if layout is not None and layout.encrypted:
        raise NotMedia(Text("It is encrypted (DRM) and cannot be played without its key."))
    if layout is not None and not layout.index_found:
        raise NotMedia(Text("Its index is missing: the file was cut off, or never finished."))
    found = await probe(path, tools)
    size = await asyncio.to_thread(lambda: path.stat().st_size)
    plan = plan_conversion(found, layout, size=size)
    if plan is None and found.audios:
        reason = Text("It holds sound but no picture.")
        return Inspection(Verdict.MUSIC, 0, 0, found.duration, True, None, reason)
    if plan is None:
        raise NotMedia(Text("There is no picture in it."))
    await _require_pictures(path, plan, found, tools)
    return _video(plan, found, layout)


async def _require_pictures(path: Path, plan: ConversionPlan, found: Probe, tools: Tools) -> None:
    """Raise :class:`NotMedia` unless a picture of it can be decoded."""
    picture = plan.picture
    if found.decoded and picture.width and picture.height:
        return
    if not picture.codec:
        raise NotMedia(Text("Its codec ({codec}) is not known here.", codec=picture.tag))
    job = Job(threads=1)
    source = job.input(path)
    if _is_locked(await asyncio.to_thread(read_head, path)):
        raise NotMedia(Text("It is encrypted (DRM) and cannot be played without its key."))
    job.output(None, [(source, str(picture.index))], {"frames:v": 1})
    try:
        done = await tools.convert(job.arguments(), within=120, stall=60)
    except ConversionFailed as error:
        if error.passing:
            raise
        raise NotMedia(Text("None of its pictures can be decoded.")) from error
    if not done.frames:
        raise NotMedia(Text("There is no picture in it that can be decoded."))


def _video(plan: ConversionPlan, found: Probe, layout: Layout | None) -> Inspection:
    shown: Size = display_size(plan.picture)
    verdict = Verdict.READY if plan.action is Action.SEND else Verdict.DEFERRED
    return Inspection(verdict, shown.width, shown.height, found.duration, bool(plan.audio), plan, plan.reason)


def _other(reason: str) -> Inspection:
    return Inspection(Verdict.OTHER, 0, 0, 0.0, False, None, reason)


def _is_locked(head: bytes) -> bool:
    """Whether Matroska, which begins with ``head`` and of which nothing was decoded, is encrypted."""
    return head.startswith(b"\x1a\x45\xdf\xa3") and _LOCK.search(head) is not None
