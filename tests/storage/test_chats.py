"""What was chosen in chats: over restarts, and whatever became of its file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from utils.storage.chats import FILE_NAME, Chats


def test_it_is_kept_over_restarts_and_taken_back(tmp_path: Path) -> None:
    path = tmp_path / FILE_NAME
    chats = Chats(path, tmp_path / "quarantine")
    assert chats.of(7) == {}
    chats.replace(7, {"order": "date"})
    chats.replace(-1007, {"order": "name", "of a later version": "x"})
    again = Chats(path, tmp_path / "quarantine")
    assert (again.of(7), again.of(8)) == ({"order": "date"}, {})
    assert again.of(-1007) == {"order": "name", "of a later version": "x"}
    again.replace(7, {})
    again.replace(8, {})
    assert json.loads(path.read_text())["chats"].keys() == {"-1007"}
    assert not (tmp_path / "quarantine").exists()


@pytest.mark.parametrize(
    "content",
    [
        '{"version": 2, "chats": {}}',
        '{"version": 1}',
        '{"version": 1, "chats": {"7": ["order"]}}',
        '{"version": 1, "chats": {"7": {"order": 1}}}',
        '{"version": 1, "chats": {"seven": {}}}',
        "[]",
        "{",
    ],
)
def test_what_cannot_be_used_is_kept_aside_and_nothing_is_chosen(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, content: str
) -> None:
    path = tmp_path / FILE_NAME
    path.write_text(content)
    chats = Chats(path, tmp_path / "quarantine")
    assert chats.of(7) == {} and not path.exists()
    assert "State file set aside: chats.json" in caplog.text
    assert content in [kept.read_text() for kept in (tmp_path / "quarantine").iterdir()]
    chats.replace(7, {"order": "date"})
    assert Chats(path, tmp_path / "quarantine").of(7) == {"order": "date"}


def test_on_a_full_disk_all_is_as_before(tmp_path: Path) -> None:
    path = tmp_path / FILE_NAME
    chats = Chats(path, tmp_path / "quarantine")
    chats.replace(7, {"order": "date"})
    (tmp_path / f"{FILE_NAME}.tmp").mkdir()
    with pytest.raises(OSError, match="directory"):
        chats.replace(7, {"order": "name"})
    assert chats.of(7) == {"order": "date"}
