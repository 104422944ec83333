"""What is kept in quarantine, for how long, and that no more than that goes."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from utils.storage.atomic import set_aside
from utils.storage.quarantine import DAY, REASON, Quarantine


def kept_video(folder: Path, name: str, days: float) -> Path:
    """As conversions leave one that failed so many days ago; the file itself is older."""
    (folder / name).write_bytes(b"film")
    (folder / f"{name}{REASON}").write_text("film.avi: It cannot be decoded.\n")
    old = time.time() - days * DAY
    os.utime(folder / name, (0, 0))
    os.utime(folder / f"{name}{REASON}", (old, old))
    return folder / name


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two videos of a job that is over, one of a job that is not, and something else from two days ago."""
    quarantine, jobs = tmp_path / "quarantine", tmp_path / "jobs"
    (jobs / "-100123_9").mkdir(parents=True)
    quarantine.mkdir()
    kept_video(quarantine, "5_7-000001", 1.1)
    kept_video(quarantine, "5_7_0123abcd-000001", 0.9)
    kept_video(quarantine, "-100123_9-000001", 1.1)
    (tmp_path / "job").mkdir()
    (tmp_path / "job" / "journal").write_bytes(b"12345")
    aside = set_aside(tmp_path / "job", quarantine, "It is damaged.")
    old = time.time() - 2 * DAY
    os.utime(aside.with_name(aside.name + REASON), (old, old))
    return quarantine


def test_what_was_sent_goes_after_a_day_and_all_else_after_the_days_of_the_setting(folder: Path) -> None:
    jobs, now = folder.parent / "jobs", time.time()

    def due(days: int, later: float = 0.0) -> set[str]:
        quarantine = Quarantine(folder, jobs, days)
        return {entry.name.rpartition("-")[0][:9] for entry in quarantine.due(now + later * DAY)}

    assert due(0, 1000) == set()
    assert due(30) == {"5_7"}
    assert due(30, 0.2) == {"5_7", "5_7_0123a"}
    assert len(due(30, 28.5)) == 3  # not the one of the job that is under way
    assert len(due(30, 29)) == 4
    assert len(due(1)) == 3


def test_what_goes_takes_its_reason_with_it_and_nothing_else(folder: Path) -> None:
    quarantine = Quarantine(folder, folder.parent / "jobs", 30)
    aside, *videos = quarantine.entries()
    assert (aside.size, aside.reason, aside.job) == (5, "It is damaged.", "")
    assert {video.reason for video in videos} == {"film.avi: It cannot be decoded."}
    quarantine.remove([aside, *quarantine.due(time.time())])
    assert sorted(path.name for path in folder.iterdir()) == [
        *("-100123_9-000001", f"-100123_9-000001{REASON}"),
        *("5_7_0123abcd-000001", f"5_7_0123abcd-000001{REASON}"),
    ]
    assert Quarantine(folder / "none", folder, 30).entries() == []
