"""What is a failure, what a warning and what is fine; that everything is looked at, and nothing touched."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.fake_tools import let_it_die_by_signals
from utils.constants import ROOT, SETTINGS, Settings, load_settings
from utils.diagnostics import packages
from utils.diagnostics.check import Check, Level
from utils.diagnostics.folders import check_disk, check_folders, check_sessions
from utils.diagnostics.packages import check_packages, check_python, requirements
from utils.diagnostics.report import as_json, checks, exit_code, guarded, verdict
from utils.diagnostics.server import check_server as checks_of_server
from utils.diagnostics.settings import check_file, check_setting
from utils.diagnostics.state import LARGE_STATE, check_state
from utils.diagnostics.tools import (
    check_conversion,
    check_pictures,
    check_program,
    check_sample,
    judge_pictures,
)
from utils.pictures.protocol import FEATURES, Trial
from utils.storage.lock import InstanceLock

SECRETS = {
    "API_HASH": "0123456789abcdef0123456789abcdef",
    "BOT_TOKEN": "4242:a-token-that-nobody-may-see",
    "ARCHIVE_PASSWORDS": "open sesame",
}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings({"DATA_DIR": str(tmp_path / "data")}, tmp_path / "none")


def levels(found: Iterable[Check]) -> dict[str, Level]:
    return {check.name: check.level for check in found}


# -- all together --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("found", "code", "told"),
    [
        ([Level.OK], 0, "✅ The bot would work."),
        ([Level.OK, Level.WARN], 0, "✅ The bot would work. 1 warning (⚠️)."),
        ([Level.FAIL, Level.OK], 1, "❌ The bot would not work: 1 thing to mend (❌)."),
        ([Level.WARN, Level.FAIL, Level.FAIL], 1, "❌ The bot would not work: 2 things to mend (❌)."),
    ],
)
def test_only_a_failure_means_that_the_bot_would_not_work(found: list[Level], code: int, told: str) -> None:
    made = [Check("Group", "name", level, "found") for level in found]
    assert (exit_code(made), verdict(made)) == (code, told)
    assert json.loads(as_json(made))["works"] is (code == 0)


def test_a_check_is_a_line_with_its_glyph_and_what_to_do() -> None:
    glyphs = {level: Check("G", "name", level, "found\nhere", "do it").line() for level in Level}
    assert glyphs == {
        Level.OK: "✅ name: found here → do it",
        Level.WARN: "⚠️ name: found here → do it",
        Level.FAIL: "❌ name: found here → do it",
    }


@pytest.fixture
def lived_in(tmp_path: Path) -> dict[str, str]:
    """The environment of a bot with something in each of its folders; its server is not there."""
    data = tmp_path / "data"
    for folder in ("sessions", "jobs/1_1", "recovery/1_1-000001", "quarantine"):
        (data / folder).mkdir(parents=True)
    (data / "sessions" / "bot.session").touch(0o600)
    (data / "jobs" / "1_1" / "journal.jsonl").write_bytes(b'{"t": "origin"}\n{"t": "ru')
    (data / "conversion_state.json").write_text("{ no JSON")
    (data / "quarantine" / "film").write_bytes(b"film")
    (tmp_path / "secrets.properties").write_text("VIDEO_CRF=19\n")
    own = {
        "API_ID": "12345",
        "AUTHORIZED_USERS": "@ann",
        "DATA_DIR": str(data),
        "LOG_FILE": str(tmp_path / "bot.log"),
        "TELEGRAM_SERVER": "127.0.0.1:9",
        "SECRETS_FILE": str(tmp_path / "secrets.properties"),
    }
    return {**own, **SECRETS}


def snapshot(folder: Path) -> dict[Path, tuple[int, int, bytes]]:
    found = {}
    for path in (folder, *folder.rglob("*")):
        stat = path.stat()
        found[path] = (stat.st_mode, stat.st_mtime_ns, path.read_bytes() if path.is_file() else b"")
    return found


def test_everything_is_looked_at_nothing_is_touched_and_no_secret_is_shown(
    lived_in: dict[str, str], tmp_path: Path
) -> None:
    before = snapshot(tmp_path)
    found = list(checks(lived_in))
    assert snapshot(tmp_path) == before
    names = {check.name for check in found}
    needed = requirements((ROOT / "requirements.in").read_text())
    assert names >= {
        *("Python", *(package.name for package in needed if not package.optional)),
        *("ffmpeg", "ffprobe", "Trial conversion (libx264, aac)", "7-Zip", "Pictures", "HEIC"),
        *("secrets.properties", *(info.name for info in SETTINGS)),
        *("DATA_DIR", "RECOVERY_DIR", "QUARANTINE_DIR", "Folder of CONVERSION_STATE_FILE", "LOG_FILE"),
        *("Log-in bot.session", "Disk"),
        *("Bot", "Archives under way", "conversion_state.json", "Quarantine", "127.0.0.1:9"),
    }
    told = " ".join(check.line() for check in found)
    for secret in SECRETS.values():
        assert not any(secret[at : at + 6] in told for at in range(len(secret) - 5))


def test_nothing_is_made_where_nothing_is(lived_in: dict[str, str], tmp_path: Path) -> None:
    assert exit_code(list(checks({**lived_in, "DATA_DIR": str(tmp_path / "none"), "PATH": ""}))) == 1
    assert not (tmp_path / "none").exists()


def test_a_settings_file_that_cannot_be_read_is_a_failure(lived_in: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "secrets.properties").write_bytes(b"\xff\xfe")
    bad = [check for check in checks(lived_in) if check.name == "Settings"]
    assert [(check.level, "cannot be read" in check.found) for check in bad] == [(Level.FAIL, True)]


def test_a_place_where_it_may_not_look_is_a_failure_and_the_others_are_looked_at(
    lived_in: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    look = Path.iterdir

    def refused(folder: Path) -> Iterator[Path]:
        if folder.is_relative_to(lived_in["DATA_DIR"]):
            raise PermissionError(13, "Permission denied", str(folder))
        return look(folder)

    monkeypatch.setattr(Path, "iterdir", refused)
    found = list(checks(lived_in))
    rights = [check for check in found if check.name == "Rights"]
    assert [(check.group, check.level) for check in rights] == [("State", Level.FAIL)]
    assert str(Path(lived_in["DATA_DIR"]) / "jobs") in rights[0].found
    assert "127.0.0.1:9" in levels(found)


# -- Python and its packages ---------------------------------------------------------------------------------


def test_an_old_python_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    assert packages.NEEDED == (3, 11)
    assert check_python().level is Level.OK
    monkeypatch.setattr(packages, "NEEDED", (99,))
    assert (check_python().level, check_python().advice) == (Level.FAIL, "Install Python 3.11 or newer.")


def test_packages_that_are_missing_or_of_another_version_are_failures(tmp_path: Path) -> None:
    here = next(needed for needed in requirements((ROOT / "requirements.in").read_text()))
    text = f"{here.name}>=0\nno-such-package==1.0\nnot-needed-here==1.0; python_version < '3'\n"
    (tmp_path / "requirements.in").write_text(text)
    assert levels(check_packages(tmp_path)) == {here.name: Level.OK, "no-such-package": Level.FAIL}
    (tmp_path / "requirements.in").write_text(f"{here.name}>=999\n")
    assert levels(check_packages(tmp_path)) == {here.name: Level.FAIL}


# -- tools ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "level", "told"),
    [
        ({}, Level.OK, "one second became"),
        ({"VIDEO_ENCODER": "mpeg4"}, Level.FAIL, "gave mpeg4, aac instead of h264, aac"),
        ({"VIDEO_ENCODER": "h264_none"}, Level.FAIL, "failed: "),
        ({"VIDEO_PRESET": "warp"}, Level.FAIL, "failed: "),
    ],
)
def test_a_trial_conversion_shows_what_the_encoder_is_worth(
    settings: Settings, changes: dict[str, Any], level: Level, told: str
) -> None:
    check = check_conversion(replace(settings, **changes))
    assert (check.level, told in check.found) == (level, True)
    assert bool(check.advice) is (level is Level.FAIL)


def in_place_of(name: str, script: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put ``script`` where ``name`` is looked for first."""
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


