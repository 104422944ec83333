"""The owner's settings reach ffmpeg, and the machine is spared."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.fake_tools import let_it_die_by_signals, let_it_write
from tests.media.makers import AAC, H264, QUICK, TOOLS, Memory, clip, convert, streams
from utils.constants import load_settings
from utils.errors import ConversionFailed, ConversionTimeout, DiskFull, ToolStopped
from utils.media import Converter, EncodeSettings, Tools, Verdict, inspect
from utils.media.tools import Progress

MPEG4 = ("-c:v", "mpeg4", "-q:v", "6")


def program(path: Path, script: str) -> str:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


def test_every_setting_of_conversions_reaches_the_engine(tmp_path: Path) -> None:
    own = {
        "VIDEO_ENCODER": "h264_vaapi",
        "VIDEO_CRF": "31",
        "VIDEO_PRESET": "slow",
        "VIDEO_MAX_HEIGHT": "480",
        "CONVERSION_THREADS": "7",
        "CONVERSION_SEGMENT_SECONDS": "12",
        "CONVERSION_TIMEOUT_SECONDS": "99",
        "CONVERSION_STATE_SAVE_INTERVAL": "4",
        "DISK_RESERVE_MB": "77",
    }
    assert EncodeSettings.from_settings(load_settings(own, tmp_path / "none")) == EncodeSettings(
        encoder="h264_vaapi",
        crf=31,
        preset="slow",
        max_height=480,
        threads=7,
        segment_seconds=12,
        timeout_seconds=99,
        save_interval=4,
        disk_reserve=77_000_000,
    )
    nonsense = load_settings(
        {"CONVERSION_THREADS": "0", "CONVERSION_SEGMENT_SECONDS": "0"}, tmp_path / "none"
    )
    assert EncodeSettings.from_settings(nonsense).threads == 1
    assert EncodeSettings.from_settings(nonsense).segment_seconds == 1


async def test_quality_speed_and_height_are_those_of_the_settings(tmp_path: Path) -> None:
    """x264 writes into each video with which options it was made."""
    source = clip(tmp_path / "a.avi", *MPEG4, size="96x64", seconds=0.4, sound=False)
    settings = replace(QUICK, crf=41, preset="medium", max_height=32)
    await convert(source, tmp_path / "out.mp4", settings=settings)
    made = (tmp_path / "out.mp4").read_bytes()
    assert b"crf=41.0" in made
    assert b"cabac=1" in made and b"rc_lookahead=40" in made  # "ultrafast" has neither
    assert [(s["width"], s["height"]) for s in streams(tmp_path / "out.mp4")] == [(48, 32)]


async def test_ffmpeg_runs_at_low_priority_and_both_within_their_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_it_write(monkeypatch, tmp_path)
    script = f'echo "$(nice) $(ulimit -v)" >"{tmp_path}/$(basename "$0").limits"'
    names = [program(tmp_path / name, script) for name in ("ffmpeg", "ffprobe")]
    tools = Tools(*names, memory=3 << 30)
    await tools.convert(["-version"], within=30)
    await tools.describe(["-version"])
    limits = [(tmp_path / f"{name}.limits").read_text().split() for name in ("ffmpeg", "ffprobe")]
    own = os.nice(0)
    assert [int(niceness) for niceness, _ in limits] == [min(19, own + 10), min(19, own + 5)]
    assert [int(memory) for _, memory in limits] == [(3 << 30) // 1024] * 2


async def test_a_disk_that_ffmpeg_finds_full_is_no_failed_conversion(tmp_path: Path) -> None:
    """It is tried again when there is room, and the attempt is not counted."""
    script = 'echo "av_interleaved_write_frame(): No space left on device" >&2\nexit 1'
    tools = Tools(program(tmp_path / "ffmpeg", script))
    with pytest.raises(DiskFull):
        await tools.convert([], within=30)


async def test_an_ffmpeg_that_fails_says_why_with_its_last_words(tmp_path: Path) -> None:
    tools = Tools(program(tmp_path / "ffmpeg", "echo first >&2; echo 'why it failed' >&2; exit 3"))
    with pytest.raises(ConversionFailed, match="ffmpeg says: why it failed"):
        await tools.convert([], within=30)


async def test_a_file_is_looked_at_again_when_what_looks_at_it_was_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_it_die_by_signals(monkeypatch)
    let_it_write(monkeypatch, tmp_path)
    film = clip(tmp_path / "a.avi", *MPEG4, size="96x64", seconds=0.4, sound=False)
    killed, real = tmp_path / "killed", shutil.which("ffprobe")
    once = f"[ -e '{killed}' ] || {{ : > '{killed}'; kill -9 $$; }}\nexec '{real}' \"$@\""
    found = await inspect(film, film.name, tools=Tools(ffprobe=program(tmp_path / "ffprobe", once)))
    assert killed.exists()
    assert found.verdict is Verdict.DEFERRED


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("kill -9 $$", "was killed."),
        ("exit 255", "was killed."),
        (
            "echo 'Error while opening encoder: Cannot allocate memory' >&2; exit 1",
            "got too little memory for it.",
        ),
        (
            "echo 'terminate called after throwing std::bad_alloc' >&2; kill -6 $$",
            "got too little memory for it.",
        ),
    ],
)
async def test_what_was_stopped_from_outside_is_told_from_what_the_file_is_to_blame_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, told: str
) -> None:
    let_it_die_by_signals(monkeypatch)
    tools = Tools(program(tmp_path / "ffmpeg", script), program(tmp_path / "ffprobe", script))
    with pytest.raises(ToolStopped, match=f"ffmpeg {told}") as stopped:
        await tools.convert([], within=30)
    assert stopped.value.passing
    film = clip(tmp_path / "a.avi", *MPEG4, size="96x64", seconds=0.4, sound=False)
    found = await inspect(film, film.name, tools=tools)
    assert (found.verdict, found.reason) == (Verdict.OTHER, f"ffprobe {told}")
    with pytest.raises(ToolStopped):
        await convert(
            film,
            tmp_path / "out.mp4",
            tools=Tools(tools._ffmpeg),
            before=await inspect(film, "", tools=TOOLS),
        )
    with pytest.raises(ToolStopped, match="not found|not installed|No such"):
        await Tools(str(tmp_path / "none")).convert([], within=30)


async def test_an_ffmpeg_that_stands_still_is_ended(tmp_path: Path) -> None:
    tools = Tools(program(tmp_path / "ffmpeg", "exec sleep 60"))
    with pytest.raises(ConversionTimeout, match="stood still"):
        await tools.convert([], within=60, stall=0.2)


async def test_another_ffmpeg_in_the_place_of_the_first_is_asked_anew(tmp_path: Path) -> None:
    tools = Tools(program(tmp_path / "ffmpeg", "echo ffmpeg version 1 >&2"))
    assert (await tools.features()).version == "ffmpeg version 1"
    program(tmp_path / "ffmpeg", "echo ffmpeg version 1.2 >&2")
    assert (await tools.features()).version == "ffmpeg version 1.2"


class Patient(Tools):
    """Notes how long each call may take, by the name of what it writes."""

    def __init__(self) -> None:
        super().__init__()
        self.allowed: dict[str, float] = {}

    async def convert(self, arguments: Sequence[str], *, within: float, **more: Any) -> Progress:
        self.allowed[Path(arguments[-1]).name] = within
        return await super().convert(arguments, within=within, **more)


@pytest.mark.parametrize(("name", "seconds", "factor"), [("a.gif", 3, 6), ("a.avi", 3, 1)])
async def test_a_step_over_all_of_a_film_may_take_as_many_times_as_long_as_it_has_segments(
    tmp_path: Path, name: str, seconds: float, factor: int
) -> None:
    codec = ("-f", "gif") if name.endswith("gif") else (*MPEG4, "-g", "12")
    source = clip(tmp_path / name, *codec, size="64x48", rate="10", seconds=seconds, sound=False)
    tools = Patient()
    settings = replace(QUICK, segment_seconds=0.5, timeout_seconds=40)
    await convert(source, tmp_path / "out.mp4", settings=settings, tools=tools)
    assert tools.allowed["segment-00000.mp4.part"] == pytest.approx(40 * factor)


async def test_what_is_only_copied_needs_room_too(tmp_path: Path) -> None:
    source = clip(tmp_path / "a.mp4", *H264, *AAC, "-movflags", "+faststart", size="64x48", seconds=0.4)
    converter = Converter(EncodeSettings(disk_reserve=1000), TOOLS, free=lambda _: 1010)

    async def nothing(_: float) -> None:
        """Nobody watches."""

    with pytest.raises(DiskFull):
        await converter.convert(
            source,
            tmp_path / "out.mp4",
            inspection=await inspect(source, "a.mp4", tools=TOOLS),
            checkpoint=Memory(),
            work_dir=tmp_path / "work",
            on_progress=nothing,
        )
    assert not (tmp_path / "out.mp4").exists()


async def test_a_damaged_sound_file_of_our_own_is_a_failure_that_is_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """What ffmpeg has made and nobody can read: not "no video", which nobody would count as an attempt."""
    real = shutil.which("ffmpeg")
    spoil = f'*audio-1.mp4*) for last; do :; done; "{real}" "$@"; echo nothing >"${{last#file:}}"; exit'
    tools = Tools(program(tmp_path / "ffmpeg", f'case "$*" in {spoil} ;; esac\nexec "{real}" "$@"'))
    source = clip(tmp_path / "a.avi", *MPEG4, "-c:a", "libmp3lame", size="64x48", seconds=0.4)
    with caplog.at_level(logging.INFO), pytest.raises(ConversionFailed):
        await convert(source, tmp_path / "out.mp4", tools=tools)
    assert not (tmp_path / "out.mp4").exists()


async def test_an_encrypted_film_is_refused_with_the_reason(tmp_path: Path) -> None:
    key = ("-encryption_scheme", "cenc-aes-ctr", "-encryption_key", "0" * 32, "-encryption_kid", "1" * 32)
    source = clip(tmp_path / "a.mp4", *H264, *key, size="64x48", seconds=0.4, sound=False)
    inspection = await inspect(source, "a.mp4", tools=TOOLS)
    assert (inspection.verdict, inspection.plan) == (Verdict.OTHER, None)
    assert "encrypted (DRM)" in inspection.reason
