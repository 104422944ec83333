"""What failed of an archive is known until it is tried again."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.jobs.test_summary import file
from utils.errors import TooNew
from utils.jobs import failures, lines
from utils.jobs.failures import Failures
from utils.jobs.only import failed_keys
from utils.jobs.record import JobRecord


def known(folder: Path) -> Failures:
    """As a process that starts has them."""
    return Failures(folder / "failures.json", folder / "quarantine")


async def test_the_last_try_counts_also_after_a_restart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = known(tmp_path)
    await first.keep(-5, 7, [])
    assert not (tmp_path / "failures.json").exists()
    await first.keep(-5, 7, ["1", "2"])
    await first.keep(5, 7, ["3"])
    assert known(tmp_path).of(-5, 7) == ["1", "2"] and known(tmp_path).of(5, 8) == ()
    await first.keep(-5, 7, ["2"])
    monkeypatch.setattr(failures, "ARCHIVES", 2)
    await first.keep(9, 9, ["4"])
    # The one that was told of first is forgotten first.
    assert known(tmp_path).of(5, 7) == () and known(tmp_path).of(-5, 7) == ["2"]
    await first.keep(-5, 7, [])
    assert known(tmp_path).of(-5, 7) == ()


@pytest.mark.parametrize("content", ['{"version": 1}', '{"version": 1, "failed": {"a": [1]}}', "\0"])
def test_a_file_that_cannot_be_read_is_set_aside_and_a_newer_one_left_alone(
    tmp_path: Path, content: str
) -> None:
    (tmp_path / "failures.json").write_text(content)
    assert known(tmp_path).of(5, 7) == ()
    assert len(list((tmp_path / "quarantine").iterdir())) == 2
    (tmp_path / "failures.json").write_text('{"version": 2, "failed": {}}')
    with pytest.raises(TooNew):
        known(tmp_path)


def test_entries_count_by_their_own_key() -> None:
    record = JobRecord.of(
        [
            lines.Skip("3#film", "a.mov", "why"),
            lines.Skip("4", "b.jpg", "why"),
            lines.Defer(file(5, "c.avi", "document"), 1),
            lines.Unconvertible(5, "why"),
            lines.Defer(file(6, "d.avi", "document"), 1),
        ]
    )
    assert failed_keys(record) == ["3", "4", "5"]
