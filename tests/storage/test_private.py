"""What an older version left open is shut, and nothing else."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from utils.storage.private import keep_private, logs, shut


def modes(folder: Path) -> dict[str, int]:
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in (folder, *folder.iterdir())}


@pytest.mark.parametrize("foreign", [False, True])
def test_a_folder_is_shut_with_what_is_in_it_unless_it_has_more(tmp_path: Path, foreign: bool) -> None:
    data = tmp_path / "data"
    for name in ("jobs", "sessions"):
        (data / name).mkdir(parents=True)
        (data / name).chmod(0o755)
    for name in ("intake.jsonl", "bot.log.1", *(["thesis"] if foreign else [])):
        (data / name).touch()
        (data / name).chmod(0o644)
    data.chmod(0o755)
    keep_private(data)
    found = modes(data)
    assert found["data"] == (0o755 if foreign else 0o700)
    assert found["jobs"] == found["sessions"] == 0o700
    assert found.get("thesis") in (None, 0o644)


def test_logs_are_shut_and_devices_and_shared_folders_are_not(tmp_path: Path) -> None:
    for name in ("bot.log", "bot.log.1"):
        (tmp_path / name).touch()
        (tmp_path / name).chmod(0o644)
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared").chmod(0o1777)
    (tmp_path / "link").symlink_to("shared")
    for path in (*logs(tmp_path / "bot.log"), Path("/dev/null"), tmp_path / "shared", tmp_path / "link"):
        shut(path)
    found = modes(tmp_path)
    assert (found["bot.log"], found["bot.log.1"], found["shared"]) == (0o600, 0o600, 0o1777)
    assert Path("/dev/null").stat().st_mode & 0o022
