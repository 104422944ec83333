"""Tells the conversation line by line, as it happens; an album is one line."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from telethon.tl.custom import Message

from utils.terminal.bars import Bar

#: Seconds in which the messages of an album arrive one after another.
ALBUM_PAUSE = 0.4
#: Characters of a file's name, and files of an album, that are shown.
NAME_SHOWN, FILES_SHOWN = 44, 3

#: What a status begins with.
STATUS = "📦"

KINDS = {"photo": ("🖼 ", "photo"), "video": ("🎬", "video"), "document": ("📎", "file")}


class Narrator:
    """Writes to ``output``; progress is shown on ``terminal``, if it is one."""

    def __init__(self, output: TextIO, terminal: TextIO | None) -> None:
        self._output = output
        self._terminal = terminal
        self._bar = Bar("", None)
        self._album: list[Message] = []
        self._flush: asyncio.TimerHandle | None = None
        #: time.monotonic() of the last thing that happened.
        self.last_event = time.monotonic()

    def tell(self, text: str) -> None:
        """One line of our own."""
        with self._bar.aside():
            print(text, file=self._output, flush=True)

    @contextmanager
    def progress(self, name: str) -> Iterator[Callable[[float, float], None]]:
        """Inside, the function says how much is done, and of how much."""
        self._bar = bar = Bar(name, self._terminal)

        def show(done: float, total: float) -> None:
            self.last_event = time.monotonic()
            bar.show(done, total)

        try:
            yield show
        finally:
            bar.end()

    def hear(self, message: Message) -> None:
        """A message that was said."""
        self.last_event = time.monotonic()
        if self._album and self._album[0].grouped_id != message.grouped_id:
            self._end_album()
        if message.grouped_id is None:
            self._say(message, self._described([message]))
            return
        self._album.append(message)
        if self._flush is not None:
            self._flush.cancel()
        self._flush = asyncio.get_running_loop().call_later(ALBUM_PAUSE, self._end_album)

    def hear_edit(self, message: Message) -> None:
        """A message that says something else now: the status, or the summary that it became."""
        self.last_event = time.monotonic()
        self._end_album()
        text = message.raw_text or ""
        if not text.startswith(STATUS):
            self._line("bot", text)
            return
        lines = [line for line in text.splitlines() if line]
        self._line("bot", "✎ " + " · ".join(lines[1:] or lines))

    def press(self, label: str) -> None:
        """The person presses a button."""
        self.last_event = time.monotonic()
        self._end_album()
        self._line("you", f"👆 {label}")

    def close(self) -> None:
        """Tell what was held back."""
        self._end_album()

    def _end_album(self) -> None:
        if self._flush is not None:
            self._flush.cancel()
            self._flush = None
        album, self._album = self._album, []
        if album:
            self._say(album[0], self._described(album))

    def _described(self, messages: list[Message]) -> str:
        kind = kind_of(messages[0])
        caption = next((message.raw_text for message in messages if message.raw_text), "")
        if kind == "text":
            return caption
        glyph, noun = KINDS[kind]
        nouns = Counter(KINDS[kind_of(message)][1] for message in messages)
        counts = [f"{count} {noun}s" if count > 1 else f"1 {noun}" for noun, count in nouns.items()]
        what = " and ".join(counts) if len(messages) > 1 else noun
        names = [shortened(message.file.name) for message in messages if message.file and message.file.name]
        listed = ", ".join(names[:FILES_SHOWN]) + (", …" if len(names) > FILES_SHOWN else "")
        return "\n".join(
            part for part in (f"{glyph} {what}{': ' if listed else ''}{listed}", caption) if part
        )

    def _say(self, message: Message, text: str) -> None:
        self._line("you" if message.out else "bot", text)

    def _line(self, who: str, text: str) -> None:
        first, *others = text.splitlines() or [""]
        self.tell(
            "\n".join(
                [
                    f"{time.strftime('%H:%M:%S')}  {who}  {first}",
                    *((" " * 15 + line).rstrip() for line in others),
                ]
            )
        )


def kind_of(message: Message) -> str:
    """ "photo", "video", "document" or "text"."""
    if message.photo:
        return "photo"
    if message.video:
        return "video"
    return "document" if message.document else "text"


def shortened(name: str) -> str:
    """``name``, with its middle left out when it is long."""
    return name if len(name) <= NAME_SHOWN else f"{name[: NAME_SHOWN - 12]}…{name[-11:]}"
