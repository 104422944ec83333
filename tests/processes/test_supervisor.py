"""One program run: bounded, watched, and gone in the end."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.children import children, marked, until_marked
from utils.errors import ProgramCrashed, ProgramMissing, ProgramTimeout, TooMuchOutput
from utils.processes.confinement import Confinement
from utils.processes.supervisor import STDERR_LINES, run, run_blocking
from utils.processes.system import Isolation

FREE = Confinement(memory=None)
SHORT: dict[str, Any] = {"confinement": FREE, "within": 20}


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


async def test_output_errors_and_exit_code_come_back() -> None:
    outcome = await run(
        python("import sys; print('out'); print('why', file=sys.stderr); sys.exit(3)"), **SHORT
    )
    assert (outcome.code, outcome.output, outcome.reason) == (3, b"out\n", "why")


def test_standard_input_is_not_the_bots() -> None:
    inner = "import sys; print(repr(sys.stdin.read()))"
    outer = (
        "import asyncio, sys\n"
        "from utils.processes.confinement import Confinement\n"
        "from utils.processes.supervisor import run\n"
        f"work = run([sys.executable, '-c', {inner!r}], confinement=Confinement(None), within=20)\n"
        "outcome = asyncio.run(work)\n"
        "print(outcome.output.decode())"
    )
    command = [sys.executable, "-c", outer]
    done = subprocess.run(
        command, input="y", text=True, capture_output=True, cwd=Path(__file__).parents[2], timeout=30
    )
    assert done.stdout.strip() == "''"


async def test_a_flood_of_complaints_neither_blocks_nor_fills_the_memory() -> None:
    outcome = await run(
        python("import sys\nfor n in range(200000): print('damaged', n, file=sys.stderr)"), **SHORT
    )
    assert outcome.code == 0
    assert len(outcome.errors) == STDERR_LINES
    assert outcome.reason == "damaged 199999"


async def test_what_takes_too_long_is_killed() -> None:
    began = time.monotonic()
    with pytest.raises(ProgramTimeout, match="longer than 1 seconds"):
        await run(python("import time; time.sleep(60)"), confinement=FREE, within=1)
    assert time.monotonic() - began < 10
    assert not children()


async def test_what_stands_still_is_killed_though_it_talks() -> None:
    async def never(_: str) -> bool:
        return False

    code = "import time\nwhile True: print('frame=7', flush=True); time.sleep(0.1)"
    began = time.monotonic()
    with pytest.raises(ProgramTimeout, match="stood still"):
        await run(python(code), confinement=FREE, within=50, stall=0.8, on_line=never)
    assert time.monotonic() - began < 10


async def test_what_makes_progress_is_left_alone() -> None:
    async def always(_: str) -> bool:
        return True

    code = "import time\nfor n in range(10): print(n, flush=True); time.sleep(0.15)"
    outcome = await run(python(code), confinement=FREE, within=50, stall=0.8, on_line=always)
    assert outcome.code == 0


async def test_cancelled_it_takes_its_children_along(tmp_path: Path) -> None:
    inner = "import time; time.sleep(60)"
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {inner!r}, sys.argv[1]])"
    task = asyncio.create_task(run([*python(code), str(tmp_path)], **SHORT))
    while len(marked(str(tmp_path))) < 2:
        await asyncio.sleep(0.02)
    began = time.monotonic()
    task.cancel()
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert time.monotonic() - began < 2
    await until_marked(str(tmp_path), there=False)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the kernel does this on Linux only")
@pytest.mark.parametrize("namespaces", [True, False])
async def test_when_the_bot_is_killed_it_dies_too(tmp_path: Path, namespaces: bool) -> None:
    outer = (
        "import asyncio, sys\n"
        "from utils.processes import child\n"
        "from utils.processes.confinement import Confinement\n"
        "from utils.processes.supervisor import run\n"
        "from utils.processes.system import Isolation\n"
        f"if not {namespaces}: child.isolation = Isolation\n"
        "command = [sys.executable, '-c', 'import time; time.sleep(60)', 'mark of ' + sys.argv[1]]\n"
        "asyncio.run(run(command, confinement=Confinement(None), within=60))"
    )
    bot = subprocess.Popen([sys.executable, "-c", outer, str(tmp_path)], cwd=Path(__file__).parents[2])
    child = (await until_marked(f"mark of {tmp_path}", there=True))[-1]
    # Asked from outside: inside of a process namespace, whatever lies outside of it has the number 0.
    of_the_bot = (os.getpgid(bot.pid), os.getsid(bot.pid))
    assert os.getpgid(child) not in of_the_bot and os.getsid(child) not in of_the_bot
    bot.send_signal(signal.SIGKILL)
    bot.wait()
    await until_marked(f"mark of {tmp_path}", there=False)


async def test_memory_is_bounded() -> None:
    outcome = await run(python("bytearray(3 << 30)"), confinement=Confinement(memory=1 << 30), within=20)
    assert outcome.code != 0
    assert outcome.reason == "MemoryError"


async def test_it_runs_at_low_priority() -> None:
    outcome = await run(
        python("import os; print(os.nice(0))"), confinement=Confinement(None, niceness=3), within=20
    )
    assert int(outcome.output) == min(19, os.nice(0) + 3)


async def test_a_program_that_is_not_there_is_named() -> None:
    with pytest.raises(ProgramMissing, match="no-such-program-anywhere is not installed"):
        await run(["no-such-program-anywhere"], **SHORT)


async def test_a_program_that_is_none_is_named(tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.write_bytes(b"\x7fELF but not really")
    broken.chmod(0o755)
    with pytest.raises(ProgramMissing, match=f"{broken} could not be started: Exec format error"):
        await run([str(broken)], **SHORT)


async def test_an_endless_description_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("utils.processes.supervisor.STDOUT_LIMIT", 1 << 20)
    with pytest.raises(TooMuchOutput, match="more than 1 MB"):
        await run(python("while True: print('x' * 1000)"), **SHORT)


async def test_a_line_without_an_end_is_cut() -> None:
    async def never(_: str) -> bool:
        return False

    with pytest.raises(TooMuchOutput, match="a line of more than 1 MB"):
        await run(python("while True: print('x' * 1000, end='')"), **SHORT, on_line=never)


async def test_what_closes_its_output_and_goes_on_is_killed_in_the_end() -> None:
    code = "import os, time; os.close(1); os.close(2); time.sleep(60)"
    with pytest.raises(ProgramTimeout):
        await run(python(code), confinement=FREE, within=1)


async def test_a_listener_that_fails_ends_the_program() -> None:
    async def fail(line: str) -> bool:
        raise ZeroDivisionError(line)

    code = "import sys, time; print('why', file=sys.stderr); print('line', flush=True); time.sleep(60)"
    with pytest.raises(ZeroDivisionError, match="line"):
        await run(python(code), **SHORT, on_line=fail)
    assert not children()


async def test_what_it_is_given_comes_in_and_ends() -> None:
    code = "import sys; print(len(sys.stdin.buffer.read()))"
    outcome = await run(python(code), **SHORT, given=bytes(3_000_000))
    assert outcome.output == b"3000000\n"


async def test_it_need_not_want_what_it_is_given() -> None:
    outcome = await run(python("print('enough')"), **SHORT, given=bytes(3_000_000))
    assert (outcome.code, outcome.output) == (0, b"enough\n")


# -- without an event loop, and in the middle of one -----------------------------------------------------


def test_it_runs_where_there_is_no_event_loop() -> None:
    assert run_blocking(python("print(7)"), **SHORT).output == b"7\n"


async def test_it_runs_in_the_middle_of_an_event_loop() -> None:
    assert run_blocking(python("print(7)"), **SHORT).output == b"7\n"


# -- a crash is not a bad ending -------------------------------------------------------------------------


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first process of a namespace hears no signal from inside it, not even its own."""
    monkeypatch.setattr("utils.processes.child.isolation", Isolation)


