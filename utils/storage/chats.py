"""What was chosen in each chat, in a file that is replaced as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from utils.storage.atomic import load_or_set_aside, write_json

#: Raised when what is written changes its meaning.
VERSION = 1
FILE_NAME = "chats.json"


class Chats:
    """Names and words for each chat, in ``path``; what they mean is known elsewhere."""

    def __init__(self, path: Path, quarantine: Path) -> None:
        """Read the file; a damaged one is set aside, and nothing is chosen in any chat. Blocking."""
        self._path = path
        self._chosen = load_or_set_aside(path, quarantine, parse) or {}

    def of(self, chat: int) -> Mapping[str, str]:
        """What was chosen in ``chat``, also what an other version knows."""
        return self._chosen.get(chat, {})

    def replace(self, chat: int, chosen: Mapping[str, str]) -> None:
        """That is chosen in ``chat`` from now on. Blocking. Raises OSError; then all is as before."""
        all_chosen = {**self._chosen, chat: dict(chosen)}
        if not chosen:
            del all_chosen[chat]
        written = {str(number): words for number, words in all_chosen.items()}
        write_json(self._path, {"version": VERSION, "chats": written})
        self._chosen = all_chosen


def parse(value: Any) -> dict[int, dict[str, str]]:
    """What is chosen, by chat, out of the file's JSON. Raises ValueError."""
    if not isinstance(value, dict) or value.get("version") != VERSION:
        raise ValueError(f"it is not of version {VERSION}")
    chats = value.get("chats")
    if not isinstance(chats, dict) or not all(map(_is_chosen, chats.values())):
        raise ValueError("it does not say what was chosen in which chat")
    return {int(chat): chosen for chat, chosen in chats.items()}


def _is_chosen(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(word, str) for word in value.values())
