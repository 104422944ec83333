"""The state file in the hands of others: several managers, half-filled entries, odd names."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from utils import constants, conversion_state
from utils.constants import ROOT
from utils.conversion_state import KEEP_FINISHED, ConversionStateManager, parse_states, read_states
from utils.storage import changes
from utils.storage.atomic import write_bytes

SAVER = """
import sys
import time
from collections.abc import Callable
from utils.conversion_state import ConversionStateManager
states = ConversionStateManager(state_file=sys.argv[1])
for number in range(40):
    states.save_state(f"{sys.argv[2]} {number}", "pending", 0, "out")
"""


def test_two_processes_on_one_file_lose_nothing_of_each_other(tmp_path: Path) -> None:
    file = tmp_path / "s.json"
    command = [sys.executable, "-c", SAVER, str(file)]
    savers = [subprocess.Popen([*command, name], cwd=ROOT) for name in ("one", "two")]
    assert [saver.wait(60) for saver in savers] == [0, 0]
    assert len(json.loads(file.read_text())) == 80
    assert [path.name for path in tmp_path.iterdir()] == ["s.json"]


@pytest.mark.parametrize("large", [True, False], ids=["large", "small"])
@pytest.mark.parametrize("known", [True, False], ids=["changed", "new"])
def test_a_change_that_could_not_be_written_did_not_happen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, known: bool, large: bool
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    if large:
        monkeypatch.setattr(conversion_state, "WRITTEN_AT_ONCE", 0)
    states = ConversionStateManager(state_file=tmp_path / "s.json")
    if known:
        states.save_state("film", "in_progress", 50, "out")
    states.save_state("third", "pending", 0, "out")
    with monkeypatch.context() as patch, pytest.raises(OSError, match="No space"):
        patch.setattr(changes, "append_lines", full)
        patch.setattr(conversion_state, "write_bytes", full)
        states.save_state("film", "completed", 100, "out")
    state = states.load_state("film")
    assert (state or {}).get("status") == ("in_progress" if known else None)
    states.save_state("other", "pending", 0, "out")
    assert ConversionStateManager(state_file=tmp_path / "s.json").states == states.states


def test_of_a_large_state_only_what_changes_is_written_and_the_file_follows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "s.json"
    states = ConversionStateManager(state_file=file)
    written: list[int] = []

    def counted(path: Path, content: bytes) -> None:
        written.append(len(content))
        write_bytes(path, content)

    monkeypatch.setattr(conversion_state, "write_bytes", counted)
    for number in range(2000):
        states.save_state(f"/films/{number}.avi", "pending", 0, "out", details={"job": f"7_{number % 2}"})
    first = file.with_suffix(".changes")
    assert sum(written) + first.stat().st_size < 2000 * 4000
    known = states.states
    assert len(known) == 2000
    assert read_states(file) == ConversionStateManager(state_file=file).states == known
    stale = first.read_bytes()
    states.flush()
    assert json.loads(file.read_bytes()) == known and not first.exists()
    # As a crash leaves it that comes before they are removed.
    states.forget(*(path for path in known if path.endswith("1.avi")))
    states.flush()
    first.write_bytes(stale)
    assert ConversionStateManager(state_file=file).states == known and len(known) == 1800
    # After a while the file itself is written, whoever looks.
    states.save_state("file", "pending", 0, "out")
    states.save_state("line", "pending", 0, "out")
    assert "line" in states.states and "line" not in json.loads(file.read_bytes())
    later = time.monotonic() + 60
    monkeypatch.setattr(time, "monotonic", lambda: later)
    states.save_state("another", "pending", 0, "out")
    assert "another" in json.loads(file.read_bytes())


def test_what_a_killed_process_left_beside_the_file_is_put_into_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversion_state, "WRITTEN_AT_ONCE", 0)
    file = tmp_path / "s.json"
    killed = ConversionStateManager(state_file=file)
    for status in ("pending", "failed"):
        killed.save_state("film", status, 0, "out")
    assert json.loads(file.read_bytes())["film"]["status"] == "pending"
    ConversionStateManager(state_file=file).flush()
    assert json.loads(file.read_bytes())["film"]["status"] == "failed"


def test_what_is_known_is_told_while_somebody_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    states = ConversionStateManager(state_file=tmp_path / "s.json")
    states.save_state("film", "pending", 0, "out")
    writing, told = threading.Event(), threading.Event()

    def slow(path: Path, content: bytes) -> None:
        writing.set()
        assert told.wait(30)
        write_bytes(path, content)

    monkeypatch.setattr(conversion_state, "write_bytes", slow)
    with ThreadPoolExecutor() as pool:
        other = pool.submit(states.save_state, "other", "pending", 0, "out")
        assert writing.wait(30)
        assert states.load_state("film") is not None
        told.set()
        other.result()


def test_what_another_manager_cleaned_up_stays_away(tmp_path: Path) -> None:
    bots = ConversionStateManager(state_file=tmp_path / "s.json")
    bots.save_state("old", "completed", 100, "out")
    assert ConversionStateManager(state_file=tmp_path / "s.json").cleanup_completed(max_age_hours=0) == 1
    bots.save_state("new", "pending", 0, "out")
    assert set(bots.states) == set(json.loads((tmp_path / "s.json").read_text())) == {"new"}


@pytest.mark.parametrize(
    "entry",
    [
        {"output_path": "out", "progress": 30, "started_at": 1.0, "last_updated": 2.0, "retry_count": 1},
        {"details": None, "retry_count": None, "progress": None, "last_updated": "2026-01-01T00:00:00"},
        {"progress": float("nan"), "error": 7, "details": [1]},
    ],
)
def test_what_an_entry_lacks_is_filled_in(tmp_path: Path, entry: dict[str, Any]) -> None:
    source = tmp_path / "v.mov"
    source.touch()
    file = tmp_path / "s.json"
    file.write_text(json.dumps({str(source): {"file_path": str(source), "status": "pending", **entry}}))
    states = ConversionStateManager(state_file=file)
    (state,) = states.get_incomplete_conversions()
    assert state["details"] == {} and 0 <= state["progress"] <= 100
    assert states.increment_retry_count(source) == (entry.get("retry_count") or 0) + 1
    states.mark_completed(source)
    assert states.cleanup_completed(max_age_hours=0) == 1


@pytest.mark.parametrize("value", [[], {"a": 1}, {"a": {"file_path": "a", "status": "converting"}}])
def test_what_is_no_state_file_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match=r"no JSON object|incomplete"):
        parse_states(value)


def test_a_status_that_there_is_not_changes_nothing(tmp_path: Path) -> None:
    states = ConversionStateManager(state_file=tmp_path / "s.json")
    with pytest.raises(ValueError, match="'converting' is none of pending, in_progress"):
        states.save_state("a", "converting", 0, "out")
    assert states.states == {}


def test_a_name_that_is_no_text_comes_back(tmp_path: Path) -> None:
    name = os.fsdecode(b"bad\xff.mov")
    states = ConversionStateManager(state_file=tmp_path / "s.json")
    states.save_state(name, "pending", 0, "out")
    states.save_state("Отпуск.mov", "pending", 0, "out")
    assert set(ConversionStateManager(state_file=tmp_path / "s.json").states) == {name, "Отпуск.mov"}


def test_failures_are_not_forgotten_for_what_was_completed(tmp_path: Path) -> None:
    states = ConversionStateManager(state_file=tmp_path / "s.json")
    states.save_state("bad", "failed", 0, "out", error="why")
    for number in range(KEEP_FINISHED + 5):
        states.states[f"{number}"] = {**states.states["bad"], "status": "completed", "last_updated": number}
    states.save_state("next", "pending", 0, "out")
    assert states.load_state("bad") is not None
    assert states.get_stats()["completed"] == KEEP_FINISHED


def test_a_folder_in_place_of_the_file_is_set_aside(tmp_path: Path) -> None:
    (tmp_path / "s.json").mkdir()
    states = ConversionStateManager(state_file=tmp_path / "s.json")
    states.save_state("a", "pending", 0, "out")
    assert json.loads((tmp_path / "s.json").read_text())


def test_the_owners_quarantine_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONVERSION_STATE_FILE", str(tmp_path / "s.json"))
    monkeypatch.setenv("QUARANTINE_DIR", str(tmp_path / "kept"))
    (tmp_path / "s.json").write_text("{")
    ConversionStateManager()
    assert len(list(Path(constants.QUARANTINE_DIR).iterdir())) == 2


def test_every_change_says_when_it_was(tmp_path: Path) -> None:
    """By that the diagnostics tell a conversion that moves from one that is stuck."""
    states = ConversionStateManager(state_file=tmp_path / "s.json")
    ways: list[Callable[[str], object]] = [
        states.increment_retry_count,
        states.mark_completed,
        lambda name: states.mark_failed(name, "why"),
        lambda name: states.save_state(name, "pending", 0, "out"),
    ]
    for number, change in enumerate(ways):
        states.save_state(str(number), "in_progress", 5, "out")
        states.states[str(number)]["last_updated"] = 1.0
        change(str(number))
        assert time.time() - states.states[str(number)]["last_updated"] < 60


def test_completed_ones_are_forgotten_after_a_day_by_default(tmp_path: Path) -> None:
    states = ConversionStateManager(state_file=tmp_path / "s.json")
    for name, hours in (("yesterday", 24.1), ("today", 23.9)):
        states.save_state(name, "completed", 100, "out")
        states.states[name]["last_updated"] = time.time() - hours * 3600
    assert states.cleanup_completed() == 1
    assert set(ConversionStateManager(state_file=tmp_path / "s.json").states) == {"today"}


def test_what_was_handed_out_can_be_changed_without_harm(tmp_path: Path) -> None:
    (tmp_path / "film").touch()
    states = ConversionStateManager(state_file=tmp_path / "s.json")
    states.save_state(tmp_path / "film", "pending", 0, "out")
    for state in (states.load_state(tmp_path / "film"), *states.get_incomplete_conversions()):
        assert state is not None
        state["status"] = "failed"
    assert states.states[str(tmp_path / "film")]["status"] == "pending"


def test_what_is_forgotten_is_forgotten_on_the_disk(tmp_path: Path) -> None:
    states = ConversionStateManager(state_file=tmp_path / "s.json")
    states.save_state("a", "pending", 0, "out")
    states.forget("a")
    states.forget("never there")
    assert ConversionStateManager(state_file=tmp_path / "s.json").states == {}
