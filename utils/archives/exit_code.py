"""How taking an archive apart ended, as the exit code of a command. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum

from utils.errors import (
    BotError,
    DiskFull,
    LimitExceeded,
    NotAFile,
    NotAnArchive,
    PasswordNeeded,
    SettingsError,
)


class ExitCode(IntEnum):
    """What ``inspect`` ends with."""

    FINE = 0
    #: The command itself was wrong, or a setting.
    USAGE = 2
    NOT_AN_ARCHIVE = 3
    #: A password is needed, or none of those given fits.
    PASSWORD = 4
    #: Something could not be had; what could was printed.
    DAMAGED = 5
    #: A limit, or the disk, refuses it.
    REFUSED = 6


def exit_code(error: BotError | None, of_entries: Iterable[BotError] = ()) -> ExitCode:
    """The code for ``error``, which ended everything, and the errors of single entries.

    What concerns the whole comes first; among entries a limit counts more than damage.
    """
    if error is not None:
        return _of_one(error)
    codes = {_of_one(each) for each in of_entries if not isinstance(each, NotAFile)}
    if ExitCode.REFUSED in codes:
        return ExitCode.REFUSED
    return ExitCode.DAMAGED if codes else ExitCode.FINE


def _of_one(error: BotError) -> ExitCode:
    if isinstance(error, SettingsError):
        return ExitCode.USAGE
    if isinstance(error, NotAnArchive):
        return ExitCode.NOT_AN_ARCHIVE
    if isinstance(error, PasswordNeeded):
        return ExitCode.PASSWORD
    return ExitCode.REFUSED if isinstance(error, LimitExceeded | DiskFull) else ExitCode.DAMAGED
