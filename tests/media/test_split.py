"""Videos in parts that each play: cut at key frames, below the limit, with every frame between them."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from array import array
from pathlib import Path

import pytest

from tests.media.makers import H264, TOOLS, clip, turn
from utils.errors import ConversionFailed
from utils.media import Tools, Verdict, inspect
from utils.media.split import Packets, plan_cuts, split_video

LIMIT = 1 << 20


def film(path: Path, *, keys: int = 15, turned: bool = False) -> Path:
    """Eight seconds of noise, about 3 MB, with a key frame every ``keys`` frames and B-frames."""
    picture = "testsrc2=size=320x240:rate=15:duration=8,noise=alls=25:allf=t"
    command = ["ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i", picture]
    command += [
        "-f",
        "lavfi",
        "-i",
        "sine=frequency=400:duration=8",
        "-c:v",
        "libx264",
        "-preset",
        "veryfast",
    ]
    command += [
        "-preset",
        "veryfast",
        "-g",
        str(keys),
        "-keyint_min",
        str(keys),
        "-bf",
        "2",
        "-pix_fmt",
        "yuv420p",
        "-c:a",
        "aac",
    ]
    whole = ["-movflags", "+faststart", "-f", "mp4", "-y"]
    subprocess.run([*command, *whole, str(path)], check=True)
    if turned:
        turn(path, 90)
    return path


def pictures(*paths: Path) -> list[str]:
    """The check sum of each decoded frame, in the order of showing."""
    sums: list[str] = []
    for path in paths:
        command = ["ffmpeg", "-nostdin", "-v", "error", "-xerror", "-i", str(path), "-map", "0:v"]
        command += ["-fps_mode", "passthrough", "-f", "framemd5", "-"]
        out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        sums += [line.rpartition(",")[2].strip() for line in out.splitlines() if not line.startswith("#")]
    return sums


def sound(*paths: Path) -> list[str]:
    """The check sum of each packet of sound."""
    sums: list[str] = []
    for path in paths:
        command = ["ffmpeg", "-nostdin", "-v", "error", "-i", str(path), "-map", "0:a", "-c", "copy"]
        out = subprocess.run([*command, "-f", "framemd5", "-"], check=True, capture_output=True, text=True)
        sums += [line.split(",")[5].strip() for line in out.stdout.splitlines() if line[0] != "#"]
    return sums


async def test_the_parts_play_are_small_enough_and_have_every_frame_and_sound(tmp_path: Path) -> None:
    source = film(tmp_path / "000001", turned=True)
    # Such a name must not be taken for ffmpeg's own numbering.
    folder = tmp_path / "100%d"
    folder.mkdir()
    parts = await split_video(source, folder, LIMIT, tools=TOOLS)
    assert len(parts) >= 3
    assert sorted(folder.iterdir()) == parts
    whole = await inspect(source, "film.mp4", tools=TOOLS)
    lengths = []
    for part in parts:
        assert part.stat().st_size <= LIMIT
        found = await inspect(part, "film.mp4", tools=TOOLS)
        assert found.verdict is Verdict.READY, found.reason
        assert (found.width, found.height, found.has_audio) == (240, 320, True)
        lengths.append(found.duration)
    assert sum(lengths) == pytest.approx(whole.duration, abs=0.2 * len(parts))
    assert pictures(*parts) == pictures(source)
    assert sound(*parts) == sound(source)
    # Not more parts than needed: two neighbours never fit into one.
    sizes = [part.stat().st_size for part in parts]
    assert all(one + other > LIMIT * 0.8 for one, other in zip(sizes, sizes[1:], strict=False))


async def test_a_video_without_enough_key_frames_is_not_cut_and_nothing_is_left(tmp_path: Path) -> None:
    source = film(tmp_path / "000001", keys=500)
    folder = tmp_path / "parts"
    folder.mkdir()
    before = hashlib.sha256(source.read_bytes()).digest()
    with pytest.raises(ConversionFailed, match="key frames are too far apart"):
        await split_video(source, folder, LIMIT, tools=TOOLS)
    assert list(folder.iterdir()) == []
    assert hashlib.sha256(source.read_bytes()).digest() == before


def cutting(folder: Path, script: str) -> Tools:
    """An ffmpeg that does ``script`` in place of cutting: ``$real`` is the true one, ``$name`` the output."""
    program = folder / "ffmpeg"
    lines = (f"real={shutil.which('ffmpeg')}", 'for name; do :; done; name="${name#file:}"', script)
    program.write_text("\n".join(("#!/bin/sh", *lines, "")))
    program.chmod(0o755)
    return Tools(ffmpeg=str(program))


#: Scripts: the last frames of each part are lost; each part is the whole; there is nothing but the first.
CUT_BADLY = {
    "frames": 'case "$*" in *segment_frames*) set -- -t 1.5 "$@" ;; esac; exec "$real" "$@"',
    "size": (
        'case "$*" in *segment_frames*) "$real" "$@" || exit; for n in 000 001; do '
        'head -c 400000 /dev/zero >>"$(printf "$name" | sed "s/%03d/$n/")"; done; exit ;; esac; '
        'exec "$real" "$@"'
    ),
    "count": (
        'case "$*" in *segment_frames*) "$real" "$@" || exit; rm "$(printf "$name" | sed "s/%03d/001/")"; '
        'exit ;; esac; exec "$real" "$@"'
    ),
}


@pytest.mark.parametrize("how", CUT_BADLY)
async def test_parts_that_are_not_what_they_should_be_are_refused_and_nothing_is_left(
    tmp_path: Path, how: str
) -> None:
    source, folder = tmp_path / "000001", tmp_path / "parts"
    folder.mkdir()
    clip(source, *H264, "-g", "10", "-movflags", "+faststart", "-f", "mp4", sound=False)
    limit = source.stat().st_size * 2 // 3
    with pytest.raises(ConversionFailed, match=r"frames instead of|small enough|fewer parts"):
        await split_video(source, folder, limit, tools=cutting(tmp_path, CUT_BADLY[how]))
    assert list(folder.iterdir()) == []


async def test_parts_are_on_the_disk_before_anybody_is_told_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, folder, sync = tmp_path / "000001", tmp_path / "parts", os.fsync
    folder.mkdir()
    clip(source, *H264, "-g", "10", "-movflags", "+faststart", "-f", "mp4", sound=False, seconds=1)
    synced: set[int] = set()

    def note(file: int) -> None:
        sync(file)
        synced.add(os.fstat(file).st_ino)

    monkeypatch.setattr(os, "fsync", note)
    parts = await split_video(source, folder, source.stat().st_size * 2 // 3, tools=TOOLS)
    assert len(parts) > 1
    assert {path.stat().st_ino for path in (*parts, folder)} <= synced


def test_cuts_are_at_key_frames_and_as_few_as_can_be() -> None:
    packets = Packets(array("q", [40_000] * 12), [0, 3, 6, 9])
    assert plan_cuts(packets, 1_000_000) == []
    assert plan_cuts(packets, 260_000) == [6]
    assert plan_cuts(packets, 140_000) == [3, 6, 9]
    with pytest.raises(ConversionFailed):
        plan_cuts(packets, 130_000)
