"""What came in a chat is counted once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.jobs.test_lines import ITEM
from tests.jobs.test_summary import file, sent
from utils.errors import TooNew
from utils.jobs import lines
from utils.jobs.record import JobRecord
from utils.jobs.stats import Figures, Stats


def stats(folder: Path) -> Stats:
    """As a process that starts has them, 90 seconds after the archive came."""
    return Stats(folder / "stats.json", folder / "quarantine", clock=lambda: 1090.0)


async def test_an_archive_counts_once_over_restarts(tmp_path: Path) -> None:
    first = stats(tmp_path)
    assert first.of(ITEM.chat) is None
    story = [
        lines.Origin.of(ITEM, date=1000.0),
        lines.File(file(1, "a.jpg")),
        lines.Defer(file(2, "b.avi", "document"), 1),
        lines.Converted(2, file(2, "b.mp4", "video")),
        lines.File(file(3, "not sent.jpg")),
        sent(1),
        sent(2),
    ]
    record = JobRecord.of(story)
    await first.count(record)
    await stats(tmp_path).count(record)
    once = Figures(1000.0, archives=1, files=2, size=20, converted=1, seconds=90.0)
    assert stats(tmp_path).of(ITEM.chat) == once
    again = JobRecord.of([lines.Origin.of(ITEM, date=1080.0), *story[1:]])
    await stats(tmp_path).count(again)
    twice = stats(tmp_path).of(ITEM.chat)
    assert twice == Figures(1000.0, archives=2, files=4, size=40, converted=2, seconds=100.0)
    assert twice is not None
    assert twice.words().splitlines()[1:] == [
        "2 archives · 4 files · 40 B",
        "2 videos converted · 100 seconds of work",
    ]


@pytest.mark.parametrize("content", ["{}", '{"version": 1, "chats": {"5": {"since": "x"}}, "counted": []}'])
def test_a_file_that_cannot_be_read_is_set_aside_and_a_newer_one_left_alone(
    tmp_path: Path, content: str
) -> None:
    (tmp_path / "stats.json").write_text(content)
    assert stats(tmp_path).of(5) is None
    assert len(list((tmp_path / "quarantine").iterdir())) == 2
    (tmp_path / "stats.json").write_text('{"version": 2}')
    with pytest.raises(TooNew):
        stats(tmp_path)
