"""``./bot install``: a service that is shut in, and in which everything works."""

from __future__ import annotations

import ctypes.util
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.e2e.process import environment, start_anew, to_its_end
from tests.files import video
from tests.world import TOKEN, World
from utils.constants import ROOT, load_settings
from utils.errors import SettingsError
from utils.storage.lock import InstanceLock
from utils.terminal import service
from utils.terminal.main import OK, USAGE

#: What runs this; the unit is made for another.
PYTHON = sys.executable
MODULE = ("-m", "utils.terminal.service")


def files(folder: Path) -> list[Path]:
    return [path.relative_to(folder) for path in folder.rglob("*")]


@pytest.fixture
def unit(monkeypatch: pytest.MonkeyPatch) -> str:
    """The unit of the system, for a program in /opt."""
    settings = load_settings({"SECRETS_FILE": "/nowhere"})
    monkeypatch.setattr(service, "ROOT", Path("/"))
    monkeypatch.setattr(sys, "executable", "/usr/bin/env")
    place = replace(service._place(settings, system=True), root=Path("/opt/bot"), data=Path("/opt/bot/data"))
    return service.systemd_unit(place, system=True)


def test_the_unit_goes_by_the_exit_codes_and_survives_the_end_of_a_child(unit: str) -> None:
    for line in (
        "Restart=on-failure",
        "RestartPreventExitStatus=2",
        "OOMPolicy=continue",
        "User=archive-bot",
    ):
        assert line in unit.splitlines()
    assert "LOG_FILE=/opt/bot/data/bot.log" in unit and "ReadWritePaths=/opt/bot/data\n" in unit
    place = service.Place(Path("/home/ann/my bot"), Path("/home/ann/my bot/data"), user="ann")
    at_home = service.systemd_unit(place, system=True)
    assert 'BindPaths="/home/ann/my bot/data"' in at_home and "ProtectHome=tmpfs" in at_home
    assert 'ExecStart="/home/ann/my bot/.venv/bin/python" "/home/ann/my bot/extract' in at_home


@pytest.mark.skipif(ROOT.stat().st_uid != 0, reason="a program that is not root's runs as its owner")
def test_what_the_services_user_could_not_open_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, shut = load_settings({"SECRETS_FILE": "/nowhere"}), tmp_path / "shut"
    (shut / "in").mkdir(parents=True)
    shut.chmod(0o700)
    for root, python, words in (
        (shut / "in", "/usr/bin/env", "Move the program"),
        (Path("/"), str(shut / "in" / "python"), "Use the system's Python"),
    ):
        monkeypatch.setattr(service, "ROOT", root)
        monkeypatch.setattr(sys, "executable", python)
        with pytest.raises(SettingsError, match=words):
            service.make_plan(settings, {"HOME": "/"}, system=True, uid=0)
        # One that is there can be removed.
        plan = service.make_plan(settings, {"HOME": "/"}, system=True, uid=0, new=False)
        assert plan.uninstall == ["systemctl disable --now archive-bot"]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="a system without systemd")
def test_the_unit_is_shut_in(unit: str, tmp_path: Path) -> None:
    file = tmp_path / "archive-bot.service"
    file.write_text(unit)
    command = ["systemd-analyze", "security", "--offline=yes", "--threshold=30", str(file)]
    judged = subprocess.run(command, capture_output=True, text=True, check=False)
    assert judged.returncode == 0, judged.stdout[-300:] + judged.stderr


