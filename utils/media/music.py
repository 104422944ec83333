"""Music: what plays as such in Telegram, what it is called, and the picture on its cover."""

from __future__ import annotations

import asyncio
import json
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from utils.errors import ConversionFailed
from utils.media.commands import Job, Value, probe_arguments
from utils.media.thumbnails import MAX_BYTES, MAX_SIDE
from utils.media.tools import Tools
from utils.media.values import seconds

#: Demuxers of music: those of videos would not look at it, and none of these opens other files.
_DEMUXERS = "mp3,flac,ogg,mov,wav,aac"
#: MIME types of what Telegram's apps play, by the container (ffprobe's first name for it) and the codec.
_PLAYED = {
    ("mp3", "mp3"): "audio/mpeg",
    ("mov", "aac"): "audio/mp4",
    ("mov", "alac"): "audio/mp4",
    ("mov", "mp3"): "audio/mp4",
    ("aac", "aac"): "audio/aac",
    ("flac", "flac"): "audio/flac",
    ("ogg", "vorbis"): "audio/ogg",
    ("ogg", "opus"): "audio/ogg",
    ("ogg", "flac"): "audio/ogg",
    ("wav", "pcm"): "audio/x-wav",
}
_SAID = "title,artist,album_artist,performer"
_ENTRIES = f"format=format_name,duration:format_tags={_SAID}:stream=codec_name,codec_type:stream_tags={_SAID}"
#: Characters of a title or a name at most.
_LONGEST = 128


@dataclass(frozen=True)
class Music:
    """``duration`` is in seconds; ``cover`` is a JPEG that can be a thumbnail, or None."""

    mime: str
    duration: float
    title: str
    performer: str
    cover: Path | None


async def describe_music(path: Path, cover: Path, *, tools: Tools) -> Music | None:
    """What ``path`` is as music, its cover written to ``cover``; None when Telegram would not play it."""
    options: dict[str, Value] = {"of": "json", "show_entries": _ENTRIES, "format_whitelist": _DEMUXERS}
    try:
        outcome = await tools.describe(probe_arguments(path, options))
        music = parse_music(outcome.output) if outcome.code == 0 else None
        if music is None or not _has_picture(outcome.output):
            return music
    except ConversionFailed:
        return None
    except (ValueError, TypeError, AttributeError, KeyError):
        return None  # its description makes no sense
    drawn = await _draw_cover(path, cover, tools)
    return Music(music.mime, music.duration, music.title, music.performer, cover if drawn else None)


def parse_music(text: bytes) -> Music | None:
    """Read ffprobe's JSON. None for what is not played as music, also for what moves."""
    data: Mapping[str, Any] = json.loads(text or b"{}")
    form: Mapping[str, Any] = data.get("format", {})
    sounds = [stream for stream in data.get("streams", []) if stream.get("codec_type") == "audio"]
    if not sounds:
        return None
    container = str(form.get("format_name", "")).partition(",")[0]
    codec = str(sounds[0].get("codec_name", ""))
    mime = _PLAYED.get((container, "pcm" if codec.startswith("pcm_") else codec))
    if mime is None:
        return None
    # Ogg has them with the stream.
    tags = {str(key).lower(): str(value) for each in (sounds[0], form) for key, value in _tags(each).items()}
    performer = tags.get("artist") or tags.get("album_artist") or tags.get("performer") or ""
    return Music(
        mime, seconds(form.get("duration")) or 0.0, _clean(tags.get("title", "")), _clean(performer), None
    )


def _tags(of: Mapping[str, Any]) -> Mapping[str, Any]:
    tags: Mapping[str, Any] = of.get("tags", {})
    return tags


def _has_picture(text: bytes) -> bool:
    return any(stream.get("codec_type") == "video" for stream in json.loads(text).get("streams", []))


def _clean(text: str) -> str:
    """In one line, without what turns the direction of writing, and no longer than anybody reads."""
    shown = "".join(c for c in text if unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Zl", "Zp"))
    return " ".join(shown.split())[:_LONGEST]


async def _draw_cover(path: Path, cover: Path, tools: Tools) -> bool:
    """Write the first picture in ``path`` as a thumbnail to ``cover``; whether there is one."""
    part = cover.with_name(f"{cover.name}.part")
    job = Job(threads=1)
    source = job.input(path, {"format_whitelist": _DEMUXERS})
    size = f"'min({MAX_SIDE},iw)':'min({MAX_SIDE},ih)':force_original_aspect_ratio=decrease"
    scale = f"scale={size},format=yuvj420p"
    options: dict[str, Value] = {"frames:v": 1, "vf": scale, "c:v": "mjpeg", "q:v": 4, "f": "mjpeg"}
    job.output(part, [(source, "v:0")], options)
    try:
        await tools.convert(job.arguments(), within=60, stall=30)
        return await asyncio.to_thread(_keep, part, cover)
    except ConversionFailed:
        return False
    finally:
        await asyncio.to_thread(part.unlink, missing_ok=True)


def _keep(part: Path, cover: Path) -> bool:
    if not part.exists() or not 0 < part.stat().st_size < MAX_BYTES:
        return False
    part.replace(cover)
    return True
