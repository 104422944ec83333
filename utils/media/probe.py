"""What ffprobe says about a file, as data. Reading its JSON is pure; calling it is the last function."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from utils.errors import ConversionFailed, NotMedia
from utils.media.commands import MAX_PIXELS, Value, probe_arguments
from utils.media.tools import Tools
from utils.media.values import aspect, fraction, ratio, rotation, seconds
from utils.texts import Text

#: Packets at the start whose frames are decoded, to see whether they can be and what they are like.
_SAMPLE_PACKETS = 48

_ENTRIES = (
    "packet=stream_index:frame=stream_index,interlaced_frame:stream:stream_disposition:stream_side_data_list"
    ":stream_tags=alpha_mode,language,rotate:format:format_tags=major_brand,title:chapter=id"
    ":program_stream=index"
)

#: Packets by which covers are told from films where there are several pictures, and pictures of a cover.
_COUNTED_PACKETS, _STILL_FRAMES = 1000, 2
#: Which decoders see the alpha that lies beside the pictures of a codec in WebM; ffmpeg's own do not.
ALPHA_DECODERS = {"vp8": "libvpx", "vp9": "libvpx-vp9"}
#: Containers whose clocks may jump, as ffmpeg sees it (AVFMT_TS_DISCONT).
_CLOCK_JUMPS = {"mpegts", "mpeg", "ogg"}
_INTERLACED = {"tt", "bb", "tb", "bt"}
_HDR_TRANSFERS = {"smpte2084", "arib-std-b67"}


@dataclass(frozen=True)
class VideoStream:
    """A moving picture. ``width`` and ``height`` are as coded; see :mod:`utils.media.geometry`."""

    index: int
    codec: str
    profile: str
    tag: str
    pixel_format: str
    width: int
    height: int
    sample_aspect: Fraction
    rotation: int  #: degrees, multiple of 90
    interlaced: bool
    b_frames: bool
    default: bool
    still: bool  #: a cover put in as a track of its own: it has one or two pictures
    time_base: Fraction
    start: Fraction  #: seconds
    duration: float | None  #: seconds
    frames: int | None
    frame_rate: Fraction | None
    color_range: str
    color_space: str
    color_transfer: str
    color_primaries: str

    @property
    def hdr(self) -> bool:
        """Meant for a brighter screen (PQ or HLG) than most have."""
        return self.color_transfer in _HDR_TRANSFERS


@dataclass(frozen=True)
class AudioStream:
    """One sound track."""

    index: int
    codec: str
    profile: str
    channels: int
    sample_rate: int
    default: bool
    language: str
    start: Fraction


@dataclass(frozen=True)
class SubtitleStream:
    """One track of subtitles."""

    index: int
    codec: str
    language: str
    default: bool


@dataclass(frozen=True)
class Probe:
    """A file as ffprobe sees it."""

    container: str  #: ffprobe's name, such as "mov,mp4,m4a,3gp,3g2,mj2"
    brand: str  #: major brand of an MP4 or MOV, or ""
    start: Fraction  #: seconds
    duration: float  #: seconds; 0 when unknown
    videos: tuple[VideoStream, ...]
    audios: tuple[AudioStream, ...]
    subtitles: tuple[SubtitleStream, ...]
    other_streams: int
    chapters: int
    title: str
    decoded: int  #: pictures decoded from the first packets
    sampled: int  #: packets at the start that were pictures

    @property
    def video(self) -> VideoStream | None:
        """The picture that a player would show: the default or the largest of those that move."""
        return _main(self.videos)

    def zero_of(self, stream: VideoStream | AudioStream) -> Fraction:
        """Seconds from the start of the file to ffmpeg's zero when it takes only ``stream``.

        Where clocks may jump, ffmpeg counts from the first of the streams that it takes.
        """
        return max(Fraction(0), stream.start - self.start) if self.clock_jumps else Fraction(0)

    @property
    def clock_jumps(self) -> bool:
        """Whether the times in such a container may start anew in the middle."""
        return self.container in _CLOCK_JUMPS


def parse_probe(text: bytes, counted: bytes = b"") -> Probe:
    """Read ffprobe's JSON (streams, format, chapters, packets_and_frames).

    ``counted`` is its JSON about more packets of the pictures, where there are several; see :func:`probe`.
    """
    data: Mapping[str, Any] = json.loads(text or b"{}")
    streams: list[Mapping[str, Any]] = data.get("streams", [])
    form: Mapping[str, Any] = data.get("format", {})
    sample: list[Mapping[str, Any]] = data.get("packets_and_frames", [])
    more: list[Mapping[str, Any]] = json.loads(counted or b"{}").get("packets", [])
    packets = Counter(item.get("stream_index") for item in more or _of_type(sample, "packet"))
    videos, audios, subtitles = [], [], []
    for stream in streams:
        kind = stream.get("codec_type")
        if kind == "video" and not _is_attached(stream):
            videos.append(_video(stream, sample, packets[stream["index"]]))
        elif kind == "audio":
            audios.append(_audio(stream))
        elif kind == "subtitle":
            subtitles.append(_subtitle(stream))
    tags = form.get("tags", {})
    main = _main(videos)
    foreign = _of_other_programs(data.get("programs", []), main)
    return Probe(
        container=str(form.get("format_name", "")),
        brand=str(tags.get("major_brand", "")),
        start=fraction(form.get("start_time")),
        duration=seconds(form.get("duration")) or _longest(videos),
        videos=tuple(videos),
        audios=tuple(audio for audio in audios if audio.index not in foreign),
        subtitles=tuple(subtitle for subtitle in subtitles if subtitle.index not in foreign),
        other_streams=len(streams) - len(videos) - len(audios) - len(subtitles),
        chapters=len(data.get("chapters", [])),
        title=str(tags.get("title", "")),
        decoded=_count(sample, "frame", main),
        sampled=_count(sample, "packet", main),
    )


async def probe(path: Path, tools: Tools) -> Probe:
    """Ask ffprobe about ``path``. Raises :class:`NotMedia` with its reason in words."""
    options: dict[str, Value] = {
        "of": "json",
        "max_pixels": MAX_PIXELS,
        "show_entries": _ENTRIES,
        "read_intervals": f"%+#{_SAMPLE_PACKETS}",
        "threads": 1,
    }
    outcome = await tools.describe(probe_arguments(path, options))
    if outcome.code != 0:
        raise NotMedia(_explain(outcome.reason))
    try:
        found = await asyncio.to_thread(parse_probe, outcome.output)
        if len(found.videos) > 1 and any(video.still for video in found.videos):
            # The first packets may hold one picture of a slow film as of a cover.
            counted = await _count_packets(path, tools)
            found = await asyncio.to_thread(parse_probe, outcome.output, counted)
        return found
    except (ValueError, TypeError, KeyError) as error:
        raise NotMedia(Text("ffprobe's description of it makes no sense.")) from error


async def _count_packets(path: Path, tools: Tools) -> bytes:
    """ffprobe's JSON about a larger number of packets, of pictures alone."""
    options: dict[str, Value] = {
        "of": "json",
        "select_streams": "v",
        "show_entries": "packet=stream_index",
        "read_intervals": f"%+#{_COUNTED_PACKETS}",
    }
    return (await tools.describe(probe_arguments(path, options))).output


