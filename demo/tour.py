"""What else the chat can do: a pause, then settings, a language and a choice, by buttons."""

from __future__ import annotations

import zipfile
from collections.abc import Awaitable, Callable
from pathlib import Path

from telethon.tl.custom import Message

from demo.landscape import landscape, pagoda, pines
from demo.narrator import Narrator
from sandbox.person import Person

#: The folders of the small archive, how many pictures each has, and what stands in them.
FOLDERS = (("Sierra", 3, pines), ("Kioto", 2, pagoda))
#: What is pressed in the menu of settings, and in the question. The second is Spanish by then.
LANGUAGE, SPANISH, CHOOSE, SEND = "Language", "Español", "📁", "✅"


def make_archive(folder: Path) -> Path:
    """A small archive of two folders with pictures. Blocking."""
    path = folder / "dos viajes.zip"
    number = 50
    with zipfile.ZipFile(path, "w") as archive:
        for name, count, foreground in FOLDERS:
            for place in range(1, count + 1):
                number += 1
                with archive.open(f"{name}/{place}.jpg", "w") as entry:
                    landscape(number, (1280, 960), foreground=foreground).save(entry, "JPEG", quality=85)
    return path


class Tour:
    """Somebody who presses the buttons of the bot that is called ``bot``."""

    def __init__(
        self, person: Person, bot: str, narrator: Narrator, wait: Callable[[], Awaitable[None]]
    ) -> None:
        """``wait`` waits a moment, and raises when nothing happened for too long."""
        self._person = person
        self._bot = bot
        self._narrator = narrator
        self._wait = wait

    async def pause(self) -> None:
        """Have the bot pause once something came, and go on; unless it was faster."""
        while not any(message.media for message in list(self._person.received.values())):
            await self._wait()
        for words, answer in (("/pause", "⏸️"), ("/resume", "▶️")):
            self._narrator.hear(await self._person.say(self._bot, words))
            await self._until(answer, "There is nothing")

    async def change_language(self) -> None:
        """From now on the bot speaks Spanish."""
        self._narrator.hear(await self._person.say(self._bot, "/settings"))
        menu = await self._until("⚙️")
        await self._press(menu, LANGUAGE)
        await self._press(menu, SPANISH)

    async def choose(self, archive: Path) -> int:
        """Send ``archive`` and have one of its folders alone; returns the message's number."""
        sent = await self._person.send_file(self._bot, archive, "?")
        self._narrator.hear(sent)
        question = await self._until("❓")
        await self._press(question, CHOOSE)
        await self._press(question, FOLDERS[0][0])
        await self._press(question, SEND)
        return int(sent.id)

    async def _until(self, *begins: str) -> Message:
        """The bot's message that begins so."""
        while True:
            for message in list(self._person.received.values()):
                if (message.raw_text or "").startswith(begins):
                    return message
            await self._wait()

    async def _press(self, message: Message, words: str) -> None:
        """Press the button with these words, as soon as it is there."""
        while True:
            now = await self._person.client.get_messages(message.chat_id, ids=message.id)
            labels = [button.text for row in now.buttons or [] for button in row]
            for label in labels:
                if words in label:
                    self._narrator.press(label)
                    await self._person.press(now, label)
                    return
            await self._wait()
