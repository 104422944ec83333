"""Archives of the sizes that are measured, made on the spot: a few media, each copy made different."""

from __future__ import annotations

import io
import os
import random
import struct
import subprocess
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from PIL import Image

from utils.archives.engine import find_engine

MB, KB = 10**6, 1000
BASES = 8


@dataclass(frozen=True)
class Made:
    """One archive: ``media`` are the bytes of what is to be sent, ``files`` their number."""

    path: Path
    files: int
    media: int
    largest: int

    @property
    def size(self) -> int:
        return self.path.stat().st_size


@cache
def _base(number: int) -> bytes:
    """A JPEG of about 12 KB."""
    noise = Image.frombytes("RGB", (24, 18), random.Random(number).randbytes(24 * 18 * 3))
    data = io.BytesIO()
    noise.resize((480, 360), Image.Resampling.BILINEAR).save(data, "JPEG", quality=75)
    return data.getvalue()


def photo(number: int, size: int) -> bytes:
    """A JPEG of ``size`` bytes: what stands behind its end does not show."""
    base = _base(number % BASES)
    return base + os.urandom(max(0, size - len(base)))


@cache
def _clip() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.mp4"
        inputs = ["-f", "lavfi", "-i", "testsrc2=size=320x240:rate=15:duration=4", "-f", "lavfi"]
        inputs += ["-i", "sine=frequency=300:duration=4"]
        codecs = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac"]
        command = [
            "ffmpeg",
            "-nostdin",
            "-v",
            "error",
            *inputs,
            *codecs,
            "-movflags",
            "+faststart",
            str(path),
        ]
        subprocess.run(command, check=True)
        return path.read_bytes()


def video(size: int) -> bytes:
    """An MP4 of ``size`` bytes that plays as it is: its last box is free space."""
    clip = _clip()
    rest = max(8, size - len(clip))
    return clip + struct.pack(">I4s", rest, b"free") + os.urandom(rest - 8)


def mixed_zip(folder: Path, scale: float) -> Made:
    """120 photos and 3 videos, 200 MB together, among 300 MB that is not media; 500 MB at full scale."""
    photos = max(20, round(120 * scale))
    photo_size = int(120 * MB * scale / photos)
    video_size = int(80 * MB * scale / 3)
    path = folder / "mixed.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(10):
            archive.writestr(f"raw/{number}.bin", os.urandom(int(30 * MB * scale)))
        for number in range(photos):
            archive.writestr(f"photos/img{number + 1}.jpg", photo(number, photo_size))
        for number in range(3):
            archive.writestr(f"videos/clip{number + 1}.mp4", video(video_size))
    return Made(path, photos + 3, photos * photo_size + 3 * video_size, max(photo_size, video_size))


def photo_tar(folder: Path, scale: float) -> Made:
    """300 MB of photos at full scale, as a tar.gz."""
    count, size = max(20, round(300 * scale)), MB
    path = folder / "photos.tar.gz"
    with tarfile.open(path, "w:gz", compresslevel=1) as archive:
        for number in range(count):
            content = photo(number, size)
            member = tarfile.TarInfo(f"photos/img{number + 1}.jpg")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return Made(path, count, count * size, size)


def solid_7z(folder: Path, scale: float) -> Made:
    """300 MB of photos at full scale, as a solid 7z."""
    count, size = max(20, round(300 * scale)), MB
    sources = folder / "solid"
    sources.mkdir()
    for number in range(count):
        (sources / f"img{number + 1}.jpg").write_bytes(photo(number, size))
    path = folder / "solid.7z"
    command = [str(find_engine()), "a", "-bso0", "-mx1", "-ms=on", str(path), str(sources)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    for source in sources.iterdir():
        source.unlink()
    return Made(path, count, count * size, size)


def small_zip(folder: Path, count: int) -> Made:
    """``count`` photos of 20 KB."""
    path = folder / f"small{count}.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(count):
            archive.writestr(f"p/img{number + 1}.jpg", photo(number, 20 * KB))
    return Made(path, count, count * 20 * KB, 20 * KB)


def unpack_all(path: Path, folder: Path) -> Iterator[Path]:
    """Everything in the archive ``path``, the plain way."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            archive.extractall(folder)
    elif path.suffix == ".gz":
        with tarfile.open(path) as stream:
            stream.extractall(folder, filter="data")
    else:
        command = [str(find_engine()), "x", "-bso0", "-y", f"-o{folder}", str(path)]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    yield from sorted(file for file in folder.rglob("*") if file.is_file())
