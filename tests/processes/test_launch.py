"""What a child may not do, seen from inside one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from utils.processes.confinement import NO_FILES, Confinement, environment
from utils.processes.supervisor import run
from utils.processes.system import isolation

LINUX = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="uses /proc")
CONFINED = Confinement(
    memory=2 << 30,
    file_bytes=1 << 20,
    open_files=64,
    niceness=3,
    data=1 << 30,
    cpu_seconds=50,
    reads=(Path("/proc"),),
)

LOOK = """
import json, os, resource
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print(json.dumps({
    "nice": os.nice(0),
    "files": resource.getrlimit(resource.RLIMIT_FSIZE), "memory": resource.getrlimit(resource.RLIMIT_AS),
    "data": resource.getrlimit(resource.RLIMIT_DATA), "cpu": resource.getrlimit(resource.RLIMIT_CPU),
    "adjusted": open("/proc/self/oom_score_adj").read().strip(),
    "core": resource.getrlimit(resource.RLIMIT_CORE), "open": resource.getrlimit(resource.RLIMIT_NOFILE),
    "privileges": status["NoNewPrivs"].strip(), "environment": dict(os.environ),
    "network": [line.split(":")[0].strip() for line in open("/proc/self/net/dev") if ":" in line],
    "standard input": os.read(0, 1).decode(),
    "descriptors": sorted(os.listdir("/proc/self/fd")),
}))
"""


async def inside(code: str, confinement: Confinement = CONFINED) -> Any:
    """What the Python program ``code`` prints as JSON when it is run as a child."""
    outcome = await run([sys.executable, "-I", "-S", "-c", code], confinement=confinement, within=30)
    assert outcome.code == 0, outcome.reason
    return json.loads(outcome.output)


@LINUX
async def test_it_has_the_limits_that_it_was_given() -> None:
    seen = await inside(LOOK)
    assert seen["nice"] == min(19, os.nice(0) + 3)
    assert seen["memory"] == [2 << 30, 2 << 30]
    assert seen["files"] == [1 << 20, 1 << 20]
    assert seen["open"] == [64, 64]
    assert seen["data"] == [1 << 30, 1 << 30] and seen["cpu"] == [50, 50]
    assert seen["adjusted"] == "1000", "the kernel takes it before the bot"
    assert seen["core"] == [0, 0]
    assert seen["standard input"] == ""


@LINUX
async def test_it_gains_no_rights_and_inherits_no_files() -> None:
    secret = os.open(__file__, os.O_RDONLY)
    os.set_inheritable(secret, True)
    try:
        seen = await inside(LOOK)
    finally:
        os.close(secret)
    assert seen["privileges"] == "1"
    # 0, 1, 2, and the one that lists them.
    assert len(seen["descriptors"]) == 4


def network_can_be_left() -> bool:
    """Whether this machine lets somebody like us into a network of their own."""
    probe = (
        "import ctypes, sys; libc = ctypes.CDLL(None);"
        "sys.exit(libc.unshare(0x40000000) != 0 and libc.unshare(0x50000000) != 0)"
    )
    return subprocess.run([sys.executable, "-c", probe], check=False).returncode == 0


@LINUX
async def test_it_has_no_network_where_that_can_be_had() -> None:
    seen = await inside(LOOK)
    assert (seen["network"] == ["lo"]) is network_can_be_left()


@LINUX
async def test_it_sees_nothing_of_the_bots_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("BOT_TOKEN", "API_HASH", "SECRETS_FILE", "HOME", "PYTHONPATH"):
        monkeypatch.setenv(name, "4242:a-token-that-nobody-may-see")
    monkeypatch.setenv("LIBVA_DRIVER_NAME", "iHD")
    seen = (await inside(LOOK))["environment"]
    assert seen["LIBVA_DRIVER_NAME"] == "iHD", "where the drivers are is for whoever uses them"
    seen.pop("LC_CTYPE", None)  # some Pythons set it for themselves
    assert seen == environment()
    assert "4242" not in json.dumps(seen)


@LINUX
async def test_without_limits_it_has_those_of_the_bot() -> None:
    import resource

    seen = await inside(LOOK, replace(CONFINED, memory=None, file_bytes=None, open_files=None, niceness=0))
    assert seen["nice"] == os.nice(0)
    assert seen["memory"] == list(resource.getrlimit(resource.RLIMIT_AS))
    assert seen["files"] == list(resource.getrlimit(resource.RLIMIT_FSIZE))
    assert seen["open"] == list(resource.getrlimit(resource.RLIMIT_NOFILE))
    assert seen["core"] == [0, 0]


async def test_it_writes_no_larger_file_than_it_may(tmp_path: Path) -> None:
    code = f"""
import json
try:
    with open({str(tmp_path / "out")!r}, "wb") as file:
        file.write(bytes(8 << 20))
    print(json.dumps("written"))
except OSError as error:
    print(json.dumps(error.strerror))
"""
    assert await inside(code, Confinement(None, writes=(tmp_path,))) == "File too large"
    assert (tmp_path / "out").stat().st_size == NO_FILES
    assert await inside(code, Confinement(None, 9 << 20, writes=(tmp_path,))) == "written"


@LINUX
async def test_it_is_the_last_in_line_for_the_disk() -> None:
    code = "import ctypes, json; print(json.dumps(ctypes.CDLL(None).syscall({}, 1, 0)))"
    number = {"x86_64": 252, "aarch64": 31}.get(os.uname().machine)
    if number is not None:
        assert await inside(code.format(number)) == (2 << 13) | 7


async def test_it_starts_in_the_folder_that_it_was_told(tmp_path: Path) -> None:
    outcome = await run(
        [sys.executable, "-c", "import os; print(os.getcwd())"], confinement=CONFINED, within=30, cwd=tmp_path
    )
    assert outcome.output.decode().strip() == str(tmp_path)


def test_the_launcher_loads_next_to_nothing() -> None:
    """It stands before every start of ffprobe."""
    launch = Path(__file__).parents[2] / "utils" / "processes" / "launch.py"
    options = Confinement(memory=None).options("/bin/true", replace(isolation(), unshare=0))
    report, told = os.pipe()
    command = [sys.executable, "-I", "-S", "-X", "importtime", str(launch), f"report={told}", *options]
    done = subprocess.run(
        [*command, "--", "/bin/true"], capture_output=True, text=True, check=True, pass_fds=(told,)
    )
    os.close(told)
    os.close(report)
    imports = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
    loaded = {line.rpartition("|")[2].strip() for line in imports}
    assert "utils.processes.launching" in loaded
    assert loaded.isdisjoint(
        {"signal", "enum", "contextlib", "typing", "subprocess", "json", "re", "dataclasses"}
    )
