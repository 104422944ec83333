"""How files are handled again, or more of them: buttons, and what their data say; or a word. Pure: no I/O."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass

from telethon import TelegramClient
from telethon.tl.custom import Button
from telethon.tl.tlobject import TLObject

from utils.texts import tr

#: Callback data of the button that has a file handled again. The id of its first message follows, then how
#: far it is from each to the next: volumes come close together, and some twenty have to fit.
AGAIN = "again:"

#: The same of the button that has those files sent that are neither pictures nor videos.
OTHERS = "others:"

#: The same of the buttons that have what failed tried again, and all of it sent as files.
FAILED, FILES = "failed:", "files:"

#: What somebody writes who has no such button: only bots can send one.
AGAIN_WORD, OTHERS_WORD, FAILED_WORD, FILES_WORD = "again", "others", "failed", "files"
WORDS = (AGAIN_WORD, OTHERS_WORD, FAILED_WORD, FILES_WORD)

_DATA = re.compile(rb"(again|others|failed|files):[0-9]+(\+[0-9]+)*")

#: What a job can be told to do: the beginning of callback data, a command, and a word in reply.
PAUSE, RESUME, CANCEL = "pause", "resume", "cancel"

_STEERING = re.compile(rb"(pause|resume|cancel):(-?[0-9]+_[0-9]+(?:_[0-9a-f]{8})?)")

#: The highest id that a message may have.
LAST_MESSAGE = 2**31 - 1

#: Bytes of callback data at most: https://core.telegram.org/bots/api#inlinekeyboardbutton
BUTTON_BYTES = 64


def again_button(messages: Sequence[int]) -> TLObject | None:
    """The keyboard with the one button that has the files of ``messages`` handled again, as one archive.

    None when there are too many of them to be named.
    """
    return Offers(messages, again=True).buttons()


def again_in_words(messages: Sequence[int], *, reply: bool) -> str:
    """How to have the files of ``messages`` handled again without a button; ``reply``: by a word in reply."""
    if len(messages) > 1:
        return tr("To have it again, send all of its files again.")
    if reply:
        return tr("Reply “{word}” to have it again.", word=AGAIN_WORD)
    return tr("To have it again, send it again.")


@dataclass(frozen=True)
class Offers:
    """What can be had of the archive in ``messages``: all of it ``again``, and the ``others`` in it.

    Or what ``failed``, and all that came as pictures and videos as ``files``.
    """

    messages: Sequence[int]
    again: bool = False
    others: bool = False
    failed: bool = False
    files: bool = False

    def buttons(self) -> TLObject | None:
        """The keyboard with a button for each that has room for all messages; None when there is none."""
        labels = [(AGAIN, tr("🔁 Again"))] if self.again else []
        labels += [(FAILED, tr("🔁 Retry what failed"))] if self.failed else []
        labels += [(OTHERS, tr("📎 Send the other files"))] if self.others else []
        labels += [(FILES, tr("📄 Send as files"))] if self.files else []
        places = _places(self.messages)
        data = [(f"{act}{places}", label) for act, label in labels if len(act + places) <= BUTTON_BYTES]
        rows = [[Button.inline(label, named)] for named, label in data]
        return TelegramClient.build_reply_markup(rows) if rows else None

    def in_words(self, *, reply: bool) -> str:
        """The same without buttons; ``reply``: by a word in reply."""
        words = [again_in_words(self.messages, reply=reply)] if self.again else []
        if self.failed and reply and len(self.messages) == 1:
            words.append(tr("Reply “{word}” to have what failed tried again.", word=FAILED_WORD))
        if self.others and reply and len(self.messages) == 1:
            words.append(tr("Reply “{word}” to have the other files as well.", word=OTHERS_WORD))
        return " ".join(words)


@dataclass(frozen=True)
class Steering:
    """How ``job`` is paused, or gone on with, and cancelled."""

    job: str
    paused: bool

    def buttons(self) -> TLObject:
        """The keyboard under its status."""
        return TelegramClient.build_reply_markup([self.row()])

    def row(self, name: str = "") -> list[Button]:
        """The buttons in a row; ``name`` says which job is meant, where that is not seen."""
        act, label = (RESUME, tr("▶️ Go on")) if self.paused else (PAUSE, tr("⏸️ Pause"))
        labels = [(act, label), (CANCEL, tr("✖️ Cancel"))]
        if name:
            labels = [(act, tr("{label}: {name}", label=label, name=name)) for act, label in labels]
        return [Button.inline(label, f"{act}:{self.job}") for act, label in labels]

    def in_words(self) -> str:
        """The same without buttons."""
        act = RESUME if self.paused else PAUSE
        return tr("Reply “{word}” or “{other}” to this.", word=act, other=CANCEL)


def steered(data: bytes) -> tuple[str, str]:
    """What a button of :class:`Steering` does, and with which job; both empty when it is another one."""
    match = _STEERING.fullmatch(data)
    return (match[1].decode(), match[2].decode()) if match else ("", "")


def _places(messages: Sequence[int]) -> str:
    ids = sorted(messages)
    return "+".join(map(str, [ids[0], *(b - a for a, b in itertools.pairwise(ids))]))


def word_of(data: bytes) -> str:
    """Which of the words the button with ``data`` stands for."""
    return data.partition(b":")[0].decode("ascii", "replace")


def has_button(keyboard: TLObject | None, data: bytes) -> bool:
    """Whether one of the buttons of ``keyboard`` carries ``data``."""
    buttons = [button for row in getattr(keyboard, "rows", ()) for button in row.buttons]
    return any(getattr(getattr(button, "type", None), "data", None) == data for button in buttons)


def messages_of_button(data: bytes) -> list[int]:
    """The messages that a button of :class:`Offers` names; none when ``data`` is of no such button.

    A client may send what it likes, and buttons of other versions stay in the chats.
    """
    if _DATA.fullmatch(data) is None:
        return []
    numbers = data.partition(b":")[2].split(b"+")
    messages = list(itertools.accumulate(int(number) for number in numbers))
    return messages if messages[0] > 0 and messages[-1] <= LAST_MESSAGE else []
