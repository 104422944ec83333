"""Full conversions: picture and sound encoded, by a recipe that is written once and followed to the byte.

The ways to read a source, each tried when the one before failed:

    exact       segments on the times of its packets
    decoded     segments on the times of its decoded frames
    single      one segment, whatever comes out of the decoder; not resumed inside
    tolerant    the same, going on after damage, with times made anew
"""

from __future__ import annotations

import asyncio
import logging
import shutil
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from utils.errors import ConversionFailed, ConversionTimeout, ToolStopped
from utils.media.abroad import Abroad
from utils.media.animations import UNPACKED
from utils.media.checkpoint import (
    Done,
    EncodeState,
    Segment,
    finished_only,
    identity_of,
    read_state,
)
from utils.media.disk import require_room, settle
from utils.media.elsewhere import Farm, Piece
from utils.media.encode import EncodedTrack, concat_listing, join_arguments, stream_of
from utils.media.geometry import encode_size
from utils.media.inspection import Inspection
from utils.media.probe import probe_own
from utils.media.recipe import first_way, lanes_of, prepare, read_source
from utils.media.segments import FrameTimes
from utils.media.sharing import Todo
from utils.media.sound import LEFT_OUT, encode_track
from utils.media.tools import Progress
from utils.media.verify import require_decodable, require_frames, require_playable, wrong_count
from utils.media.work import Work, together

log = logging.getLogger(__name__)

WAYS = ("exact", "decoded", "single", "tolerant")

#: Bits a pixel that the disk check reckons with, and bits a second of sound.
_BITS_A_PIXEL = 0.15
_BITS_OF_SOUND = 320_000
#: Results with fewer frames, or from encoders that are not x264, are decoded from end to end.
_FEW_FRAMES = 900


async def convert_fully(work: Work) -> Inspection:
    """Encode the source of ``work``, going on where an earlier run was cut off."""
    state = await asyncio.to_thread(_earlier, work)
    if state is not None and state.result is not None:
        result = await require_playable(work.output, work.tools)
        await asyncio.to_thread(shutil.rmtree, work.folder, ignore_errors=True)
        return result
    if state is None:
        # What lies there may be of another file that had this name: a copy of its picture, for one.
        await asyncio.to_thread(_empty, work.folder)
    _require_disk(work, state)
    way = state.recipe.mode if state else first_way(work.plan)
    failure = ConversionFailed("It was not tried.")
    for number in range(WAYS.index(way), len(WAYS)):
        try:
            return await _Encoding(work, WAYS[number]).run(state)
        except ConversionFailed as error:
            # A device may have no memory of its own left where this machine has.
            stopped = isinstance(error, ToolStopped) and work.settings.encoder == "libx264"
            if stopped or isinstance(error, ConversionTimeout):
                raise
            log.info("The %s way failed: %s", WAYS[number], error.told)
            if not failure.passing:
                failure = error
            state = await asyncio.to_thread(_earlier, work)
    await work.save(dict, 0.0)
    await asyncio.to_thread(shutil.rmtree, work.folder, ignore_errors=True)
    if work.settings.encoder == "libx264":
        raise failure
    # An encoder that passed its trial may still refuse this size or lose frames.
    log.warning("⚠️ %s failed, libx264 is used: %s", work.settings.encoder, failure.told)
    work.settings = replace(work.settings, encoder="libx264")
    return await convert_fully(work)


def _earlier(work: Work) -> EncodeState | None:
    """What an earlier run has done of this very source, as far as it is still there. Blocking."""
    state = read_state(work.checkpoint.load())
    if state is None:
        return None
    if state.recipe.identity != identity_of(work.source):
        log.warning("⚠️ The source of a conversion has changed; it starts over")
        return None
    state = finished_only(replace(state, folder=str(work.folder)))
    if state.result is not None and not (
        work.output.exists() and work.output.stat().st_size == state.result.size
    ):
        state = replace(state, result=None)
    return state


