"""A sandbox as a process of its own, told what to do line by line."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from utils.constants import ROOT

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]
#: Bytes of one line of the sandbox's answers at most.
LINE = 16 * 1024 * 1024


@dataclass(frozen=True)
class Server:
    """One running sandbox."""

    process: asyncio.subprocess.Process
    address: str
    key_file: Path
    dc_id: int

    async def do(self, what: str, **fields: Json) -> Json:
        """The result of one command; raises RuntimeError for one that the sandbox does not take."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"do": what, **fields}).encode() + b"\n")
        answer = await _line(self.process)
        if not answer.get("ok"):
            raise RuntimeError(f"sandbox: {answer.get('error')}")
        return answer.get("result")

    @property
    def environment(self) -> dict[str, str]:
        """The settings that make the program use this server."""
        return {
            "TELEGRAM_SERVER": self.address,
            "TELEGRAM_SERVER_KEY": str(self.key_file),
            "TELEGRAM_SERVER_DC": str(self.dc_id),
        }


@asynccontextmanager
async def running(data: Path, *arguments: str) -> AsyncIterator[Server]:
    """Start ``python -m sandbox`` with its state in ``data``; it ends with the block."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "sandbox",
        "--data",
        str(data),
        "--control",
        "stdin",
        *arguments,
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=LINE,
    )
    try:
        ready = await _line(process)
        yield Server(process, str(ready["address"]), Path(str(ready["key_file"])), int(str(ready["dc_id"])))
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _line(process: asyncio.subprocess.Process) -> dict[str, Json]:
    assert process.stdout is not None
    text = await asyncio.wait_for(process.stdout.readline(), 60)
    if not text:
        raise RuntimeError("the sandbox ended")
    value = json.loads(text)
    assert isinstance(value, dict)
    return value
