"""How a source is read, and the recipe for encoding it."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from utils.errors import ConversionFailed
from utils.media.animations import UNPACKED, unpack
from utils.media.checkpoint import EncodeState, Recipe, Segment, identity_of
from utils.media.commands import Value
from utils.media.disk import settle
from utils.media.encode import rewrap_arguments, trial_arguments
from utils.media.frame_times import read_frame_times
from utils.media.picture import lead_in, output_time_base, video_options
from utils.media.plan import ConversionPlan
from utils.media.probe import ALPHA_DECODERS, VideoStream, probe_own
from utils.media.segments import FrameTimes, plan_segments
from utils.media.settings import EncodeSettings
from utils.media.tools import Tools
from utils.media.work import Work
from utils.texts import Text

log = logging.getLogger(__name__)

#: Containers in which any frame is found again by its time (measured).
_EXACT = {"matroska,webm", "asf", "flv", "ogg"}
#: Short and without any index: read from the start to the end.
_SEQUENTIAL = {"gif", "apng", "yuv4mpegpipe", "ivf", "flic"}
#: Of these, those whose pictures each have a time of their own.
_ANIMATIONS = ("gif", "apng")
#: NUT takes what the others do not, RealVideo for one.
_REWRAPS = (("mp4", "rewrapped.mp4"), ("matroska", "rewrapped.mkv"), ("nut", "rewrapped.nut"))
_WHOLE = Segment(first=0, frames=0, start=0, end=0)
_MICROSECOND = Fraction(1, 1_000_000)
#: Segments side by side at most, and of pictures up to which size: larger ones take much memory, and keep
#: several cores busy by themselves.
_MOST_LANES, _SHARED_PIXELS = 2, 1920 * 1088


@dataclass(frozen=True)
class Reading:
    """A source as it is read: which file, which of its streams, when its frames are.

    ``start`` is the time at which the file starts and ``offset`` how long after that of the original its
    picture does, both in seconds. ``frames`` is None where they are not known beforehand. ``clock_jumps`` is
    that of its :class:`~utils.media.probe.Probe`. ``last`` is how many seconds the last picture of an
    animation is shown.
    """

    path: Path
    stream: int
    start: Fraction
    offset: Fraction
    frames: FrameTimes | None
    output_time_base: Fraction
    rewrapped: bool
    clock_jumps: bool
    last: Fraction | None = None

    def seek_to(self, frame: int) -> dict[str, Value]:
        """The options of an input that begins with ``frame``; none for the first one.

        By the times in the file, as ffprobe tells them: where the file starts, the two may not agree on, see
        :func:`utils.media.encode.from_start`.
        """
        if self.frames is None or frame == 0:
            return {}
        tick = self.frames.time_base
        at = self.frames.times[frame] * tick
        if tick < 4 * _MICROSECOND:
            # ffmpeg counts in microseconds: aim between two frames where that might miss one.
            at = (self.frames.times[frame - 1] * tick + at) / 2
        at = at // _MICROSECOND * _MICROSECOND
        if self.clock_jumps:
            return {"ss": f"{float(at - self.start):.6f}"}
        return {"ss": f"{float(at):.6f}", "seek_timestamp": 1}

    def microseconds(self, segment: Segment) -> int:
        """How long ``segment`` lasts, so rounded that the error does not add up over many."""
        assert self.frames is not None
        unit = self.frames.time_base / _MICROSECOND
        return round(segment.end * unit) - round(segment.start * unit)


def first_way(plan: ConversionPlan) -> str:
    """The way that a source is read first; see :mod:`utils.media.full`."""
    if not plan.times_trusted:
        return "tolerant"
    if plan.probe.container in _SEQUENTIAL:
        return "single"
    # VP8 holds packets that are never shown: only decoding tells which.
    return "decoded" if plan.picture.codec == "vp8" else "exact"


async def read_source(work: Work, way: str) -> Reading:
    """Make the source readable in ``way``; it is re-wrapped first where its container is not exact."""
    picture = work.plan.picture
    whole = Reading(
        path=work.source,
        stream=picture.index,
        start=work.plan.probe.start,
        offset=max(Fraction(0), picture.start - work.plan.probe.start),
        frames=None,
        output_time_base=_plain(output_time_base(picture)),
        rewrapped=False,
        clock_jumps=work.plan.probe.clock_jumps,
    )
    video = picture
    if work.plan.probe.container in UNPACKED:
        whole, video = await _unpacked(work, whole)
    if way == "tolerant":
        return replace(whole, offset=Fraction(0))
    if way == "single":
        return replace(whole, last=await _last_of(work)) if _is_animation(work.plan) else whole
    if not whole.rewrapped and not _is_exact(work.plan):
        whole, video = await _rewrap(work, whole)
    frames = await read_frame_times(
        whole.path,
        stream=whole.stream,
        time_base=video.time_base,
        tools=work.tools,
        within=work.settings.timeout_seconds,
        decode=way == "decoded",
    )
    # What comes before the first key frame is lost by a copy, so that its first frame says when it starts.
    zero = -work.plan.probe.zero_of(picture) if whole.rewrapped else whole.start
    offset = max(Fraction(0), frames.times[0] * frames.time_base - zero)
    last = frames.last * frames.time_base if _is_animation(work.plan) else None
    base = _plain(output_time_base(video))
    return replace(whole, frames=frames, offset=offset, output_time_base=base, last=last)


async def _last_of(work: Work) -> Fraction | None:
    """How many seconds the last picture of an animation is shown, if that is known."""
    picture = work.plan.picture
    try:
        frames = await read_frame_times(
            work.source,
            stream=picture.index,
            time_base=picture.time_base,
            tools=work.tools,
            within=work.settings.timeout_seconds,
        )
    except ConversionFailed as error:
        if error.passing:
            raise
        return None
    return frames.last * frames.time_base


def _is_animation(plan: ConversionPlan) -> bool:
    return plan.probe.container in (*_ANIMATIONS, *UNPACKED)


async def prepare(work: Work, reading: Reading, way: str, earlier: EncodeState | None) -> EncodeState:
    """The state to go on from: the earlier one if its recipe still fits, else a new one.

    Segments that an earlier try in another way has finished are kept where both recipes agree on them.
    """
    version = (await work.tools.features()).version
    if earlier is not None and earlier.recipe.ffmpeg != version:
        log.warning("⚠️ ffmpeg has changed since a conversion was begun; it starts over")
        earlier = None
    if earlier is not None and earlier.recipe.mode == way and _fits(earlier.recipe, reading):
        return earlier
    recipe = await _new_recipe(work, reading, way, version)
    state = EncodeState(recipe=recipe, source=str(work.source), folder=str(work.folder))
    return _keep_finished(state, earlier)


def _keep_finished(state: EncodeState, earlier: EncodeState | None) -> EncodeState:
    new = state.recipe
    if earlier is None or earlier.recipe.video != new.video or earlier.recipe.rewrapped != new.rewrapped:
        return state
    kept = {
        number: done
        for number, done in earlier.segments.items()
        if number < len(new.segments)
        and new.segments[number].frames
        and earlier.recipe.segments[number] == new.segments[number]
    }
    return replace(state, segments=kept, audio=earlier.audio if new.mode != "tolerant" else {})


def _fits(recipe: Recipe, reading: Reading) -> bool:
    """Do the recipe's segments lie on the frames that the source has?"""
    if reading.frames is None:
        return recipe.segments == (_WHOLE,)
    times = reading.frames.times
    return recipe.frames == len(times) and all(
        segment.first < len(times) and times[segment.first] == segment.start for segment in recipe.segments
    )


