"""``python -m benchmarks.chaos.bot ORDERS POWER BROKEN``: the bot in a hurry, on a machine that obeys.

Its waits take a tenth of what they say. On SIGUSR1 it reads the file ORDERS, a JSON object: ``{"clock": 60}``
sets the machine's clock forward, ``{"power": 0.5}`` lets the power fail in the next line of a journal, of
which half is written then (only where POWER is 1). On SIGUSR2 it writes what each of its tasks waits for to
tasks.txt beside ORDERS. BROKEN names the bot's mistake, see ``broken``.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import selectors
import signal
import sys
import time
from pathlib import Path

#: How much faster than real time the bot's waits pass.
HURRY = 10.0
#: The exit code when the power failed, as of a process that was killed.
LOST = 137


_monotonic = time.monotonic


def hurried() -> float:
    """Seconds, of which more pass than of real ones."""
    return _monotonic() * HURRY


class _Selector(selectors.DefaultSelector):
    """Waits only a part of the time that it is told."""

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        found: list[tuple[selectors.SelectorKey, int]] = super().select(timeout and timeout / HURRY)
        return found


class HurriedLoop(asyncio.SelectorEventLoop):
    """An event loop for which a second passes in less."""

    def __init__(self) -> None:
        super().__init__(_Selector())

    def time(self) -> float:
        return hurried()


class Machine:
    """The clock, and the disk that loses what was not synced."""

    def __init__(self, orders: Path) -> None:
        self._orders = orders
        self._offset = 0.0
        self._power: float | None = None
        self._time = time.time

    def obey(self, *_: object) -> None:
        """Read the orders; what was ordered is done at once, or in the next line of a journal."""
        orders = json.loads(self._orders.read_text())
        self._offset = orders.get("clock", self._offset)
        self._power = orders.get("power")

    def tell(self, *_: object) -> None:
        """Write down beside the orders what each task waits for."""
        with self._orders.with_name("tasks.txt").open("w") as file:
            for task in asyncio.all_tasks(asyncio.get_running_loop()):
                task.print_stack(file=file)

    def time(self) -> float:
        return self._time() + self._offset

    def may_lose_power(self) -> None:
        """Note from now on what is synced."""
        from tests.disk import Disk
        from utils import bot
        from utils.constants import load_settings
        from utils.storage.journal import Journal, Record

        disk = Disk(load_settings().path("DATA_DIR"))
        machine, write = self, Journal._write

        def failing(self: Journal, records: tuple[Record, ...]) -> None:
            before = self.path.stat().st_size
            write(self, records)
            if machine._power is not None:
                written = self.path.stat().st_size - before
                os.truncate(self.path, before + int(machine._power * written))
                disk.keep(self.path)
                disk.lose_names = int(1000 * machine._power) % 2 == 0
                disk.lose_power()
                os._exit(LOST)

        Journal._write = failing  # type: ignore[method-assign]
        os.fsync = disk.fsync  # type: ignore[assignment]
        bot.boot_id = lambda: secrets.token_hex(8)  # type: ignore[attr-defined]


def run(orders: Path, *, power: bool, broken: str) -> int:
    """Run the bot; returns its exit code."""
    from utils.telegram.client import CONNECT_TIMEOUT, login
    from utils.terminal.main import main

    machine = Machine(orders)
    if orders.exists():
        machine.obey()
    signal.signal(signal.SIGUSR1, machine.obey)
    signal.signal(signal.SIGUSR2, machine.tell)
    time.time = machine.time
    time.monotonic = hurried
    asyncio.events.new_event_loop = HurriedLoop
    # To reach the server takes as long as it takes, on a machine that has much else to do.
    assert login.__kwdefaults__ is not None
    login.__kwdefaults__["patience"] = HURRY * CONNECT_TIMEOUT
    if power:
        machine.may_lose_power()
    if broken:
        from benchmarks.chaos.broken import break_it

        break_it(broken)
    return main([])


if __name__ == "__main__":
    sys.exit(run(Path(sys.argv[1]), power=sys.argv[2] == "1", broken=sys.argv[3]))
