"""Pictures, videos and archives made on the spot, small, and each different from the others."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import zipfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from PIL import Image

from tests.shared import made_once
from utils.archives.engine import find_engine

H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")

#: ffmpeg's arguments for one kind of video each.
VIDEOS: Mapping[str, tuple[str, ...]] = {
    "mp4": (*H264, "-c:a", "aac", "-movflags", "+faststart", "-f", "mp4"),
    "silent": ("-an", *H264, "-movflags", "+faststart", "-f", "mp4"),
    "mkv": (*H264, "-c:a", "aac", "-f", "matroska"),
    "ac3": (*H264, "-c:a", "ac3", "-f", "mp4"),
    "pcm": (*H264, "-c:a", "pcm_s16le", "-f", "mov"),
    "avi": ("-c:v", "mpeg4", "-q:v", "5", "-c:a", "libmp3lame", "-f", "avi"),
}


def photo(seed: int = 0, size: tuple[int, int] = (640, 480), kind: str = "JPEG") -> bytes:
    """A picture whose content depends on ``seed``."""
    ramp = Image.linear_gradient("L").rotate(seed * 7 % 360).resize(size)
    flat = Image.new("L", size, seed * 37 % 256)
    data = io.BytesIO()
    Image.merge("RGB", (ramp, flat, ramp.transpose(Image.Transpose.ROTATE_180))).save(data, kind)
    return data.getvalue()


@cache
def video(kind: str = "mp4", seconds: float = 2, seed: int = 0) -> bytes:
    """A clip of 320x240 with motion, 15 pictures a second, and sound."""
    picture = f"testsrc2=size=320x240:rate=15:duration={seconds},hue=h={seed * 40 % 360}"
    sound = f"sine=frequency={300 + seed * 50}:duration={seconds}"
    command = ["ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", sound]

    def make(path: Path) -> None:
        subprocess.run([*command, *VIDEOS[kind], "-y", str(path)], check=True)

    return made_once(f"video-{kind}-{seconds}-{seed}", make).read_bytes()


@cache
def song(kind: str, title: str, *, cover: bool = False) -> bytes:
    """Two seconds of a tone by Ann, with a red cover if there is to be one."""
    codec = {"mp3": "libmp3lame", "opus": "libopus", "ogg": "libvorbis"}.get(kind, kind)
    codec = {"m4a": "aac", "mp4": "aac", "wav": "pcm_s16le"}.get(kind, codec)

    def make(path: Path) -> None:
        picture = path.with_suffix(".png")
        Image.new("RGB", (700, 700), "red").save(picture)
        art = ["-i", str(picture), "-map", "0", "-map", "1", "-c:v", "copy", "-disposition:v", "attached_pic"]
        subprocess.run(
            ["ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i", "sine=440:duration=2"]
            + (art if cover else [])
            + ["-c:a", codec, "-metadata", f"title={title}", "-metadata", "artist=Ann \u202e& Bob"]
            + ["-f", {"m4a": "ipod"}.get(kind, kind), "-y", str(path)],
            check=True,
        )

    return made_once(f"song-{kind}-{title}-{cover}", make).read_bytes()


def zip_of(path: Path, entries: Mapping[str, bytes]) -> Path:
    """A ZIP archive with ``entries`` (name -> content), stored."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return path


def encrypted(path: Path, password: str, *options: str) -> Path:
    """A 7z archive with one picture in it."""
    source = path.with_suffix(".jpg")
    source.write_bytes(photo(1))
    engine = str(find_engine())
    subprocess.run(
        [engine, "a", "-bso0", f"-p{password}", *options, str(path), str(source)],
        check=True,
        stdin=subprocess.DEVNULL,
    )
    return path


#: Shell pattern of the arguments with which ffmpeg encodes a segment of a video.
SEGMENT = "*libx264*segment-*"


def ffmpeg_after(folder: Path, arguments: str, script: str) -> str:
    """A PATH on which ffmpeg, called with ``arguments`` (a shell pattern), runs ``script`` first.

    So an encoder waits, fails or is cut off at will, and no large film is needed for it to take its time.
    """
    folder.mkdir()
    program = folder / "ffmpeg"
    program.write_text(
        f'#!/bin/sh\ncase "$*" in {arguments}) {script};; esac\nexec {shutil.which("ffmpeg")} "$@"\n'
    )
    program.chmod(0o755)
    return f"{folder}:{os.environ['PATH']}"


def held_ffmpeg(folder: Path) -> tuple[str, Path]:
    """A PATH on which no segment of a video gets encoded as long as the file is there that comes with it."""
    path, held = (
        ffmpeg_after(folder, SEGMENT, f"while [ -e '{folder}/held' ]; do sleep 0.1; done"),
        folder / "held",
    )
    held.touch()
    return path, held