async def _new_recipe(work: Work, reading: Reading, way: str, version: str) -> Recipe:
    picture = work.plan.picture
    features = await work.tools.features()
    encoder = await _usable_encoder(work.settings.encoder, work.tools)
    picture, decoder = await _with_alpha(picture, work.tools)
    options = video_options(picture, settings=work.settings, features=features, encoder=encoder)
    if decoder:
        options["decoder"] = decoder
    base = reading.output_time_base
    options["enc_time_base"] = f"{base.numerator}:{base.denominator}"
    options["video_track_timescale"] = str(base.denominator)
    options["times"] = _times(picture, way)
    if _is_animation(work.plan) and encoder == "libx264":
        # In a file whose pictures are stored in their order, each has its own time, the last one too.
        options["bf"] = "0"
    segments: tuple[Segment, ...] = (_WHOLE,)
    if reading.frames:
        lanes = _lanes(picture, work.settings, encoder)
        seconds = work.settings.segment_seconds / lanes
        segments = await asyncio.to_thread(plan_segments, reading.frames, seconds=seconds)
        if len(segments) > 1:
            options["threads"] = str(work.settings.threads // lanes)
    return Recipe(
        identity=await asyncio.to_thread(identity_of, work.source),
        ffmpeg=version,
        mode=way,
        rewrapped=reading.rewrapped,
        time_base=str(reading.frames.time_base if reading.frames else base),
        video=tuple(sorted(options.items())),
        seek_back=lead_in(picture),
        segments=segments,
    )


def _times(picture: VideoStream, way: str) -> str:
    """The filter that says when each picture is shown."""
    if way == "tolerant":
        return f"setpts=N/({_rate(picture)}*TB)"
    # Where the size of the picture changes, ffmpeg sets up the filters anew, and STARTPTS with them. Nothing
    # was sought in one segment, whose start the join takes off.
    return "setpts=PTS" if way == "single" else "setpts=PTS-STARTPTS"


def _lanes(picture: VideoStream, settings: EncodeSettings, encoder: str) -> int:
    """How many segments are encoded side by side, each with its share of the threads.

    Two are quicker than one with twice the threads, since decoding and filtering are shared out as well. They
    are half as long then: what is under way, and lost by a kill, stays the same.
    """
    small = picture.width * picture.height <= _SHARED_PIXELS
    return _MOST_LANES if small and encoder == "libx264" and settings.threads % _MOST_LANES == 0 else 1


def lanes_of(recipe: Recipe, settings: EncodeSettings) -> int:
    """How many segments ``settings`` has threads for, with those that the recipe gives to each."""
    return max(1, min(_MOST_LANES, settings.threads // int(dict(recipe.video)["threads"])))


async def _with_alpha(picture: VideoStream, tools: Tools) -> tuple[VideoStream, str]:
    """``picture`` as it will be decoded, and by what where that is not what ffmpeg would take."""
    decoder = ALPHA_DECODERS.get(picture.codec, "") if picture.pixel_format.startswith("yuva") else ""
    if not decoder:
        return picture, ""
    known = await tools.capture(["-hide_banner", "-h", f"decoder={decoder}"])
    if known.output.startswith(b"Decoder"):
        return picture, decoder
    log.warning("⚠️ This ffmpeg has no %s; what is transparent in a video is shown as it is below", decoder)
    return replace(picture, pixel_format=picture.pixel_format.replace("yuva", "yuv")), ""


async def _usable_encoder(encoder: str, tools: Tools) -> str:
    """``encoder`` if a second of a test picture goes through it, else libx264."""
    if encoder == "libx264":
        return encoder
    try:
        await tools.convert(trial_arguments(encoder), within=60, stall=30)
    except ConversionFailed as error:
        log.warning("⚠️ The encoder %s does not work here, libx264 is used: %s", encoder, error.told)
        return "libx264"
    log.info("The encoder %s is used", encoder)
    return encoder


def _is_exact(plan: ConversionPlan) -> bool:
    probe = plan.probe
    if probe.container.startswith("mov,") or probe.container in _EXACT:
        return True
    # AVI knows the order of decoding only.
    return probe.container == "avi" and not plan.picture.b_frames


async def _unpacked(work: Work, whole: Reading) -> tuple[Reading, VideoStream]:
    path = await unpack(
        work.source,
        work.folder,
        work.tools,
        within=work.settings.timeout_seconds,
        file_bytes=await work.room(work.folder),
    )
    video = (await probe_own(path, work.tools)).video
    if video is None:
        raise ConversionFailed(Text("Its pictures cannot be unpacked."))
    start = Fraction(0)
    found = replace(whole, path=path, stream=video.index, start=start, offset=start, rewrapped=True)
    return replace(found, clock_jumps=False), video


async def _rewrap(work: Work, whole: Reading) -> tuple[Reading, VideoStream]:
    """A lossless copy of the picture in the first of these containers that takes it."""
    for muxer, name in _REWRAPS:
        path = work.folder / name
        try:
            if not await asyncio.to_thread(path.exists):
                part = path.with_name(f"{name}.part")
                await work.convert(rewrap_arguments(work.source, part, work.plan.picture, muxer), part)
                await asyncio.to_thread(settle, part, path)
            found = await probe_own(path, work.tools)
            if found.video is not None:
                reading = replace(
                    whole,
                    path=path,
                    stream=found.video.index,
                    start=found.start,
                    rewrapped=True,
                    clock_jumps=found.clock_jumps,
                )
                return reading, found.video
        except ConversionFailed:
            continue
    raise ConversionFailed(Text("Its picture cannot be put into another container."))


def _plain(base: Fraction) -> Fraction:
    """As a unit fraction: an MP4 counts in whole parts of a second."""
    return Fraction(1, base.denominator)


def _rate(picture: VideoStream) -> Fraction:
    rate = picture.frame_rate or Fraction(25)
    return rate if 1 <= rate <= 120 else Fraction(25)
