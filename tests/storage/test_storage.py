"""What is on disk after kills, torn writes, full disks and second processes."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.storage import endless
from utils.conversion_state import parse_states
from utils.errors import AlreadyRunning
from utils.storage.atomic import load_or_set_aside, read_json, write_json
from utils.storage.journal import Journal, parse
from utils.storage.lock import InstanceLock
from utils.storage.workspace import Workspace


def test_json_is_replaced_as_a_whole_and_reads_back(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    assert read_json(path) is None
    for value in ({"name": "Отпуск 京都"}, [1, 2]):
        write_json(path, value)
        assert read_json(path) == value
    assert [entry.name for entry in tmp_path.iterdir()] == ["state.json"]


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[1]"])
def test_a_file_that_makes_no_sense_is_kept_aside_with_the_reason(tmp_path: Path, content: bytes) -> None:
    path, quarantine = tmp_path / "state.json", tmp_path / "quarantine"
    path.write_bytes(content)
    assert load_or_set_aside(path, quarantine, parse_states) is None
    assert not path.exists()
    kept, reason = sorted(quarantine.iterdir(), key=lambda entry: len(entry.name))
    assert kept.read_bytes() == content
    assert "state.json was set aside" in reason.read_text()


async def test_a_journal_reads_back_what_was_appended_in_order(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.jsonl")
    assert journal.open() == []
    await asyncio.gather(*(journal.append({"n": n}, {"name": "Ж"}) for n in range(20)))
    records = Journal(journal.path).open()
    assert [record["n"] for record in records[::2]] == list(range(20))
    assert all(record == {"name": "Ж"} for record in records[1::2])


async def test_a_record_about_a_path_that_is_no_text_comes_back(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.jsonl")
    journal.open()
    record = {"told": "No such file: Ж/" + os.fsdecode(b"bad\xff")}
    await journal.append(record, {"n": 2})
    assert Journal(journal.path).open() == [record, {"n": 2}]


@pytest.mark.parametrize("before", [False, True])
async def test_nobody_but_its_owner_reads_a_journal(tmp_path: Path, before: bool) -> None:
    journal = Journal(tmp_path / "journal.jsonl")
    if before:
        journal.path.touch(0o644)
    journal.open()
    await journal.append({"caption": "pass: opensesame"})
    assert stat.S_IMODE(journal.path.stat().st_mode) == 0o600


async def test_a_journal_cut_at_any_byte_keeps_every_whole_line_and_can_go_on(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.jsonl")
    journal.open()
    await journal.append({"n": 1, "name": "первый"}, {"n": 2}, {"n": 3})
    whole = journal.path.read_bytes()
    ends = [index + 1 for index, byte in enumerate(whole) if byte == ord("\n")]
    for cut in range(len(whole) + 1):
        path = tmp_path / "cut.jsonl"
        path.write_bytes(whole[:cut])
        torn = Journal(path)
        survivors = [record["n"] for record in torn.open()]
        assert survivors == list(range(1, 1 + sum(end <= cut for end in ends)))
        await torn.append({"n": 9})
        assert [record["n"] for record in Journal(path).open()] == [*survivors, 9]


def test_what_a_power_cut_leaves_behind_the_last_line_is_dropped() -> None:
    assert parse(b'{"n":1}\n\0\0\0\0\n{"n":2}\n') == ([{"n": 1}], 8)
    assert parse(b'{"n":1}\n[2]\n') == ([{"n": 1}], 8)


async def test_a_line_that_does_not_fit_on_the_disk_leaves_no_half_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk cannot be had here: fsync stands in for the write that fails."""
    journal = Journal(tmp_path / "journal.jsonl")
    journal.open()
    await journal.append({"n": 1})

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space left"):
            await journal.append({"n": 2})
    await journal.append({"n": 3})
    assert [record["n"] for record in Journal(journal.path).open()] == [1, 3]


async def test_what_comes_at_once_is_flushed_together_and_what_does_not_fit_fails_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(tmp_path / "journal.jsonl")
    journal.open()
    flushed: list[int] = []

    def small(handle: int) -> None:
        flushed.append(os.fstat(handle).st_size)
        if flushed[-1] > 5000:
            raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", small)
        await asyncio.gather(*(journal.append({"n": n}) for n in range(50)))
        assert len(flushed) <= 2 and flushed[-1] == journal.path.stat().st_size
        sizes = (10, 9000, 10, 10)
        done = await asyncio.gather(
            *(journal.append({"n": 50 + n, "filler": "x" * size}) for n, size in enumerate(sizes)),
            return_exceptions=True,
        )
    assert [isinstance(one, OSError) for one in done] == [False, True, False, False]
    assert [record["n"] for record in Journal(journal.path).open()] == [*range(51), 52, 53]


async def test_an_append_that_is_cancelled_still_writes_its_whole_line(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.jsonl")
    journal.open()
    task = asyncio.create_task(journal.append({"n": 1}))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await journal.append({"n": 2})
    assert [record["n"] for record in Journal(journal.path).open()][-1] == 2


def test_a_kill_during_an_append_loses_no_earlier_line(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    with endless.running("append", path) as process:
        while not path.exists() or path.stat().st_size < 50_000:
            assert process.poll() is None
            time.sleep(0.01)
    numbers = [record["n"] for record in Journal(path).open()]
    assert numbers == list(range(len(numbers))) and len(numbers) > 10


def test_a_second_process_is_refused_with_the_first_ones_id(tmp_path: Path) -> None:
    with InstanceLock(tmp_path):
        code = (
            "import sys; from pathlib import Path; from utils.storage.lock import InstanceLock\n"
            "InstanceLock(Path(sys.argv[1])).__enter__()"
        )
        second = subprocess.run(
            [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False
        )
        assert second.returncode != 0
        assert f"already runs as process {os.getpid()}" in second.stderr
        with pytest.raises(AlreadyRunning):
            InstanceLock(tmp_path).__enter__()
    with InstanceLock(tmp_path):
        pass


def test_a_workspace_is_prepared_without_scratch_and_removed_without_traces(tmp_path: Path) -> None:
    space = Workspace(tmp_path / "jobs" / "1_2")
    space.prepare()
    (space.files / "000001").write_text("kept")
    (space.scratch / "spool").write_text("gone")
    space.journal.write_text(json.dumps({"t": "done"}))
    space.prepare()
    assert (space.files / "000001").exists() and not list(space.scratch.iterdir())
    space.remove()
    assert list((tmp_path / "jobs").iterdir()) == []


def test_of_a_workspace_the_journal_goes_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed half-way, the job still knows that it is finished."""
    space = Workspace(tmp_path / "job")
    space.prepare()
    space.journal.touch()
    (space.files / "000001").touch()
    real, known = shutil.rmtree, list[bool]()

    def rmtree(path: Path, *, ignore_errors: bool = False) -> None:
        known.append(space.journal.exists())
        real(path, ignore_errors=ignore_errors)

    monkeypatch.setattr(shutil, "rmtree", rmtree)
    space.remove()
    assert len(known) > 1 and all(known)
    assert not space.root.exists()
