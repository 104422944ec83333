"""Conversions that leave the picture as it is. They are short, so after a kill they start again."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from utils.errors import ConversionFailed, ConversionTimeout, ToolStopped
from utils.media.disk import require_room, settle
from utils.media.encode import remux_arguments
from utils.media.frame_times import read_frame_times
from utils.media.inspection import Inspection
from utils.media.plan import AudioTrack
from utils.media.segments import FrameTimes
from utils.media.sound import LEFT_OUT, encode_track
from utils.media.tools import Progress
from utils.media.verify import require_frames, require_playable
from utils.media.work import Work, together

#: The result may be this much larger than the source (sound as AAC, an index).
_GROWTH = 1.2


async def remux(work: Work) -> Inspection:
    """Re-wrap the streams of ``work``, with the sound encoded where its plan says so."""
    size = await asyncio.to_thread(lambda: work.source.stat().st_size)
    require_room(work.output.parent, size * _GROWTH, reserve=work.settings.disk_reserve, free=work.free)

    async def progress(now: Progress) -> None:
        await work.show(now.seconds / work.inspection.duration if work.inspection.duration else 0.0)

    async def copy() -> None:
        try:
            await copy_once()
        except (ConversionTimeout, ToolStopped):
            raise
        except ConversionFailed:
            # One track that cannot be decoded is no reason to encode the picture.
            audio = await _with_sound(work)
            if audio == work.plan.audio:
                raise
            work.plan = replace(work.plan, audio=audio)
            await copy_once()

    async def copy_once() -> None:
        arguments = remux_arguments(work.source, work.part, work.plan)
        await work.convert(arguments, work.part, on_progress=progress)

    expected, _ = await together(_source_times(work), copy())
    result = await require_playable(work.part, work.tools)
    assert result.plan is not None
    await require_frames(
        work.part,
        time_base=result.plan.picture.time_base,
        expected=expected,
        tools=work.tools,
        within=work.settings.timeout_seconds,
        copied=True,
    )
    await asyncio.to_thread(settle, work.part, work.output)
    return result


async def _with_sound(work: Work) -> tuple[AudioTrack, ...]:
    """The tracks of the plan without those in which nothing can be decoded."""
    kept = []
    for track in work.plan.audio:
        done = None if track.copy else await encode_track(work, track, mode="exact")
        if done != LEFT_OUT:
            kept.append(track)
        if done is not None and done.name:
            await asyncio.to_thread((work.folder / done.name).unlink)
    return tuple(kept)


async def _source_times(work: Work) -> FrameTimes | None:
    """The frames that the result must have, or None where the source does not tell their times."""
    picture = work.plan.picture
    try:
        return await read_frame_times(
            work.source,
            stream=picture.index,
            time_base=picture.time_base,
            tools=work.tools,
            within=work.settings.timeout_seconds,
        )
    except ConversionFailed:
        return None