@pytest.mark.parametrize("code", ["import os; os.abort()", "import ctypes; ctypes.string_at(0)"])
async def test_the_first_process_of_a_namespace_can_crash_like_any_other(code: str) -> None:
    with pytest.raises(ProgramCrashed):
        await run(python(code), **SHORT)


def dying(signal_: signal.Signals, words: str = "") -> list[str]:
    """A program that says ``words`` and dies of ``signal_``."""
    return python(
        f"import os, sys; print({words!r}, file=sys.stderr, flush=True); os.kill(os.getpid(), {signal_:d})"
    )


@pytest.mark.usefixtures("plain")
@pytest.mark.parametrize("name", ["SIGSEGV", "SIGABRT", "SIGILL", "SIGBUS", "SIGFPE", "SIGTRAP", "SIGSYS"])
async def test_a_program_that_dies_of_its_own_mistake_has_crashed(name: str) -> None:
    number = signal.Signals[name]
    with pytest.raises(ProgramCrashed) as caught:
        await run(dying(number, "Invalid data found"), **SHORT)
    assert (caught.value.program, caught.value.signal) == (Path(sys.executable).name, number)
    assert f"crashed (signal {number:d})" in caught.value.told


@pytest.mark.usefixtures("plain")
@pytest.mark.parametrize("name", ["SIGKILL", "SIGTERM", "SIGXCPU", "SIGHUP"])
async def test_a_program_that_somebody_killed_has_not_crashed(name: str) -> None:
    number = signal.Signals[name]
    outcome = await run(dying(number), **SHORT)
    assert (outcome.code, outcome.reason) == (-number, f"exit code {-number:d}")


@pytest.mark.usefixtures("plain")
@pytest.mark.parametrize(
    "words",
    [
        "terminate called after throwing an instance of 'std::bad_alloc'",
        "Cannot allocate memory",
        "x264 [error]: malloc of size 33554432 failed",
        "ERROR: Can't allocate required memory!",
    ],
)
async def test_a_program_that_got_no_memory_has_not_crashed(words: str) -> None:
    outcome = await run(dying(signal.SIGABRT, words), **SHORT)
    assert (outcome.code, outcome.reason) == (-signal.SIGABRT, words)
