"""/settings: every button is pressed, it holds over restarts, and what is chosen is what comes."""

from __future__ import annotations

from pathlib import Path

from telethon.tl.custom import Message

from sandbox.faults import Call
from tests.files import photo, video, zip_of
from tests.world import BOT, BOT_ID, World, until
from utils.chat.menu import TITLES
from utils.chat.settings import NO_SETTING, NOT_KEPT, RESET_DONE
from utils.storage.chats import FILE_NAME

#: Not there without TARGET_CHAT.
HIDDEN = {"target"}


def labels(message: Message) -> list[str]:
    return [button.text for row in message.buttons or [] for button in row]


async def menu(world: World) -> Message:
    """The newest one, as it is now."""
    return [m for m in await world.person.history(BOT) if (m.raw_text or "").startswith("⚙️")][-1]


def sendings(world: World, *names: str) -> list[Call]:
    """The bot's calls that send something."""
    return [call for name in names for call in world.sandbox.faults.called(f"messages.{name}", BOT_ID)]


async def test_each_is_chosen_by_its_buttons_and_stays_so(world: World, tmp_path: Path) -> None:
    other = await world.sandbox.add_person("+15550002", "Eve", "eve")
    async with world.running():
        await world.person.say(BOT, "/settings")
        await world.wait("⚙️ Settings of this chat")
        shown = await menu(world)
        titles = [title for name, title in TITLES.items() if name not in HIDDEN]
        assert labels(shown) == [*(title.title for title in titles), "↩️ As it was set up"]
        for place, title in enumerate(titles):
            assert await world.person.press(shown, labels(shown)[place]) is None
            page = await menu(world)
            assert title.about in page.raw_text
            assert [label.removeprefix("✅ ") for label in labels(page)] == [*title.words.values(), "◀️ Back"]
            await world.person.press(page, "◀️ Back")
            for number, word in enumerate(title.words.values()):
                shown = await menu(world)
                await world.person.press(shown, labels(shown)[place])
                told = await world.person.press(shown, labels(await menu(world))[number])
                shown = await menu(world)
                assert str(told).endswith(f": {word}") and told in shown.raw_text
                # In the language that was chosen just now.
                assert title is TITLES["language"] or told == f"{title.title}: {word}"
            if title is TITLES["language"]:
                assert "تنظیمات این گفتگو" in shown.raw_text
                await world.person.press(shown, labels(shown)[place])
                await world.person.press(shown, labels(await menu(world))[0])
                shown = await menu(world)
        (world.data / f"{FILE_NAME}.tmp").mkdir()
        await world.person.press(await menu(world), "Order")
        assert await world.person.press(await menu(world), "By name") == NOT_KEPT
        (world.data / f"{FILE_NAME}.tmp").rmdir()
        async with world.sandbox.person("+15550002") as eve:
            await eve.say(BOT, "/settings order name")
            await until(lambda: any("🚫 Ignored" in line for line in world.lines()))
    assert f'"{other}"' not in (world.data / FILE_NAME).read_text()
    async with world.running():
        await world.person.say(BOT, "/settings")
        await until(lambda: len([m for m in world.chat() if m.text.startswith("⚙️")]) == 2)
        shown = await menu(world)
        for title in titles:
            last = list(title.words.values())[0 if title is TITLES["language"] else -1]
            assert f"{title.title}: {last}" in shown.raw_text
        assert await world.person.press(shown, "↩️ As it was set up") == RESET_DONE
        assert "Silent: No" in (await menu(world)).raw_text
        for words in ("send photos", "captions names", "silent yes"):
            await world.person.say(BOT, f"/settings {words}")
        await world.person.say(BOT, "/settings order size")
        await world.wait("“/settings order” takes one of these: name, date.")
        await world.person.say(BOT, "/settings colour red")
        await world.wait(NO_SETTING)
        await world.person.say(BOT, "/settings Order")
        await world.wait("In which order the files of a folder come")
        assert labels(await menu(world))[0] == "✅ By name"
        begun = len(sendings(world, "sendMessage"))
        entries = {
            "IMG_1.jpg": photo(1),
            "film.mp4": video(),
            "IMG_2.jpg": photo(2),
            "film.avi": video("avi"),
        }
        archive = await world.send(zip_of(tmp_path / "a.zip", entries))
        summary = await world.summary()
        await until(lambda: not world.leftovers())
        assert summary.startswith("✅ a.zip: 2 pictures sent.")
        assert "⚙️ Left out by choice: 2 files." in summary
        assert [m.caption for m in world.media()] == ["📦 a.zip\nIMG_1.jpg, IMG_2.jpg", ""]
        calls = [*sendings(world, "sendMultiMedia"), *sendings(world, "sendMessage")[begun:]]
        assert all(call.request.silent for call in calls) and len(calls) >= 2
        # Who now wants something else of it is not told that it was sent.
        await world.person.say(BOT, "/settings send videos")
        await world.person.say(BOT, "/settings convert no")
        await world.person.client.forward_messages(BOT, [archive], BOT)
        await world.wait("a.zip: 1 video and 1 file sent.")
        await until(lambda: not world.leftovers())
        assert [m.name for m in world.media()[2:]] == ["film.mp4", "film.avi"]
    (world.data / FILE_NAME).write_text("{")
    async with world.running():
        assert any("State file set aside: chats.json" in line for line in world.lines())
        await world.person.say(BOT, "/settings")
        await until(lambda: len([m for m in world.chat() if m.text.startswith("⚙️")]) == 4)
        assert "What comes: Pictures and videos" in (await menu(world)).raw_text


async def test_the_next_album_is_as_it_was_chosen_meanwhile(world: World, tmp_path: Path) -> None:
    bob = await world.sandbox.add_person("+15550002", "Bob", "bob")
    async with world.sandbox.person("+15550002") as person:
        await person.say(BOT, "hello")
        async with world.running(TARGET_CHAT="@bob"):
            gate = world.sandbox.faults.hold("messages.sendMultiMedia")
            entries = {f"IMG_{n}.jpg": photo(n) for n in range(10, 30)}
            await world.send(zip_of(tmp_path / "a.zip", entries))
            await gate.reached()
            for words in ("captions names", "target here", "convert both"):
                await world.person.say(BOT, f"/settings {words}")
            await world.wait("Other videos: Both")
            gate.open()
            await world.wait("a.zip: 20 pictures sent.")
            captions = [m.caption for m in world.sandbox.messages(bob, BOT_ID) if m.caption]
            # What was under way stays as it was, and all of an archive goes to one chat.
            assert captions[0] == "📦 a.zip" and captions[1].startswith("📦 a.zip\nIMG_20.jpg, ")
            assert not world.media()
            await world.send(zip_of(tmp_path / "b.zip", {"film.avi": video("avi")}))
            await world.wait("b.zip: 1 video and 1 file sent.")
            await until(lambda: not world.leftovers())
    assert [(m.kind, m.name) for m in world.media()] == [
        ("document", "film.avi"),
        ("video", "film_converted.mp4"),
    ]
