"""/help: a few sentences, and a page for each topic by its button. Pure: no I/O."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from telethon import TelegramClient
from telethon.tl.custom import Button

from utils.telegram.status import Words
from utils.texts import Text, said

HELP = Text(
    "Send me an archive (ZIP, RAR, 7z, tar ...). I take the pictures and videos out and send them back as "
    "albums; videos that Telegram would not play come afterwards, converted. A picture or video by itself "
    "works too."
)


@dataclass(frozen=True)
class Topic:
    """A page of the help, and what its button says."""

    label: str
    text: str


TOPICS: Mapping[str, Topic] = {
    "sent": Topic(
        Text("📤 What comes"),
        Text(
            "Pictures and videos come in albums of ten at most, folder by folder. What Telegram would not "
            "show is converted. Other files are left out; a button of the summary sends them. /settings "
            "changes what comes, and how."
        ),
    ),
    "locked": Topic(
        Text("🔒 Passwords"),
        Text("Encrypted archives: I ask for the password, or you put “pass: …” into the caption."),
    ),
    "commands": Topic(
        Text("⏯️ Commands"),
        Text(
            "/status – what I am doing\n/queue – all that is to be done\n"
            "/retry – in reply to an archive: do it again\n/settings – what you get, and how\n"
            "/pause, /resume, /cancel – all of it or, in reply to an archive, that one\n/help – this text"
        ),
    ),
    "groups": Topic(
        Text("👥 Groups"),
        Text(
            "In a group I deal with what names me or replies to me. My name in reply to a file has me take "
            "that file. Only whoever sent an archive, or an administrator, can pause or cancel it."
        ),
    ),
}

_DATA = re.compile(rb"help:([a-z]+)")


def topic_of_button(data: bytes) -> str:
    """The topic that a button with ``data`` opens; "" when it is another button."""
    match = _DATA.fullmatch(data)
    topic = match[1].decode() if match else ""
    return topic if topic in TOPICS else ""


def _means(words: str, name: str, page: Topic) -> bool:
    return words == name or words in said(page.label).lower()


def help_words(topic: str = "", *, buttons: bool = True) -> Words:
    """What /help says of ``topic``, or of all; without ``buttons``, how the pages are asked for."""
    # Whoever writes it may not know how exactly it is called.
    topic = next((n for n, page in TOPICS.items() if topic and _means(topic, n, page)), "")
    text = said(TOPICS[topic].text if topic else HELP)
    if not buttons:
        return Words("\n".join([text, "", *(f"/help {name}" for name in TOPICS if name != topic)]))
    shown = [Button.inline(said(page.label), f"help:{name}") for name, page in TOPICS.items()]
    return Words(text, TelegramClient.build_reply_markup([shown[:2], shown[2:]]))