@pytest.mark.parametrize(
    ("version", "level"), [("4.4.2", Level.FAIL), ("5.0.3", Level.FAIL), ("5.1.6", Level.OK)]
)
def test_an_ffmpeg_older_than_five_and_a_bit_is_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, level: Level
) -> None:
    in_place_of("ffmpeg", f"echo ffmpeg version {version} Copyright", tmp_path, monkeypatch)
    assert check_program("ffmpeg").level is level


def test_an_ffprobe_that_crashes_is_a_failure_and_one_that_cannot_read_a_container_a_warning(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_it_die_by_signals(monkeypatch)
    in_place_of("ffprobe", "kill -ABRT $$", tmp_path, monkeypatch)
    assert check_conversion(settings).level is Level.FAIL
    assert check_sample(settings, "MPEG-TS", "mpegts").level is Level.FAIL
    in_place_of("ffprobe", "echo what is this >&2; exit 1", tmp_path, monkeypatch)
    assert check_sample(settings, "MPEG-TS", "mpegts").level is Level.WARN


def test_without_pillow_the_bot_would_not_work(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("utils.pictures.worker._PROGRAM", ROOT / "no-such-program.py")
    assert levels(check_pictures(settings)) == {"Pictures": Level.FAIL}


@pytest.mark.parametrize(
    ("lacking", "heic", "expected"),
    [
        ("webp", (64, 64), {"Pictures": Level.WARN, "HEIC": Level.OK}),
        ("libtiff", (64, 64), {"Pictures": Level.WARN, "HEIC": Level.OK}),
        ("jpg", (64, 64), {"Pillow": Level.FAIL}),
        ("zlib", (64, 64), {"Pillow": Level.FAIL}),
        ("", (0, 0), {"Pictures": Level.OK, "HEIC": Level.WARN}),
    ],
)
def test_what_is_lacking_is_a_failure_only_where_the_bot_cannot_do_without(
    lacking: str, heic: tuple[int, int], expected: dict[str, Level]
) -> None:
    features = tuple(name for name in FEATURES if name != lacking)
    assert levels(judge_pictures(Trial(features, heic, "1"))) == expected


# -- settings ------------------------------------------------------------------------------------------------

COUNTS = (
    *("TRANSFER_CONNECTIONS", "CONVERSION_MAX_RETRIES", "CONVERSION_STATE_SAVE_INTERVAL"),
    *("CONVERSION_TIMEOUT_SECONDS", "COMPRESSION_TIMEOUT_SECONDS", "CONVERSION_SEGMENT_SECONDS"),
    *("CONVERSION_THREADS", "SPOOL_LIMIT_MB"),
)


@pytest.mark.parametrize(
    ("name", "least", "most"),
    [
        *((name, 1, None) for name in COUNTS),
        ("VIDEO_CRF", 0, 51),
        ("VIDEO_MAX_HEIGHT", 16, None),
        ("DISK_RESERVE_MB", 0, None),
        ("API_ID", 1, None),
    ],
)
def test_a_number_beyond_its_bounds_is_a_failure(
    settings: Settings, name: str, least: int, most: int | None
) -> None:
    info = next(info for info in SETTINGS if info.name == name)

    def level(value: int) -> Level:
        return check_setting(info, replace(settings, **{name: value})).level  # type: ignore[arg-type]

    assert (level(least), level(least - 1)) == (Level.OK, Level.FAIL)
    assert level(-5) is Level.FAIL
    if most is not None:
        assert (level(most), level(most + 1)) == (Level.OK, Level.FAIL)


def test_a_key_file_that_can_be_read_is_fine(settings: Settings, tmp_path: Path) -> None:
    info = next(info for info in SETTINGS if info.name == "TELEGRAM_SERVER_KEY")
    (tmp_path / "key.pem").touch()
    assert (
        check_setting(info, replace(settings, TELEGRAM_SERVER_KEY=str(tmp_path / "key.pem"))).level
        is Level.OK
    )


def test_a_settings_file_that_is_not_there_is_fine(tmp_path: Path) -> None:
    assert levels(check_file(tmp_path / "none")) == {"none": Level.OK}


def test_a_name_that_is_no_setting_is_a_warning(tmp_path: Path) -> None:
    file = tmp_path / "secrets.properties"
    file.write_text("VIDEO_CFR=19\nVIDEO_CRF=19\nNOTHING_LIKE_IT_AT_ALL=1\n")
    file.chmod(0o600)
    first, *others = check_file(file)
    assert first.level is Level.OK
    assert [(check.level, check.advice) for check in others] == [
        (Level.WARN, "Did you mean VIDEO_CRF?"),
        (Level.WARN, "Take it out, or correct its name."),
    ]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_secrets_that_the_group_or_others_can_reach_are_a_warning(tmp_path: Path, mode: int) -> None:
    for name in ("secrets.properties", "bot.session"):
        (tmp_path / name).touch()
        (tmp_path / name).chmod(mode)
    assert [check.level for check in check_file(tmp_path / "secrets.properties")] == [Level.WARN]
    assert [check.level for check in check_sessions(tmp_path)] == [Level.WARN]


# -- folders -------------------------------------------------------------------------------------------------


def test_folders_that_will_be_made_are_fine(settings: Settings) -> None:
    found = [check for check in check_folders(settings) if check.name != "Disk"]
    assert len(found) == 5
    assert {check.level for check in found} == {Level.OK}
    assert all("will be made" in check.found for check in found if check.name != "LOG_FILE")


@pytest.mark.parametrize("name", ["LOG_FILE", "CONVERSION_STATE_FILE", "QUARANTINE_DIR"])
def test_what_cannot_be_written_is_a_failure(settings: Settings, tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    changed = replace(settings, **{name: str(tmp_path / "file" / "inside")})  # type: ignore[arg-type]
    bad = [check for check in check_folders(changed) if check.level is Level.FAIL]
    assert [check.name for check in bad if name in check.name] == [bad[0].name]


def test_the_disk_is_measured_against_the_reserve(settings: Settings, tmp_path: Path) -> None:
    megabytes = settings.DISK_RESERVE_MB + settings.SPOOL_LIMIT_MB
    edges = {megabytes - 1: Level.FAIL, megabytes + 1: Level.WARN, settings.DISK_RESERVE_MB + 5_001: Level.OK}
    for free, level in edges.items():
        assert check_disk(tmp_path, free * 1_000_000, settings).level is level


def test_what_may_not_be_written_to_is_a_failure(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Root may write everywhere, and tests are run as root, too."""
    settings.path("DATA_DIR").mkdir()
    (log := tmp_path / "bot.log").touch()
    monkeypatch.setattr(os, "access", lambda path, mode: not mode & os.W_OK)
    found = levels(check_folders(replace(settings, LOG_FILE=str(log))))
    needed = {name: level for name, level in found.items() if name.split()[0] not in ("Disk", "Privacy")}
    assert set(needed.values()) == {Level.FAIL}


# -- state ---------------------------------------------------------------------------------------------------


def job(settings: Settings, name: str, *lines: str) -> Path:
    folder = settings.path("DATA_DIR") / "jobs" / name
    folder.mkdir(parents=True)
    if lines:
        (folder / "journal.jsonl").write_text("".join(f"{line}\n" for line in lines))
    return folder


def test_an_archive_that_is_done_is_not_under_way(settings: Settings) -> None:
    job(settings, "1_1", '{"t": "origin"}')
    job(settings, "1_2", '{"t": "origin"}', '{"t": "done"}')
    found = {check.name: check.found for check in check_state(settings)}
    assert found["Archives under way"] == "1"


def test_a_job_without_a_journal_is_a_warning(settings: Settings) -> None:
    job(settings, "1_1")
    (check,) = [check for check in check_state(settings) if check.name == "Archives"]
    assert (check.level, check.found) == (Level.WARN, "1 without a journal: 1_1")


def test_without_any_state_all_is_well(settings: Settings) -> None:
    assert {check.level for check in check_state(settings)} == {Level.OK}
    with_lock = settings.path("DATA_DIR")
    with_lock.mkdir(parents=True)
    with InstanceLock(with_lock):
        found = {check.name: check for check in check_state(settings)}
    assert (found["Bot"].level, found["Bot"].found) == (Level.OK, f"runs as process {os.getpid()}")


def states(settings: Settings, **changes: object) -> None:
    """A state file with one conversion that is there."""
    source = job(settings, "1_1", '{"t": "origin"}') / "film"
    source.touch()
    entry = {"file_path": str(source), "output_path": "out", "details": {"job": "1_1"}, **changes}
    settings.path("CONVERSION_STATE_FILE").write_text(json.dumps({str(source): entry}))


def test_a_state_file_that_grew_without_end_is_a_warning(settings: Settings) -> None:
    states(settings, status="completed", more="x" * LARGE_STATE)
    assert levels(check_state(settings))["conversion_state.json"] is Level.WARN


@pytest.mark.parametrize(
    ("status", "more", "name", "level"),
    [
        ("failed", {"error": "Timeout"}, "Failed conversion", Level.WARN),
        ("failed", {"error": "Original file missing"}, "Failed conversion", Level.WARN),
        ("pending", {"details": {"job": "9_9"}}, "Orphaned conversion", Level.WARN),
        ("in_progress", {}, "Interrupted conversion", Level.OK),
    ],
)
def test_how_bad_a_conversion_is(
    settings: Settings, status: str, more: dict[str, object], name: str, level: Level
) -> None:
    states(settings, status=status, **more)
    found = {check.name: check for check in check_state(settings)}
    assert found[name].level is level
    missing = more.get("error") == "Original file missing" or name == "Orphaned conversion"
    assert ("Send the archive again." in found[name].advice) is missing


@pytest.mark.parametrize(("steps", "stuck"), [(1.5, False), (2.5, True)])
def test_a_conversion_is_stuck_after_two_steps_of_the_longest(
    settings: Settings, steps: float, stuck: bool
) -> None:
    idle = steps * settings.CONVERSION_TIMEOUT_SECONDS
    states(settings, status="in_progress", last_updated=time.time() - idle)
    with InstanceLock(settings.path("DATA_DIR")):
        found = levels(check_state(settings))
    assert found.get("Stuck conversion") is (Level.WARN if stuck else None)


def test_something_in_quarantine_is_fine(settings: Settings) -> None:
    settings.path("QUARANTINE_DIR").mkdir(parents=True)
    (settings.path("QUARANTINE_DIR") / "film").touch()
    assert levels(check_state(settings))["Quarantine"] is Level.OK


def test_segments_without_an_archive_are_a_warning(settings: Settings) -> None:
    (settings.path("RECOVERY_DIR") / "3_4-000007").mkdir(parents=True)
    assert levels(check_state(settings))["Orphaned segments"] is Level.WARN


def check_server(settings: Settings, reach: Callable[[str, int], None]) -> Check:
    """The only check of a server that cannot be talked to."""
    (check,) = list(checks_of_server(settings, reach))
    return check


# -- the server ----------------------------------------------------------------------------------------------


def test_a_server_that_answers_is_fine_and_one_that_does_not_is_a_failure(settings: Settings) -> None:
    asked: list[tuple[str, int]] = []

    def refused(*_: object) -> None:
        raise ConnectionRefusedError(111, "Connection refused")

    fine = check_server(settings, lambda host, port: asked.append((host, port)))
    assert (fine.level, fine.name, len(asked)) == (Level.OK, "Telegram", 1)

    def broken(*_: object) -> None:
        raise ImportError("No module named 'telethon'")

    assert check_server(settings, refused).level is Level.FAIL
    assert check_server(settings, broken).level is Level.FAIL
    nowhere = check_server(replace(settings, TELEGRAM_SERVER="no address"), refused)
    assert (nowhere.level, nowhere.advice) == (Level.FAIL, "Correct TELEGRAM_SERVER.")


def test_a_server_whose_key_is_not_to_be_had_is_a_failure(settings: Settings, tmp_path: Path) -> None:
    own = {"API_ID": 1, "API_HASH": "a", "TELEGRAM_SERVER": "127.0.0.1:9"}
    changed = replace(settings, **own, TELEGRAM_SERVER_KEY=str(tmp_path / "none.pem"))  # type: ignore[arg-type]
    check = check_server(changed, lambda host, port: None)
    assert (check.level, check.advice) == (Level.FAIL, "Correct the setting.")


def test_without_number_and_hash_a_server_of_ones_own_is_only_knocked_at(settings: Settings) -> None:
    for lacking in ({"API_ID": 1}, {"API_HASH": "a"}):
        own = replace(settings, TELEGRAM_SERVER="127.0.0.1:9", **lacking)
        assert check_server(own, lambda host, port: None).found == "127.0.0.1:9 answers"


def test_whatever_a_check_meets_is_a_line(tmp_path: Path) -> None:
    def broken() -> Iterator[Check]:
        yield Check("Group", "first", Level.OK, "fine")
        raise ZeroDivisionError("nobody foresaw this")

    fine, failed = guarded("Group", broken())
    assert (fine.name, failed.group, failed.level) == ("first", "Group", Level.FAIL)
    assert failed.found == "this check itself failed: ZeroDivisionError: nobody foresaw this"
