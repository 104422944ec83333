"""The ffmpeg calls of a conversion, as argument lists. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from utils.media.checkpoint import Recipe, Segment
from utils.media.commands import Job, Value
from utils.media.plan import AudioTrack, ConversionPlan
from utils.media.probe import AudioStream, Probe, VideoStream

#: Sample rates that every decoder of AAC takes.
_RATES = (22_050, 24_000, 32_000, 44_100, 48_000)
_FAST_START = "+faststart"
_VAAPI_DEVICE = "/dev/dri/renderD128"
#: Decoding on in spite of damage; missing times are made up.
_TOLERANT: dict[str, Value] = {"err_detect": "ignore_err", "fflags": "+genpts+discardcorrupt"}
#: Drift is evened out and gaps are filled. No silence is put before a sound that starts late (first_pts=0):
#: the filters are set up anew wherever the format changes, as it does in AC-3 from the air, and would put it
#: there again.
_TIMED_SOUND = "aresample=async=1000"
_CONCAT: dict[str, Value] = {"f": "concat", "safe": 0, "format_whitelist": "concat,mov"}


def remux_arguments(source: Path, output: Path, plan: ConversionPlan) -> list[str]:
    """The picture as it is, sound as it is or (where the plan says so) encoded, in an MP4."""
    job = Job()
    number = job.input(source, {"fflags": "+genpts"})
    options: dict[str, Value] = {
        "c:v": "copy",
        "map_metadata": str(number),
        "map_chapters": str(number),
        "movflags": _FAST_START,
        "max_muxing_queue_size": 4096,
        "f": "mp4",
    }
    for place, track in enumerate(plan.audio):
        options |= _audio_options(place, track, stream_of(plan, track))
    if plan.subtitles:
        options["c:s"] = "mov_text"
    streams = [plan.video, *(track.index for track in plan.audio), *plan.subtitles]
    job.output(output, [(number, str(index)) for index in streams], options)
    return job.arguments()


def rewrap_arguments(source: Path, output: Path, picture: VideoStream, muxer: str) -> list[str]:
    """Only the picture, as it is, in a container in which every frame can be found again."""
    job = Job()
    number = job.input(source, {"fflags": "+genpts"})
    options: dict[str, Value] = {"c:v": "copy", "map_metadata": -1, "map_chapters": -1, "f": muxer}
    if muxer == "mp4":
        options["video_track_timescale"] = 90_000
    if picture.codec == "mpeg4":
        # DivX and Xvid put two frames into one packet of an AVI, and an empty one after it.
        options["bsf:v"] = "mpeg4_unpack_bframes"
    job.output(output, [(number, str(picture.index))], options)
    return job.arguments()


def segment_arguments(
    source: Path,
    output: Path,
    *,
    recipe: Recipe,
    segment: Segment,
    stream: int,
    seek: Mapping[str, Value],
    skip: int,
) -> list[str]:
    """One segment: by ``seek`` into the source, ``skip`` frames thrown away, the next ones encoded."""
    video: dict[str, Value] = dict(recipe.video)
    threads = int(str(video.pop("threads")))
    chain = [str(video.pop("vf"))]
    if skip:
        chain.append(f"trim=start_frame={skip}")
    chain.append(str(video.pop("times")))
    device, upload = _hardware(str(video["c:v"]))
    decoder = video.pop("decoder", None)
    decoding: dict[str, Value] = {f"c:{stream}": decoder} if decoder else {}
    job = Job(threads=threads)
    tolerant = _TOLERANT if recipe.mode == "tolerant" else {}
    number = job.input(source, {**device, **decoding, **tolerant, **seek})
    output_options: dict[str, Value] = {
        **video,
        "vf": ",".join([*chain, *upload]),
        "fps_mode": "passthrough",
        "map_metadata": -1,
        "map_chapters": -1,
        "f": "mp4",
    }
    if segment.frames:
        output_options["frames:v"] = segment.frames
    job.output(output, [(number, str(stream))], output_options)
    return job.arguments()


def audio_arguments(
    source: Path, output: Path, plan: ConversionPlan, track: AudioTrack, *, mode: str
) -> list[str]:
    """One sound track, encoded once and whole; a late start is kept."""
    job = Job()
    number = job.input(source, _TOLERANT if mode == "tolerant" else from_start(plan.probe))
    options: dict[str, Value] = {"f": "mp4", "map_metadata": -1, "map_chapters": -1}
    options |= _audio_options(0, AudioTrack(track.index, copy=False), stream_of(plan, track))
    if mode == "tolerant":
        options["filter:a:0"] = "asetpts=N/SR/TB"
    job.output(output, [(number, str(track.index))], options)
    return job.arguments()


@dataclass(frozen=True)
class EncodedTrack:
    """An encoded track; ``offset`` is when its sound starts, in seconds from the start of the source."""

    track: AudioTrack
    path: Path
    offset: Fraction


def join_arguments(
    *,
    listing: Path,
    sound: Sequence[EncodedTrack],
    source: Path,
    output: Path,
    plan: ConversionPlan,
    offset: Fraction,
    timescale: int,
    keep_extras: bool,
    last: tuple[int, int] | None = None,
) -> list[str]:
    """Segments, sound, and the source's subtitles, chapters and title in one MP4, its index in front.

    ``offset`` is when the picture starts, in seconds from the start of the source. ``listing`` is a bare
    name, for ffmpeg to be run where it is: the names in it are taken for addresses next to that of the list,
    in which a # or a ? would end the path. ``last`` is the number of the last picture, and how long it is
    shown in units of ``timescale``, where its segment does not say that.
    """
    job = Job()
    picture = job.input(listing, {**_CONCAT, **_delayed(offset)})
    streams: list[tuple[int, str]] = [(picture, "v:0")]
    options: dict[str, Value] = {
        "c": "copy",
        "video_track_timescale": timescale,
        "movflags": _FAST_START,
        "max_muxing_queue_size": 4096,
        "map_metadata": -1,
        "map_chapters": -1,
        "f": "mp4",
    }
    if last is not None:
        options["bsf:v"] = last_duration(*last)
    for place, encoded in enumerate(sound):
        streams.append((job.input(encoded.path, _delayed(encoded.offset)), "a:0"))
        options |= _language(place, stream_of(plan, encoded.track))
    if keep_extras:
        extras = job.input(source, from_start(plan.probe))
        streams += [(extras, str(index)) for index in plan.subtitles]
        options |= {"map_metadata": str(extras), "map_chapters": str(extras)}
        if plan.subtitles:
            options["c:s"] = "mov_text"
    job.output(output, streams, options)
    return job.arguments()


def last_duration(number: int, ticks: int) -> str:
    """A bit stream filter by which the picture with this number is shown for ``ticks``.

    An encoder knows when each picture begins, so of all but the last one it is plain how long it is shown.
    """
    return f"setts=duration=if(eq(N\\,{number})\\,{ticks}\\,DURATION)"


def from_start(probe: Probe) -> dict[str, Value]:
    """Count from the start that ffprobe found, not from the one that ffmpeg finds by itself.

    They differ where a sound begins with samples that are thrown away after decoding: up to ffmpeg 8 the file
    starts before them, from 9 on after them, and ffprobe may be of another version. With seek_timestamp,
    also without a seek, times are those in the file. Where clocks may jump, ffmpeg does not heed it.
    """
    if probe.clock_jumps:
        return {}
    shift: dict[str, Value] = {"itsoffset": f"{float(-probe.start):.6f}"} if probe.start else {}
    return {"seek_timestamp": 1, **shift}


def _delayed(seconds: Fraction) -> dict[str, Value]:
    """ffmpeg lets every input begin at zero unless it is told otherwise."""
    return {"itsoffset": f"{float(seconds):.6f}"} if seconds > 0 else {}


def concat_listing(files: Sequence[tuple[str, int | None]]) -> str:
    """The list for the join: each segment's name and how long it lasts in microseconds.

    Without explicit durations the join takes each file's own, and variable frame rates drift apart.
    """
    lines = ["ffconcat version 1.0"]
    for name, length in files:
        lines.append(f"file {name}")
        if length is not None:
            lines.append(f"duration {length // 1_000_000}.{length % 1_000_000:06d}")
    return "\n".join(lines) + "\n"


def decode_arguments(path: Path, *, keys_only: bool) -> list[str]:
    """Decode a result from end to end (of the picture only what stands by itself) and throw it away."""
    job = Job()
    number = job.input(path, {"skip_frame": "nokey"} if keys_only else None)
    # Counted in whole frames, uneven times would look like a mistake.
    options: dict[str, Value] = {"fps_mode": "passthrough", "enc_time_base:v": "1:1000000"}
    job.output(None, [(number, "v:0"), (number, "a?")], options)
    return job.arguments()


def trial_arguments(encoder: str) -> list[str]:
    """One second of a test picture through ``encoder``."""
    device, upload = _hardware(encoder)
    return [
        *("-hide_banner", "-nostdin", "-loglevel", "error", "-progress", "pipe:1"),
        *(part for name, value in device.items() for part in (f"-{name}", str(value))),
        *("-f", "lavfi", "-i", "testsrc2=s=320x240:r=25:d=1"),
        *("-vf", ",".join(["format=yuv420p", *upload]), "-c:v", encoder, "-f", "null", "-"),
    ]


def _hardware(encoder: str) -> tuple[dict[str, Value], list[str]]:
    """Options and last filters of an encoder that takes pictures only from the memory of its device.

    https://trac.ffmpeg.org/wiki/Hardware/VAAPI
    """
    if encoder.endswith("_vaapi"):
        return {"vaapi_device": _VAAPI_DEVICE}, ["format=nv12", "hwupload"]
    return {}, []


def stream_of(plan: ConversionPlan, track: AudioTrack) -> AudioStream:
    """The stream that ``track`` takes over."""
    return next(audio for audio in plan.probe.audios if audio.index == track.index)


def _audio_options(place: int, track: AudioTrack, stream: AudioStream) -> dict[str, Value]:
    """AAC, stereo at the most, as long as the source's times say: gaps are filled, drift is evened out."""
    language = _language(place, stream)
    if track.copy:
        return {f"c:a:{place}": "copy", **language}
    channels = min(2, stream.channels)
    rate = stream.sample_rate if stream.sample_rate in _RATES else 48_000
    return {
        f"c:a:{place}": "aac",
        f"b:a:{place}": "160k" if channels == 2 else "96k",
        f"ac:a:{place}": channels,
        f"ar:a:{place}": rate,
        f"filter:a:{place}": _TIMED_SOUND,
        **language,
    }


def _language(place: int, stream: AudioStream) -> dict[str, Value]:
    default = {f"disposition:a:{place}": "default" if place == 0 else "0"}
    if stream.language:
        default[f"metadata:s:a:{place}"] = f"language={stream.language}"
    return dict(default)
