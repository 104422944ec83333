"""What the plots are drawn from: a day in steps, and no more."""

from __future__ import annotations

import re
from pathlib import Path

from utils.owner.history import DAY, STEP, Counts, History, Step
from utils.owner.plots import plots


def test_a_day_is_remembered_in_steps_and_no_more() -> None:
    now = [1_000_000 * STEP]
    history = History(lambda: now[0])
    history.add(Counts(1000, 10, 0, 0.0), 70)
    now[0] += STEP / 2
    history.add(Counts(4000, 10, 2, 30.0), 50)
    now[0] += STEP
    history.add(Counts(4000, 30, 2, 30.0), 60)
    first, second = history.steps()
    assert (first.sent, first.received, first.conversions, first.seconds, first.memory) == (
        4000,
        10,
        2,
        30,
        70,
    )
    assert (second.at - first.at, second.sent, second.received, second.memory) == (1, 0, 20, 60)
    for _ in range(1000):
        now[0] += STEP
        history.add(Counts(5000, 30, 2, 30.0), 60)
    assert len(history.steps()) == DAY / STEP
    now[0] += DAY
    assert history.steps() == []


def test_a_day_is_kept_over_a_restart_and_a_damaged_file_is_not(tmp_path: Path) -> None:
    file, quarantine, now = tmp_path / "history.json", tmp_path / "quarantine", [1_000_000 * STEP]
    for _ in range(2):
        history = History.kept_in(file, quarantine, lambda: now[0])
        history.add(Counts(1000, 10, 1, 1.5), 70)
        history.keep()
    (step,) = History.kept_in(file, quarantine, lambda: now[0]).steps()
    assert vars(step) == vars(Step(1_000_000, 2000, 20, 2, 3.0, 70))
    now[0] -= DAY  # somebody put the clock right
    assert History.kept_in(file, quarantine, lambda: now[0]).steps() == []
    for damaged in ("", "[]", '{"version": 1, "steps": [["a"]]}', '{"version": 1, "steps": {}}'):
        file.write_text(damaged)
        assert History.kept_in(file, quarantine).steps() == [] and not file.exists()


def test_plots_say_in_words_what_they_show_and_leave_gaps() -> None:
    now = [1_000_000 * STEP]
    history = History(lambda: now[0])
    assert "Sent over the last day: nothing yet" in plots(history)
    for sent in (300_000, 900_000):
        history.add(Counts(sent, 0, 1, 12.0), 70_000_000)
        now[0] += STEP
    now[0] += 2 * STEP
    history.add(Counts(1_200_000, 0, 1, 12.0), 0)
    shown = plots(history)
    assert "Sent over the last day: 2 KB/s at most" in shown
    assert "Time of a conversion over the last day: 12 s at most" in shown
    assert "Memory over the last day: 70.0 MB at most" in shown
    line = re.findall(r'class="line" d="([^"]*)"', shown)[0]
    assert line.count("M") == 2 and line.count("L") == 1
