"""What is said of a file that came before."""

from __future__ import annotations

from utils.jobs.intake import Delivered
from utils.texts import Text, date_words, text_n


def delivered_words(before: Delivered) -> Text:
    """What was sent of a file, and when."""
    when = date_words(before.date)
    if not before.skipped:
        return Text("I sent you what is in {name} on {date}.", name=before.name, date=when)
    return text_n(
        "I sent you a part of what is in {name} on {date}; {count} file could not be sent.",
        "I sent you a part of what is in {name} on {date}; {count} files could not be sent.",
        before.skipped,
        name=before.name,
        date=when,
    )
