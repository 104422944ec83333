"""Whatever became of the files that an earlier run left: the bot starts, and serves."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

from tests.e2e.damage import damage
from tests.files import photo, video, zip_of
from tests.world import BOT, BOT_ID, World, until

#: Files that are damaged, each in so many ways.
EACH = 4
#: The first of them.
SEED = 0


async def test_it_starts_whatever_state_it_finds(world: World, tmp_path: Path) -> None:
    archive = zip_of(tmp_path / "trip.zip", {"1.jpg": photo(1), "film.avi": video("avi"), "2.jpg": photo(2)})
    gate = world.sandbox.faults.hold("messages.uploadMedia", when=lambda call: call.user == BOT_ID)
    async with world.running(AUTHORIZED_USERS=("ann",)):
        await world.send(archive)
        await gate.reached()
        await until((world.data / "conversion_state.json").exists)
    world.sandbox.faults.clear()
    whole = tmp_path / "whole"
    (job,) = (world.data / "jobs").iterdir()
    (job / "steps").write_text("1 entry 0\n2 upload 1\n+ opening\n")
    shutil.copytree(world.data, whole)
    endings = (".json", ".jsonl", ".session")
    files = [path.relative_to(whole) for path in whole.rglob("*") if path.suffix in endings]
    files.append((job / "steps").relative_to(world.data))
    assert {path.name for path in files} == {
        *("journal.jsonl", "steps", "intake.jsonl", "conversion_state.json", "usernames.json", "bot.session"),
        "version.json",
    }
    for number in range(EACH * len(files)):
        shutil.rmtree(world.data)
        shutil.copytree(whole, world.data)
        file = files[number % len(files)]
        way = damage(world.data / file, random.Random(SEED + number))  # noqa: S311
        print(SEED + number, file, way)  # shown when the test fails
        async with world.running(AUTHORIZED_USERS=("ann",)):
            pass
        assert not any("Traceback" in line and "bot.py" in line for line in world.lines())
    async with world.running(AUTHORIZED_USERS=("ann",)):
        await world.person.say(BOT, "/help")
        await world.wait("Send me an archive")
