"""Sound and picture stay together, whichever of them begins first and wherever a file is said to start."""

from __future__ import annotations

import logging
import subprocess
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from tests.media.makers import TOOLS, convert, ffmpeg
from utils.media import inspect

FLASH = "color=black:s=160x120:r=25:d={seconds},geq=lum='if(lt(mod(T,1),0.04),255,0)':cb=128:cr=128"
BEEP = "aevalsrc='if(lt(mod(t,1),0.04),sin(6000*t),0)':d={seconds}:s=48000"


@pytest.mark.parametrize("late", ["sound", "picture"])
@pytest.mark.parametrize("codec", ["aac", "ac3"])
async def test_sound_and_picture_stay_together(tmp_path: Path, late: str, codec: str) -> None:
    """A flash with a beep each second, one of the two beginning 0.4 s after the other."""
    flash, beep = FLASH.format(seconds=4), BEEP.format(seconds=4)
    source = tmp_path / "sync.mkv"
    filters = ("-af", "atrim=start=0.4") if late == "sound" else ("-vf", "trim=start=0.4")
    ffmpeg(
        *("-f", "lavfi", "-i", flash, "-f", "lavfi", "-i", beep, *filters, "-copyts", "-c:a", codec),
        *("-c:v", "mpeg4", "-q:v", "3", source),
    )
    await convert(source, tmp_path / "out.mp4")
    for at in (2, 3):
        assert beep_after_flash(tmp_path / "out.mp4", at) == pytest.approx(
            beep_after_flash(source, at), abs=0.011
        )


@pytest.mark.parametrize("codec", ["aac", "pcm_s16le"])
async def test_it_does_not_matter_where_ffprobe_sees_the_start_of_a_file(
    tmp_path: Path, codec: str, caplog: pytest.LogCaptureFixture
) -> None:
    """ffmpeg 9 sees it after what is thrown away of a sound, ffprobe 5.1 before; both may be here."""
    caplog.set_level(logging.INFO, logger="utils.media")
    source, out = tmp_path / "start.mkv", tmp_path / "out.mp4"
    flash, beep = FLASH.format(seconds=4), BEEP.format(seconds=4)
    ffmpeg("-f", "lavfi", "-i", flash, "-f", "lavfi", "-i", beep, "-c:a", codec, "-c:v", "mpeg4", source)
    found = await inspect(source, source.name, tools=TOOLS)
    assert found.plan is not None
    probe = replace(found.plan.probe, start=found.plan.probe.start - Fraction(1, 4))
    await convert(source, out, before=replace(found, plan=replace(found.plan, probe=probe)))
    for at in (2, 3):
        assert beep_after_flash(out, at) == pytest.approx(beep_after_flash(source, at), abs=0.011)
    assert "way failed" not in caplog.text  # every segment began where it was sought


@pytest.mark.parametrize("muxer", ["mpegts", "vob"])
async def test_a_recording_that_begins_between_key_frames_stays_together(tmp_path: Path, muxer: str) -> None:
    """The picture before the first key frame cannot be decoded, the sound from there on can be."""
    flash, beep = FLASH.format(seconds=6), BEEP.format(seconds=6)
    whole, source = tmp_path / "whole", tmp_path / "cut"
    ffmpeg(
        *("-f", "lavfi", "-i", flash, "-f", "lavfi", "-i", beep, "-c:a", "mp2", "-f", muxer),
        *("-c:v", "mpeg2video", "-q:v", "3", "-g", "50", "-bf", "2", "-sc_threshold", "1000000000", whole),
    )
    packet = 188 if muxer == "mpegts" else 2048
    source.write_bytes(whole.read_bytes()[whole.stat().st_size // packet // 8 * packet :])
    await convert(source, tmp_path / "out.mp4")
    for at in (3, 5):
        assert beep_after_flash(tmp_path / "out.mp4", at) == pytest.approx(
            beep_after_flash(whole, at), abs=0.011
        )


def beep_after_flash(path: Path, near: int) -> float:
    """Seconds between the flash and the beep around ``near`` seconds on the picture's own clock."""
    command = ["ffmpeg", "-v", "error", "-i", str(path), "-copyts"]
    pictures = subprocess.run(
        [*command, "-map", "0:v", "-vf", "signalstats,metadata=print:key=lavfi.signalstats.YAVG:file=-"]
        + ["-f", "null", "-"],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    ).stdout.split("frame:")
    flashes = [
        float(block.split("pts_time:")[1].split()[0])
        for block in pictures[1:]
        if float(block.rpartition("=")[2]) > 100
    ]
    sound = subprocess.run(
        [*command, "-map", "0:a:0", "-af", "aresample=async=1:first_pts=0,aformat=s16:48000:mono"]
        + ["-f", "s16le", "-"],
        check=True,
        capture_output=True,
        timeout=60,
    ).stdout
    samples = memoryview(sound).cast("h")
    loud = [n / 48000 for n in range(0, len(samples), 24) if any(abs(s) > 6000 for s in samples[n : n + 24])]
    flash = min(flashes, key=lambda t: abs(t - near))
    first_of_beeps = [t for n, t in enumerate(loud) if n == 0 or t - loud[n - 1] > 0.3]
    return min(first_of_beeps, key=lambda t: abs(t - flash)) - flash
