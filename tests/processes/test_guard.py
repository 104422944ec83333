"""What a bot does for itself where it gets no namespaces for its children."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.children import marked, until_marked

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux only")

#: A process that leaves its group and its parent, and one that is none of its parent's business.
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
BOT = f"""
import asyncio, ctypes, sys
from utils.processes import child
from utils.processes.confinement import Confinement
from utils.processes.guard import guard_this_process
from utils.processes.system import Isolation

child.isolation = Isolation
if sys.argv[1] == "guarded":
    guard_this_process()

async def start(code, *words):
    command = [sys.executable, "-I", "-S", "-c", code, *words]
    return await child.Child.start(command, confinement=Confinement(None))

async def main():
    escaping = await start({ESCAPE!r}, sys.argv[2] + " escaping")
    other = await start({ESCAPE!r}, sys.argv[2] + " other")
    said = [(await each.read()).decode().strip() for each in (escaping, other)]
    await escaping.kill()
    print(said, "dumpable:", ctypes.CDLL(None).prctl(3, 0, 0, 0, 0), flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    await other.kill()

asyncio.run(main())
"""


@pytest.mark.parametrize("guarded", [True, False])
async def test_what_a_child_left_behind_ends_with_it_and_nobody_looks_into_the_bot(
    guarded: bool, tmp_path: Path
) -> None:
    """Without the guard both are possible: so it is the guard that does it."""
    words = ["guarded" if guarded else "", str(tmp_path)]
    with subprocess.Popen(
        [sys.executable, "-c", BOT, *words],
        cwd=Path(__file__).parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as bot:
        try:
            assert bot.stdout is not None
            said = await asyncio.to_thread(bot.stdout.readline)
            # Who is not root then looks into no such process (ptrace(2), proc(5)); who is root does anyway.
            assert said.endswith(f"dumpable: {int(not guarded)}\n") and said.count("away") == 2
            assert bool(marked(f"{tmp_path} escaping")) is not guarded
            assert marked(f"{tmp_path} other"), "the other child goes on"
            await asyncio.to_thread(bot.communicate, "\n")
            assert bool(marked(f"{tmp_path} other")) is not guarded
        finally:
            bot.kill()
            for process in marked(str(tmp_path)):
                os.kill(process, signal.SIGKILL)
    await until_marked(str(tmp_path), there=False)
