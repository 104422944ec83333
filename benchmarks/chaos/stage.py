"""Where a round takes place: server, person, and the bot's process, started again when it ended."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from benchmarks.chaos.bot import LOST
from sandbox import Sandbox
from tests.e2e.process import Process, start
from tests.world import World
from utils.terminal.main import USAGE

#: Seconds that the bot may take to end after SIGTERM.
ENDS_WITHIN = 20.0


class Stage:
    """The bot's process is kept running from :meth:`open` to :meth:`close`, as a service manager does.

    ``wrong`` are sentences about what must not be, such as an end of the process that nobody asked for.
    """

    def __init__(self, world: World, environ: Mapping[str, str], *, power: bool, broken: str) -> None:
        self.world = world
        self.wrong: list[str] = []
        #: Exit codes with which the bot may end by itself.
        self.excused: set[int] = set()
        self._forgotten = False
        #: Given when the faults are over: everything that is held goes on.
        self.over = asyncio.Event()
        #: Not set while the server is being started again: then nobody may ask it anything.
        self.serving = asyncio.Event()
        self.serving.set()
        self._orders = world.folder / "orders"
        self._environ = environ
        self._power = "1" if power else "0"
        self._broken = broken
        self._process: Process | None = None
        self._asked: set[int] = set()
        self._rest = 0.0
        self._open = True
        self._given: dict[str, float] = {}
        self._keeper: asyncio.Task[None] | None = None

    @property
    def sandbox(self) -> Sandbox:
        return self.world.sandbox

    def open(self) -> None:
        """Start the bot."""
        self._keeper = asyncio.create_task(self._keep())

    async def close(self) -> None:
        """Stop it for good."""
        self._open = False
        if self._keeper is None:
            return
        self.signal(signal.SIGCONT)
        self.end(signal.SIGTERM)
        try:
            await asyncio.wait_for(asyncio.shield(self._keeper), ENDS_WITHIN)
        except TimeoutError:
            self.wrong.append(f"the bot did not end within {ENDS_WITHIN:.0f} s after SIGTERM")
            self.end(signal.SIGKILL)
            await self._keeper

    async def _keep(self) -> None:
        program = ("-m", "benchmarks.chaos.bot", str(self._orders), self._power, self._broken)
        while self._open:
            process = await start(self._environ, program=program)
            self._process = process
            if not self._open:  # told so while it was being started
                self.end(signal.SIGTERM)
            _, err = await process.communicate()
            code = process.returncode or 0
            self._note_end(code, err.decode(errors="replace"))
            await asyncio.sleep(self._rest)
            self._rest = 0.0

    def log_in_ends(self) -> None:
        """The bot may end then; its owner deletes the log-in, as he is told, and starts it again."""
        self.excused = {USAGE}
        self._forgotten = True

    def _forget_log_in(self) -> None:
        if self._forgotten:
            for path in (self.world.data / "sessions").iterdir():
                path.unlink()
        self._forgotten = False

    def _note_end(self, code: int, err: str) -> None:
        asked, self._asked = self._asked, set()
        if code in self.excused:
            self._forget_log_in()
            return
        # What is sent to a process that has just been killed otherwise changes nothing.
        if code not in ({0} if signal.SIGTERM in asked else set()) | {-number for number in asked}:
            if code == LOST and "power" in self._given:
                self._give(power=None)
                return
            last = err.strip().splitlines()[-3:]
            self.wrong.append(f"the bot ended by itself with code {code}: {' | '.join(last)}")
            self._rest = 1.0

    # -- what is done to the bot

    @property
    def pid(self) -> int | None:
        """The bot's process, if it is running."""
        process = self._process
        return process.pid if process is not None and process.returncode is None else None

    def signal(self, number: int) -> bool:
        """Send a signal; False when nobody is there."""
        process = self._process
        if process is None or process.returncode is not None:
            return False
        with suppress(ProcessLookupError):
            process.send_signal(number)
        return True

    def end(self, number: int, rest: float = 0.0) -> None:
        """Send a signal that ends the bot; it is started again after ``rest`` seconds."""
        if self.signal(number):
            self._asked.add(number)
            self._rest = rest

    def order(self, **orders: float) -> None:
        """Have the bot's machine do something (see ``bot``)."""
        self._give(**orders)
        if self.signal(signal.SIGUSR1):
            # One that has just begun does not know the signal yet, and dies of it.
            self._asked.add(signal.SIGUSR1)

    def _give(self, **orders: float | None) -> None:
        self._given = {k: v for k, v in {**self._given, **orders}.items() if v is not None}
        beside = self._orders.with_suffix(".new")
        beside.write_text(json.dumps(self._given))
        beside.replace(self._orders)

    def children(self) -> list[int]:
        """Process ids of what the bot has started."""
        found: list[int] = []
        with suppress(FileNotFoundError, ProcessLookupError):
            for task in Path(f"/proc/{self.pid}/task").iterdir():
                found += map(int, (task / "children").read_text().split())
        return found

    # -- what is done to the server

    async def restart_server(self) -> None:
        """Stop the server and start it again, on the same ports, with what it had written."""
        await asyncio.shield(self._restart_server())

    async def _restart_server(self) -> None:
        await self.serving.wait()
        self.serving.clear()
        old = self.sandbox
        await old.stop()
        fresh = Sandbox(self.world.folder / "telegram", port=old.port)
        await fresh.start()
        self.world.sandbox = fresh
        self.serving.set()