def _empty(folder: Path) -> None:
    """Blocking."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)


def _require_disk(work: Work, state: EncodeState | None) -> None:
    """Segments and the joined result are there at the same time; what is finished is there already."""
    picture = work.plan.picture
    size = encode_size(picture, max_height=work.settings.max_height)
    rate = min(60.0, float(picture.frame_rate or 30))
    seconds = work.inspection.duration
    bits = seconds * (size.width * size.height * rate * _BITS_A_PIXEL + _BITS_OF_SOUND)
    if not work.plan.times_trusted:
        bits = 8.0 * work.source.stat().st_size
    finished = sum(done.size for done in state.segments.values()) if state else 0
    require_room(
        work.folder,
        max(bits / 8, 2 * bits / 8 - finished),
        reserve=work.settings.disk_reserve,
        free=work.free,
    )


class _Encoding:
    """One try to encode a source in one way."""

    def __init__(self, work: Work, way: str) -> None:
        self._work = work
        self._way = way
        #: Frames encoded of each segment in hand, and the seconds of one whose frames are not counted.
        self._in_hand: dict[int, int] = {}
        self._seconds = 0.0

    async def run(self, earlier: EncodeState | None) -> Inspection:
        work = self._work
        self._reading = await read_source(work, self._way)
        self._state = await prepare(work, self._reading, self._way, earlier)
        await self._save()
        await self._encode()
        await self._join()
        result = await self._verify()
        size = await asyncio.to_thread(settle, work.part, work.output)
        # Recorded before the segments go: a kill in between must not cost the whole work again.
        self._state = replace(self._state, result=Done(work.output.name, size))
        await work.save(self._state.to_json, 100.0)
        await asyncio.to_thread(shutil.rmtree, work.folder, ignore_errors=True)
        return result

    async def _encode(self) -> None:
        """All segments, as many side by side as the recipe has threads for, and the sound meanwhile."""
        recipe, farm = self._state.recipe, self._work.farm
        numbers = [n for n in range(len(recipe.segments)) if n not in self._state.segments]
        if farm is not None:
            numbers.sort(key=lambda number: -recipe.segments[number].frames)
        todo = Todo(numbers)

        threads = int(dict(recipe.video)["threads"])

        async def lane() -> None:
            while (number := await todo.take()) is not None:
                async with self._work.processors.share(threads):
                    await self._encode_segment(number)
            self._work.on_idle()

        jobs = [lane() for _ in range(lanes_of(recipe, self._work.settings))]
        if farm is not None and recipe.frames and numbers:
            jobs.append(self._abroad(farm, todo, numbers[len(numbers) // 2]).run())
        if any(track.index not in self._state.audio for track in self._work.plan.audio):
            jobs.append(self._encode_audio())
        await together(*jobs)

    async def _save(self) -> None:
        await self._work.save(self._state.to_json, self._work.percent(self._done()))
        # Asked anew: while that was saved, another segment may have gone on, and have told so.
        await self._work.show(self._done())

    def _done(self) -> float:
        """The part of all frames that is encoded, those of the segment in hand included."""
        total = self._state.recipe.frames
        return (
            (self._state.frames_done + sum(self._in_hand.values())) / total if total else self._seconds_done()
        )

    def _seconds_done(self) -> float:
        duration = self._work.inspection.duration
        return self._seconds / duration if duration else 0.0

    async def _encode_audio(self) -> None:
        for track in self._work.plan.audio:
            if track.index not in self._state.audio:
                done = await encode_track(self._work, track, mode=self._way)
                self._state = replace(self._state, audio={**self._state.audio, track.index: done})
                await self._save()

    def _abroad(self, farm: Farm, todo: Todo, middle: int) -> Abroad:
        return Abroad(
            *(self._work, farm, todo),
            reading=self._reading,
            piece_of=self._piece,
            middle=middle,
            accept=self._take_over,
            on_progress=self._in_hand_is,
        )

    async def _piece(self, number: int) -> Piece:
        work, reading, recipe = self._work, self._reading, self._state.recipe
        segment = recipe.segments[number]
        begin = max(0, segment.first - recipe.seek_back)
        return Piece(
            source=reading.path,
            output=work.folder / f"{_name(number)}.part",
            recipe=recipe,
            segment=segment,
            stream=reading.stream,
            seek=reading.seek_to(begin),
            skip=segment.first - begin,
            within=work.settings.timeout_seconds,
            stall=work.settings.stall_seconds,
            file_bytes=await work.room(work.folder),
        )

    async def _in_hand_is(self, number: int, now: Progress) -> None:
        self._in_hand[number], self._seconds = now.frames, now.seconds
        await self._work.show(self._done(), self._state.to_json)

    async def _encode_segment(self, number: int) -> None:
        work, piece = self._work, await self._piece(number)

        async def progress(now: Progress) -> None:
            await self._in_hand_is(number, now)

        factor = 1.0 if piece.segment.frames else work.length_factor
        await work.convert(piece.arguments(), piece.output, factor=factor, on_progress=progress)
        await self._take_over(number, piece.output)

    async def _take_over(self, number: int, part: Path) -> None:
        """``part`` is the segment, encoded; it counts when it is found to be right."""
        work, reading = self._work, self._reading
        frames = await require_frames(
            part,
            time_base=reading.output_time_base,
            expected=_slice(reading.frames, self._state.recipe.segments[number]),
            tools=work.tools,
            within=work.settings.timeout_seconds,
        )
        size = await asyncio.to_thread(settle, part, work.folder / _name(number))
        self._state = self._state.with_segment(number, Done(_name(number), size, frames))
        self._in_hand.pop(number, None)
        await self._save()

    async def _join(self) -> None:
        work, reading, state = self._work, self._reading, self._state
        files = [
            (state.segments[number].name, reading.microseconds(segment) if segment.frames else None)
            for number, segment in enumerate(state.recipe.segments)
        ]
        listing = Path("segments.txt")
        await asyncio.to_thread((work.folder / listing).write_text, concat_listing(files), encoding="utf-8")
        sound = await self._sound()
        if work.plan.probe.container in UNPACKED:
            tries: tuple[bool, ...] = (False,)
        else:
            tries = (True, False) if work.plan.subtitles or work.plan.probe.chapters else (True,)
        for keep_extras in tries:
            try:
                await work.convert(
                    join_arguments(
                        listing=listing,
                        sound=sound,
                        source=work.source,
                        output=work.part,
                        plan=work.plan,
                        offset=reading.offset,
                        timescale=reading.output_time_base.denominator,
                        keep_extras=keep_extras,
                        last=self._last(),
                    ),
                    work.part,
                    cwd=work.folder,
                )
                return
            except (ConversionTimeout, ToolStopped):
                raise
            except ConversionFailed:
                # Subtitles or chapters that MP4 does not take are no reason to lose the video.
                if not keep_extras or len(tries) == 1:
                    raise

    def _last(self) -> tuple[int, int] | None:
        """The number of an animation's last picture, and how long it is shown in the result's units."""
        if self._reading.last is None:
            return None
        return self._state.frames_done - 1, round(self._reading.last / self._reading.output_time_base)

    async def _sound(self) -> list[EncodedTrack]:
        """The tracks that were not left out."""
        work, found = self._work, list[EncodedTrack]()
        for track in work.plan.audio:
            if self._state.audio[track.index] == LEFT_OUT:
                continue
            path, offset = work.folder / self._state.audio[track.index].name, Fraction(0)
            if self._way != "tolerant":
                zero = work.plan.probe.zero_of(stream_of(work.plan, track))
                offset = zero + (await probe_own(path, work.tools)).start
            found.append(EncodedTrack(track, path, offset))
        return found

    async def _verify(self) -> Inspection:
        work, reading = self._work, self._reading
        result = await require_playable(work.part, work.tools)
        assert result.plan is not None
        frames = await require_frames(
            work.part,
            time_base=result.plan.picture.time_base,
            expected=reading.frames,
            tools=work.tools,
            within=work.settings.timeout_seconds,
        )
        if frames != self._state.frames_done:
            # Where the source does not tell how many there are, the segments do.
            raise wrong_count(frames, self._state.frames_done)
        encoder = dict(self._state.recipe.video)["c:v"]
        keys_only = encoder == "libx264" and frames >= _FEW_FRAMES
        await require_decodable(
            work.part, keys_only=keys_only, tools=work.tools, within=work.settings.timeout_seconds
        )
        return result


def _name(number: int) -> str:
    return f"segment-{number:05d}.mp4"


def _slice(frames: FrameTimes | None, segment: Segment) -> FrameTimes | None:
    if frames is None or not segment.frames:
        return None
    return replace(frames, times=frames.times[segment.first : segment.first + segment.frames])
