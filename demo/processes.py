"""The two programs that the demo starts: the sandbox server and the bot, each as a process of its own."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sandbox.export import StoredMessage
from utils.constants import ROOT, SETTINGS

#: Seconds that the server may take to listen, and a process to end after it was told to.
START_PATIENCE, STOP_PATIENCE = 60.0, 15.0
#: Longest answer of the server's control line, in bytes; it lists all messages of a chat.
LONGEST_LINE = 64 * 1024 * 1024

TIED = Path(__file__).with_name("tied.py")

Json = Any


class DemoFailed(Exception):
    """The demo cannot go on; the text says why, in a sentence."""


class Server:
    """A running sandbox, controlled by JSON lines over its standard input."""

    def __init__(self, process: Process, facts: Mapping[str, Json]) -> None:
        self.process = process
        self.addresses: Mapping[str, str] = facts["addresses"]
        self.address = str(facts["address"])
        self.key_file = Path(facts["key_file"])
        self.dc_id = int(facts["dc_id"])
        self._asking = asyncio.Lock()

    async def ask(self, **command: Json) -> Json:
        """Have the server do something, and give its answer."""
        assert self.process.stdin is not None and self.process.stdout is not None
        async with self._asking:
            self.process.stdin.write(json.dumps(command).encode() + b"\n")
            await self.process.stdin.drain()
            answer = json.loads(await self.process.stdout.readline() or b'{"error": "it has ended"}')
        if not answer.get("ok"):
            raise DemoFailed(f"The sandbox did not do {command['do']}: {answer.get('error')}")
        return answer.get("result")

    async def messages(self, user: int, peer: int) -> list[StoredMessage]:
        """What ``user`` has in the chat with ``peer``, oldest first."""
        return [stored(fields) for fields in await self.ask(do="messages", user=user, peer=peer)]


def stored(fields: Mapping[str, Json]) -> StoredMessage:
    """A message out of the control line's JSON."""
    paths = {key: Path(fields[key]) if fields[key] else None for key in ("path", "thumb")}
    buttons = tuple(tuple(row) for row in fields["buttons"])
    return StoredMessage(**{**fields, **paths, "buttons": buttons})


@asynccontextmanager
async def running_server(folder: Path, *, bot: str, person: str) -> AsyncIterator[Server]:
    """A sandbox on free ports with one bot ("token:username") and one person ("phone:username")."""
    command = ["-m", "sandbox", "--data", str(folder), "--bot", bot, "--person", person, "--control", "stdin"]
    with folder.with_suffix(".log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *tied(command), cwd=ROOT, stdin=PIPE, stdout=PIPE, stderr=log, limit=LONGEST_LINE
        )
        try:
            assert process.stdout is not None
            try:
                line = await asyncio.wait_for(process.stdout.readline(), START_PATIENCE)
            except TimeoutError:
                line = b""
            if not line:
                raise DemoFailed(f"The sandbox did not start. {last_words(Path(log.name))}")
            yield Server(process, json.loads(line))
        finally:
            await stop(process)


@asynccontextmanager
async def running_bot(settings: Mapping[str, str], log: Path) -> AsyncIterator[Process]:
    """The bot with exactly these settings: none of the reader's own."""
    own = {info.name for info in SETTINGS} | {"SECRETS_FILE"}
    environ = {name: value for name, value in os.environ.items() if name not in own}
    environ |= {**settings, "SECRETS_FILE": os.devnull}
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *tied([str(ROOT / "extract-compressed-files.py")]),
            cwd=ROOT,
            env=environ,
            stdin=DEVNULL,
            stdout=output,
            stderr=output,
        )
        try:
            yield process
        finally:
            await stop(process)


def tied(arguments: Sequence[str]) -> list[str]:
    """Python with these arguments, as a process that does not outlive this one."""
    return [sys.executable, str(TIED), str(os.getpid()), sys.executable, *arguments]


async def stop(process: Process) -> None:
    """End the process: politely, and after a while not."""
    if process.returncode is not None:
        return
    process.send_signal(signal.SIGTERM)
    try:
        await asyncio.wait_for(process.wait(), STOP_PATIENCE)
    except TimeoutError:
        process.kill()
        await process.wait()


def last_words(log: Path, lines: int = 5) -> str:
    """The end of a log, to show why a process ended."""
    words: Sequence[str] = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-lines:]
    return "Its last words:\n" + "\n".join(f"    {line}" for line in words) if words else "It said nothing."
