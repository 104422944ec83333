"""Every setting, with its value and where that came from; secrets are not shown."""

from __future__ import annotations

import difflib
import os
import re
import stat
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from utils.constants import SECRETS_NAME, SETTINGS, SettingInfo, Settings
from utils.diagnostics.check import Check, Level
from utils.errors import TooNew
from utils.properties import parse_properties
from utils.storage import bindings

GROUP = "Settings"
HIDDEN = "••••••"

USER = re.compile(r"(?:-100)?[1-9][0-9]{0,15}|@?[A-Za-z]\w{2,31}")
TOKEN = re.compile(r"\d+:[\w-]{30,}")

Rule = tuple[Callable[[Settings], bool], str]

#: By setting: what must hold, and what to do when it does not.
RULES: Mapping[str, Rule] = {
    "API_ID": (lambda s: s.API_ID >= 0, "It is a positive number."),
    "AUTHORIZED_USERS": (
        lambda s: all(USER.fullmatch(user) for user in s.AUTHORIZED_USERS),
        "Write numbers or @usernames, with commas between.",
    ),
    "TRANSFER_CONNECTIONS": (lambda s: s.TRANSFER_CONNECTIONS >= 1, "Write 1 or more."),
    "CONVERSION_MAX_RETRIES": (lambda s: s.CONVERSION_MAX_RETRIES >= 1, "Write 1 or more."),
    "CONVERSION_STATE_SAVE_INTERVAL": (lambda s: s.CONVERSION_STATE_SAVE_INTERVAL >= 1, "Write 1 or more."),
    "CONVERSION_TIMEOUT_SECONDS": (lambda s: s.CONVERSION_TIMEOUT_SECONDS >= 1, "Write 1 or more."),
    "COMPRESSION_TIMEOUT_SECONDS": (lambda s: s.COMPRESSION_TIMEOUT_SECONDS >= 1, "Write 1 or more."),
    "CONVERSION_SEGMENT_SECONDS": (lambda s: s.CONVERSION_SEGMENT_SECONDS >= 1, "Write 1 or more."),
    "CONVERSION_THREADS": (lambda s: s.CONVERSION_THREADS >= 1, "Write 1 or more."),
    "VIDEO_CRF": (lambda s: 0 <= s.VIDEO_CRF <= 51, "Write 0 to 51."),
    "VIDEO_MAX_HEIGHT": (lambda s: s.VIDEO_MAX_HEIGHT >= 16, "Write 16 or more."),
    "SPOOL_LIMIT_MB": (lambda s: s.SPOOL_LIMIT_MB >= 1, "Write 1 or more."),
    "DISK_RESERVE_MB": (lambda s: s.DISK_RESERVE_MB >= 0, "Write 0 or more."),
}


def check_settings(settings: Settings) -> Iterator[Check]:
    """A line for each setting."""
    for info in SETTINGS:
        yield check_setting(info, settings)
    yield from check_usernames(settings)


def check_usernames(settings: Settings) -> Iterator[Check]:
    """Which account each username of AUTHORIZED_USERS stands for."""
    file = settings.path("DATA_DIR") / bindings.FILE_NAME
    ids: Mapping[str, int] = {}
    try:
        ids = bindings.read(file)
    except TooNew as error:
        yield Check(GROUP, file.name, Level.FAIL, error.told)
    except (ValueError, RecursionError) as error:
        advice = "Nothing; the bot sets it aside and asks anew who has which name."
        yield Check(GROUP, file.name, Level.WARN, f"cannot be used: {error}", advice)
    except OSError as error:
        advice = "Give it to the user that runs the bot."
        yield Check(GROUP, file.name, Level.WARN, f"cannot be read: {error.strerror}", advice)
    for user in settings.AUTHORIZED_USERS:
        name = user.strip().removeprefix("@").casefold()
        if name.lstrip("-").isdigit():
            continue
        if name in ids:
            found = f"stands for the account {ids[name]} alone"
            advice = f"Or write {ids[name]} instead: an id stays."
        else:
            found = "will stand for the account that has it when it first writes"
            advice = "Or write the id, which cannot be taken over; the log names that of whoever is ignored."
        yield Check(GROUP, f"@{name}", Level.OK, found, advice)


def check_setting(info: SettingInfo, settings: Settings) -> Check:
    """One setting: there if it must be, and of a value that makes sense."""
    value = getattr(settings, info.name)
    shown = f"{_shown(value, info)} ({settings.sources.get(info.name, 'default')})"
    if info.required and not value:
        advice = f"Write it into {SECRETS_NAME}. {info.meaning}"
        return Check(GROUP, info.name, Level.FAIL, "is missing", advice)
    holds, advice = RULES.get(info.name, (lambda _: True, ""))
    if not holds(settings):
        return Check(GROUP, info.name, Level.FAIL, f"{shown} makes no sense", advice)
    if info.name == "BOT_TOKEN" and not settings.TELEGRAM_SERVER and value and not TOKEN.fullmatch(value):
        advice = "Copy it again from @BotFather; it looks like 123456789:AAE…"
        return Check(GROUP, info.name, Level.FAIL, f"{shown} has not the form of a token", advice)
    if info.name == "TELEGRAM_SERVER_KEY" and value and not os.access(value, os.R_OK):
        return Check(GROUP, info.name, Level.FAIL, f"{shown} cannot be read", "Correct the path.")
    return Check(GROUP, info.name, Level.OK, shown)


def _shown(value: object, info: SettingInfo) -> str:
    if value in ("", ()):
        return "not set"
    if info.secret:
        return HIDDEN
    return ", ".join(value) if isinstance(value, tuple) else str(value)


def check_file(file: Path) -> Iterator[Check]:
    """The settings file: who can read it, and keys in it that are no settings."""
    try:
        text = file.read_text(encoding="utf-8-sig")
        mode = stat.S_IMODE(file.stat().st_mode)
    except FileNotFoundError:
        yield Check(GROUP, file.name, Level.OK, "not there; only the environment and the defaults count")
        return
    except (OSError, UnicodeDecodeError) as error:
        yield Check(GROUP, file.name, Level.FAIL, f"cannot be read: {error}", "Save it as UTF-8 text.")
        return
    if mode & 0o077:
        advice = f"It holds secrets: chmod 600 {file}"
        yield Check(GROUP, file.name, Level.WARN, f"others may read it (mode {mode:o})", advice)
    else:
        yield Check(GROUP, file.name, Level.OK, str(file))
    known = [info.name for info in SETTINGS]
    for name in parse_properties(text):
        if name not in known:
            close = difflib.get_close_matches(name, known, 1)
            advice = f"Did you mean {close[0]}?" if close else "Take it out, or correct its name."
            yield Check(GROUP, file.name, Level.WARN, f"{name} is no setting", advice)
