"""In what a server may differ from another, or from what it did yesterday, and still be a Telegram."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from .albums import Albums


@dataclass
class Habits:
    """As they are made, those of Telegram toward bots."""

    #: How albums are made, and fail.
    albums: Albums = field(default_factory=Albums)
    #: REPLY_MESSAGE_ID_INVALID for an answer to a message that is gone, as documented for
    #: messages.sendMessage; else the answer comes without it, as bots see it.
    strict_replies: bool = False
    #: messages.sendMessage is answered with updateShortSentMessage, as in private chats
    #: (https://core.telegram.org/constructor/updateShortSentMessage).
    short_answers: bool = False

    #: REPLY_MARKUP_INVALID for a keyboard in a message of a person, as seen on one self-hosted server; else
    #: it is left out, as is reported of Telegram.
    strict_markup: bool = False

    #: The code of what closes a chat (USER_IS_BLOCKED, CHAT_ADMIN_REQUIRED, TOPIC_CLOSED …):
    #: messages.sendMedia documents 400 for most and 403 for some; another server may say 403 for all.
    closed_code: Literal[400, 403] = 400
    #: How updates are pushed (https://core.telegram.org/type/Updates): "updates", "combined"
    #: (updatesCombined), or "too long" (updatesTooLong: the client has to ask for the difference).
    pushed: Literal["updates", "combined", "too long"] = "updates"

    def clear(self) -> None:
        """As they are made."""
        self.albums.clear()
        self.strict_replies = self.short_answers = self.strict_markup = False
        self.closed_code = 400
        self.pushed = "updates"
