"""The first process of a process namespace: it is a child of ours, but none that asyncio has started."""

from __future__ import annotations

import asyncio
import os
import signal


class First:
    """Process ``number``. When it has ended, all others of its namespace have, too: so the kernel does it."""

    def __init__(self, number: int) -> None:
        self.number = number
        # It stands for this very process, also when the number is another's again.
        self._watch = os.pidfd_open(number)
        self._loop = asyncio.get_running_loop()
        self._code: asyncio.Future[int] = self._loop.create_future()
        self._loop.add_reader(self._watch, self._collect)

    def kill(self) -> None:
        """End it, unless that has happened."""
        if not self._code.done():
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
