"""What is done about a request that did not succeed at once: whether, and after how long, it is sent again.

See https://core.telegram.org/api/errors.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from telethon import errors
from telethon.tl import TLRequest

from utils.texts import Text

#: Pauses after trouble, in seconds; the last one is repeated.
BACKOFF = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
#: How often one request is repeated because of trouble that it alone has with the server: about four minutes.
SERVER_ATTEMPTS = 12


class Reason(StrEnum):
    """Why something waits, in words for the chat."""

    #: FLOOD_WAIT and FLOOD_PREMIUM_WAIT: the account is asked to be slower.
    FLOOD = Text("Telegram asks for a pause")
    #: SLOWMODE_WAIT: this chat takes a message only every so often.
    SLOW_MODE = Text("this chat is in slow mode")
    #: The bot's own, see ``group_pace``.
    GROUP = Text("a group takes 20 messages a minute")
    #: 500 and the like.
    SERVER = Text("Telegram has trouble of its own")
    #: No connection, or no answer.
    CONNECTION = Text("the connection to Telegram is lost")


@dataclass(frozen=True)
class Pause:
    """Wait so many seconds, then send the same request again."""

    seconds: float
    reason: Reason


#: What :func:`pause_after` knows about. A TimeoutError is an answer that did not come.
TROUBLE = (errors.RPCError, ConnectionError, TimeoutError, EOFError)


def pause_after(error: BaseException, failures: int, *, alone: bool = True) -> Pause | None:
    """What to do about ``error``; ``failures`` counts those of its kind so far, this one included.

    ``alone``: other requests were answered meanwhile. None: repeating the request does not help.
    """
    if isinstance(error, errors.SlowModeWaitError):
        return Pause(max(1.0, error.seconds), Reason.SLOW_MODE)
    if isinstance(error, errors.FloodError):
        # FLOOD_WAIT_0 has been seen; a pause of nothing would repeat in a tight loop.
        return Pause(max(1.0, getattr(error, "seconds", 5)), Reason.FLOOD)
    if isinstance(error, errors.RandomIdDuplicateError):
        return None  # 500-class, but whoever drew the id must know that it was used
    if isinstance(error, errors.ServerError | errors.TimedOutError):
        return _backoff(failures, Reason.SERVER) if failures < SERVER_ATTEMPTS or not alone else None
    if isinstance(error, ConnectionError | TimeoutError | EOFError):
        return _backoff(failures, Reason.CONNECTION)
    return None


def _backoff(failures: int, reason: Reason) -> Pause:
    return Pause(BACKOFF[min(failures, len(BACKOFF)) - 1], reason)


def was_refused(pause: Pause) -> bool:
    """Whether the request was certainly not carried out."""
    return pause.reason in (Reason.FLOOD, Reason.SLOW_MODE)


#: Requests that change nothing when they are carried out twice, beside all that only read.
_HARMLESS = (
    "SaveFilePart",
    "SaveBigFilePart",
    "UploadMedia",
    "EditMessage",
    "DeleteMessages",
    "SetTyping",
    "SetBotCallbackAnswer",
    "SetBotCommands",
    "ReadHistory",
    "ExportAuthorization",
    "ResolveUsername",
    "Ping",
)


def is_repeatable(request: TLRequest) -> bool:
    """Whether carrying out ``request`` twice does the same as once. Telegram deduplicates on random_id."""
    ids = [getattr(item, "random_id", None) for item in getattr(request, "multi_media", None) or [request]]
    name = type(request).__name__.removesuffix("Request")
    return all(ids) or name.startswith("Get") or name in _HARMLESS


def error_name(error: errors.RPCError) -> str:
    """Telegram's own name for ``error``, such as ``PHOTO_INVALID_DIMENSIONS`` or
    ``FILE_PART_3_MISSING``."""
    for name, kind in errors.rpc_errors_dict.items():
        if type(error) is kind:
            return str(name)
    for pattern, kind in errors.rpc_errors_re:
        if type(error) is kind:
            captured = next((value for value in vars(error).values() if isinstance(value, int)), "")
            return str(pattern).replace(r"(\d+)", str(captured))
    return str(error.message or type(error).__name__)


def trouble_name(error: BaseException) -> str:
    """What ``error``, one of ``TROUBLE`` or another one, is called in the log."""
    return error_name(error) if isinstance(error, errors.RPCError) else type(error).__name__
