"""The benchmark of transfers runs, in small."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from utils.constants import ROOT


async def test_the_benchmark_prints_a_row_for_each_measurement(tmp_path: Path) -> None:
    arguments = ["transfer", "--size-mb", "12", "--rtt", "5", "--ways", "ours", "--no-albums"]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks", *arguments, "--scratch", str(tmp_path)),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output = (await process.communicate())[0].decode()
    rows = [line.split() for line in output.splitlines() if " ms  " in line]
    assert [(row[2], row[3]) for row in rows] == [("up", "this"), ("down", "this")], output
    assert all(float(row[5]) > 0.5 for row in rows), output
    assert "of memory above idle, up at 5 ms" in output
