"""``./bot backup`` and ``./bot restore``: all that a bot at work has, in one file, gone on with elsewhere."""

from __future__ import annotations

import io
import json
import os
import re
import sqlite3
import stat
import tarfile
import threading
from pathlib import Path

import pytest

from sandbox import Sandbox
from tests.e2e.test_older_versions import MADE_IN, lay_out
from tests.world import PHONE, World, until
from utils.constants import Settings, load_settings
from utils.storage.journal import append_lines, parse
from utils.storage.lock import InstanceLock
from utils.storage.version import FILE_NAME, VERSION
from utils.storage.workspace import Workspace
from utils.terminal import backup, restore
from utils.terminal.main import OK, USAGE


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An owner's machine: settings and data are where the environment says."""
    monkeypatch.setenv("SECRETS_FILE", str(tmp_path / "secrets.properties"))
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("LOG_FILE", str(tmp_path / "data" / "bot.log"))
    (tmp_path / "secrets.properties").write_text("API_ID=1\nAPI_HASH=secret\n")
    (tmp_path / "secrets.properties").chmod(0o600)
    return tmp_path


def names(file: Path) -> set[str]:
    with tarfile.open(file) as tar:
        return set(tar.getnames())


def everything(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


async def test_what_was_at_work_is_gone_on_with_in_another_folder(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lay_out(folder)
    state, job = folder / "data/conversion_state.json", folder / "data/jobs/5000001_2"
    state.write_text(state.read_text().replace(MADE_IN, str(folder)))
    changed = int(re.findall(r"changed (\d+)", state.read_text())[0])
    os.utime(job / "files/000003", ns=(changed, changed))
    (folder / "data/bot.log").write_text("INFO: of no use elsewhere\n")
    kept = folder / "kept.tar"
    assert backup.main([str(kept)]) == OK
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert not {"data/bot.log", "data/bot.lock"} & names(kept)
    assert backup.main([str(kept)]) == USAGE, "a backup is never replaced"
    # Another machine: other folders, and no settings.
    there = folder / "there"
    monkeypatch.setenv("SECRETS_FILE", str(there / "secrets.properties"))
    monkeypatch.setenv("DATA_DIR", str(there / "data"))
    assert restore.main([str(kept)]) == OK
    assert "API_HASH=secret" in (there / "secrets.properties").read_text()
    modes = [there / "secrets.properties", there / "data/sessions/bot.session"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in modes} == {0o600}
    assert str(folder / "data") not in (there / "data/conversion_state.json").read_text()
    moved = there / "data/jobs/5000001_2/files/000003"
    assert moved.stat().st_mtime_ns == changed, "a conversion knows its source by that"
    assert {path.name for path in (there / "data").iterdir()} == {
        *("bot.lock", "conversion_state.json", "intake.jsonl", "jobs", "recovery", "sessions")
    }
    async with Sandbox(folder / "telegram") as sandbox, sandbox.person(PHONE) as person:
        world = World(there, sandbox, person, (await person.client.get_me()).id)
        async with world.running():
            await until(lambda: not world.leftovers())
        sums = [message.sha256 for message in world.media()]
        assert len(sums) == len(set(sums)) == 22
    assert not any("Original file missing" in line or "ERROR" in line for line in world.lines())


def test_a_journal_and_its_files_are_of_one_moment_though_the_bot_writes(folder: Path) -> None:
    work = Workspace(folder / "data/jobs/1_2")
    work.prepare()
    settings, over = load_settings(), threading.Event()
    work.journal.touch()

    def write() -> None:
        """As the bot: a file before its line, its end before it is deleted."""
        number = 0
        while not over.is_set():
            number += 1
            (work.files / f"{number:06d}").write_bytes(b"x" * 10_000)
            append_lines(work.journal, [{"t": "file", "number": number}])
            append_lines(work.journal, [{"t": "sent", "number": number}])
            (work.files / f"{number:06d}").unlink()
            over.wait(0.003)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        waiting = [waiting_in(settings, folder / f"kept-{n}.tar") for n in range(60)]
    finally:
        over.set()
        writer.join()
    assert sum(waiting) > 0, "it was never caught with a file"
    assert not [path for path in (folder / "data").iterdir() if path.name.startswith("backup-")]


def waiting_in(settings: Settings, kept: Path) -> int:
    """How many files the journal in a new backup says are there; each of them must be."""
    backup.write_backup(settings, kept)
    with tarfile.open(kept) as tar:
        journal = tar.extractfile("data/jobs/1_2/journal.jsonl")
        assert journal is not None
        records, _ = parse(journal.read())
        files = {name for name in tar.getnames() if "/files/" in name}
    gone = {record["number"] for record in records if record["t"] == "sent"}
    there = {record["number"] for record in records if record["t"] == "file"} - gone
    assert {f"data/jobs/1_2/files/{number:06d}" for number in there} <= files
    return len(there)


def test_without_archives_only_log_in_and_memory_are_kept(folder: Path) -> None:
    lay_out(folder)
    kept = folder / "kept.tar"
    assert backup.main([str(kept), "--without-archives"]) == OK
    assert names(kept) == {
        *("backup.json", "secrets.properties", "data/intake.jsonl", "data/sessions/bot.session")
    }
    (folder / "data/intake.jsonl").write_text("{}\n")
    before = everything(folder / "data")
    assert restore.main([str(kept)]) == OK
    (aside,) = (folder / "data").glob("before-restore-*")
    put_aside = everything(aside)
    assert put_aside == {name: before[name] for name in put_aside} and "intake.jsonl" in put_aside
    assert sum(name.startswith("jobs/") for name in put_aside) > 5
    assert "5000001_2" in (folder / "data/intake.jsonl").read_text()
    assert not (folder / "data/jobs").exists()
    sqlite3.connect(folder / "data/sessions/bot.session").execute("SELECT * FROM sessions").close()


def test_a_bot_that_runs_is_not_overwritten(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "data").mkdir()
    (folder / "data/intake.jsonl").write_text("{}\n")
    with InstanceLock(folder / "data"):
        assert backup.main([str(folder / "kept.tar")]) == OK
        before = everything(folder / "data")
        assert restore.main([str(folder / "kept.tar")]) == USAGE
        assert everything(folder / "data") == before
    assert f"already runs as process {os.getpid()}" in capsys.readouterr().err


def entry(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.linkname, made.mode = kind, link, 0o6777
    made.size = 1 if kind == tarfile.REGTYPE else 0
    return made


@pytest.mark.parametrize(
    "wrong",
    [
        entry("../outside"),
        entry("data/../../outside"),
        entry("/outside"),
        entry("outside"),
        entry("data/bot.lock"),
        entry("data/link", tarfile.SYMTYPE, "/etc"),
        entry("data/link", tarfile.LNKTYPE, "../../outside"),
        entry("data/pipe", tarfile.FIFOTYPE),
    ],
    ids=lambda wrong: f"{wrong.name} {wrong.type!r}",
)
def test_what_leads_elsewhere_is_refused_and_nothing_is_restored(
    folder: Path, wrong: tarfile.TarInfo
) -> None:
    (folder / "data").mkdir()
    (folder / "data/intake.jsonl").write_text("{}\n")
    (folder / "outside").write_text("as it was")
    before = everything(folder)
    kept = folder.parent / f"{folder.name}.tar"
    head = json.dumps({"form": backup.FORM, "version": VERSION, "folders": {}}).encode()
    with tarfile.open(kept, "w") as tar:
        first = entry(backup.HEAD)
        first.size = len(head)
        tar.addfile(first, io.BytesIO(head))
        tar.addfile(entry("data/intake.jsonl"), io.BytesIO(b"x"))
        tar.addfile(wrong, io.BytesIO(b"x"))
    assert restore.main([str(kept)]) == USAGE
    after = everything(folder)
    assert {name: after[name] for name in before} == before and after.keys() - before <= {"data/bot.lock"}


@pytest.mark.parametrize(
    ("content", "told"),
    [(b"no tar at all", "no backup"), (b"", "no backup"), (None, "No such file")],
)
def test_what_is_no_backup_is_said(
    folder: Path, content: bytes | None, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if content is not None:
        (folder / "kept.tar").write_bytes(content)
    assert restore.main([str(folder / "kept.tar")]) == USAGE
    assert told in capsys.readouterr().err


def test_what_is_cut_off_or_of_a_newer_version_leaves_all_as_it_was(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "data/quarantine").mkdir(parents=True)
    (folder / "data/quarantine/film").write_bytes(bytes(100_000))
    assert backup.main([str(folder / "whole.tar")]) == OK
    (folder / "cut.tar").write_bytes((folder / "whole.tar").read_bytes()[:60_000])
    before = everything(folder / "data")
    assert restore.main([str(folder / "cut.tar")]) == USAGE
    (folder / "data" / FILE_NAME).write_text(json.dumps({"version": VERSION + 1}))
    assert backup.main([str(folder / "new.tar")]) == USAGE
    (folder / "data" / FILE_NAME).unlink()
    after = everything(folder / "data")
    assert after.keys() - before <= {"bot.lock"} and {name: after[name] for name in before} == before
    assert "Upgrade the bot" in capsys.readouterr().err and not (folder / "new.tar").exists()
