"""Pictures that move: each of them shown for its own time, the last one too, and on white."""

from __future__ import annotations

import asyncio
import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from tests.media.makers import QUICK, convert, ffmpeg

MILLISECONDS = [120, 500, 40, 700, 30, 30, 2000]


def animation(path: Path, milliseconds: list[int]) -> Path:
    pictures = [
        Image.new("RGB", (64, 48), (60 * number % 256, 200, 90)) for number in range(len(milliseconds))
    ]
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=milliseconds, loop=0)
    return path


def shown_for(path: Path) -> list[float]:
    """Milliseconds of each picture, and of the whole."""
    command = [
        "ffprobe",
        "-v",
        "error",
        "-of",
        "json",
        "-show_entries",
        "packet=duration_time:format=duration",
    ]
    answer = json.loads(
        subprocess.run([*command, str(path)], check=True, capture_output=True, timeout=60).stdout
    )
    durations = [packet["duration_time"] for packet in answer["packets"]]
    return [1000 * float(seconds) for seconds in (*durations, answer["format"]["duration"])]


def corner(path: Path) -> tuple[int, int, int]:
    """The colour in the upper left of the first picture."""
    command = ["ffmpeg", "-nostdin", "-v", "error", "-i", str(path), "-frames:v", "1"]
    command += ["-vf", "crop=16:16:0:0,scale=1:1:flags=area", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    red, green, blue = subprocess.run(command, check=True, capture_output=True, timeout=60).stdout
    return red, green, blue


@pytest.mark.parametrize("kind", ["gif", "png", "webp", "avif"])
async def test_every_picture_is_shown_for_its_own_time(tmp_path: Path, kind: str) -> None:
    source = await asyncio.to_thread(animation, tmp_path / f"source.{kind}", MILLISECONDS)
    await convert(source, tmp_path / "out.mp4", settings=replace(QUICK, preset="medium"))
    assert shown_for(tmp_path / "out.mp4") == pytest.approx([*MILLISECONDS, sum(MILLISECONDS)], abs=1)


ALPHA = [
    ("vp9.webm", "yuva420p", ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8")),
    ("vp8.webm", "yuva420p", ("-c:v", "libvpx", "-deadline", "realtime", "-auto-alt-ref", "0")),
    ("prores.mov", "yuva444p10le", ("-c:v", "prores_ks", "-profile:v", "4444")),
    ("animation.mov", "argb", ("-c:v", "qtrle")),
    ("png.mov", "rgba", ("-c:v", "png")),
]


@pytest.mark.parametrize(("name", "pixels", "codec"), ALPHA, ids=[row[0] for row in ALPHA])
async def test_what_is_transparent_in_a_video_is_white(
    tmp_path: Path, name: str, pixels: str, codec: tuple[str, ...]
) -> None:
    """The upper left is hidden blue, the rest a red that is seen."""
    hidden = "lt(X,64)*lt(Y,64)"
    see = f"geq=r='if({hidden},0,220)':g=20:b='if({hidden},220,0)':a='if({hidden},0,255)'"
    drawn = f"color=red:s=128x128:r=10:d=1,format=rgba,{see},format={pixels}"
    source, output = tmp_path / name, tmp_path / "out.mp4"
    ffmpeg("-f", "lavfi", "-i", drawn, *codec, "-pix_fmt", pixels, source)
    await convert(source, output)
    assert min(corner(output)) >= 250
    red, green, blue = await asyncio.to_thread(opposite, output, tmp_path)
    assert red > 190 and green < 50 and blue < 50


def opposite(path: Path, folder: Path) -> tuple[int, int, int]:
    """The colour in the lower right."""
    turned = folder / "turned.png"
    ffmpeg("-i", path, "-vf", "hflip,vflip", "-frames:v", "1", turned)
    return corner(turned)


async def test_a_capture_with_a_byte_left_over_is_not_made_white(tmp_path: Path) -> None:
    source, output = tmp_path / "raw.avi", tmp_path / "out.mp4"
    drawn = "color=blue:s=64x64:r=10:d=0.5,format=rgba,colorchannelmixer=aa=0,format=bgra"
    ffmpeg("-f", "lavfi", "-i", drawn, "-c:v", "rawvideo", "-pix_fmt", "bgra", source)
    await convert(source, output)
    assert corner(output)[0] < 50 and corner(output)[2] > 190
