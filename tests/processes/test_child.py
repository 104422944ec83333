"""Starting, reading from and ending one child, whatever its owner does meanwhile."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import uuid
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest

from tests.children import children, marked, until_marked
from utils.errors import ProgramMissing
from utils.processes.child import Child
from utils.processes.confinement import Confinement
from utils.processes.forkserver import ForkServer
from utils.processes.system import Isolation, isolation

FREE = Confinement(memory=None)
SLEEP = "import time; time.sleep(60)"
FORK = "import os, time\nif os.fork(): print(1, flush=True)\ntime.sleep(60)"


@pytest.fixture(params=["copied", "started"], autouse=True)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each child begins as a copy of the fork server, and where there is none by itself."""
    if request.param == "started":
        monkeypatch.setattr(ForkServer, "ready", lambda self: False)
    return str(request.param)


def unique() -> str:
    """What no other command line holds."""
    return f"mark-{uuid.uuid4()}"


def python(code: str) -> list[str]:
    return [sys.executable, "-I", "-S", "-c", code]


@pytest.mark.parametrize("steps", [*range(12), 20, 40])
@pytest.mark.parametrize("times", [1, 2])
async def test_cancelled_in_the_middle_of_starting_nothing_is_left(steps: int, times: int) -> None:
    starting = asyncio.ensure_future(Child.start(python(SLEEP), confinement=FREE))
    for _ in range(steps):
        await asyncio.sleep(0)
    for _ in range(times):
        starting.cancel()
        await asyncio.sleep(0)
    try:
        child = await starting
    except asyncio.CancelledError:
        assert not children()
    else:
        await child.kill()  # it had started by then
        assert not children()


async def test_a_cancellation_waits_until_it_is_gone() -> None:
    child = await Child.start(python(SLEEP), confinement=FREE)
    process = children()
    ending = asyncio.ensure_future(child.kill())
    for _ in range(3):
        await asyncio.sleep(0)
        ending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await ending
    assert process and not children()


async def test_its_children_end_with_it() -> None:
    mark = unique()
    child = await Child.start([*python(FORK), mark], confinement=FREE)
    await child.read()
    assert len(marked(mark)) == 2
    async with asyncio.timeout(5):
        await child.kill()
    await until_marked(mark, there=False)


ESCAPE = """
import os, time
if not os.fork():
    os.setsid()
    if not os.fork():
        print("away", flush=True)
        time.sleep(60)
    os._exit(0)
time.sleep(60)
"""


async def test_who_left_its_group_ends_with_it() -> None:
    if not isolation().processes:
        pytest.skip("needs a process namespace")
    mark = unique()
    child = await Child.start([*python(ESCAPE), mark], confinement=FREE)
    await child.read()
    assert len(marked(mark)) >= 2
    await child.kill()
    assert not marked(mark)


async def test_who_left_its_group_cannot_hold_up_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("utils.processes.child.isolation", Isolation)
    mark = unique()
    child = await Child.start([*python(ESCAPE), mark], confinement=FREE)
    await child.read()
    try:
        async with asyncio.timeout(10):
            await child.kill()
        assert not children()
        assert marked(mark), "nothing but a namespace holds it"
    finally:
        for process in marked(mark):
            os.kill(process, signal.SIGKILL)


DEAF = "import signal\nfor n in range(1, 32):\n    if n not in (9, 19): signal.signal(n, signal.SIG_IGN)\n"


@pytest.mark.parametrize("code", [DEAF + SLEEP, ESCAPE, FORK], ids=["deaf", "escapes", "forks"])
@pytest.mark.parametrize("namespaces", [True, False])
@pytest.mark.parametrize("stopped", [True, False])
async def test_whatever_it_does_it_is_gone_within_two_seconds(
    monkeypatch: pytest.MonkeyPatch, code: str, namespaces: bool, stopped: bool
) -> None:
    if not namespaces:
        monkeypatch.setattr("utils.processes.child.isolation", Isolation)
    mark = unique()
    child = await Child.start([*python("print(0, flush=True)\n" + code), mark], confinement=FREE)
    await child.read()
    if stopped:
        for process in marked(mark):
            os.kill(process, signal.SIGSTOP)
    try:
        async with asyncio.timeout(2):
            await child.kill()
        assert not children()
    finally:
        for process in marked(mark):
            os.kill(process, signal.SIGKILL)


async def test_it_may_be_ended_twice_and_after_its_end() -> None:
    child = await Child.start(python("print('done')"), confinement=FREE)
    assert await child.read() == b"done\n"
    assert await child.wait() == 0
    await child.kill()
    await child.kill()
    assert not children()


async def test_it_is_ended_though_nobody_reads_what_it_says() -> None:
    code = "import sys\nwhile True: print('x' * 1000); print('y' * 1000, file=sys.stderr)"
    child = await Child.start(python(code), confinement=FREE)
    await asyncio.sleep(0.3)  # until all buffers are full
    async with asyncio.timeout(5):
        await child.kill()
    assert not children()


async def test_it_is_ended_while_somebody_reads() -> None:
    child = await Child.start(python("import time; time.sleep(60)"), confinement=FREE)
    reading = asyncio.ensure_future(child.read())
    await asyncio.sleep(0)
    async with asyncio.timeout(5):
        await child.kill()
    assert await reading == b""
    assert not children()


async def test_it_is_ended_though_it_does_not_listen() -> None:
    child = await Child.start(python("import time; time.sleep(60)"), confinement=FREE, stdin=PIPE)
    writing = asyncio.ensure_future(child.write(bytes(4 << 20)))
    await asyncio.sleep(0.1)
    async with asyncio.timeout(5):
        await child.kill()
    with pytest.raises((BrokenPipeError, ConnectionResetError)):
        await writing
    assert not children()


async def test_a_folder_that_is_not_there_is_no_reason_to_leave_anything(tmp_path: Path) -> None:
    with pytest.raises(ProgramMissing, match="could not be started"):
        await Child.start(python(SLEEP), confinement=FREE, cwd=tmp_path / "nowhere")
    assert not children()
