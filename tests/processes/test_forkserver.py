"""The process that programs begin as copies of."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.children import children, marked, until_marked
from utils.errors import ProgramMissing
from utils.processes.child import Child
from utils.processes.confinement import Confinement
from utils.processes.forkserver import ForkServer
from utils.processes.own import Running, start_launcher
from utils.processes.supervisor import run, run_blocking
from utils.processes.system import Isolation

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux only")
FREE = Confinement(memory=None)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ForkServer]:
    """One of this test's own."""
    server = ForkServer()
    monkeypatch.setattr("utils.processes.child.fork_server", server)
    yield server
    server.close()
    assert not children()


@pytest.fixture
def launchers(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was started without it."""
    started: list[str] = []

    async def start(command: list[str], cwd: Path | None, theirs: list[int]) -> Running:
        started.append(command[-1])
        return await start_launcher(command, cwd, theirs)

    monkeypatch.setattr("utils.processes.child.start_launcher", start)
    return started


async def said(*command: str) -> str:
    outcome = await run(["/bin/sh", "-c", *command], confinement=FREE, within=20)
    assert outcome.code == 0, outcome.reason
    return outcome.output.decode().strip()


@pytest.mark.parametrize("namespaces", [True, False])
async def test_all_begin_as_copies_of_one_and_are_children_of_this_process(
    server: ForkServer, launchers: list[str], monkeypatch: pytest.MonkeyPatch, namespaces: bool
) -> None:
    if not namespaces:
        monkeypatch.setattr("utils.processes.child.isolation", Isolation)
    assert await said("echo one") == "one"
    first = server.number
    child = await Child.start(["/bin/sh", "-c", "sleep 60"], confinement=FREE)
    try:
        assert child.number in children()
        assert await asyncio.gather(*(said(f"echo {n}") for n in range(8))) == [str(n) for n in range(8)]
    finally:
        await child.kill()
    assert (await run(["/bin/sh", "-c", "exit 3"], confinement=FREE, within=20)).code == 3
    assert server.number == first and not launchers and not children()
    server.close()
    with pytest.raises(ProcessLookupError):
        os.kill(first, 0)


async def test_it_starts_what_this_process_would_start_now(
    server: ForkServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await said("true")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LIBVA_DRIVER_NAME", "iHD")
    mask = os.umask(0o027)
    try:
        seen = await said('pwd; umask; echo "$LIBVA_DRIVER_NAME"; ps -o sid= -p $$ || true')
    finally:
        os.umask(mask)
    assert seen.split("\n")[:3] == [str(tmp_path), "0027", "iHD"]


async def test_when_it_was_killed_programs_start_all_the_same(
    server: ForkServer, launchers: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    child = await Child.start(["/bin/sh", "-c", "sleep 60"], confinement=FREE)
    first = server.number
    # Looked at before, killed after that: as it may happen at any time.
    monkeypatch.setattr(server, "ready", lambda: True)
    os.kill(first, signal.SIGKILL)
    os.waitid(os.P_PID, first, os.WEXITED | os.WNOWAIT)
    assert await said("echo alone") == "alone"
    assert launchers == ["echo alone"]
    monkeypatch.undo()
    monkeypatch.setattr("utils.processes.child.fork_server", server)
    assert child.number in children(), "nothing but the bot ends what was started by it"
    await child.kill()
    assert await said("echo again") == "again"
    assert server.number != first


async def test_where_it_cannot_be_programs_start_all_the_same(
    server: ForkServer, launchers: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("utils.processes.forkserver._PROGRAM", os.devnull)
    assert await said("echo alone") == "alone"
    assert launchers == ["echo alone"]
    monkeypatch.setattr("utils.processes.forkserver.isolation", Isolation)
    assert not ForkServer().ready()


async def test_what_cannot_be_started_is_said(server: ForkServer, tmp_path: Path) -> None:
    with pytest.raises(ProgramMissing, match="could not be started: No such file or directory"):
        await Child.start(["/bin/sh"], confinement=FREE, cwd=tmp_path / "nowhere")
    (tmp_path / "empty").touch(0o700)
    with pytest.raises(ProgramMissing, match="could not be started: Exec format error"):
        await Child.start([str(tmp_path / "empty")], confinement=Confinement(None, reads=(tmp_path,)))


def test_it_is_not_started_by_a_thread_that_may_end_before_others(server: ForkServer) -> None:
    """The kernel ends what a thread has started when that thread ends."""
    thread = threading.Thread(
        target=lambda: run_blocking(["/bin/sh", "-c", "true"], confinement=FREE, within=20)
    )
    thread.start()
    thread.join()
    assert not server.number
    assert run_blocking(["/bin/sh", "-c", "true"], confinement=FREE, within=20).code == 0
    assert server.number


BOT = """
import asyncio, sys
from utils.processes.child import Child
from utils.processes.confinement import Confinement
from utils.processes.forkserver import fork_server

async def main():
    await Child.start(["/bin/sh", "-c", "sleep 60; true", sys.argv[1]], confinement=Confinement(None))
    print(fork_server.number, flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


async def test_it_and_all_that_it_started_end_with_the_bot_however_that_ends(tmp_path: Path) -> None:
    mark = f"mark-{tmp_path}"
    bot = subprocess.Popen(
        [sys.executable, "-c", BOT, mark],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        env={**os.environ, "BOT_TOKEN": "4242:nobody-may-see-it"},
    )
    assert bot.stdout is not None
    number = int(bot.stdout.readline())
    await until_marked(mark, there=True)
    if os.geteuid():
        with pytest.raises(PermissionError):  # nobody looks into it
            Path(f"/proc/{number}/environ").read_bytes()
    else:
        assert b"4242" not in Path(f"/proc/{number}/environ").read_bytes()
        files = {str(entry.readlink()) for entry in Path(f"/proc/{number}/fd").iterdir()}
        assert {file.partition(":")[0] for file in files} == {"/dev/null", "socket"}
    bot.kill()
    bot.communicate()
    await until_marked(mark, there=False)
    for _ in range(500):
        if not Path(f"/proc/{number}").exists():
            break
        await asyncio.sleep(0.02)
    else:
        raise AssertionError("the fork server lives on")
    assert not marked(mark)
