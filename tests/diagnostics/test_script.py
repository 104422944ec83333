"""enable_deferred_conversion.py as somebody runs it, against a server that is there and one that is not."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sandbox import Sandbox
from tests.e2e.process import Ended, start, to_its_end
from utils.constants import ROOT, SETTINGS
from utils.diagnostics.check import Level
from utils.diagnostics.clock import check_clock

SCRIPT = ROOT / "enable_deferred_conversion.py"
TOKEN = "4242:a-token-that-nobody-may-see"
SECRET = "0123456789abcdef0123456789abcdef"


def snapshot(folder: Path) -> dict[str, tuple[int, int]]:
    """Every path below ``folder`` with its size and its time of change."""
    return {
        str(path.relative_to(folder)): (path.stat().st_size, path.stat().st_mtime_ns)
        for path in folder.rglob("*")
    }


class Doctor:
    """The script, with the data folder and the settings of a test."""

    def __init__(self, folder: Path, sandbox: Sandbox) -> None:
        self.data = folder / "bot data"
        self.settings = {
            "API_ID": "12345",
            "API_HASH": SECRET,
            "BOT_TOKEN": TOKEN,
            "AUTHORIZED_USERS": "@ann, 77",
            "DATA_DIR": str(self.data),
            "LOG_FILE": str(folder / "bot.log"),
            "DISK_RESERVE_MB": "1",
            "TELEGRAM_SERVER": sandbox.address,
            "TELEGRAM_SERVER_KEY": str(sandbox.key_file),
            "SECRETS_FILE": str(folder / "secrets.properties"),
        }

    async def run(self, *arguments: str, **changes: str) -> Ended:
        own = {info.name for info in SETTINGS}
        environ = {name: value for name, value in os.environ.items() if name not in own}
        environ |= {**self.settings, **changes}
        given = {name: value for name, value in environ.items() if value}
        return await to_its_end(await start(given, *arguments, program=[str(SCRIPT)]))


@pytest.fixture
async def sandbox(tmp_path: Path, server_key: Path) -> AsyncIterator[Sandbox]:
    shutil.copytree(server_key, tmp_path / "telegram")
    async with Sandbox(tmp_path / "telegram") as sandbox:
        await sandbox.add_bot(TOKEN, "archive_bot", "Archive bot")
        yield sandbox


@pytest.fixture
def doctor(tmp_path: Path, sandbox: Sandbox) -> Doctor:
    return Doctor(tmp_path, sandbox)


async def test_everything_in_place_ends_with_zero(doctor: Doctor) -> None:
    ran = await doctor.run()
    assert ran.code == 0, ran.out + ran.err
    assert "❌" not in ran.out
    assert ran.out.rstrip().splitlines()[-1].startswith("✅ The bot would work.")
    assert "Trial conversion (libx264, aac): one second became" in ran.out
    server = doctor.settings["TELEGRAM_SERVER"]
    assert f"✅ {server}: answers; the token is that of @archive_bot" in ran.out
    assert "decodes RAR" in ran.out


async def test_without_ffmpeg_it_does_not_end_with_zero(doctor: Doctor, tmp_path: Path) -> None:
    ran = await doctor.run(PATH=str(tmp_path))
    assert ran.code == 1
    bad = [line.split(" →")[0] for line in ran.out.splitlines() if line.startswith("  ❌")]
    assert bad == ["  ❌ ffmpeg: not found", "  ❌ ffprobe: not found"]


async def test_nothing_is_written(doctor: Doctor, tmp_path: Path) -> None:
    assert (await doctor.run()).code == 0
    assert not doctor.data.exists()
    (doctor.data / "jobs" / "1_1").mkdir(parents=True)
    (doctor.data / "jobs" / "1_1" / "journal.jsonl").write_bytes(b'{"t": "origin"}\n{"t": "run", "bo')
    (doctor.data / "conversion_state.json").write_text("{ not JSON")
    before = snapshot(doctor.data)
    assert (await doctor.run()).code == 0
    assert snapshot(doctor.data) == before
    assert not (tmp_path / "bot.log").exists()


async def test_secrets_are_not_shown(doctor: Doctor) -> None:
    for arguments in ((), ("--json",)):
        ran = await doctor.run(*arguments, ARCHIVE_PASSWORDS="open sesame")
        for secret in (TOKEN, SECRET, "sesame"):
            assert secret not in ran.out + ran.err


async def test_values_are_shown_with_where_they_come_from(doctor: Doctor, tmp_path: Path) -> None:
    (tmp_path / "secrets.properties").write_text("VIDEO_CRF=19\nVIDEO_PRESSET=fast\n")
    ran = await doctor.run(CONVERSION_MAX_RETRIES="5")
    assert "✅ VIDEO_CRF: 19 (secrets.properties)" in ran.out
    assert "✅ CONVERSION_MAX_RETRIES: 5 (environment)" in ran.out
    assert "DEFERRED_VIDEO_CONVERSION" not in ran.out and "at the default; --all shows them" in ran.out
    # What is wrong comes first, and once more in the end.
    told = "⚠️ secrets.properties: VIDEO_PRESSET is no setting → Did you mean VIDEO_PRESET?"
    lines = ran.out.splitlines()
    assert lines.count(told) == 2 and told in lines[:3] and told in lines[-4:-1]
    assert "✅ DEFERRED_VIDEO_CONVERSION: True (default)" in (await doctor.run("--all")).out
    assert "VIDEO_PRESSET is no setting → Did you mean VIDEO_PRESET?" in ran.out


async def test_missing_settings_are_named_with_where_to_get_them(doctor: Doctor) -> None:
    ran = await doctor.run(API_ID="", AUTHORIZED_USERS="")
    assert ran.code == 1
    bad = [line for line in ran.out.splitlines() if line.startswith("  ❌")]
    assert [line.split()[1] for line in bad] == ["API_ID:", "AUTHORIZED_USERS:"]
    assert "my.telegram.org" in bad[0]
    assert ran.out.rstrip().endswith("❌ The bot would not work: 2 things to mend (❌).")
    assert ran.err == ""


async def test_a_value_of_the_wrong_type_is_one_line_and_no_traceback(doctor: Doctor) -> None:
    ran = await doctor.run(CONVERSION_THREADS="two")
    assert ran.code == 1
    assert "CONVERSION_THREADS must be a whole number (from environment)." in ran.out
    assert ran.err == ""


async def test_one_bad_value_leaves_the_others_as_they_are(doctor: Doctor) -> None:
    ran = await doctor.run(VIDEO_CRF="high")
    assert ran.code == 1
    assert "VIDEO_CRF must be a whole number" in ran.out
    assert "is missing" not in ran.out and str(doctor.data) in ran.out


async def test_a_preset_that_the_encoder_does_not_know(doctor: Doctor) -> None:
    ran = await doctor.run(VIDEO_PRESET="warp")
    assert ran.code == 1
    assert "❌ Trial conversion" in ran.out and "VIDEO_PRESET" in ran.out


async def test_json_says_the_same(doctor: Doctor) -> None:
    ran = await doctor.run("--json", VIDEO_CRF="99")
    report = json.loads(ran.out)
    assert (ran.code, report["works"]) == (1, False)
    (bad,) = [check for check in report["checks"] if check["level"] == "fail"]
    assert (bad["name"], bad["advice"]) == ("VIDEO_CRF", "Write 0 to 51.")
    assert json.loads((await doctor.run("--json")).out)["works"] is True


async def test_an_encoder_that_is_not_there(doctor: Doctor) -> None:
    ran = await doctor.run(VIDEO_ENCODER="h264_none")
    assert ran.code == 1
    assert "❌ Trial conversion (h264_none, aac): failed" in ran.out


async def test_a_server_that_is_not_there(doctor: Doctor) -> None:
    ran = await doctor.run(TELEGRAM_SERVER="127.0.0.1:9")
    assert ran.code == 1
    assert "❌ 127.0.0.1:9: 127.0.0.1:9 does not answer" in ran.out


async def test_a_token_that_the_server_does_not_know(doctor: Doctor) -> None:
    ran = await doctor.run(BOT_TOKEN="4242:another-token")
    assert ran.code == 1
    assert "Telegram does not know this BOT_TOKEN." in ran.out
    assert "another-token" not in ran.out


async def test_the_key_of_another_server(doctor: Doctor, tmp_path: Path) -> None:
    async with Sandbox(tmp_path / "other") as other:
        ran = await doctor.run(TELEGRAM_SERVER_KEY=str(other.key_file))
    assert ran.code == 1
    assert "no key could be agreed on" in ran.out
    ran = await doctor.run(TELEGRAM_SERVER_KEY=str(other.key_file), BOT_TOKEN="")
    assert ran.code == 1
    assert "answers, but not as a Telegram server would" in ran.out


async def test_fix_mends_modes_folders_and_what_was_left_and_nothing_else(
    doctor: Doctor, tmp_path: Path
) -> None:
    secrets = tmp_path / "secrets.properties"
    secrets.write_text("VIDEO_CRF=19\n")
    (doctor.data / "sessions").mkdir(parents=True)
    (doctor.data / "backup-abc").mkdir()
    (doctor.data / "backup-abc" / "000001").write_bytes(b"half")
    for name in ("intake.jsonl", "conversion_state.json.tmp", "mine.txt"):
        (doctor.data / name).touch()
    for path in (secrets, doctor.data, doctor.data / "intake.jsonl", doctor.data / "mine.txt"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    ran = await doctor.run("--fix")
    assert ran.code == 0, ran.out + ran.err
    assert {path.name for path in doctor.data.iterdir()} == {
        *("sessions", "recovery", "quarantine", "intake.jsonl", "mine.txt")
    }
    modes = [secrets, doctor.data, doctor.data / "intake.jsonl", doctor.data / "recovery"]
    assert [path.stat().st_mode & 0o077 for path in modes] == [0, 0, 0, 0]
    assert (doctor.data / "mine.txt").stat().st_mode & 0o777 == 0o644
    assert "🔧 shut" in ran.out and "🔧 removed" in ran.out and "⚠️ secrets" not in ran.out
    assert "🔧" not in (await doctor.run("--fix")).out


def test_a_clock_that_stands_before_the_program_was_written_is_wrong() -> None:
    (check,) = check_clock(now=0.0)
    assert check.level is Level.FAIL and "1970" in check.found
    (check,) = check_clock()
    assert check.level is Level.OK
