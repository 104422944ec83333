"""What Telegram's names for its refusals mean for a job's messages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from telethon import errors as rpc

from utils.errors import ChatClosed
from utils.telegram.pauses import error_name
from utils.texts import Text

#: Telegram's names for "not this item": sending it as a plain document can help.
REFUSALS = re.compile(
    r"PHOTO_(INVALID|INVALID_DIMENSIONS|SAVE_FILE_INVALID|EXT_INVALID|CONTENT_TYPE_INVALID|ID_INVALID)"
    r"|IMAGE_PROCESS_FAILED|MEDIA_INVALID|MEDIA_EMPTY|MEDIA_TYPE_INVALID|MEDIA_FILE_INVALID"
    r"|VIDEO_(FILE_INVALID|CONTENT_TYPE_INVALID)|FILE_CONTENT_TYPE_INVALID|WC_CONVERT_URL_INVALID"
)
#: Telegram's names for "not to this chat, ever", such as that of a person who has blocked the bot.
CLOSED = re.compile(
    r"USER_IS_BLOCKED|YOU_BLOCKED_USER|INPUT_USER_DEACTIVATED|USER_BANNED_IN_CHANNEL|CHANNEL_PRIVATE"
    r"|CHAT_(ADMIN_REQUIRED|WRITE_FORBIDDEN|FORBIDDEN|RESTRICTED|GUEST_SEND_FORBIDDEN|SEND_\w+_FORBIDDEN)"
    r"|TOPIC_(CLOSED|DELETED)|PRIVACY_PREMIUM_REQUIRED|ALLOW_PAYMENT_REQUIRED(_\d+)?"
)
MISSING = re.compile(r"FILE_PART_(\d+)_MISSING")
EXPIRED = re.compile(r"FILE_REFERENCE_(?:(\d+)_)?(?:EXPIRED|INVALID|EMPTY)")
#: The message that is answered was deleted; Telegram takes the answer without it.
NO_REPLY = "REPLY_MESSAGE_ID_INVALID"
#: A message of ours cannot have buttons here; Telegram takes it without them.
NO_BUTTONS = "REPLY_MARKUP_INVALID"
#: Trouble within Telegram, which may be over the next time.
PASSING, PASSING_PAUSE = "PHOTO_SAVE_FILE_INVALID", 2.0


def refuses_addition(error: rpc.RPCError) -> bool:
    """Whether ``error`` may mean that a video is not taken with its cover; no name is listed."""
    return refuses_live(error) and not MISSING.fullmatch(error_name(error))


def refuses_live(error: rpc.RPCError) -> bool:
    """Whether ``error`` may mean that a photo is not taken together with its film; no name is listed."""
    return isinstance(error, rpc.BadRequestError) and not CLOSED.fullmatch(error_name(error))


@contextmanager
def chat_errors() -> Iterator[None]:
    """Turn Telegram's word that a chat is closed to us, wherever it comes, into :class:`ChatClosed`."""
    try:
        yield
    except rpc.RPCError as error:
        if not CLOSED.fullmatch(error_name(error)):
            raise
        told = Text("nothing can be sent to the chat any more ({reason}).", reason=error_name(error))
        raise ChatClosed(told) from error
