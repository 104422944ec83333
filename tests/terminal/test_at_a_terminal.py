"""What somebody sees who sits at the terminal while ``inspect`` or ``convert`` is at work."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.files import photo, zip_of
from tests.terminal.screen import PROGRAM, Screen, at, screen
from tests.terminal.test_convert import environ, old_film
from utils.constants import ROOT


def wait_for_a_bar(seen: Screen) -> None:
    while "█" not in seen.written:
        assert seen.read(), seen.written


def pictures(folder: Path, count: int) -> Path:
    return zip_of(folder / "a.zip", {f"{n}.jpg": photo(n) for n in range(count)})


def test_a_conversion_shows_a_bar_and_leaves_two_lines(tmp_path: Path) -> None:
    arguments = [str(old_film(tmp_path, 6)), str(tmp_path / "out.mp4")]
    with screen(200) as seen, at(seen, environ(tmp_path), PROGRAM, "convert", *arguments) as process:
        begun, done, end = seen.lines()
    assert process.returncode == 0
    assert "█" in seen.written and "film.avi " in seen.written
    assert begun.startswith("🎬 film.avi: full. ") and done.startswith("✅ ") and end == ""


def test_ctrl_c_leaves_nothing_of_the_bar(tmp_path: Path) -> None:
    arguments = [str(old_film(tmp_path, 60)), str(tmp_path / "out.mp4")]
    with screen() as seen, at(seen, environ(tmp_path), PROGRAM, "convert", *arguments) as process:
        wait_for_a_bar(seen)
        seen.press(b"\x03")
        lines = seen.lines()
    assert process.returncode == 130
    assert "^C" in seen.written
    assert lines[0].startswith("🎬 film.avi") and lines[-2:] == ["⏹️ Interrupted.", ""] and len(lines) == 3


def test_rows_stand_above_the_bar_and_stay(tmp_path: Path) -> None:
    archive = pictures(tmp_path, 5)
    with screen(200) as seen, at(seen, environ(tmp_path), PROGRAM, "inspect", str(archive)) as process:
        lines = seen.lines()
    assert process.returncode == 0
    assert "█" in seen.written and "a.zip " in seen.written
    assert [line.split()[:2] for line in lines] == [["send", "photo"]] * 5 + [[]]
    assert sorted(line.split()[3] for line in lines[:-1]) == [f"{n}.jpg" for n in range(5)]


def test_results_go_where_they_are_led_and_the_bar_to_the_terminal(tmp_path: Path) -> None:
    archive = pictures(tmp_path, 5)
    arguments = ("inspect", str(archive), "--json")
    with (
        screen() as seen,
        at(seen, environ(tmp_path), PROGRAM, *arguments, output=subprocess.PIPE) as process,
    ):
        assert process.stdout is not None
        assert seen.lines() == [""]
        rows = process.stdout.read().decode()
    assert "█" in seen.written
    assert sorted(json.loads(row)["name"] for row in rows.splitlines()) == [f"{n}.jpg" for n in range(5)]
    assert not {"\r", "\x1b", "█"} & set(rows)


def test_ctrl_c_leaves_the_rows_and_nothing_else(tmp_path: Path) -> None:
    archive = pictures(tmp_path, 300)
    with screen(200) as seen, at(seen, environ(tmp_path), PROGRAM, "inspect", str(archive)) as process:
        wait_for_a_bar(seen)
        seen.press(b"\x03")
        lines = seen.lines()
    assert process.returncode == 130
    assert {line[:12] for line in lines[:-1]} <= {"send   photo"} and lines[-1] == ""
    assert not any("█" in line or "^C" in line for line in lines)


@pytest.mark.parametrize("command", ["inspect", "convert"])
def test_into_a_pipe_go_plain_lines_and_one_for_each_thing(tmp_path: Path, command: str) -> None:
    arguments = {
        "inspect": lambda: [pictures(tmp_path, 5)],
        "convert": lambda: [old_film(tmp_path), tmp_path / "out.mp4"],
    }[command]()
    ran = subprocess.run(
        [sys.executable, PROGRAM, command, *arguments],
        env=environ(tmp_path),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
    )
    lines = (ran.stdout + ran.stderr).splitlines(keepends=True)
    assert len(lines) == {"inspect": 5, "convert": 2}[command]
    assert all(line.endswith("\n") and line[:-1].replace("\ufe0f", "").isprintable() for line in lines)


@pytest.mark.parametrize("module", ["utils.terminal.main", "utils.bot", "demo.__main__"])
def test_no_library_for_progress_is_loaded_before_it_is_needed(module: str) -> None:
    code = f"import sys, {module}; sys.exit(', '.join({{'tqdm', 'rich'}} & set(sys.modules)) or 0)"
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=os.environ, stderr=subprocess.PIPE, text=True
    )
    assert (ran.returncode, ran.stderr) == (0, "")