async def probe_own(path: Path, tools: Tools) -> Probe:
    """Like :func:`probe`, of a file that ffmpeg has made for us. Raises :class:`ConversionFailed`."""
    try:
        return await probe(path, tools)
    except NotMedia as error:
        raise ConversionFailed(
            Text("What was made of it cannot be read: {reason}", reason=error.told)
        ) from error


def _explain(reason: str) -> str:
    if "moov atom not found" in reason:
        return Text("Its index is missing: the file was cut off, or never finished.")
    if "whitelist" in reason:
        return Text("It is a playlist or a text, not a video.")
    return Text("It cannot be read as a video; it is damaged or something else.")


def _video(stream: Mapping[str, Any], sample: Iterable[Mapping[str, Any]], packets: int) -> VideoStream:
    frames = int(stream["nb_frames"]) if str(stream.get("nb_frames", "")).isdigit() else None
    flags = [
        bool(item.get("interlaced_frame"))
        for item in sample
        if item.get("type") == "frame" and item.get("stream_index") == stream["index"]
    ]
    return VideoStream(
        index=int(stream["index"]),
        codec=str(stream.get("codec_name", "")),
        profile=str(stream.get("profile", "")),
        tag=str(stream.get("codec_tag_string", "")),
        pixel_format=_pixel_format(stream),
        width=int(stream.get("width", 0)),
        height=int(stream.get("height", 0)),
        sample_aspect=aspect(stream.get("sample_aspect_ratio")),
        rotation=rotation(stream),
        interlaced=str(stream.get("field_order", "")) in _INTERLACED or any(flags),
        b_frames=bool(stream.get("has_b_frames")),
        default=bool(stream.get("disposition", {}).get("default")),
        still=max(frames or 0, packets) <= _STILL_FRAMES,
        time_base=ratio(stream.get("time_base")) or Fraction(1, 90_000),
        start=fraction(stream.get("start_time")),
        duration=seconds(stream.get("duration")),
        frames=frames,
        frame_rate=ratio(stream.get("avg_frame_rate")) or ratio(stream.get("r_frame_rate")),
        color_range=str(stream.get("color_range", "")),
        color_space=str(stream.get("color_space", "")),
        color_transfer=str(stream.get("color_transfer", "")),
        color_primaries=str(stream.get("color_primaries", "")),
    )


