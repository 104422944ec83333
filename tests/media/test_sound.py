"""Sound stays where the source's times put it, to within 10 ms, from the first to the last second."""

from __future__ import annotations

import subprocess
from array import array
from pathlib import Path

import pytest

from tests.media.makers import H264, clip, convert, ffmpeg, streams
from utils.conversions.runner import lost_sound

RATE = 16_000
MPEG4 = ("-c:v", "mpeg4", "-q:v", "6", "-pix_fmt", "yuv420p")
#: A beep of a tenth of a second at 1 s, 3 s, 5 s ...
BEEPS = "aevalsrc=0.5*sin(2*PI*1000*t)*lt(mod(t+1\\,2)\\,0.1):s=48000:d=8"
PICTURE = ("-f", "lavfi", "-i", "testsrc2=s=160x120:r=25:d=8")


def beeps(path: Path) -> list[float]:
    """When each beep begins, in seconds."""
    command = ["ffmpeg", "-nostdin", "-v", "error", "-i", str(path), "-map", "0:a:0", "-ac", "1"]
    command += ["-af", f"aresample={RATE}", "-f", "s16le", "-"]
    samples = array("h", subprocess.run(command, check=True, capture_output=True, timeout=60).stdout)
    begin = next(s for s in streams(path) if s["codec_type"] == "audio")["start_time"]
    found: list[float] = []
    for place, sample in enumerate(samples):
        at = float(str(begin)) + place / RATE
        if abs(sample) > 3000 and (not found or at - found[-1] > 1):
            found.append(at)
    return found


async def test_times_that_are_a_little_off_move_nothing(tmp_path: Path) -> None:
    source = tmp_path / "a.ogv"
    ffmpeg(
        *PICTURE, "-f", "lavfi", "-i", BEEPS, "-c:v", "libtheora", "-q:v", "5", "-c:a", "libvorbis", source
    )
    await convert(source, tmp_path / "out.mp4")
    assert beeps(tmp_path / "out.mp4") == pytest.approx([1, 3, 5, 7], abs=0.010)


async def test_a_clock_that_runs_slow_is_followed(tmp_path: Path) -> None:
    slow = "setts=pts=PTS*1.004:dts=DTS*1.004"
    even, source = tmp_path / "even.mkv", tmp_path / "slow.mkv"
    ffmpeg(*PICTURE, "-f", "lavfi", "-i", BEEPS, *MPEG4, "-c:a", "pcm_s16le", even)
    ffmpeg("-i", even, "-c", "copy", "-bsf:a", slow, source)
    await convert(source, tmp_path / "out.mp4")
    assert beeps(tmp_path / "out.mp4") == pytest.approx([1.004, 3.012, 5.02, 7.028], abs=0.010)


async def test_a_gap_is_filled_with_silence(tmp_path: Path) -> None:
    gap = "setts=pts=PTS+if(gt(PTS*TB\\,4)\\,0.5/TB\\,0):dts=DTS+if(gt(DTS*TB\\,4)\\,0.5/TB\\,0)"
    even, source = tmp_path / "even.mkv", tmp_path / "gap.mkv"
    ffmpeg(*PICTURE, "-f", "lavfi", "-i", BEEPS, *H264, "-c:a", "pcm_s16le", even)
    ffmpeg("-i", even, "-c", "copy", "-bsf:a", gap, source)
    await convert(source, tmp_path / "out.mp4")
    assert beeps(tmp_path / "out.mp4") == pytest.approx([1, 3, 5.5, 7.5], abs=0.010)


@pytest.mark.parametrize("picture", [MPEG4, H264], ids=["encoded", "copied"])
@pytest.mark.parametrize("name", ["late.mkv", "late.ts"])
async def test_sound_that_starts_late_stays_late(tmp_path: Path, picture: tuple[str, ...], name: str) -> None:
    source = tmp_path / name
    ffmpeg(*PICTURE, "-itsoffset", "0.7", "-f", "lavfi", "-i", BEEPS, *picture, "-c:a", "ac3", source)
    await convert(source, tmp_path / "out.mp4")
    assert beeps(tmp_path / "out.mp4") == pytest.approx([1.7, 3.7, 5.7, 7.7], abs=0.010)


@pytest.mark.parametrize("picture", [("-c:v", "mpeg2video"), H264], ids=["encoded", "copied"])
async def test_sound_between_stereo_and_surround_keeps_its_length(
    tmp_path: Path, picture: tuple[str, ...]
) -> None:
    source = tmp_path / "air.ts"
    with source.open("wb") as joined:
        for number, channels in enumerate(("2", "6", "2")):
            part = tmp_path / "part.ts"
            inputs = ("-f", "lavfi", "-i", "testsrc2=s=160x120:r=25:d=3.2", "-f", "lavfi", "-i", BEEPS)
            # Whole packets of sound: what is on the air has no overlap where its format changes.
            sound = ("-c:a", "ac3", "-ac", channels, "-frames:a", "100")
            ffmpeg(*inputs, *picture, *sound, "-output_ts_offset", str(number * 3.2), part)
            joined.write(part.read_bytes())
    await convert(source, tmp_path / "out.mp4")
    assert beeps(tmp_path / "out.mp4") == pytest.approx([1, 3, 4.2, 6.2, 7.4, 9.4], abs=0.010)
    heard = next(stream for stream in streams(tmp_path / "out.mp4") if stream["codec_type"] == "audio")
    assert float(str(heard["duration"])) == pytest.approx(9.6, abs=0.1)


@pytest.mark.parametrize(("tracks", "told"), [(1, "The sound"), (2, "1 sound track")])
@pytest.mark.parametrize("picture", [MPEG4, H264], ids=["encoded", "copied"])
async def test_sound_of_a_kind_that_nothing_decodes_is_said_to_be_lost(
    tmp_path: Path, picture: tuple[str, ...], tracks: int, told: str
) -> None:
    source, output = tmp_path / "apac.mov", tmp_path / "out.mp4"
    film = clip(tmp_path / "film.mov", *picture, "-c:a", "pcm_s16le", size="160x120", seconds=1)
    ffmpeg("-i", film, "-map", "0:v", *("-map", "0:a") * tracks, "-c", "copy", source)
    head, _, tail = source.read_bytes().rpartition(b"sowt")
    source.write_bytes(head + b"apac" + tail)
    before, after = await convert(source, output)
    assert after.has_audio is (tracks == 2)
    assert lost_sound(before, after) == f"{told} could not be decoded."
    assert lost_sound(after, after) == ""
