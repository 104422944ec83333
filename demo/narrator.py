"""Tells the conversation line by line, as it happens; an album is one line."""

from __future__ import annotations

import asyncio
import time
from typing import TextIO

from telethon.tl.custom import Message

#: Seconds in which the messages of an album arrive one after another.
ALBUM_PAUSE = 0.4
#: Characters of a file's name, and files of an album, that are shown.
NAME_SHOWN, FILES_SHOWN = 44, 3

KINDS = {"photo": ("🖼 ", "photo"), "video": ("🎬", "video"), "document": ("📎", "file")}


class Narrator:
    """Writes to ``output``; on a terminal, progress is shown in place."""

    def __init__(self, output: TextIO) -> None:
        self._output = output
        self._terminal = output.isatty()
        self._progress = False
        self._album: list[Message] = []
        self._flush: asyncio.TimerHandle | None = None
        #: time.monotonic() of the last thing that happened.
        self.last_event = time.monotonic()

    def tell(self, text: str) -> None:
        """One line of our own."""
        self._clear_progress()
        print(text, file=self._output, flush=True)

    def progress(self, text: str) -> None:
        """A line that the next one replaces; shown on a terminal only."""
        self.last_event = time.monotonic()
        if self._terminal:
            print(f"\r\033[K{text}", end="", file=self._output, flush=True)
            self._progress = True

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
        """A message that says something else now: the status."""
        self.last_event = time.monotonic()
        self._end_album()
        lines = [line for line in (message.raw_text or "").splitlines() if line]
        self._line("bot", "✎ " + " · ".join(lines[1:] or lines))

    def close(self) -> None:
        """Tell what was held back."""
        self._end_album()
        self._clear_progress()

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
        count = len(messages)
        what = f"{count} {noun}s" if count > 1 else noun
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

    def _clear_progress(self) -> None:
        if self._progress:
            print("\r\033[K", end="", file=self._output, flush=True)
            self._progress = False


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
