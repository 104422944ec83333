"""Settings are read again on SIGHUP: in force from the next archive, and nothing is lost."""

from __future__ import annotations

import asyncio
import os
import signal
import sys

from tests.e2e.process import environment, start
from tests.files import photo, zip_of
from tests.world import PATIENCE, World, until
from utils.constants import ROOT
from utils.terminal.main import OK


async def test_settings_are_read_again_while_the_bot_works(world: World) -> None:
    secrets = world.folder / "secrets.properties"
    secrets.write_text("OTHER_FILES=leave\n")
    bot = await start(environment(world, SECRETS_FILE=str(secrets)))

    def said(words: str) -> int:
        return sum(words in line for line in world.lines())

    async def sent(name: str, count: int) -> None:
        numbers = range(3 * ord(name), 3 * ord(name) + 3)
        entries = {f"{number}.jpg": photo(number) for number in numbers} | {"notes.txt": name.encode()}
        await world.send(zip_of(world.folder / f"{name}.zip", entries))
        await until(lambda: len(world.media()) == count)
        await until(lambda: not world.leftovers())

    try:
        await until(lambda: said("Ready"))
        await sent("a", 3)
        secrets.write_text("OTHER_FILES=send\nSTATUS_TOKEN=not to be shown\nVIDEO_CRF=30\n")
        bot.send_signal(signal.SIGHUP)
        await until(lambda: said("🔧 In force from the next archive or conversion: OTHER_FILES, VIDEO_CRF"))
        await until(lambda: said("WARNING: 🔧 Changed, but in force only after a restart: STATUS_TOKEN"))
        assert not said("not to be shown")
        await sent("b", 3 + 4)
        # What cannot be used changes nothing.
        secrets.write_text("OTHER_FILES=perhaps\nVIDEO_CRF=40\n")
        bot.send_signal(signal.SIGHUP)
        await until(lambda: said("ERROR: 🔧 The settings stay as they were: OTHER_FILES must be"))
        secrets.write_text("OTHER_FILES=send\nVIDEO_CRF=30\n")
        bot.send_signal(signal.SIGHUP)
        await until(lambda: said("🔧 The settings were read again; nothing in them is new"))
        # In the middle of an archive: nothing of it is lost.
        hold = world.sandbox.faults.hold("messages.sendMultiMedia")
        sending = asyncio.create_task(sent("c", 3 + 4 + 4))
        await hold.reached()
        secrets.write_text("OTHER_FILES=send\nVIDEO_CRF=20\n")
        bot.send_signal(signal.SIGHUP)
        await until(lambda: said("conversion: VIDEO_CRF"))
        hold.open()
        await sending
    finally:
        bot.terminate()
        assert await bot.wait() == 0


async def test_it_ends_with_its_terminal_from_which_the_same_signal_comes(world: World) -> None:
    ours, theirs = os.openpty()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(ROOT / "extract-compressed-files.py")),
        env=environment(world),
        stdin=theirs,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    os.close(theirs)
    await until(lambda: any("✅ Ready" in line for line in world.lines()))
    process.send_signal(signal.SIGHUP)
    await until(lambda: any("The settings were read again" in line for line in world.lines()))
    os.close(ours)
    process.send_signal(signal.SIGHUP)
    assert await asyncio.wait_for(process.wait(), PATIENCE) == OK
