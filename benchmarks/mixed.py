"""``python -m benchmarks mixed --against FOLDER``: CPU that a file takes, here and in another checkout.

An archive of mixed files, as somebody empties a phone, goes through ``inspect`` in this checkout and in that
FOLDER, in turns: each picture is looked at and prepared, each video is looked at and planned. What is told is
the CPU of the process and of all that it starts, for each file.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pillow_heif
from PIL import Image

from tests.media.makers import AAC, H264, clip
from utils.constants import ROOT

#: Of a hundred files, how many are what.
_SHARES = {
    **{"jpg": 45, "turned.jpg": 15, "heic": 10, "png": 8, "webp": 4, "gif": 2},
    **{"mp4": 6, "mov": 3, "mkv": 1, "json": 4, "txt": 2},
}


def make_archive(folder: Path, files: int) -> Path:
    """A ZIP of so many mixed files in ``folder``. Blocking."""
    content = {kind: make(folder / f"a.{kind}").read_bytes() for kind, make in _MAKE.items()}
    kinds = [kind for kind, share in _SHARES.items() for _ in range(max(1, share * files // 100))]
    random.Random(1).shuffle(kinds)  # noqa: S311
    archive = folder / "mixed.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as whole:
        for number, kind in enumerate(kinds):
            whole.writestr(f"DCIM/{number:05d}.{kind}", content[kind])
    return archive


def _picture(width: int, height: int) -> Image.Image:
    small = Image.frombytes("RGB", (64, 48), random.Random(1).randbytes(64 * 48 * 3))  # noqa: S311
    return small.resize((width, height), Image.Resampling.BILINEAR)


def _saved(width: int, height: int, orientation: int = 1) -> Callable[[Path], Path]:
    def make(path: Path) -> Path:
        exif = Image.Exif()
        exif[0x0112] = orientation
        _picture(width, height).save(path, exif=exif)
        return path

    return make


def _heic(path: Path) -> Path:
    pillow_heif.from_pillow(_picture(4032, 3024)).save(path, quality=50, tile_size=512)
    return path


def _gif(path: Path) -> Path:
    pictures = [_picture(320, 240).rotate(30 * number) for number in range(8)]
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=100, loop=0)
    return path


def _text(path: Path) -> Path:
    path.write_text('{"photoTakenTime": {"timestamp": "1700000000"}}')
    return path


_MAKE: dict[str, Callable[[Path], Path]] = {
    "jpg": _saved(4000, 3000),
    "turned.jpg": _saved(4000, 3000, 6),
    "heic": _heic,
    "png": _saved(1080, 2340),
    "webp": _saved(1600, 1200),
    "gif": _gif,
    "mp4": lambda path: clip(path, *H264, *AAC, "-movflags", "+faststart", size="1280x720"),
    "mov": lambda path: clip(path, *H264, *AAC, size="1280x720"),
    "mkv": lambda path: clip(path, *H264, *AAC, size="1280x720"),
    "json": _text,
    "txt": _text,
}


def cpu_of(checkout: Path, archive: Path, folder: Path) -> float:
    """Seconds of CPU that its ``inspect`` takes, with all that it starts. Blocking."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "extract-compressed-files.py", "inspect", str(archive), "--json"]
    environ = {"PATH": os.environ["PATH"], "HOME": str(folder), "DATA_DIR": str(folder)}
    ended = subprocess.run(
        command, cwd=checkout, env=environ, stdout=subprocess.PIPE, timeout=600, check=False
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if not ended.stdout:
        raise SystemExit(f"{checkout}: nothing came of it ({ended.returncode})")
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks mixed", description=__doc__)
    parser.add_argument("--against", type=Path, required=True, metavar="FOLDER", help="the other checkout")
    parser.add_argument("--files", type=int, default=300)
    parser.add_argument("--runs", type=int, default=5, help="of each")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="mixed-") as name:
        folder = Path(name)
        archive = make_archive(folder, options.files)
        with zipfile.ZipFile(archive) as whole:
            files = len(whole.namelist())
        here: list[float] = []
        there: list[float] = []
        for run in range(options.runs):
            pairs = [(here, ROOT), (there, options.against.resolve())]
            for figures, checkout in pairs if run % 2 else reversed(pairs):
                figures.append(1000 * cpu_of(checkout, archive, folder) / files)
    for what, figures in (("here", here), ("there", there)):
        middle = statistics.median(figures)
        print(f"{what:<6} {middle:6.1f} ms of CPU a file ({min(figures):.1f} to {max(figures):.1f})")
    print(f"ratio  {statistics.median(here) / statistics.median(there):6.2f} of {files} files")
    return 0
