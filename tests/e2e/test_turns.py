"""Who has sent much does not keep back those who have sent little."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from sandbox.faults import Call
from sandbox.person import Person
from tests.files import photo, zip_of
from tests.world import BOT, World, until

#: How many chats upload at once.
AT_ONCE = 3
ALBUMS = 8
#: Albums of one chat that are on their way before the next is looked for, at most.
AHEAD = 5


class Somebody:
    """One of those who use the bot."""

    def __init__(self, person: Person, number: int, folder: Path) -> None:
        self.person = person
        self.number = number
        self._folder = folder

    async def send(self, photos: int) -> None:
        entries = {f"{n}.jpg": photo(1000 * self.number % 9973 + n, (64, 48)) for n in range(photos)}
        await self.person.send_file(BOT, zip_of(self._folder / f"of-{self.number}.zip", entries))

    def is_sent(self, call: Call) -> bool:
        """Whether ``call`` sends an album to this one."""
        return bool(getattr(call.request.peer, "user_id", 0) == self.number)


@pytest.fixture
async def people(world: World, tmp_path: Path) -> AsyncIterator[list[Somebody]]:
    async with AsyncExitStack() as stack:
        found = [Somebody(world.person, world.person_id, tmp_path)]
        for n in range(AT_ONCE):
            phone = f"99966{n:05d}"
            number = await world.sandbox.add_person(phone, f"Person {n}", f"person{n}")
            person = await stack.enter_async_context(world.sandbox.person(phone))
            await person.say(BOT, "/start")
            found.append(Somebody(person, number, tmp_path))
        yield found


@pytest.mark.parametrize("flood", [False, True], ids=["at work", "have to wait"])
async def test_a_small_archive_does_not_wait_for_large_ones_of_others(
    world: World, people: list[Somebody], flood: bool
) -> None:
    *many, last = people
    faults = world.sandbox.faults

    def to_many(call: Call) -> bool:
        return any(one.is_sent(call) for one in many)

    gate = faults.hold("messages.sendMultiMedia", when=to_many, times=AT_ONCE)
    if flood:
        # Behind the albums that are held: the next of each.
        faults.flood("messages.sendMultiMedia", 4, when=to_many, times=AT_ONCE)
    async with world.running(AUTHORIZED_USERS=tuple(str(one.number) for one in people)):
        for one in many:
            await one.send(10 * ALBUMS)
        await until(lambda: len(faults.called("messages.sendMultiMedia")) >= AT_ONCE)
        await last.send(10)
        await until(lambda: any(f"Received of-{last.number}.zip" in line for line in world.lines()))
        gate.open()
        for one in people:
            await one.person.wait_for_text(" sent.", 60)
    sent = faults.called("messages.sendMultiMedia")
    place = next(place for place, call in enumerate(sent) if last.is_sent(call))
    assert place <= AT_ONCE * AHEAD
    assert sum(last.is_sent(call) for call in sent) == 1


async def test_after_a_restart_the_archives_of_a_chat_keep_their_order(world: World, tmp_path: Path) -> None:
    names = [f"{n}.zip" for n in range(12)]
    gate = world.sandbox.faults.hold("messages.uploadMedia", times=None)
    async with world.running():
        for n, name in enumerate(names):
            await world.send(zip_of(tmp_path / name, {f"{n}.jpg": photo(n, (64, 48))}))
        await until(lambda: sum("Received" in line for line in world.lines()) == len(names))
    gate.open()
    async with world.running():
        await until(lambda: len(world.media()) == len(names))
    order = [int(message.caption.split()[-1].removesuffix(".zip")) for message in world.media()]
    assert order == list(range(len(names)))
    first, last = (message.reply_to for message in (world.media()[0], world.media()[-1]))
    assert first is not None and last is not None and len(str(first)) < len(str(last))
