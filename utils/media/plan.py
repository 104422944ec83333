"""The least work that makes a file play everywhere. Pure: from a probe to a plan with its reason."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from utils.media.boxes import Layout
from utils.media.geometry import MAX_SIDE, has_square_samples
from utils.media.probe import AudioStream, Probe, VideoStream
from utils.texts import Text


class Action(StrEnum):
    """What is to be done, cheapest first."""

    SEND = "send"  #: nothing
    REMUX = "remux"  #: the same streams in another container
    AUDIO = "audio"  #: the same picture, sound encoded
    FULL = "full"  #: picture and sound encoded

    @property
    def cost(self) -> float:
        """Work by byte of the source, relative to a full conversion (measured on H.264)."""
        return {Action.SEND: 0.0, Action.REMUX: 1 / 35, Action.AUDIO: 1 / 10, Action.FULL: 1.0}[self]


@dataclass(frozen=True)
class AudioTrack:
    """A sound track that is taken over: its stream in the source, and whether it can stay as it is."""

    index: int
    copy: bool


@dataclass(frozen=True)
class ConversionPlan:
    """What to do with which streams, and a sentence that says why."""

    action: Action
    reason: str
    video: int
    audio: tuple[AudioTrack, ...]
    subtitles: tuple[int, ...]
    probe: Probe
    times_trusted: bool = True

    @property
    def picture(self) -> VideoStream:
        """The video stream that is taken over."""
        return next(video for video in self.probe.videos if video.index == self.video)


_NAMES = {
    "hevc": "HEVC",
    "vp8": "VP8",
    "vp9": "VP9",
    "av1": "AV1",
    "mpeg1video": "MPEG-1",
    "mpeg2video": "MPEG-2",
    "mpeg4": "MPEG-4 part 2",
    "msmpeg4v2": "MS MPEG-4",
    "msmpeg4v3": "MS MPEG-4",
    "wmv1": "WMV 7",
    "wmv2": "WMV 8",
    "wmv3": "WMV 9",
    "vc1": "VC-1",
    "prores": "ProRes",
    "mjpeg": "Motion JPEG",
    "theora": "Theora",
    "dvvideo": "DV",
    "h263": "H.263",
    "flv1": "Sorenson H.263",
    "gif": "GIF",
    "apng": "animated PNG",
    "webp": "animated WebP",
    "avif": "animated AVIF",
    "rv40": "RealVideo 4",
}
_TEXT_SUBTITLES = {"mov_text", "subrip", "srt", "ass", "ssa", "webvtt", "text"}
#: Tracks of one kind that are taken over at most; the rest of a thousand helps nobody.
MAX_TRACKS = 8
_PLAIN_AAC = {"LC", "HE-AAC", "HE-AACv2", "", "unknown"}
#: Bits a second below which the durations in a file cannot be true.
_LEAST_BITRATE = 100
#: Containers that know the order of decoding only: a copy of B-frames out of them gets wrong times.
_UNORDERED = {"avi", "h264"}
_PLAYABLE_FORMATS = {"yuv420p", "yuvj420p"}


def plan_conversion(probe: Probe, layout: Layout | None, *, size: int) -> ConversionPlan | None:
    """The plan for a file of ``size`` bytes, or None when it has no picture.

    ``layout`` is that of the boxes of an MP4 or MOV, None for other containers.
    """
    video = probe.video
    if video is None:
        return None
    audio = _tracks(probe.audios)
    distrust = _why_distrust(probe, size)
    why_full = _why_encode(video) or _why_reorder(probe, video) or distrust
    why_audio = _why_encode_audio(probe.audios)
    why_remux = _why_remux(probe, layout)
    if why_full:
        action, reason = Action.FULL, why_full
    elif why_audio:
        action, reason = Action.AUDIO, why_audio
    elif why_remux:
        action, reason = Action.REMUX, why_remux
    else:
        action, reason = Action.SEND, "It plays as it is."
    subtitles = tuple(s.index for s in probe.subtitles if s.codec in _TEXT_SUBTITLES)[:MAX_TRACKS]
    return ConversionPlan(action, reason, video.index, audio, subtitles, probe, times_trusted=not distrust)


def _why_encode(video: VideoStream) -> str:
    """Why the picture has to be encoded, or ""."""
    if video.codec != "h264":
        name = _NAMES.get(video.codec, video.codec or "of an unknown kind")
        return Text("The picture is {name}, which not every player shows.", name=name)
    if video.pixel_format not in _PLAYABLE_FORMATS:
        return Text(
            "The picture is H.264 {profile} ({format}), which most players cannot decode.",
            profile=video.profile,
            format=video.pixel_format,
        )
    if video.interlaced:
        return Text("The picture is interlaced.")
    if not has_square_samples(video):
        return Text(
            "The picture's samples are not square ({shape}), which some players ignore.",
            shape=video.sample_aspect,
        )
    if max(video.width, video.height) > MAX_SIDE:
        return Text(
            "The picture is {width}x{height}, more than most players decode.",
            width=video.width,
            height=video.height,
        )
    if video.hdr:
        return Text("The picture is HDR, which looks pale where it is not understood.")
    return ""


def _why_reorder(probe: Probe, video: VideoStream) -> str:
    if probe.container in _UNORDERED and video.b_frames:
        return Text("The order of its pictures is not stored, so that only decoding tells it.")
    return ""


def _why_distrust(probe: Probe, size: int) -> str:
    if probe.duration > 0 and size * 8 / probe.duration < _LEAST_BITRATE:
        return Text("The times in it make no sense.")
    return ""


def _why_encode_audio(audios: tuple[AudioStream, ...]) -> str:
    for audio in audios:
        if audio.codec and not _stays(audio):
            name = audio.codec.upper().replace("_", " ")
            return Text("The picture can stay, but the sound is {name}, not AAC.", name=name)
    return ""


def _why_remux(probe: Probe, layout: Layout | None) -> str:
    """Why streams that can stay need another container, or ""."""
    if not probe.container.startswith("mov,") or layout is None:
        return Text(
            "The streams can stay, but {container} is not MP4.", container=_container_name(probe.container)
        )
    if layout.cut_off:
        return Text("The file is cut off; what is there is kept.")
    if layout.fragmented:
        return Text("The MP4 is in fragments, without one index for all.")
    if not layout.index_first:
        return Text("The index is at the end, so that nothing plays before all is loaded.")
    if probe.brand.startswith(("qt", "3g")):
        return Text("The streams can stay, but QuickTime and 3GP are not MP4 to every player.")
    if any(not (audio.codec and audio.channels) for audio in probe.audios):
        return Text("It has a sound track that nothing can play; it is left out.")
    if len(probe.videos) > 1:
        return Text("It has more than one picture; the one that players show is kept.")
    return ""


def _container_name(container: str) -> str:
    names = {"matroska,webm": "Matroska", "mpegts": "MPEG-TS", "mpeg": "MPEG-PS"}
    return names.get(container, container.upper())


def _tracks(audios: tuple[AudioStream, ...]) -> tuple[AudioTrack, ...]:
    """The default track first, then the others as they come; what no decoder knows is left out."""
    known = [audio for audio in audios if audio.codec and audio.channels]
    ordered = sorted(known, key=lambda audio: not audio.default)
    return tuple(AudioTrack(audio.index, _stays(audio)) for audio in ordered[:MAX_TRACKS])


def _stays(audio: AudioStream) -> bool:
    return audio.codec == "aac" and audio.profile in _PLAIN_AAC
