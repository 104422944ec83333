"""What a bot costs that has nothing to do: seconds from its start to ready, memory, and CPU over a while.

A bot of its own, as its owner starts it, on a sandbox. The first start, which makes the log-in, is not
counted. Memory is what is resident, and the part of it that no other program shares. To reach: 60 MB, 1 s,
and 0.05 s of CPU a minute.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from sandbox import Sandbox
from utils.constants import ROOT

TOKEN = "4242:a-token-of-no-worth"
MB = 1 << 20


@dataclass(frozen=True)
class Cost:
    """Seconds to ready, bytes resident and unshared, and seconds of CPU a minute."""

    ready: float
    resident: int
    own: int
    cpu: float


def environment(folder: Path, sandbox: Sandbox, more: Mapping[str, str]) -> dict[str, str]:
    """The settings of the bot."""
    settings = {
        "API_ID": "12345",
        "API_HASH": "0123456789abcdef0123456789abcdef",
        "BOT_TOKEN": TOKEN,
        "AUTHORIZED_USERS": "1",
        "TELEGRAM_SERVER": sandbox.address,
        "TELEGRAM_SERVER_KEY": str(sandbox.key_file),
        "DATA_DIR": str(folder / "data"),
        "LOG_FILE": str(folder / "bot.log"),
        "SECRETS_FILE": str(folder / "none"),
    }
    # Some containers turn off that Python keeps what it compiled.
    inherited = {name: text for name, text in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**inherited, **settings, **more}


@asynccontextmanager
async def running(environ: Mapping[str, str]) -> AsyncIterator[tuple[asyncio.subprocess.Process, float]]:
    """The bot, and the seconds that it took to be ready."""
    began = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(ROOT / "extract-compressed-files.py"), env=environ, stderr=asyncio.subprocess.PIPE
    )
    assert process.stderr is not None
    try:
        async for line in process.stderr:
            if b"Ready" in line:
                break
        yield process, time.perf_counter() - began
    finally:
        process.terminate()
        await process.communicate()


def cpu_of(pid: int) -> float:
    """Seconds of CPU so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_of(pid: int) -> tuple[int, int]:
    """Bytes resident, and of them those that no other process has."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    sizes = {line.split()[0]: int(line.split()[1]) << 10 for line in lines[1:]}
    return sizes["Rss:"], sizes["Private_Clean:"] + sizes["Private_Dirty:"]


async def measure(seconds: float, rounds: int, more: Mapping[str, str]) -> list[Cost]:
    """So many starts, each left alone for a while."""
    with tempfile.TemporaryDirectory() as made:
        folder, found = Path(made), []
        async with Sandbox(folder / "telegram") as sandbox:
            await sandbox.add_bot(TOKEN, "archive_bot", "Archive bot")
            environ = environment(folder, sandbox, more)
            async with running(environ):
                pass
            for _ in range(rounds):
                async with running(environ) as (process, ready):
                    await asyncio.sleep(2)  # what follows upon a start
                    before, began = cpu_of(process.pid), time.monotonic()
                    await asyncio.sleep(seconds)
                    used = (cpu_of(process.pid) - before) * 60 / (time.monotonic() - began)
                    found.append(Cost(ready, *memory_of(process.pid), used))
        return found


def main(arguments: list[str]) -> int:
    """``python -m benchmarks idle``."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks idle", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60, help="how long it is watched")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--page", action="store_true", help="with the status page")
    options = parser.parse_args(arguments)
    more = {"STATUS_PORT": "18080"} if options.page else {}
    found = asyncio.run(measure(options.seconds, options.rounds, more))
    print(f"ready     {statistics.median(cost.ready for cost in found):6.2f} s")
    print(f"resident  {statistics.median(cost.resident for cost in found) / MB:6.1f} MB")
    print(f"own       {statistics.median(cost.own for cost in found) / MB:6.1f} MB")
    print(f"CPU       {statistics.median(cost.cpu for cost in found):6.3f} s a minute")
    return 0
