"""When something was, in words."""

from __future__ import annotations

import time

from utils.texts.sentences import Text

_MONTHS = (
    *(
        Text("January"),
        Text("February"),
        Text("March"),
        Text("April"),
        Text("May"),
        Text("June"),
        Text("July"),
    ),
    *(Text("August"), Text("September"), Text("October"), Text("November"), Text("December")),
)


def date_words(date: float) -> Text:
    """ "24 November 2026, 16:08" of a Unix time, where the bot is."""
    then = time.localtime(date)
    return Text(
        "{day} {month} {year}, {hour:02}:{minute:02}",
        day=then.tm_mday,
        month=_MONTHS[then.tm_mon - 1],
        year=then.tm_year,
        hour=then.tm_hour,
        minute=then.tm_min,
    )
