"""What was said to be on the disk is there after a power cut, wherever it comes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.disk import Disk, disk
from utils.conversion_state import ConversionStateManager
from utils.jobs import intake
from utils.jobs.intake import Incoming, Peer, Seen
from utils.storage.atomic import make_folder, read_json, set_aside, write_json
from utils.storage.journal import Journal
from utils.storage.volumes import split_file
from utils.storage.workspace import Workspace
from utils.telegram import part_file
from utils.telegram.part_file import PartFile

__all__ = ["disk"]

ITEM = Incoming(Peer("user", 7), 7, 1, "a.zip", 10, 99, "")


def test_a_file_that_was_replaced_is_the_new_one(tmp_path: Path, disk: Disk) -> None:
    for value in ({"first": 1}, {"second": 2}):
        write_json(tmp_path / "state.json", value)
    disk.lose_power()
    assert read_json(tmp_path / "state.json") == {"second": 2}
    assert [path.name for path in tmp_path.iterdir()] == ["state.json"]


def test_a_file_is_whole_whenever_the_power_goes_while_it_is_replaced(tmp_path: Path, disk: Disk) -> None:
    path = tmp_path / "state.json"
    write_json(path, {"n": "old" * 100})
    found: list[object] = []
    for lose_names in (True, False):
        disk.lose_names = lose_names
        disk.before = lambda _: found.append(json.loads(disk.survivors()["state.json"]))
        write_json(path, {"n": "new"})
        write_json(path, {"n": "old" * 100})
    assert len(found) >= 8


def test_a_folder_that_was_made_is_there_with_all_above_it(tmp_path: Path, disk: Disk) -> None:
    make_folder(tmp_path / "a" / "b" / "c")
    write_json(tmp_path / "a" / "b" / "c" / "x.json", 1)
    make_folder(tmp_path / "a" / "b" / "c")
    assert list(disk.survivors()) == ["a/b/c/x.json"]


def test_conversions_are_remembered(tmp_path: Path, disk: Disk) -> None:
    states = ConversionStateManager(tmp_path / "new" / "conversion_state.json")
    states.save_state("/a.mov", "pending", 0, "/a.mp4")
    states.save_state("/a.mov", "in_progress", 45, "/a.mp4", details={"plan": {"x": 1}})
    disk.lose_power()
    state = ConversionStateManager(tmp_path / "new" / "conversion_state.json").load_state("/a.mov")
    assert state is not None
    assert (state["status"], state["progress"], state["details"]) == ("in_progress", 45, {"plan": {"x": 1}})


async def test_a_job_that_was_begun_is_there_with_its_journal(tmp_path: Path, disk: Disk) -> None:
    workspace = Workspace(tmp_path / "jobs" / "7_1")
    workspace.prepare()
    journal = Journal(workspace.journal)
    journal.open()
    await journal.append({"t": "origin"})
    await journal.append({"t": "run"}, {"t": "file"})
    disk.lose_power()
    assert Journal(workspace.journal).open() == [{"t": "origin"}, {"t": "run"}, {"t": "file"}]


def test_a_torn_line_stays_away(tmp_path: Path, disk: Disk) -> None:
    path = tmp_path / "journal.jsonl"
    Journal(path).open()
    path.write_bytes(b'{"t":"origin"}\n{"t":"ru')
    Journal(path).open()
    assert disk.survivors()["journal.jsonl"] == b'{"t":"origin"}\n'


async def test_messages_that_were_taken_are_remembered(
    tmp_path: Path, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "REMEMBERED", 1)
    for _ in range(4):
        seen = Seen(tmp_path / "intake.jsonl")
        seen.open()
        await seen.add(ITEM)
    seen = Seen(tmp_path / "intake.jsonl")
    seen.open()  # makes it shorter
    disk.lose_power()
    again = Seen(tmp_path / "intake.jsonl")
    again.open()
    assert again.has(ITEM.job)


def test_what_was_set_aside_is_kept_with_the_reason(tmp_path: Path, disk: Disk) -> None:
    (tmp_path / "film.avi").write_bytes(b"film" * 100)
    kept = set_aside(tmp_path / "film.avi", tmp_path / "quarantine", "why")
    survivors = disk.survivors()
    assert survivors[f"quarantine/{kept.name}"] == b"film" * 100
    assert survivors[f"quarantine/{kept.name}.reason.txt"] == b"why\n"


def test_the_volumes_of_a_large_file_are_there(tmp_path: Path, disk: Disk) -> None:
    (tmp_path / "film").write_bytes(bytes(range(1, 11)))
    paths = split_file(tmp_path / "film", tmp_path, 4)
    survivors = disk.survivors()
    assert b"".join(survivors[path.name] for path in paths) == bytes(range(1, 11))


@pytest.mark.parametrize("lose_names", [True, False])
async def test_no_part_of_a_download_is_recorded_that_is_not_there(
    tmp_path: Path, disk: Disk, monkeypatch: pytest.MonkeyPatch, lose_names: bool
) -> None:
    """Whenever the power goes: what the record calls done is there."""
    monkeypatch.setattr(part_file, "RECORD_BYTES", 30)
    disk.lose_names = lose_names
    recorded: set[int] = set()

    def check(_: Path) -> None:
        left = disk.survivors()
        done = int(json.loads(left.get("a.zip.parts.json", b'{"done": "0"}'))["done"], 16)
        for part in (part for part in range(12) if done >> part & 1):
            recorded.add(part)
            assert left["a.zip.part"][part * 10 : part * 10 + 10] == bytes([part + 1]) * 10

    disk.before = check
    file = PartFile(tmp_path / "a.zip", identity="document-1", size=120, part_size=10)
    await file.open()
    for part in (11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1):
        await file.write(part, bytes([part + 1]) * 10)
    await file.close()
    check(tmp_path)
    assert len(recorded) == 11


async def test_a_download_that_is_finished_is_whole(tmp_path: Path, disk: Disk) -> None:
    file = PartFile(tmp_path / "a.zip", identity="document-1", size=20, part_size=10)
    await file.open()
    for part in (0, 1):
        await file.write(part, bytes([part + 1]) * 10)
    await file.finish()
    await file.close()
    assert disk.survivors() == {"a.zip": b"\1" * 10 + b"\2" * 10}
