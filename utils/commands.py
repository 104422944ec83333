"""The command line: without arguments the bot, and the same engine without Telegram."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from utils.bot import Bot
from utils.constants import EXAMPLE_NAME, SECRETS_NAME, Settings, load_settings, missing_settings
from utils.errors import AlreadyRunning, LoginFailed, SettingsError
from utils.logs import start_logging
from utils.storage.lock import InstanceLock
from utils.telegram.client import terminal

#: Exit codes: everything went well; something failed; settings, log-in or usage.
OK, FAILED, USAGE = 0, 1, 2


def main(arguments: Sequence[str]) -> int:
    """Run the program; returns its exit code."""
    if arguments:
        print(f"unknown command: {arguments[0]}", file=sys.stderr)
        return USAGE
    try:
        settings = load_settings()
        require_settings(settings)
        return run_bot(settings)
    except (SettingsError, LoginFailed, AlreadyRunning) as error:
        print(f"❌ {error.told}", file=sys.stderr)
        return USAGE


def require_settings(settings: Settings) -> None:
    """Raise :class:`SettingsError` that names every missing key and where to get it."""
    missing = missing_settings(settings)
    if missing:
        keys = "\n".join(f"  {info.name}: {info.meaning}" for info in missing)
        raise SettingsError(
            f"These settings are missing:\n{keys}\nCopy {EXAMPLE_NAME} to {SECRETS_NAME} and fill them in."
        )


def run_bot(settings: Settings) -> int:
    """Run the bot until it is told to stop; returns the exit code."""
    data = Path(settings.DATA_DIR)
    data.mkdir(parents=True, exist_ok=True)
    with InstanceLock(data):
        listener = start_logging(settings.path("LOG_FILE"), times=settings.LOG_TIMES)
        try:
            asyncio.run(serve(Bot(settings, ask=terminal())))
        finally:
            listener.stop()
    return OK


async def serve(bot: Bot) -> None:
    """Run ``bot`` until SIGTERM or SIGINT."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, bot.stop)
    await bot.run()