def _audio(stream: Mapping[str, Any]) -> AudioStream:
    return AudioStream(
        index=int(stream["index"]),
        codec=str(stream.get("codec_name", "")),
        profile=str(stream.get("profile", "")),
        channels=int(stream.get("channels", 0)),
        sample_rate=int(stream.get("sample_rate", 0)),
        default=bool(stream.get("disposition", {}).get("default")),
        language=str(stream.get("tags", {}).get("language", "")),
        start=fraction(stream.get("start_time")),
    )


def _subtitle(stream: Mapping[str, Any]) -> SubtitleStream:
    return SubtitleStream(
        index=int(stream["index"]),
        codec=str(stream.get("codec_name", "")),
        language=str(stream.get("tags", {}).get("language", "")),
        default=bool(stream.get("disposition", {}).get("default")),
    )


def _is_attached(stream: Mapping[str, Any]) -> bool:
    """Cover art and thumbnails are video streams to ffmpeg, of one picture."""
    disposition = stream.get("disposition", {})
    return bool(disposition.get("attached_pic") or disposition.get("timed_thumbnails"))


def _pixel_format(stream: Mapping[str, Any]) -> str:
    """With the alpha that WebM holds beside the picture, which ffprobe tells in a tag only."""
    name = str(stream.get("pix_fmt", ""))
    tags = {str(key).lower(): value for key, value in stream.get("tags", {}).items()}
    beside = stream.get("codec_name") in ALPHA_DECODERS and tags.get("alpha_mode") == "1"
    return f"yuva{name.removeprefix('yuv')}" if beside and name.startswith("yuv4") else name


def _main(videos: Iterable[VideoStream]) -> VideoStream | None:
    """Films before covers, what can be decoded before what cannot, the default one, the first one.

    Channels of a transport stream have no default: of these the largest.
    """

    def rank(video: VideoStream) -> tuple[bool, bool, bool, int, int]:
        decodable = bool(video.codec and video.width and video.height)
        area = 0 if video.default else video.width * video.height
        return video.still, not decodable, not video.default, -area, video.index

    return min(videos, key=rank, default=None)


def _of_type(sample: Iterable[Mapping[str, Any]], what: str) -> list[Mapping[str, Any]]:
    return [item for item in sample if item.get("type") == what]


def _count(sample: Iterable[Mapping[str, Any]], what: str, video: VideoStream | None) -> int:
    if video is None:
        return 0
    return sum(1 for item in _of_type(sample, what) if item.get("stream_index") == video.index)


def _of_other_programs(programs: Iterable[Mapping[str, Any]], main: VideoStream | None) -> set[int]:
    """The streams that go only with other pictures: a transport stream may hold several channels."""
    held = [{int(stream["index"]) for stream in program.get("streams", [])} for program in programs]
    mine = [streams for streams in held if main is not None and main.index in streams]
    return set().union(*held).difference(*mine) if mine else set()


def _longest(videos: Iterable[VideoStream]) -> float:
    return max((video.duration or 0.0 for video in videos), default=0.0)
