"""The commands that Telegram shows in its menu."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

from utils.chat.conversation import COMMANDS
from utils.errors import guarded
from utils.storage.atomic import write_bytes
from utils.telegram.account import Account
from utils.texts import LANGUAGES, said, speaking
from utils.texts.languages import LOCALES

MENU_FILE = "menu.sha256"


async def publish_commands(account: Account, bot: int, default: str, note: Path) -> None:
    """To those with whom Telegram speaks one of our languages; in ``default`` to all others.

    Telegram keeps them, so it is told again only after something changed: what it has from the account
    ``bot`` is in ``note``. All languages together would take a tenth of a start.
    """
    mark = await asyncio.to_thread(_mark, bot, default)
    if await asyncio.to_thread(_read, note) == mark:
        return
    if all(await asyncio.gather(*(_publish(account, code, to_all=code == default) for code in LANGUAGES))):
        await guarded(asyncio.to_thread(write_bytes, note, mark), "The menu could not be noted")


async def _publish(account: Account, code: str, *, to_all: bool) -> bool:
    with speaking(code):
        commands = {name: said(meaning) for name, meaning in COMMANDS.items()}
    all_have = not to_all or await account.publish_commands(commands)
    return await account.publish_commands(commands, code[:2]) and all_have


def _mark(bot: int, default: str) -> bytes:
    """What decides what is published, in brief. Blocking."""
    found = hashlib.sha256(f"{bot} {default} {COMMANDS}".encode())
    for translations in sorted(LOCALES.rglob("*.mo")):
        found.update(translations.read_bytes())
    return found.hexdigest().encode()


def _read(note: Path) -> bytes:
    try:
        return note.read_bytes()
    except OSError:
        return b""
