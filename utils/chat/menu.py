"""The settings of a chat: what is shown of them, and what its buttons carry. Pure: no I/O."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from telethon import TelegramClient
from telethon.tl.custom import Button
from telethon.tl.tlobject import TLObject

from utils.jobs.wishes import OPTIONS, Wishes
from utils.texts import LANGUAGES, Said, Text, said, tr

#: How the callback data of its buttons begin; then "" for all settings, a name, or a name and a word.
PREFIX = "set:"

#: Instead of a name: as it was before anything was chosen.
RESET = "reset"

_DATA = re.compile(rb"set:([a-z_]*)(?::(\w+))?", re.ASCII)


@dataclass(frozen=True)
class Title:
    """How a setting is called, what it does, and how its words are called."""

    title: str
    about: str
    words: Mapping[str, str]


_YES_NO = {"no": Text("No"), "yes": Text("Yes")}

TITLES: Mapping[str, Title] = {
    "send": Title(
        Text("What comes"),
        Text("What I send you of an archive."),
        {"all": Text("Pictures and videos"), "photos": Text("Pictures only"), "videos": Text("Videos only")},
    ),
    "other_files": Title(
        Text("Other files"),
        Text("What becomes of files that are neither pictures nor videos."),
        {"ask": Text("When asked for"), "send": Text("Always sent"), "leave": Text("Never sent")},
    ),
    "as_files": Title(
        Text("As files"),
        Text("Everything comes as a file, byte for byte, and nothing is converted."),
        _YES_NO,
    ),
    "order": Title(
        Text("Order"),
        Text("In which order the files of a folder come, from the next archive on."),
        {"name": Text("By name"), "date": Text("By the date when they were taken")},
    ),
    "albums": Title(
        Text("Albums"),
        Text("Whether pictures and videos share albums."),
        {"mixed": Text("Pictures and videos together"), "apart": Text("Pictures and videos apart")},
    ),
    "captions": Title(
        Text("Captions"),
        Text("What stands under an album."),
        {"quiet": Text("Names that somebody gave"), "names": Text("All names")},
    ),
    "convert": Title(
        Text("Other videos"),
        Text("What becomes of videos that Telegram would not play."),
        {"yes": Text("Converted"), "no": Text("Sent as the files that they are"), "both": Text("Both")},
    ),
    "ask_first": Title(
        Text("Ask first"),
        Text(
            "Whether I show you what is in an archive, and ask what of it you want. "
            "“?” in the caption asks this once."
        ),
        {
            "never": Text("Never"),
            "20": Text("Above {count} files", count=20),
            "100": Text("Above {count} files", count=100),
            "500": Text("Above {count} files", count=500),
            "always": Text("Always"),
        },
    ),
    "silent": Title(Text("Silent"), Text("Whether my messages come without a sound."), _YES_NO),
    "language": Title(
        Text("Language"),
        Text("In which language I write here."),
        {
            "auto": Text("As your Telegram"),
            **{code: Said(language.name) for code, language in LANGUAGES.items()},
        },
    ),
    "target": Title(
        Text("Where to"),
        Text("Where the results go, from the next archive on."),
        {"set": Text("To the chat that the owner has set"), "here": Text("To this chat")},
    ),
}


@dataclass(frozen=True)
class Chosen:
    """What a button of the menu says: ``name`` "" shows all, ``word`` "" shows that one."""

    name: str
    word: str = ""


def chosen_by(data: bytes) -> Chosen | None:
    """What a button with ``data`` says; None when it is none of ours. A client may send what it likes."""
    match = _DATA.fullmatch(data)
    if match is None:
        return None
    name, word = match[1].decode(), (match[2] or b"").decode()
    if name in ("", RESET) and not word:
        return Chosen(name)
    return Chosen(name, word) if name in OPTIONS and word in ("", *OPTIONS[name]) else None


def chosen_in(words: str) -> Chosen | None:
    """What somebody writes behind /settings: a name and a word, or "reset"; None: that says nothing."""
    name, _, word = words.partition(" ")
    word = word.strip().lower()
    name, data = name.lower(), f"{PREFIX}{name.lower()}{':' if word else ''}{word}"
    # As a language is written ("pt_BR").
    exact = next((one for one in OPTIONS.get(name, ()) if one.lower() == word), word)
    return chosen_by(f"{data.removesuffix(word)}{exact}".encode())


def words_for(name: str) -> str:
    """What may be written behind /settings and the ``name`` of a setting; "" when it is none."""
    words = ", ".join(OPTIONS.get(name.lower(), ()))
    return tr("“/settings {name}” takes one of these: {words}.", name=name, words=words) if words else ""


def shown_word(name: str, wishes: Wishes) -> str:
    """How it is called what is chosen as ``name``."""
    return said(TITLES[name].words[str(getattr(wishes, name))])


def all_text(wishes: Wishes, hidden: Collection[str], *, buttons: bool) -> str:
    """All settings but those that are ``hidden``; without ``buttons``, also how one is changed."""
    lines = [tr("⚙️ Settings of this chat"), ""]
    for name in _shown(hidden):
        title, word = said(TITLES[name].title), shown_word(name, wishes)
        how = "" if buttons else f" ({name}: {', '.join(OPTIONS[name])})"
        lines.append(f"{title}: {word}{how}")
    if not buttons:
        lines += ["", tr("Change one by “/settings order date”, and all back by “/settings reset”.")]
    return "\n".join(lines)


def all_buttons(hidden: Collection[str]) -> TLObject:
    """A button for each setting but those that are ``hidden``."""
    buttons = [Button.inline(said(TITLES[name].title), f"{PREFIX}{name}") for name in _shown(hidden)]
    rows = [buttons[at : at + 2] for at in range(0, len(buttons), 2)]
    return TelegramClient.build_reply_markup(
        [*rows, [Button.inline(tr("↩️ As it was set up"), f"{PREFIX}{RESET}")]]
    )


def one_text(name: str) -> str:
    """What the setting ``name`` does."""
    return f"⚙️ {said(TITLES[name].title)}\n\n{said(TITLES[name].about)}"


def one_buttons(name: str, wishes: Wishes) -> TLObject:
    """A button for each word of ``name``; what is chosen has a check mark."""
    now = getattr(wishes, name)
    rows = [
        [Button.inline(f"{'✅ ' if word == now else ''}{said(label)}", f"{PREFIX}{name}:{word}")]
        for word, label in TITLES[name].words.items()
    ]
    return TelegramClient.build_reply_markup([*rows, [Button.inline(tr("◀️ Back"), PREFIX)]])


def _shown(hidden: Collection[str]) -> Iterator[str]:
    return (name for name in TITLES if name not in hidden)
