"""A bot outlives whatever happens between it and Telegram, and ends in one sentence when its log-in does."""

from __future__ import annotations

import asyncio
import json
import signal
from pathlib import Path

from sandbox.rpc import RpcError
from tests.e2e.process import environment, start
from tests.files import photo, zip_of
from tests.relay import Leads, Relay, relay_to
from tests.world import BOT_ID, World, until
from utils.terminal.main import OK, USAGE


def begun(world: World) -> int:
    """How often trouble was said to begin."""
    return sum("WARNING: 🔌" in line for line in world.lines())


def over(world: World) -> int:
    """How often it was said to be over."""
    return sum("INFO: ✅ Telegram" in line for line in world.lines())


async def ready(world: World, times: int) -> None:
    await until(lambda: sum("INFO: ✅ Ready" in line for line in world.lines()) == times)


async def test_it_lives_through_every_trouble_and_ends_with_its_log_in(world: World, tmp_path: Path) -> None:
    async with relay_to(world.sandbox.address) as relay:
        await _lives(world, tmp_path, relay)


async def _lives(world: World, folder: Path, relay: Relay) -> None:
    faults, environ = world.sandbox.faults, environment(world, TELEGRAM_SERVER=relay.address)
    process = await start(environ)
    await ready(world, 1)
    process.send_signal(signal.SIGTERM)
    await process.communicate()
    assert process.returncode == OK

    # A service may be started before the network.
    relay.lead(Leads.NOWHERE)
    process = await start(environ)
    await until(lambda: begun(world) == 1)
    await asyncio.sleep(2)
    assert process.returncode is None
    faults.server_error(None, seconds=2, when=lambda call: call.user == BOT_ID)
    relay.lead(Leads.THERE)
    await ready(world, 2)

    # Each trouble comes while an archive is under way, on whatever connection.
    troubles = ("errors", "transport", *list(Leads)[1:])
    for number, trouble in enumerate(troubles):
        gate = faults.hold("messages.uploadMedia", when=lambda call: call.user == BOT_ID)
        await world.send(zip_of(folder / f"{number}.zip", {"a.jpg": photo(number)}))
        await gate.reached()
        if trouble == "errors":
            faults.server_error(None, seconds=2, when=lambda call: call.user == BOT_ID)
        elif trouble == "transport":
            for code in (-429, -444, -404):
                faults.transport_error(code, user=BOT_ID)
        elif isinstance(trouble, Leads):
            relay.lead(trouble)
            await asyncio.sleep(0.5)
            relay.lead(Leads.THERE)
        gate.open()
        await until(lambda number=number: len(world.media()) == number + 1)  # type: ignore[misc]
    await until(lambda: begun(world) == over(world) and not world.leftovers())
    assert begun(world) <= 8, world.lines()

    # The end, in the middle of a job, which stays as it is.
    gate = faults.hold("messages.uploadMedia", when=lambda call: call.user == BOT_ID)
    await world.send(zip_of(folder / "last.zip", {"a.jpg": photo(9)}))
    await gate.reached()
    (journal,) = world.data.glob("jobs/*/journal.jsonl")
    faults.revoke(BOT_ID, RpcError(401, "SESSION_REVOKED"))
    gate.open()
    _, said = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == USAGE
    assert said.decode().splitlines()[-1].startswith("❌ The log-in in ")
    assert world.lines()[-1].startswith("ERROR: ❌ The log-in in ")
    kinds = {json.loads(line)["t"] for line in journal.read_text().splitlines()}
    assert not kinds & {"failed", "cancelled", "skip", "refused", "done"}

    # Started again, it logs in anew with its token, and goes on.
    async with world.running():
        await until(lambda: len(world.media()) == len(troubles) + 1 and not world.leftovers())
    errors = [line for line in world.lines() if line.startswith(("ERROR", "  ", "Traceback"))]
    assert len(errors) == 1, errors
