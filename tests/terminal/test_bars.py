"""Progress is drawn on a terminal, and nowhere else."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

import pytest

from tests.terminal.screen import Screen, at, screen
from utils.terminal import bars
from utils.terminal.bars import Bar


@pytest.fixture(autouse=True)
def every_change_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bars, "INTERVAL", 0)


@contextmanager
def stream_of(screen: Screen) -> Iterator[TextIO]:
    with os.fdopen(screen.theirs, "w", encoding="utf-8") as stream:
        yield stream


def test_it_shows_a_name_and_how_much_is_done_and_leaves_nothing() -> None:
    with screen() as seen:
        with stream_of(seen) as stream:
            bar = Bar("film.avi", stream)
            for percent in (0, 50, 100):
                bar.show(percent)
            bar.end()
        assert seen.lines() == [""]
    drawn = [part for part in seen.written.split("\r") if "film.avi" in part]
    assert [re.findall(r"(\d+) %", part) for part in drawn] == [["0"], ["50"], ["100"]]
    filled = [part.count("█") for part in drawn]
    assert filled[0] == 0 and filled[1] == pytest.approx(filled[2] / 2, abs=1) and filled[2] > 10


def test_where_the_total_is_not_known_it_counts() -> None:
    with screen() as seen:
        with stream_of(seen) as stream:
            bar = Bar("a.tar", stream)
            bar.show(7, None)
            bar.end()
        assert seen.lines() == [""]
    assert "a.tar 7 " in seen.written and "%" not in seen.written


def test_what_is_printed_meanwhile_stands_above_it() -> None:
    with screen() as seen:
        with stream_of(seen) as stream:
            bar = Bar("a", stream)
            for number, line in enumerate(("short", "long" * 15), 1):
                bar.show(number, 2)
                with bar.aside():
                    print(line, file=stream)
            bar.end()
        assert seen.lines() == ["short", "long" * 15, ""]


@pytest.mark.parametrize("columns", [10, 30, 200])
def test_it_never_needs_a_second_line(columns: int) -> None:
    with screen(columns) as seen:
        with stream_of(seen) as stream:
            bar = Bar("a long name " * 20, stream)
            bar.show(30)
            bar.end()
        seen.lines()
    assert max(map(len, seen.written.split("\r"))) < columns


def test_a_name_cannot_move_the_cursor() -> None:
    with screen() as seen:
        with stream_of(seen) as stream:
            bar = Bar("a\x1b[2J\n\tb", stream)
            bar.show(1)
            bar.end()
        assert seen.lines() == [""]
    assert "a [2J  b" in seen.written and "\x1b" not in seen.written


def test_after_its_end_nothing_is_drawn() -> None:
    with screen() as seen:
        with stream_of(seen) as stream:
            bar = Bar("a", stream)
            bar.end()
            bar.show(1)
            with bar.aside():
                pass
        assert seen.lines() == [""]
    assert seen.written == ""


def test_it_needs_no_thread_and_no_lock_between_processes() -> None:
    """For such a lock, newer Pythons start a helper process."""
    code = (
        "import sys, threading; from utils.terminal.bars import Bar; bar = Bar('a', sys.stderr); bar.show(1);"
        "threads = threading.active_count(); bar.end();"
        "print('tqdm' in sys.modules, threads, 'multiprocessing.synchronize' in sys.modules)"
    )
    with screen() as seen, at(seen, os.environ, "-c", code) as process:
        assert seen.lines() == ["True 1 False", ""]
    assert process.returncode == 0


def test_into_a_pipe_or_a_file_nothing_is_written() -> None:
    reading, writing = os.pipe()
    kept = io.StringIO()
    with os.fdopen(writing, "w") as pipe:
        for stream in (pipe, kept, None):
            bar = Bar("a", stream)
            bar.show(1)
            with bar.aside():
                pass
            bar.end()
    with os.fdopen(reading) as other:
        assert (other.read(), kept.getvalue()) == ("", "")
