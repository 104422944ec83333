"""The state of conversions against a plain dictionary, with restarts and second managers in between."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from tests.drawn import any_text
from utils import conversion_state
from utils.conversion_state import INCOMPLETE, STATUSES, ConversionStateManager, parse_states, read_states

pytestmark = pytest.mark.usefixtures("no_waiting_for_the_disk")

json_values: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), any_text),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(any_text, inner, max_size=3)),
    max_leaves=6,
)
details = st.dictionaries(any_text, st.one_of(st.integers(), any_text, st.lists(st.integers())), max_size=3)


class States(RuleBasedStateMachine):
    """``expected`` holds what a manager should know: (output, status, progress, retries, error, details)."""

    paths = Bundle("paths")

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.file = self.folder / "state" / "conversion_state.json"
        self.manager = ConversionStateManager(state_file=self.file)
        self.expected: dict[str, dict[str, Any]] = {}

    def teardown(self) -> None:
        shutil.rmtree(self.folder)

    @initialize(target=paths)
    def a_source(self) -> str:
        path = self.folder / "source.mov"
        path.touch()
        return str(path)

    @rule(target=paths, name=st.text("abcЖ", min_size=1, max_size=3), there=st.booleans())
    def another(self, name: str, there: bool) -> str:
        path = self.folder / name
        if there:
            path.touch()
        return str(path)

    @rule(
        path=paths,
        status=st.sampled_from(STATUSES),
        progress=st.floats(0, 100),
        error=st.one_of(st.none(), any_text),
        details=st.one_of(st.none(), details),
    )
    def save(
        self, path: str, status: str, progress: float, error: str | None, details: dict[str, Any] | None
    ) -> None:
        self.manager.save_state(path, status, progress, "out", error, details=details)
        old = self.expected.pop(path, {"retry_count": 0, "details": {}})
        self.expected[path] = {
            "status": status,
            "progress": progress,
            "error": error,
            "retry_count": old["retry_count"],
            "details": old["details"] if details is None else details,
        }

    @rule(path=paths)
    def complete(self, path: str) -> None:
        self.manager.mark_completed(path)
        if path in self.expected:
            self.expected[path] |= {"status": "completed", "progress": 100, "error": None, "details": {}}

    @rule(path=paths, error=any_text)
    def fail(self, path: str, error: str) -> None:
        self.manager.mark_failed(path, error)
        if path in self.expected:
            self.expected[path] |= {"status": "failed", "error": error}

    @rule(path=paths)
    def try_again(self, path: str) -> None:
        count = self.manager.increment_retry_count(path)
        if path in self.expected:
            self.expected[path]["retry_count"] += 1
        assert count == self.expected.get(path, {"retry_count": 0})["retry_count"]

    @rule(path=paths)
    def forget(self, path: str) -> None:
        self.manager.forget(path)
        self.expected.pop(path, None)

    @rule(hours=st.sampled_from([-1.0, 24.0]))
    def clean_up(self, hours: float) -> None:
        old = [p for p, s in self.expected.items() if s["status"] == "completed" and hours < 0]
        assert self.manager.cleanup_completed(max_age_hours=hours) == len(old)
        for path in old:
            del self.expected[path]

    @rule()
    def go_on(self) -> None:
        found = self.manager.get_incomplete_conversions()
        incomplete = {path for path, state in self.expected.items() if state["status"] in INCOMPLETE}
        assert {state["file_path"] for state in found} == {p for p in incomplete if Path(p).exists()}
        for path in incomplete:
            if not Path(path).exists():
                self.expected[path] |= {"status": "failed", "error": "Original file missing"}

    @rule()
    def start_again(self) -> None:
        self.manager = ConversionStateManager(state_file=self.file)

    @rule(path=paths)
    def somebody_else_fails_it(self, path: str) -> None:
        ConversionStateManager(state_file=self.file).mark_failed(path, "by another")
        if path in self.expected:
            self.expected[path] |= {"status": "failed", "error": "by another"}

    @invariant()
    def it_knows_what_it_was_told(self) -> None:
        counts = self.manager.get_stats()  # reads what is newest
        assert counts.pop("total") == sum(counts.values()) == len(self.expected)
        for path, expected in self.expected.items():
            state = self.manager.load_state(path)
            assert state is not None and state["file_path"] == path and state["output_path"] == "out"
            assert {key: state[key] for key in expected} == expected
            assert state["started_at"] <= state["last_updated"]

        # Not an invariant by itself: only now the manager has read what is newest.
        assert read_states(self.file) == self.manager.states
        self.leaves_only_its_own_files()

    def leaves_only_its_own_files(self) -> None:
        if self.file.exists():
            assert json.loads(self.file.read_bytes()) == self.manager.states
        assert [entry.name for entry in self.file.parent.iterdir()] in ([], [self.file.name])


class LargeStates(States):
    """The same, with changes as lines beside a file that is written now and then."""

    def __init__(self) -> None:
        super().__init__()
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(conversion_state, "WRITTEN_AT_ONCE", 0)

    def teardown(self) -> None:
        self.patch.undo()
        super().teardown()

    @rule()
    def write_it(self) -> None:
        self.manager.flush()
        if self.file.exists():
            assert json.loads(self.file.read_bytes()) == self.manager.states

    @rule(torn=st.binary(max_size=20))
    def crash_in_a_line(self, torn: bytes) -> None:
        changes = self.file.with_suffix(".changes")
        if changes.exists():
            with changes.open("ab") as file:
                file.write(b'{"path": "a' + torn.replace(b"\n", b""))
        self.manager = ConversionStateManager(state_file=self.file)

    def leaves_only_its_own_files(self) -> None:
        assert {entry.name for entry in self.file.parent.iterdir()} <= {
            *(self.file.name, "conversion_state.changes")
        }


States.TestCase.settings = settings(stateful_step_count=15, max_examples=25)
LargeStates.TestCase.settings = settings(stateful_step_count=20, max_examples=40)
TestStates = States.TestCase
TestLargeStates = LargeStates.TestCase


@given(json_values, any_text)
def test_any_json_is_a_state_file_or_is_refused(value: Any, path: str) -> None:
    for file in (value, {path: value}, {path: {"file_path": path, "status": "failed", "progress": value}}):
        try:
            states = parse_states(file)
        except ValueError:
            continue
        for state in states.values():
            assert state["status"] in STATUSES and isinstance(state["details"], dict)
            assert 0 <= state["progress"] <= 100
        assert parse_states(json.loads(json.dumps(states))) == states


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(
    ("output_path", "progress", "started_at", "last_updated", "retry_count", "error", "details"), json_values
)))  # fmt: skip
def test_an_entry_with_anything_in_it_is_an_entry(more: dict[str, Any]) -> None:
    (state,) = parse_states({"a": {"file_path": "a", "status": "pending", **more}}).values()
    assert 0 <= state["progress"] <= 100 and state["retry_count"] >= 0
    assert isinstance(state["output_path"], str) and isinstance(state["details"], dict)
    assert state["error"] is None or isinstance(state["error"], str)
    assert isinstance(state["started_at"], int | float) and isinstance(state["last_updated"], int | float)
