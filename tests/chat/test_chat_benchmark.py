"""The benchmark of the chat runs, in small; what does not depend on the machine is held to its bounds."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from utils.constants import ROOT


async def test_an_archive_makes_its_albums_and_one_message_and_all_is_measured(tmp_path: Path) -> None:
    arguments = ["chat", "--photos", "60", "--people", "3", "--tries", "2", "--rtt", "5"]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks", *arguments, "--scratch", str(tmp_path)),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output = (await process.communicate())[0].decode()
    assert "60 photos in 5 folders: 10 albums + 1 messages" in output, output
    rows = [line for line in output.splitlines() if line.startswith(("reached", "MISSED"))]
    assert len(rows) == 8, output
