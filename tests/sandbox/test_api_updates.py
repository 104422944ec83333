"""Updates pushed, and caught up with by who was away."""

from __future__ import annotations

import asyncio
import io
import shutil
from pathlib import Path

from telethon import Button, TelegramClient, events, functions, types

from sandbox import Sandbox
from sandbox.person import Person

from .conftest import BOT, BOT_ID, TOKEN, jpeg


class Heard:
    """Texts that a client's handlers were given."""

    def __init__(self, client: TelegramClient) -> None:
        self.texts: list[str] = []
        self._more = asyncio.Event()
        client.add_event_handler(self._note, events.NewMessage(incoming=True))

    async def _note(self, event: events.NewMessage.Event) -> None:
        self.texts.append(event.raw_text)
        self._more.set()

    async def count(self, number: int) -> list[str]:
        async with asyncio.timeout(60):
            while len(self.texts) < number:
                self._more.clear()
                await self._more.wait()
        return self.texts


async def test_a_bot_that_was_away_catches_up(sandbox: Sandbox, person: Person, tmp_path: Path) -> None:
    first = sandbox.client(session=tmp_path / "bot")
    heard = Heard(first)
    await first.start(bot_token=TOKEN)
    await person.say(BOT, "while here")
    await heard.count(1)
    await first.disconnect()
    for number in range(3):
        await person.say(BOT, f"while away {number}")
    second = sandbox.client(session=tmp_path / "bot", catch_up=True)
    heard = Heard(second)
    await second.connect()
    assert await heard.count(3) == ["while away 0", "while away 1", "while away 2"]
    await person.say(BOT, "here again")
    assert (await heard.count(4))[-1] == "here again"
    await second.disconnect()


async def test_a_long_absence_comes_in_slices(sandbox: Sandbox, person: Person, tmp_path: Path) -> None:
    bot = sandbox.client(session=tmp_path / "bot")
    await bot.start(bot_token=TOKEN)
    await bot.disconnect()
    texts = [f"number {number}" for number in range(230)]
    for text in texts:
        await person.say(BOT, text)
    bot = sandbox.client(session=tmp_path / "bot", catch_up=True)
    heard = Heard(bot)
    await bot.connect()
    assert await heard.count(230) == texts
    await bot.disconnect()


async def test_difference(person: Person, bot_client: TelegramClient, sandbox: Sandbox) -> None:
    state = await bot_client(functions.updates.GetStateRequest())
    get = functions.updates.GetDifferenceRequest
    assert isinstance(await bot_client(get(state.pts, None, 0)), types.updates.DifferenceEmpty)
    for number in range(5):
        await person.say(BOT, f"number {number}")
    whole = await bot_client(get(state.pts, None, 0))
    assert [message.message for message in whole.new_messages] == [f"number {n}" for n in range(5)]
    assert {user.id for user in whole.users} == {BOT_ID, whole.new_messages[0].peer_id.user_id}
    assert whole.state.pts == state.pts + 5
    part = await bot_client(get(state.pts, None, 0, pts_limit=2))
    assert isinstance(part, types.updates.DifferenceSlice)
    assert len(part.new_messages) == 2
    rest = await bot_client(get(part.intermediate_state.pts, None, 0))
    assert [message.message for message in rest.new_messages] == ["number 2", "number 3", "number 4"]
    long = await bot_client(get(state.pts, None, 0, pts_total_limit=3))
    assert isinstance(long, types.updates.DifferenceTooLong)
    assert long.pts == whole.state.pts


async def test_edits_and_deletions_are_in_the_difference(
    person: Person, bot_client: TelegramClient, chat: types.InputPeerUser
) -> None:
    kept, gone = await person.say(BOT, "kept"), await person.say(BOT, "gone")
    state = await bot_client(functions.updates.GetStateRequest())
    await person.client.edit_message(kept, "changed")
    await person.client.delete_messages(BOT, [gone.id])
    difference = await bot_client(functions.updates.GetDifferenceRequest(state.pts, None, 0))
    edit, deletion = difference.other_updates
    assert edit.message.message == "changed"
    assert isinstance(deletion, types.UpdateDeleteMessages)
    assert (difference.new_messages, difference.state.pts) == ([], state.pts + 2)


async def test_every_log_in_of_an_account_hears_of_what_another_sent(
    sandbox: Sandbox, person: Person, bot_client: TelegramClient, chat: types.InputPeerUser
) -> None:
    other = sandbox.client()
    sent: asyncio.Queue[str] = asyncio.Queue()

    async def note(event: events.NewMessage.Event) -> None:
        sent.put_nowait(event.raw_text)

    other.add_event_handler(note, events.NewMessage(outgoing=True))
    await other.start(bot_token=TOKEN)
    await bot_client.send_message(chat, "from the first")
    assert await asyncio.wait_for(sent.get(), 60) == "from the first"
    await other.disconnect()


