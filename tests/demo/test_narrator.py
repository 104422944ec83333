"""What the demo tells, and what it shows meanwhile."""

from __future__ import annotations

import io
import os

import pytest

from demo.narrator import Narrator
from tests.terminal.screen import screen


def test_progress_is_on_the_terminal_and_what_is_told_on_the_output() -> None:
    told = io.StringIO()
    with screen() as seen:
        with os.fdopen(seen.theirs, "w", encoding="utf-8") as terminal:
            narrator = Narrator(told, terminal)
            with narrator.progress("⬆ a.zip") as show:
                show(1, 4)
                narrator.tell("something else")
        assert seen.lines() == [""]
    assert "⬆ a.zip  25 %" in seen.written
    assert told.getvalue() == "something else\n"


def test_both_on_one_terminal_leave_what_was_told() -> None:
    with screen() as seen:
        with os.fdopen(seen.theirs, "w", encoding="utf-8") as terminal:
            narrator = Narrator(terminal, terminal)
            with pytest.raises(KeyboardInterrupt), narrator.progress("⬆ a.zip") as show:
                show(1, 4)
                narrator.tell("told meanwhile")
                raise KeyboardInterrupt
            narrator.tell("🛑 Stopped.")
        assert seen.lines() == ["told meanwhile", "🛑 Stopped.", ""]
    assert "█" in seen.written


def test_progress_counts_as_something_that_happens() -> None:
    narrator = Narrator(io.StringIO(), None)
    before = narrator.last_event
    with narrator.progress("a") as show:
        show(1, 4)
    assert narrator.last_event > before
