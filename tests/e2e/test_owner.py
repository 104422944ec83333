"""What the owner says in the chat, and that nobody else can."""

from __future__ import annotations

import asyncio
from pathlib import Path

from telethon.tl import functions, types
from telethon.tl.custom import Message

from tests.e2e.process import environment, start_anew
from tests.files import photo, zip_of
from tests.storage.test_quarantine import kept_video
from tests.world import BOT, BOT_ID, TOKEN, World, until
from utils.chat.owner import LOG_NAME, OWNERS
from utils.cluster.farm import Address, ProcessFarm
from utils.cluster.orders import Machine
from utils.storage.users import Users


def attic() -> ProcessFarm:
    """A farm of one machine, which gets nothing to do."""

    class Attic(ProcessFarm):
        @property
        def machines(self) -> tuple[Machine, ...]:
            return (Machine("1", "attic", 1, refused="it makes other bytes"),)

        async def run(self) -> None:
            await asyncio.Event().wait()

    address = Address("127.0.0.1", 1, "")
    farm = Attic(address, folder=Path(), reads=(), writes=(), local=True, tell=print)
    farm.trouble = ""
    return farm


def labels(message: Message) -> list[str]:
    return [button.text for row in message.buttons or [] for button in row]


async def test_the_owner_lets_people_in_reads_the_log_and_empties_quarantine(
    world: World, tmp_path: Path
) -> None:
    """One bot for all of it; ``world.person`` is the owner."""
    bob_id = await world.sandbox.add_person("+15550002", "Bob", "bob")
    say = world.person.say
    quarantine = world.data / "quarantine"
    quarantine.mkdir(parents=True)
    kept_video(quarantine, "5_7-000001", 0.5)
    kept_video(quarantine, "5_7-000002", 1.5)
    async with (
        world.running(farm=attic(), AUTHORIZED_USERS=("@ann",), OWNER=world.person_id, STRANGERS="answer"),
        world.sandbox.person("+15550002") as bob,
    ):
        # A stranger is told, once, what the owner needs; who is let in is served at once.
        for _ in range(2):
            await bob.say(BOT, "/status")
        told = await bob.wait_for_text(f"your number is {bob_id}.")
        await say(BOT, "/users @Bob x")
        await world.wait("x is neither an id nor a @username.")
        await say(BOT, "/users remove @nobody")
        await world.wait("@nobody is none of them.")
        assert [m.id for m in await bob.history(BOT) if not m.out] == [told.id]
        await say(BOT, "/users @Bob")
        users = await world.person.wait_for_text("✅ @bob may use me now.")
        assert "• @ann (in the settings)\n• @bob (added here)" in users.raw_text
        await bob.send_file(BOT, zip_of(tmp_path / "a.zip", {"a.jpg": photo(1)}))
        await bob.wait_for_text("1 picture sent.")

        # The other machines are the owner's business, too.
        for person in (world.person, bob):
            await person.say(BOT, "/status")
            await person.wait_for_text("I have nothing to do for you.")
        await world.wait("• attic gets nothing to do: it makes other bytes")
        assert not [m for m in await bob.history(BOT) if "attic" in (m.raw_text or "")]

        # Bob has none of that: he is answered as to any unknown word, and forged buttons do nothing.
        for command in OWNERS:
            await bob.say(BOT, f"/{command} 5")
            await bob.wait_for_text(f"I do not know /{command}.")
        world.sandbox.pass_forged_presses_on()
        world.sandbox.button_patience = 0.5
        theirs = next(m for m in await bob.history(BOT) if not m.out and not m.file)
        for data in (b"users+:5", b"cleanup:9999999999"):
            press = functions.messages.GetBotCallbackAnswerRequest(BOT, theirs.id, data=data)
            assert "button" in (await bob.client(press)).message
        assert await _menu(world, bob_id) == [] and set(OWNERS) < set(await _menu(world, world.person_id))

        # By buttons, also one whom the settings name.
        assert await world.person.press(users, "✖️ @bob") == "✅ @bob may use me no more."
        users = await world.person.wait_for(lambda m: labels(m) == ["✖️ @ann"])
        got = len(bob.received)
        await bob.say(BOT, "/status")
        await world.person.press(users, "✖️ @ann")
        users = await world.person.wait_for(lambda m: labels(m) == ["➕ @ann"])
        # The owner is always served.
        assert Users(world.data / "users.json", quarantine, ["ann"]).all() == set()
        await world.person.press(users, "➕ @ann")
        await world.person.wait_for(lambda m: labels(m) == ["✖️ @ann"])

        assert len(bob.received) == got

        await say(BOT, "/log")
        file = await world.person.wait_for(lambda m: m.file is not None and m.file.name == LOG_NAME)
        text = (await world.person.client.download_media(file, bytes)).decode()
        assert "👥 @bob may use the bot no more" in text and TOKEN not in text

        # What was kept for its time is gone, the rest goes when the owner says so.
        await until(lambda: not (quarantine / "5_7-000002").exists())
        await say(BOT, "/cleanup")
        kept = await world.person.wait_for_text("🗄️ What failed for good, 1 item, 4 B:")
        assert "• film.avi: It cannot be decoded. (4 B, goes in 1 day)" in kept.raw_text
        assert await world.person.press(kept, "🗑️ Delete all of it (4 B)") == "🗑️ 1 item deleted."
        await world.wait("🗄️ Nothing is kept")
        assert list(quarantine.iterdir()) == []


async def _menu(world: World, person: int) -> list[str]:
    """What Telegram was told to show to that person alone."""
    calls = world.sandbox.faults.called("bots.setBotCommands")
    return [
        command.command
        for call in calls
        if isinstance(call.request.scope, types.BotCommandScopePeer)
        and call.request.scope.peer.user_id == person
        for command in call.request.commands
    ]


async def test_it_starts_again_in_the_same_process_and_goes_on(world: World, tmp_path: Path) -> None:
    gate = world.sandbox.faults.hold("messages.uploadMedia", when=lambda call: call.user == BOT_ID)
    process = await start_anew(environment(world, OWNER=str(world.person_id)))
    await until(lambda: any("✅ Ready" in line for line in world.lines()))
    await world.send(zip_of(tmp_path / "a.zip", {"a.jpg": photo(1)}))
    await gate.reached()
    await world.person.say(BOT, "/restart")
    await world.wait("♻️ I start again")
    await world.wait("✅ I am back.")
    gate.open()
    await world.wait("a.zip: 1 picture sent.")
    assert process.returncode is None
    process.terminate()
    await process.communicate()
    assert process.returncode == 0
    assert sum("✅ Ready" in line for line in world.lines()) == 2
    assert not any("was killed" in message.text for message in world.chat())
    assert not (world.data / "restart.json").exists()
