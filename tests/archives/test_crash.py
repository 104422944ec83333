"""A 7-Zip that crashes: the archive is not called damaged, and what can be had is."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.archives.making import seven_zip, tar_bytes
from tests.archives.test_tar import zstd
from tests.archives.unpacking import unpack
from tests.fake_tools import let_it_die_by_signals, script
from utils.archives import engine
from utils.archives import seven_zip as reading
from utils.archives.engine import find_engine
from utils.errors import EngineCrashed, ProgramKilled

FILES = {"1.jpg": b"1" * 5000, "2.jpg": b"2" * 5000, "3.jpg": b"3" * 5000}
CRASHED = "7-Zip crashed on it (signal 11)."


def dying(monkeypatch: pytest.MonkeyPatch, folder: Path, when: str, number: int = signal.SIGSEGV) -> None:
    """7-Zip dies of a signal where ``when`` (Python, of ``words``) is true, and works otherwise."""
    real = str(find_engine())
    text = f"""
import os, sys
words = sys.argv[1:]
if {when}:
    os.kill(os.getpid(), {number:d})
os.execv({real!r}, [{real!r}, *words])
"""
    made = script(folder / "dying 7-Zip", text)
    monkeypatch.setattr(engine, "find_engine", lambda: made)
    let_it_die_by_signals(monkeypatch)


async def test_a_crash_while_listing_is_said_of_the_archive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = seven_zip(tmp_path / "a.7z", FILES)
    dying(monkeypatch, tmp_path, "words[0] == 'l'")
    outcome = await unpack(path.read_bytes(), tmp_path / "room")
    assert (type(outcome.error), outcome.told) == (EngineCrashed, CRASHED)


async def test_a_crash_while_unpacking_is_said_of_each_entry(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = seven_zip(tmp_path / "a.7z", FILES)
    dying(monkeypatch, tmp_path, "words[0] == 'x'")
    outcome = await unpack(path.read_bytes(), tmp_path / "room")
    assert outcome.errors == dict.fromkeys(FILES, CRASHED)
    assert outcome.error is None and outcome.files == {}


async def test_what_comes_without_a_crash_is_taken_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole at once kills it, and so does one of the entries by itself."""
    path = seven_zip(tmp_path / "a.7z", FILES, "-ms=off")
    chosen = "[open(w[3:], encoding='utf-16-le').read() for w in words if w.startswith('-i@')]"
    dying(monkeypatch, tmp_path, f"words[0] == 'x' and not any('1.jpg' not in names for names in {chosen})")
    outcome = await unpack(path.read_bytes(), tmp_path / "room")
    assert outcome.errors == {"1.jpg": CRASHED}
    assert outcome.files == {name: FILES[name] for name in ("2.jpg", "3.jpg")}


async def test_crashes_without_an_end_are_given_up_in_their_own_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = seven_zip(tmp_path / "a.7z", FILES)
    dying(monkeypatch, tmp_path, "words[0] == 'x'")
    monkeypatch.setattr(reading, "FAILURES_IN_A_ROW", 2)
    outcome = await unpack(path.read_bytes(), tmp_path / "room")
    assert outcome.told == "7-Zip crashes on it again and again; the rest was given up."


async def test_a_crash_says_nothing_of_the_password(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = seven_zip(tmp_path / "a.7z", FILES, "-psesame")
    dying(monkeypatch, tmp_path, "words[0] == 'x'")
    outcome = await unpack(path.read_bytes(), tmp_path / "room", passwords=["sesame"])
    assert (type(outcome.error), outcome.told) == (EngineCrashed, CRASHED)


async def test_a_crash_on_a_stream_is_said_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = zstd(tar_bytes(list(FILES.items())), tmp_path)
    dying(monkeypatch, tmp_path, "'-si' in words")
    outcome = await unpack(data, tmp_path / "room")
    assert outcome.told == CRASHED


@pytest.mark.parametrize("when", ["words[0] == 'l'", "words[0] == 'x'"], ids=["listing", "unpacking"])
async def test_a_7_zip_that_somebody_killed_says_nothing_of_the_archive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    path = seven_zip(tmp_path / "a.7z", FILES)
    dying(monkeypatch, tmp_path, when, signal.SIGKILL)
    outcome = await unpack(path.read_bytes(), tmp_path / "room")
    assert isinstance(outcome.error, ProgramKilled)
    assert outcome.errors == {}


async def test_a_7_zip_that_somebody_killed_says_nothing_of_the_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = seven_zip(tmp_path / "a.7z", FILES, "-psesame")
    dying(monkeypatch, tmp_path, "words[0] == 'x'", signal.SIGKILL)
    outcome = await unpack(path.read_bytes(), tmp_path / "room", passwords=["sesame"])
    assert isinstance(outcome.error, ProgramKilled)
