"""Settings that are read again while the bot works."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Protocol

from utils.constants import SETTINGS, Settings, missing_settings
from utils.errors import SettingsError

log = logging.getLogger(__name__)


#: What is read at the start alone; all else is in force from the next archive or conversion on.
AT_START = {
    *("API_ID", "API_HASH", "BOT_TOKEN", "TARGET_CHAT", "PROXY", "TRANSFER_CONNECTIONS"),
    *("TELEGRAM_SERVER", "TELEGRAM_SERVER_KEY", "TELEGRAM_SERVER_DC", "GROUP_MODE", "STRANGERS"),
    *("OWNER", "STATUS_PORT", "STATUS_HOST", "STATUS_TOKEN", "LOG_FILE", "LOG_TIMES", "PICTURE_MEMORY_MB"),
    *("DATA_DIR", "CONVERSION_STATE_FILE", "RECOVERY_DIR", "QUARANTINE_DIR", "QUARANTINE_DAYS"),
    *("CLUSTER", "CLUSTER_LOCAL"),
}


class Follows(Protocol):
    """A part of the bot."""

    def follow(self, settings: Settings) -> None:
        """From the next step on, do as ``settings`` say. What is under way goes on as it began."""


@dataclass(frozen=True)
class Reread:
    """``settings`` count from now on. Of what changed, they have ``taken``; ``waiting`` takes a restart."""

    settings: Settings
    taken: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()


def reread(now: Settings, new: Settings) -> Reread:
    """What of ``new`` may count from now on."""
    changed = [info.name for info in SETTINGS if getattr(now, info.name) != getattr(new, info.name)]
    taken = tuple(name for name in changed if name not in AT_START)
    settings = replace(now, **{name: getattr(new, name) for name in taken}, sources=new.sources)
    return Reread(settings, taken, tuple(name for name in changed if name in AT_START))


async def reload(now: Settings, read: Callable[[], Settings], parts: Iterable[Follows]) -> Reread:
    """Read the settings again, have ``parts`` follow them, and say in the log what is in force."""
    try:
        new = await asyncio.to_thread(read)
        if missing := missing_settings(new):
            raise SettingsError(f"{', '.join(info.name for info in missing)} must not be empty.")
    except SettingsError as error:
        log.error("🔧 The settings stay as they were: %s", error.told)  # noqa: TRY400
        return Reread(now)
    found = reread(now, new)
    for part in parts:
        part.follow(found.settings)
    if found.taken:
        log.info("🔧 In force from the next archive or conversion: %s", ", ".join(found.taken))
    if found.waiting:
        log.warning("🔧 Changed, but in force only after a restart: %s", ", ".join(found.waiting))
    if not found.taken and not found.waiting:
        log.info("🔧 The settings were read again; nothing in them is new")
    return found
