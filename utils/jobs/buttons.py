"""How files are handled again: the button, and what its data says; or a word in reply. Pure: no I/O."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence

from telethon import TelegramClient
from telethon.tl.custom import Button
from telethon.tl.tlobject import TLObject

#: Callback data of the button that has a file handled again. The id of its first message follows, then how
#: far it is from each to the next: volumes come close together, and some twenty have to fit.
AGAIN = "again:"

#: What somebody writes who has no such button: only bots can send one.
AGAIN_WORD = "again"

_AGAIN_DATA = re.compile(rb"again:[0-9]+(\+[0-9]+)*")

#: The highest id that a message may have.
LAST_MESSAGE = 2**31 - 1

#: Bytes of callback data at most: https://core.telegram.org/bots/api#inlinekeyboardbutton
BUTTON_BYTES = 64


def again_button(messages: Sequence[int]) -> TLObject | None:
    """The keyboard with the one button that has the files of ``messages`` handled again, as one archive.

    None when there are too many of them to be named.
    """
    ids = sorted(messages)
    data = AGAIN + "+".join(map(str, [ids[0], *(b - a for a, b in itertools.pairwise(ids))]))
    if len(data) > BUTTON_BYTES:
        return None
    return TelegramClient.build_reply_markup([Button.inline("🔁 Again", data)])


def again_in_words(messages: Sequence[int], *, reply: bool) -> str:
    """How to have the files of ``messages`` handled again without a button; ``reply``: by a word in reply."""
    if len(messages) > 1:
        return "To have it again, send all of its files again."
    return f"Reply “{AGAIN_WORD}” to have it again." if reply else "To have it again, send it again."


def has_button(keyboard: TLObject | None, data: bytes) -> bool:
    """Whether one of the buttons of ``keyboard`` carries ``data``."""
    buttons = [button for row in getattr(keyboard, "rows", ()) for button in row.buttons]
    return any(getattr(getattr(button, "type", None), "data", None) == data for button in buttons)


def messages_of_button(data: bytes) -> list[int]:
    """The messages that the button of :func:`again_button` names; none when ``data`` is of no such button.

    A client may send what it likes, and buttons of other versions stay in the chats.
    """
    if _AGAIN_DATA.fullmatch(data) is None:
        return []
    numbers = data.removeprefix(AGAIN.encode()).split(b"+")
    messages = list(itertools.accumulate(int(number) for number in numbers))
    return messages if messages[0] > 0 and messages[-1] <= LAST_MESSAGE else []