@pytest.mark.skipif(
    shutil.which("systemd-analyze") is None or ctypes.util.find_library("seccomp") is None,
    reason="a system without systemd",
)
def test_within_the_units_filter_children_are_shut_in_as_ever_and_it_converts(
    unit: str, tmp_path: Path
) -> None:
    file, source = tmp_path / "unit", tmp_path / "a.avi"
    file.write_text(unit)
    source.write_bytes(video("avi"))
    ask = "from utils.processes.system import isolation; print(isolation())"
    inside = [PYTHON, "-m", "tests.setup.filtered", str(file), PYTHON]
    outside = subprocess.run([PYTHON, "-c", ask], capture_output=True, text=True, cwd=ROOT, check=True)
    same = subprocess.run([*inside, "-c", ask], capture_output=True, text=True, cwd=ROOT, check=True)
    assert same.stdout == outside.stdout
    program = [str(ROOT / "extract-compressed-files.py"), "convert", str(source), str(tmp_path / "a.mp4")]
    done = subprocess.run([*inside, *program], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    # The filter is one: what a bot has no need of is refused.
    swapped = subprocess.run(
        [
            *inside,
            "-c",
            "import ctypes; l = ctypes.CDLL(None, use_errno=True); l.swapoff(b'/x'); "
            "print(ctypes.get_errno())",
        ],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=True,
    )
    assert swapped.stdout == "1\n"


async def test_install_logs_in_first_and_uninstall_takes_it_back(world: World, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    environ = environment(world, HOME=str(home), XDG_CONFIG_HOME="", TERMUX_VERSION="")

    async def call(*arguments: str, **changes: str) -> tuple[int, str, str]:
        ended = await to_its_end(await start_anew({**environ, **changes}, *arguments, program=MODULE))
        return ended.code, ended.out, ended.err

    code, shown, _ = await call("install", "--user", "--print")
    assert code == OK and "ExecStart=" in shown and not files(home) and not world.data.exists()
    code, _, said = await call("install", "--user", BOT_TOKEN=TOKEN + "wrong")
    assert code == USAGE and "does not know this BOT_TOKEN" in said and not files(home)
    code, commands, _ = await call("install", "--user")
    unit = home / ".config/systemd/user/archive-bot.service"
    assert code == OK and commands.splitlines()[-1] == "systemctl --user enable --now archive-bot"
    assert unit.read_text() in shown
    assert (world.data / "sessions" / "bot.session").exists()
    code, commands, _ = await call("uninstall", "--user")
    assert commands.splitlines() == ["systemctl --user disable --now archive-bot", f"rm -f {unit}"]
    phone = {"TERMUX_VERSION": "0.118", "PREFIX": str(tmp_path / "usr")}
    code, commands, _ = await call("install", **phone)
    assert commands.splitlines()[-1] == "sv-enable archive-bot"
    for script in (tmp_path / "usr/var/service/archive-bot/run", home / ".termux/boot/archive-bot"):
        assert os.access(script, os.X_OK)
        subprocess.run(["sh", "-n", str(script)], check=True)


def test_the_container_has_what_the_bot_needs_and_says_how_it_is(tmp_path: Path) -> None:
    """What COPY names, and .dockerignore lets through, is enough; the rest takes a daemon and a registry."""
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    dockerfile = (ROOT / "Dockerfile").read_text()
    for line in dockerfile.splitlines():
        words = line.split()
        if words[:1] != ["COPY"] or words[1].startswith("--"):
            continue
        for name in words[1:-1]:
            assert f"!{name}" in ignored
            if (ROOT / name).is_dir():
                without = shutil.ignore_patterns("__pycache__")
                shutil.copytree(ROOT / name, tmp_path / "app" / name, ignore=without)
            else:
                (tmp_path / "app").mkdir(exist_ok=True)
                shutil.copy(ROOT / name, tmp_path / "app")
    environ = {**os.environ, "DATA_DIR": str(tmp_path / "data"), "SECRETS_FILE": "/nowhere"}
    environ.pop("PYTHONPATH", None)

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, *arguments]
        return subprocess.run(
            command, cwd=tmp_path / "app", env=environ, capture_output=True, text=True, check=False
        )

    # What nobody may write there later is compiled before.
    steps = re.findall(r"^RUN \.venv/bin/python (-m compileall .*)$", dockerfile, re.MULTILINE)
    assert [run(*step.split()).returncode for step in steps] == [0]
    modules = len(list((tmp_path / "app/utils").rglob("*.py")))
    assert len(list((tmp_path / "app/utils").rglob("*.pyc"))) == modules
    missing = run("extract-compressed-files.py")
    assert missing.returncode == USAGE and "API_ID" in missing.stderr
    health = ("-m", "utils.diagnostics.health")
    assert run(*health).returncode == 1
    (tmp_path / "data").mkdir()
    with InstanceLock(tmp_path / "data"):
        assert run(*health).returncode == 0
