"""Every error that somebody is told about.

    BotError
    ├── SettingsError            a setting is missing or makes no sense
    │   └── SessionDamaged       the file with the log-in cannot be read
    ├── StorageError             the disk
    │   ├── DiskFull             a write found no room
    │   │   └── NoRoom           what is to be written would not fit; the figures are in the message
    │   ├── JournalBroken        a job's story holds what it may not
    │   ├── TooNew               a newer version of the bot wrote the data
    │   └── AlreadyRunning       another process holds the data folder
    ├── PassedOver               a step that killed the bot again and again is not tried any more
    ├── ProgramError             a foreign program; archives and media say what it means for their file
    │   ├── ProgramMissing       it is not there, or does not start
    │   ├── ProgramTimeout       it stood still or took longer than allowed
    │   ├── TooMuchOutput        it says more than can be meant
    │   ├── ProgramCrashed       it died of a mistake of its own
    │   └── ProgramKilled        somebody killed it, such as a kernel without memory: to be tried again
    ├── ArchiveError             the archive that somebody sent
    │   ├── NotAnArchive         no format that we know, by content
    │   ├── PasswordNeeded       encrypted, no password known
    │   │   └── WrongPassword    encrypted, none of the passwords fits
    │   ├── VolumeMissing        one part of a split set is not there
    │   ├── ArchiveDamaged       truncated, or a check sum that does not match
    │   ├── DeliveredBefore      the same file was or is being delivered to this chat
    │   ├── NotAFile             an entry that is a link or a device
    │   ├── UnsupportedArchive   a method that the engine cannot decode
    │   ├── EngineCrashed        7-Zip died on it, which says nothing about the archive
    │   └── LimitExceeded        bombs, depth, count, size; the figures are in the message
    ├── MediaError               one picture or video
    │   ├── NotMedia             neither a picture nor a video that ffmpeg can read
    │   └── ConversionFailed     ffmpeg ended badly, or its result did not verify
    │       ├── ConversionTimeout  it stood still or took longer than allowed
    │       ├── ToolStopped      ffmpeg or ffprobe was killed, got no memory, or is not there
    │       └── ToolCrashed      ffmpeg or ffprobe died on it, which says nothing about the file
    └── TelegramError            the other end of the connection
        ├── LoginFailed          wrong token, wrong code
        │   ├── LoginEnded       by Telegram or its owner, while the bot ran
        │   └── Unreachable      not now; trying again later can help
        ├── TransferFailed       a file could not be moved
        ├── ChatClosed           nothing can be sent to a chat any more
        └── Refused              Telegram will not take this item as it is

An error's text is what the user reads: a plain sentence, with names and figures, without a traceback.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable

from utils.texts import Text

log = logging.getLogger(__name__)


def seconds_words(seconds: float) -> str:
    """ "1 second", "30 seconds"."""
    count = f"{seconds:.0f}"
    return f"{count} second" if count == "1" else f"{count} seconds"


class BotError(Exception):
    """Root of the tree.

    ``told`` is the sentence for the user, best a :class:`Text`, which is English in the log; ``retry_after``
    is the number of seconds after which trying again can help, where that is known.
    """

    def __init__(self, told: str, *, retry_after: float | None = None) -> None:
        super().__init__(told)
        self.told = told
        self.retry_after = retry_after


class SettingsError(BotError):
    """A setting is missing or makes no sense; the program ends with exit code 2."""


class SessionDamaged(SettingsError):
    """The file with the log-in cannot be read; without it, the log-in is made anew."""


class StorageError(BotError):
    """The disk did not do what was asked of it."""


class DiskFull(StorageError):
    """Not enough room. Trying again helps once something was deleted."""


class NoRoom(DiskFull):
    """What is to be written would not fit, counted before it is; the figures are in the message."""


class JournalBroken(StorageError):
    """A line of a journal is of a known kind and cannot be used; its job is left as it is."""


class TooNew(StorageError):
    """A newer version of the bot wrote what is to be read; nothing of it is touched."""


class AlreadyRunning(StorageError):
    """Another process uses the same data folder; its process id is in the message."""


class PassedOver(BotError):
    """The bot died in a step of a job again and again, so that it is not tried any more."""


class ProgramError(BotError):
    """A foreign program did not do its work. Nobody is told so: who had it run knows what that means."""


class ProgramMissing(ProgramError):
    """The program is not there, or cannot be started; its name and why are in the message."""


class ProgramTimeout(ProgramError):
    """The program stood still, or took longer than it may."""


class TooMuchOutput(ProgramError):
    """The program says more than anybody can have meant to ask for."""


class ProgramCrashed(ProgramError):
    """The program died of a signal that nobody sent: ``program`` is its name, ``signal`` the number."""

    def __init__(self, program: str, signal: int) -> None:
        super().__init__(f"{program} crashed (signal {signal}).")
        self.program = program
        self.signal = signal


class ProgramKilled(ProgramError):
    """It was killed from outside, which says nothing about its file: trying again may help."""


class ArchiveError(BotError):
    """The archive cannot be opened, or not as a whole."""


class NotAnArchive(ArchiveError):
    """The content is of no archive format that we know."""


class PasswordNeeded(ArchiveError):
    """The archive, or its listing, is encrypted and no password is known."""


class WrongPassword(PasswordNeeded):
    """The archive is encrypted and none of the known passwords opens it."""


class VolumeMissing(ArchiveError):
    """One volume of a split archive is not there; its name is in the message."""


class ArchiveDamaged(ArchiveError):
    """The archive, or one entry of it, is cut off or does not match its check sum."""


class UnsupportedArchive(ArchiveError):
    """A compression or encryption method that the engine cannot decode."""


class EngineCrashed(ArchiveError):
    """7-Zip died on the archive, or one entry of it: neither need be damaged."""


class NotAFile(ArchiveError):
    """An entry is a link, a device or the like: there is nothing to take out, and nothing is wrong."""

    def __init__(self, what: str) -> None:
        super().__init__(Text("it is {what}; those are not followed.", what=what))


class DeliveredBefore(ArchiveError):
    """The same file was delivered to this chat, or is about to be; it is done again only when asked for."""


class LimitExceeded(ArchiveError):
    """The archive would exceed a limit; the figures are in the message."""


class MediaError(BotError):
    """One picture or video cannot be handled."""


class NotMedia(MediaError):
    """The file is neither a picture nor a video that can be read."""


class ConversionFailed(MediaError):
    """A conversion ended badly or its result did not verify.

    ``passing``: another time it may do. Else the same file will always end in the same way.
    """

    passing = False


class ConversionTimeout(ConversionFailed):
    """A conversion stood still, or took longer than CONVERSION_TIMEOUT_SECONDS."""

    passing = True


class ToolStopped(ConversionFailed):
    """ffmpeg or ffprobe was killed, got too little memory, or does not start. The file is not to blame."""

    passing = True


class ToolCrashed(ConversionFailed):
    """ffmpeg or ffprobe died on a file, which need not be damaged. Another way to read it may do."""

    passing = True


class TelegramError(BotError):
    """Telegram, or the way to it."""


class LoginFailed(TelegramError):
    """Wrong token, wrong code or password; the program ends with exit code 2, since somebody has to act."""


class LoginEnded(LoginFailed):
    """The log-in that the bot had was ended by Telegram, or by its owner."""


class Unreachable(LoginFailed):
    """Telegram cannot be reached, or lets nobody log in now; the program ends with exit code 75."""


class TransferFailed(TelegramError):
    """A file could not be moved although everything that helps was tried."""


class ChatClosed(TelegramError):
    """Nothing can be sent to the chat any more; Telegram's own name for why is in the message."""


class Refused(TelegramError):
    """Telegram will not take this item as it is; ``reason`` is its own error name."""

    def __init__(self, told: str, *, reason: str) -> None:
        super().__init__(told)
        self.reason = reason


async def guarded(work: Awaitable[object], told: str) -> bool:
    """An edge: whether ``work`` succeeded. An error that nobody foresaw is logged, and the rest goes on."""
    try:
        await work
    except Exception:  # noqa: BLE001
        log.exception("❌ %s", told)
        return False
    return True
