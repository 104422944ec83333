"""Sound, encoded a track at a time: one that cannot be decoded must not cost the video."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

from utils.errors import ConversionFailed, ConversionTimeout, ToolStopped
from utils.media.checkpoint import Done
from utils.media.disk import settle
from utils.media.encode import audio_arguments
from utils.media.plan import AudioTrack
from utils.media.work import Work

log = logging.getLogger(__name__)

#: A track that is left out.
LEFT_OUT = Done("", 0)


async def encode_track(work: Work, track: AudioTrack, *, mode: str) -> Done:
    """``track`` in a file of its own in the folder of ``work``; LEFT_OUT if there is no sound in it."""
    final = work.folder / f"audio-{track.index}.mp4"
    part = final.with_name(f"{final.name}.part")
    try:
        arguments = audio_arguments(work.source, part, work.plan, track, mode=mode)
        last = await work.convert(arguments, part)
    except (ConversionTimeout, ToolStopped):
        raise
    except ConversionFailed as error:
        return await _left_out(work, track, part, error.told)
    if not last.seconds:
        return await _left_out(work, track, part, "it is empty")
    return Done(final.name, await asyncio.to_thread(settle, part, final))


async def _left_out(work: Work, track: AudioTrack, part: Path, why: str) -> Done:
    await asyncio.to_thread(part.unlink, missing_ok=True)
    audios = work.plan.probe.audios
    number, stream = next(pair for pair in enumerate(audios, 1) if pair[1].index == track.index)
    log.warning(
        "⚠️ Sound track %d (%s) cannot be decoded; it is left out: %s", number, stream.codec.upper(), why
    )
    return LEFT_OUT