async def test_the_sender_knows_when_it_was_read(
    person: Person, bot_client: TelegramClient, chat: types.InputPeerUser
) -> None:
    read: asyncio.Queue[int] = asyncio.Queue()

    async def note(event: events.MessageRead.Event) -> None:
        read.put_nowait(event.max_id)

    bot_client.add_event_handler(note, events.MessageRead)
    sent = await bot_client.send_message(chat, "read this")
    await person.wait_for_text("read this")
    await person.client.send_read_acknowledge(BOT)
    assert await asyncio.wait_for(read.get(), 60) == sent.id


async def test_a_press_waits_for_a_bot_that_is_away(sandbox: Sandbox, person: Person, tmp_path: Path) -> None:
    await person.say(BOT, "/start")
    bot = sandbox.client(session=tmp_path / "bot")
    await bot.start(bot_token=TOKEN)
    await bot.send_message("@ann", "press", buttons=Button.inline("Go", b"go"))
    message = await person.wait_for_text("press")
    await bot.disconnect()
    pressed = sandbox.faults.hold("messages.getBotCallbackAnswer")
    pressed.open()
    press = asyncio.create_task(person.press(message, "Go"))
    await pressed.reached()
    bot = sandbox.client(session=tmp_path / "bot", catch_up=True)

    async def answer(event: events.CallbackQuery.Event) -> None:
        await event.answer("late but here")

    bot.add_event_handler(answer, events.CallbackQuery)
    await bot.connect()
    assert await press == "late but here"
    await bot.disconnect()


async def test_many_senders_at_once_keep_the_order(
    sandbox: Sandbox, person: Person, bot_client: TelegramClient, chat: types.InputPeerUser
) -> None:
    """Numbers never skip: a gap would make the client ask for the difference."""
    heard = Heard(person.client)
    before = len(sandbox.faults.called("updates.getDifference"))
    texts = [f"{number}" for number in range(40)]
    await asyncio.gather(*(bot_client.send_message(chat, text) for text in texts))
    assert await heard.count(len(texts)) == texts
    assert len(sandbox.faults.called("updates.getDifference")) == before


async def test_an_album_arrives_as_one(
    person: Person, bot_client: TelegramClient, chat: types.InputPeerUser
) -> None:
    arrived: asyncio.Queue[list[str]] = asyncio.Queue()

    async def note(event: events.Album.Event) -> None:
        arrived.put_nowait([message.raw_text for message in event.messages])

    person.client.add_event_handler(note, events.Album)
    files = [io.BytesIO(jpeg(60 + number, 50)) for number in range(3)]
    for number, file in enumerate(files):
        file.name = f"{number}.jpg"
    await bot_client.send_file(chat, files, caption=["a", "b", "c"])
    assert await asyncio.wait_for(arrived.get(), 60) == ["a", "b", "c"]


async def test_too_long_an_absence(sandbox: Sandbox, person: Person, bot_client: TelegramClient) -> None:
    state = await bot_client(functions.updates.GetStateRequest())
    sandbox.difference_limit = 2
    get = functions.updates.GetDifferenceRequest(state.pts, None, 0)
    await person.say(BOT, "one")
    await person.say(BOT, "two")
    assert isinstance(await bot_client(get), types.updates.Difference)
    await person.say(BOT, "three")
    long = await bot_client(get)
    assert isinstance(long, types.updates.DifferenceTooLong)
    assert long.pts == state.pts + 3


async def test_what_was_pushed_to_a_client_that_died_comes_again(
    sandbox: Sandbox, person: Person, tmp_path: Path
) -> None:
    """A client saves its state now and then; after a kill it begins at the last state it saved."""
    bot = sandbox.client(session=tmp_path / "bot")
    await bot.start(bot_token=TOKEN)
    await bot.disconnect()
    shutil.copy(tmp_path / "bot.session", tmp_path / "killed.session")
    bot = sandbox.client(session=tmp_path / "bot")
    heard = Heard(bot)
    await bot.connect()
    await bot.get_me()
    await person.say(BOT, "seen, then killed")
    await heard.count(1)
    await bot.disconnect()
    bot = sandbox.client(session=tmp_path / "killed", catch_up=True)
    heard = Heard(bot)
    await bot.connect()
    assert await heard.count(1) == ["seen, then killed"]
    await bot.disconnect()
