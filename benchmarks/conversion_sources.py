"""Clips in the containers and codecs that people send, with motion and noise in them."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

_QUICK = "-preset ultrafast"

#: Name, and ffmpeg's options for the output.
SOURCES = {
    "rewrap.mkv": f"-c:v libx264 {_QUICK} -c:a aac",
    "sound.mov": f"-c:v libx264 {_QUICK} -c:a pcm_s16le",
    "high10.mkv": f"-c:v libx264 {_QUICK} -pix_fmt yuv420p10le -c:a aac",
    "hevc.mp4": f"-c:v libx265 {_QUICK} -x265-params log-level=0 -c:a aac",
    "vp8.webm": "-c:v libvpx -deadline realtime -cpu-used 8 -c:a libvorbis",
    "vp9.webm": "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -c:a libopus",
    "av1.mkv": "-c:v libsvtav1 -preset 12 -c:a libopus",
    "mpeg4.avi": "-c:v mpeg4 -q:v 4 -c:a libmp3lame",
    "b-frames.avi": "-c:v mpeg4 -bf 2 -q:v 4 -c:a libmp3lame",
    "packed.avi": "-c:v libxvid -bf 2 -q:v 4 -c:a libmp3lame",
    "windows.wmv": "-c:v wmv2 -b:v 1M -c:a wmav2",
    "sorenson.flv": "-c:v flv1 -q:v 4 -c:a libmp3lame -ar 44100",
    "mpeg2.ts": "-c:v mpeg2video -bf 2 -q:v 4 -c:a mp2",
    "mpeg1.mpg": "-c:v mpeg1video -q:v 4 -c:a mp2",
    "dvd.vob": "-c:v mpeg2video -bf 2 -q:v 4 -flags +ilme+ildct -aspect 16:9 -c:a ac3 -f vob",
    "h263.3gp": "-c:v h263 -q:v 4 -s 352x288 -c:a aac",
    "theora.ogv": "-c:v libtheora -q:v 7 -c:a libvorbis",
    "broadcast.mxf": "-c:v mpeg2video -q:v 4 -c:a pcm_s16le",
    "prores.mov": "-c:v prores_ks -profile:v 0 -c:a pcm_s16le",
    "camera.avi": "-c:v mjpeg -q:v 4 -c:a pcm_u8",
    "real.rm": "-c:v rv20 -q:v 4 -s 352x288 -c:a ac3",
}


def make(name: str, folder: Path, seconds: float = 6.0) -> Path:
    """The clip ``name`` of :data:`SOURCES` in ``folder``."""
    return _write(folder / name, SOURCES[name].split(), size="480x360", seconds=seconds)


def make_long(folder: Path, seconds: int, *, h264: bool = False) -> Path:
    """A Matroska file of ``seconds``, MPEG-4 part 2 or H.264; made once."""
    path = folder / f"long-{'h264' if h264 else 'mpeg4'}-{seconds}.mkv"
    if not path.exists():
        codec = "-c:v libx264 -preset ultrafast" if h264 else "-c:v mpeg4 -q:v 3 -g 60"
        _write(
            path,
            [*codec.split(), "-c:a", "libmp3lame" if not h264 else "aac"],
            size="640x360",
            seconds=seconds,
        )
    return path


def _write(path: Path, options: list[str], *, size: str, seconds: float) -> Path:
    picture = f"testsrc2=s={size}:r=25:d={seconds},noise=alls=10:allf=t,format=yuv420p"
    command = ["ffmpeg", "-nostdin", "-v", "error", "-y", "-f", "lavfi", "-i", picture]
    command += ["-f", "lavfi", "-i", f"sine=f=440:r=48000:d={seconds}", "-threads", "2", *options, str(path)]
    subprocess.run(command, check=True)
    # A conversion flushes its result: it should not have to wait for the source, too.
    os.sync()
    return path
