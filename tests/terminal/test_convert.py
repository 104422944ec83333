"""``convert INPUT OUTPUT`` as somebody types it."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.e2e.process import Ended, run, start
from tests.files import photo, video
from tests.media.makers import clip
from utils.constants import ROOT, SETTINGS, Settings
from utils.media import MediaTools, Verdict


def environ(folder: Path, **settings: str) -> dict[str, str]:
    """Nothing is set but ``settings``, and segments of a second."""
    known = {info.name for info in SETTINGS}
    inherited = {name: text for name, text in os.environ.items() if name not in known}
    own = {"CONVERSION_SEGMENT_SECONDS": "1", "CONVERSION_STATE_SAVE_INTERVAL": "0", "DISK_RESERVE_MB": "1"}
    return {**inherited, "SECRETS_FILE": str(folder / "none"), **own, **settings}


async def convert(folder: Path, *arguments: str | Path, **settings: str) -> Ended:
    return await run(environ(folder, **settings), "convert", *map(str, arguments))


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def old_film(folder: Path, seconds: float = 3) -> Path:
    path = folder / "film.avi"
    path.write_bytes(video("avi", seconds=seconds))
    return path


async def killed_after(progress: float, environment: dict[str, str], arguments: Sequence[str | Path]) -> None:
    """Start a conversion, and kill it once it has told so much progress (in percent)."""
    process = await start(environment, "convert", *map(str, arguments), "--json")
    assert process.stdout is not None
    async with asyncio.timeout(60):
        async for line in process.stdout:
            if json.loads(line)["progress"] >= progress:
                break
        else:
            raise AssertionError("it was done before it could be killed")
    process.kill()
    await process.communicate()


@pytest.mark.parametrize("kind", ["avi", "mkv", "pcm"])
async def test_any_video_becomes_one_that_plays(tmp_path: Path, kind: str) -> None:
    source = tmp_path / "in.bin"
    source.write_bytes(video(kind))
    ended = await convert(tmp_path, source, tmp_path / "out.mp4")
    assert ended.code == 0, ended.err
    assert "✅" in ended.err and "♻️" not in ended.err
    inspection = await MediaTools.from_settings(Settings()).inspect(tmp_path / "out.mp4", "out.mp4")
    assert inspection.verdict is Verdict.READY
    assert source.read_bytes() == video(kind)


async def test_one_that_plays_as_it_is_is_copied(tmp_path: Path) -> None:
    source = tmp_path / "in.mp4"
    source.write_bytes(video("mp4"))
    ended = await convert(tmp_path, source, tmp_path / "out.mp4")
    assert ended.code == 0, ended.err
    assert (tmp_path / "out.mp4").read_bytes() == source.read_bytes()


async def test_killed_and_called_again_it_goes_on_to_the_same_bytes(tmp_path: Path) -> None:
    (tmp_path / "whole").mkdir()
    source = old_film(tmp_path, seconds=6)
    whole = tmp_path / "whole" / "out.mp4"
    assert (await convert(tmp_path, source, whole)).code == 0
    out = tmp_path / "out.mp4"
    for _ in range(2):
        await killed_after(30, environ(tmp_path), (source, out))
        assert not out.exists()
    ended = await convert(tmp_path, source, out)
    assert ended.code == 0, ended.err
    resumed = re.search(r"♻️ Resumed after (\d+) %", ended.err)
    assert resumed is not None and int(resumed[1]) >= 10
    assert sha256(out) == sha256(whole)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["film.avi", "out.mp4", "whole"]


async def test_progress_is_told_as_json_lines_up_to_the_end(tmp_path: Path) -> None:
    ended = await convert(tmp_path, old_film(tmp_path), tmp_path / "out.mp4", "--json")
    told = [json.loads(line)["progress"] for line in ended.out.splitlines()]
    assert told == sorted(told) and told[-1] == 100
    assert ended.code == 0


async def test_state_and_segments_lie_where_they_are_told_to(tmp_path: Path) -> None:
    state, recovery = tmp_path / "s.json", tmp_path / "segments"
    options = ("--state-file", state, "--recovery-dir", recovery)
    await killed_after(30, environ(tmp_path), (old_film(tmp_path, 6), tmp_path / "out.mp4", *options))
    assert state.exists() and list(recovery.rglob("*"))
    assert not list(tmp_path.glob("out.mp4*"))
    ended = await convert(tmp_path, tmp_path / "film.avi", tmp_path / "out.mp4", *options)
    assert ended.code == 0 and "♻️ Resumed" in ended.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["film.avi", "out.mp4", "s.json", "segments"]
    assert list(recovery.iterdir()) == []


@pytest.mark.parametrize("there", [True, False])
async def test_told_another_recovery_folder_it_goes_on_with_what_is_there(
    tmp_path: Path, there: bool
) -> None:
    arguments = (old_film(tmp_path, 6), tmp_path / "out.mp4")
    before, after = tmp_path / "before", tmp_path / "after"
    await killed_after(30, environ(tmp_path), (*arguments, "--recovery-dir", before))
    if not there:
        shutil.rmtree(before)
    ended = await convert(tmp_path, *arguments, "--recovery-dir", after)
    assert ended.code == 0
    assert ("♻️ Resumed" in ended.err) is there
    assert not list(tmp_path.glob("*/convert-*"))


async def test_two_films_of_one_name_may_share_a_recovery_folder(tmp_path: Path) -> None:
    recovery, films = tmp_path / "segments", [tmp_path / "1" / "a.ts", tmp_path / "2" / "a.ts"]
    for film, extra in zip(films, ("null", "negate"), strict=True):
        film.parent.mkdir()
        clip(film, "-c:v", "mpeg2video", "-q:v", "4", "-c:a", "mp2", seconds=4, picture_filter=extra)
    options = (tmp_path / "out.mp4", "--recovery-dir", recovery, "--state-file", tmp_path / "s.json")
    await killed_after(20, environ(tmp_path), (films[0], *options))
    assert (await convert(tmp_path, films[1], *options)).code == 0
    assert (await convert(tmp_path, films[1], tmp_path / "alone.mp4")).code == 0
    assert sha256(tmp_path / "out.mp4") == sha256(tmp_path / "alone.mp4")


async def test_a_second_call_for_the_same_is_refused_and_disturbs_nothing(tmp_path: Path) -> None:
    arguments = (old_film(tmp_path, 6), tmp_path / "out.mp4")
    process = await start(environ(tmp_path), "convert", *map(str, arguments), "--json")
    assert process.stdout is not None
    await process.stdout.readline()
    second = await convert(tmp_path, *arguments)
    assert process.returncode is None
    await process.communicate()
    assert process.returncode == 0
    assert second.code == 2
    assert f"❌ Another process works in {tmp_path / 'out.mp4.recovery'}." in second.err


async def test_interrupted_it_says_so_in_a_line_and_goes_on_when_called_again(tmp_path: Path) -> None:
    arguments = (old_film(tmp_path, 6), tmp_path / "out.mp4")
    process = await start(environ(tmp_path), "convert", *map(str, arguments), "--json")
    assert process.stdout is not None
    while (json.loads(await process.stdout.readline()))["progress"] < 20:
        pass
    process.send_signal(signal.SIGINT)
    _, told = await process.communicate()
    assert process.returncode == 130
    assert told.decode().splitlines()[1:] == ["⏹️ Interrupted."]
    ended = await convert(tmp_path, *arguments)
    assert ended.code == 0 and "♻️ Resumed" in ended.err


@pytest.mark.parametrize("content", [b"only text", photo(1), b"", video("avi")[:3000]])
async def test_what_holds_no_video_is_3(tmp_path: Path, content: bytes) -> None:
    source = tmp_path / "film.avi"
    source.write_bytes(content)
    ended = await convert(tmp_path, source, tmp_path / "out.mp4")
    assert ended.code == 3
    assert "❌ film.avi: " in ended.err and "Traceback" not in ended.err
    assert [path.name for path in tmp_path.iterdir()] == ["film.avi"]


async def test_an_ffmpeg_that_fails_is_4(tmp_path: Path) -> None:
    fake = tmp_path / "bin" / "ffmpeg"
    fake.parent.mkdir()
    real = shutil.which("ffmpeg")
    fake.write_text(f'#!/bin/sh\ncase "$*" in *film.avi*libx264*) exit 1;; esac\nexec {real} "$@"\n')
    fake.chmod(0o755)
    path = f"{fake.parent}:{os.environ['PATH']}"
    ended = await convert(tmp_path, old_film(tmp_path), tmp_path / "out.mp4", PATH=path)
    assert ended.code == 4
    assert "❌ film.avi: " in ended.err and "Traceback" not in ended.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bin", "film.avi"]


async def test_what_takes_too_long_is_5(tmp_path: Path) -> None:
    slow = {
        "VIDEO_PRESET": "veryslow",
        "CONVERSION_TIMEOUT_SECONDS": "1",
        "CONVERSION_SEGMENT_SECONDS": "600",
    }
    ended = await convert(tmp_path, old_film(tmp_path, 60), tmp_path / "out.mp4", **slow)
    assert ended.code == 5
    assert "❌ film.avi: " in ended.err and "Traceback" not in ended.err


async def test_what_took_too_long_goes_on_where_it_was(tmp_path: Path) -> None:
    """A second of it that takes far longer than the others."""
    source, out = tmp_path / "film.avi", tmp_path / "out.mp4"
    clip(source, "-c:v", "mpeg4", "-g", "25", sound=False, seconds=3)
    fake = tmp_path / "bin" / "ffmpeg"
    fake.parent.mkdir()
    fake.write_text(
        f'#!/bin/sh\ncase "$*" in *segment-00002*) sleep 60;; esac\nexec {shutil.which("ffmpeg")} "$@"\n'
    )
    fake.chmod(0o755)
    slow = {"PATH": f"{fake.parent}:{os.environ['PATH']}", "CONVERSION_TIMEOUT_SECONDS": "8"}
    ended = await convert(tmp_path, source, out, CONVERSION_THREADS="1", **slow)
    assert ended.code == 5
    assert [line[:11] for line in ended.err.splitlines()] == ["🎬 film.avi:", "❌ film.avi:"]
    ended = await convert(tmp_path, source, out)
    assert ended.code == 0
    assert "♻️ Resumed after 67 %" in ended.err


async def test_no_room_on_the_disk_is_6(tmp_path: Path) -> None:
    ended = await convert(tmp_path, old_film(tmp_path), tmp_path / "out.mp4", DISK_RESERVE_MB="100000000")
    assert ended.code == 6
    assert "MB" in ended.err and "Traceback" not in ended.err


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("film.avi",),
        ("nowhere.avi", "out.mp4"),
        ("film.avi", "film.avi"),
        ("film.avi", "none/out.mp4"),
        ("film.avi", ""),
    ],
)
async def test_wrong_usage_is_2(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    film = old_film(tmp_path)
    before = film.read_bytes()
    ended = await convert(tmp_path, *(tmp_path / name for name in arguments))
    assert ended.code == 2
    assert ended.err and not ended.out
    assert film.read_bytes() == before


@pytest.mark.parametrize("name", ["film.avi", "out.mp4"])
async def test_no_state_is_written_over_a_video(tmp_path: Path, name: str) -> None:
    film = old_film(tmp_path)
    before = film.read_bytes()
    ended = await convert(tmp_path, film, tmp_path / "out.mp4", "--state-file", tmp_path / name)
    assert ended.code == 2
    assert "state file" in ended.err
    assert film.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["film.avi"]


@pytest.mark.parametrize(
    ("output", "options"),
    [
        ("out.mp4", {"--recovery-dir": "film.avi"}),
        ("out.mp4", {"--recovery-dir": "film.avi/deeper"}),
        ("out.mp4", {"--state-file": "folder"}),
        ("out.mp4", {"--state-file": "folder/s.json", "--recovery-dir": "folder"}),
        ("o" * 250, {}),
    ],
)
async def test_what_cannot_be_used_is_told_in_a_line(
    tmp_path: Path, output: str, options: dict[str, str]
) -> None:
    (tmp_path / "folder").mkdir()
    more = [part for name, value in options.items() for part in (name, str(tmp_path / value))]
    ended = await convert(tmp_path, old_film(tmp_path), tmp_path / output, *more)
    assert ended.code == 2
    assert ended.err.startswith("❌ ") and ended.err.count("\n") == 1


async def test_a_long_name_is_a_name(tmp_path: Path) -> None:
    source = old_film(tmp_path).rename(tmp_path / ("i" * 255))
    assert (await convert(tmp_path, source, tmp_path / ("o" * 240))).code == 0


def test_it_ends_without_a_word_when_nobody_reads_what_it_prints(tmp_path: Path) -> None:
    command: list[str | Path] = [sys.executable, ROOT / "extract-compressed-files.py", "convert", "--json"]
    command += [old_film(tmp_path, 6), tmp_path / "out.mp4"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env=environ(tmp_path), stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        told = process.stderr.read()
    assert process.returncode == 141
    assert told.count("\n") == 1 and "🎬" in told


async def test_called_again_after_the_end_it_begins_anew_to_the_same_bytes(tmp_path: Path) -> None:
    source, out = old_film(tmp_path), tmp_path / "out.mp4"
    assert (await convert(tmp_path, source, out)).code == 0
    first = sha256(out)
    ended = await convert(tmp_path, source, out)
    assert ended.code == 0 and "♻️" not in ended.err
    assert sha256(out) == first


def test_it_starts_without_loading_what_only_the_bot_needs() -> None:
    """Telethon takes as long to load as a short re-wrap takes in all."""
    code = "import sys, utils.terminal.main; sys.exit('telethon' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
