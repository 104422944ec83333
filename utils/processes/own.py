"""A process that was started: by the fork server, or by asyncio where there is none."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from utils.processes.confinement import environment

_LAUNCH = str(Path(__file__).with_name("launch.py"))


class Running(Protocol):
    """A process that was started: its number, its end, and how to bring that about."""

    @property
    def number(self) -> int: ...

    def kill(self) -> None: ...

    async def wait(self) -> int: ...


class Own:
    """Process ``number``, a child of ours that asyncio has not started.

    ``leads``: it leads a process group, which is killed with it.
    """

    def __init__(self, number: int, *, leads: bool) -> None:
        self.number = number
        self._leads = leads
        # It stands for this very process, also when the number is another's again.
        self._watch = os.pidfd_open(number)
        self._loop = asyncio.get_running_loop()
        self._code: asyncio.Future[int] = self._loop.create_future()
        self._loop.add_reader(self._watch, self._collect)

    def kill(self) -> None:
        """End it, unless that has happened."""
        if self._code.done():
            return
        if self._leads:
            # Nobody else can have its number: it is not collected.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.number, signal.SIGKILL)
        else:
            signal.pidfd_send_signal(self._watch, signal.SIGKILL)

    async def wait(self) -> int:
        """Its exit code (negative: the signal that it died of), when it is gone and collected."""
        return await asyncio.shield(self._code)

    def _collect(self) -> None:
        self._loop.remove_reader(self._watch)
        os.close(self._watch)
        try:
            self._code.set_result(os.waitstatus_to_exitcode(os.waitpid(self.number, 0)[1]))
        except ChildProcessError:  # whoever started the bot has it ignore SIGCHLD
            self._code.set_result(255)


class Started:
    """A launcher that asyncio has started: where there is no fork server."""

    def __init__(self, process: Process) -> None:
        self._process = process

    @property
    def number(self) -> int:
        return self._process.pid

    def kill(self) -> None:
        # Not ``process.kill()``: that collects an ended process behind the back of asyncio, which then knows
        # nothing of its end.
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)

    async def wait(self) -> int:
        return await self._process.wait()


async def start_launcher(command: Sequence[str], cwd: Path | None, theirs: Sequence[int]) -> Running:
    """Start the launcher. Raises OSError."""
    stdin, stdout, stderr, told = theirs
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-S", _LAUNCH, f"report={told}", *command),
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        pass_fds=(told,),
        env=environment(),
        cwd=cwd,
        start_new_session=True,
    )
    return Started(process)


async def read_report(descriptor: int) -> str:
    """All that comes out of the pipe ``descriptor``, which is closed then."""
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    pipe = os.fdopen(descriptor, "rb", buffering=0)
    transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), pipe)
    try:
        return (await reader.read()).decode()
    finally:
        transport.close()
