"""In what a server may differ from another, or from what it did yesterday, and still be a Telegram."""

from __future__ import annotations

from dataclasses import dataclass, field

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

    def clear(self) -> None:
        """As they are made."""
        self.albums.clear()
        self.strict_replies = self.short_answers = self.strict_markup = False
