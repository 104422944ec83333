"""The commands that Telegram shows in its menu."""

from __future__ import annotations

import asyncio

from utils.chat.conversation import COMMANDS
from utils.telegram.account import Account
from utils.texts import LANGUAGES, said, speaking


async def publish_commands(account: Account, default: str) -> None:
    """To those with whom Telegram speaks one of our languages; in ``default`` to all others."""
    await asyncio.gather(*(_publish(account, code, to_all=code == default) for code in LANGUAGES))


async def _publish(account: Account, code: str, *, to_all: bool) -> None:
    with speaking(code):
        commands = {name: said(meaning) for name, meaning in COMMANDS.items()}
        if to_all:
            await account.publish_commands(commands)
        await account.publish_commands(commands, code[:2])
