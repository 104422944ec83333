"""One program run: bounded, watched, and gone in the end."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from utils.errors import ConversionFailed, ConversionTimeout
from utils.processes.supervisor import STDERR_LINES, Limits, run

SHORT = Limits(timeout=20)


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


async def alive(pid: int) -> bool:
    """Is that process still there, after a moment in which it may end?"""
    for _ in range(100):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return False
        if state == "Z":
            return False
        await asyncio.sleep(0.02)
    return True


async def test_output_errors_and_exit_code_come_back() -> None:
    outcome = await run(
        python("import sys; print('out'); print('why', file=sys.stderr); sys.exit(3)"), limits=SHORT
    )
    assert (outcome.code, outcome.output, outcome.reason) == (3, b"out\n", "why")


def test_standard_input_is_not_the_bots() -> None:
    inner = "import sys; print(repr(sys.stdin.read()))"
    outer = (
        "import asyncio, sys\n"
        "from utils.processes.supervisor import Limits, run\n"
        f"outcome = asyncio.run(run([sys.executable, '-c', {inner!r}], limits=Limits(timeout=20)))\n"
        "print(outcome.output.decode())"
    )
    command = [sys.executable, "-c", outer]
    done = subprocess.run(
        command, input="y", text=True, capture_output=True, cwd=Path(__file__).parents[2], timeout=30
    )
    assert done.stdout.strip() == "''"


async def test_a_flood_of_complaints_neither_blocks_nor_fills_the_memory() -> None:
    outcome = await run(
        python("import sys\nfor n in range(200000): print('damaged', n, file=sys.stderr)"), limits=SHORT
    )
    assert outcome.code == 0
    assert len(outcome.errors) == STDERR_LINES
    assert outcome.reason == "damaged 199999"


async def test_what_takes_too_long_is_killed(tmp_path: Path) -> None:
    code = f"import os,time; open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    began = time.monotonic()
    with pytest.raises(ConversionTimeout, match="longer than 1 seconds"):
        await run(python(code), limits=Limits(timeout=1))
    assert time.monotonic() - began < 10
    assert not await alive(int((tmp_path / "pid").read_text()))


async def test_what_stands_still_is_killed_though_it_talks() -> None:
    async def never(_: str) -> bool:
        return False

    code = "import time\nwhile True: print('frame=7', flush=True); time.sleep(0.1)"
    began = time.monotonic()
    with pytest.raises(ConversionTimeout, match="stood still"):
        await run(python(code), limits=Limits(timeout=50, stall=0.8), on_line=never)
    assert time.monotonic() - began < 10


async def test_what_makes_progress_is_left_alone() -> None:
    async def always(_: str) -> bool:
        return True

    code = "import time\nfor n in range(10): print(n, flush=True); time.sleep(0.15)"
    outcome = await run(python(code), limits=Limits(timeout=50, stall=0.8), on_line=always)
    assert outcome.code == 0


async def test_cancelled_it_takes_its_children_along(tmp_path: Path) -> None:
    child = f"import os,time; open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    code = f"import subprocess,sys; subprocess.run([sys.executable, '-c', {child!r}])"
    task = asyncio.create_task(run(python(code), limits=SHORT))
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
        await asyncio.sleep(0.02)
    began = time.monotonic()
    task.cancel()
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert time.monotonic() - began < 2
    assert not await alive(int((tmp_path / "pid").read_text()))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the kernel does this on Linux only")
async def test_when_the_bot_is_killed_it_dies_too(tmp_path: Path) -> None:
    inner = f"import os,time; open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    outer = (
        "import asyncio, sys\n"
        "from utils.processes.supervisor import Limits, run\n"
        f"asyncio.run(run([sys.executable, '-c', {inner!r}], limits=Limits(timeout=60)))"
    )
    bot = subprocess.Popen([sys.executable, "-c", outer], cwd=Path(__file__).parents[2])
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
        await asyncio.sleep(0.02)
    bot.send_signal(signal.SIGKILL)
    bot.wait()
    assert not await alive(int((tmp_path / "pid").read_text()))


async def test_memory_is_bounded() -> None:
    outcome = await run(python("bytearray(3 << 30)"), limits=Limits(timeout=20, memory=1 << 30))
    assert outcome.code != 0
    assert outcome.reason == "MemoryError"


async def test_it_runs_at_low_priority() -> None:
    outcome = await run(python("import os; print(os.nice(0))"), limits=Limits(timeout=20, niceness=3))
    assert int(outcome.output) == min(19, os.nice(0) + 3)


async def test_a_program_that_is_not_there_is_named() -> None:
    outcome = await run(["no-such-program-anywhere"], limits=SHORT)
    assert outcome.code != 0
    assert "no-such-program-anywhere: No such file" in outcome.reason


async def test_an_endless_description_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("utils.processes.supervisor.STDOUT_LIMIT", 1 << 20)
    with pytest.raises(ConversionFailed, match="absurdly long"):
        await run(python("while True: print('x' * 1000)"), limits=SHORT)
