"""What the chat reads of a job while it runs. Pure: no I/O."""

from __future__ import annotations

import math
from collections.abc import Iterator

from utils.jobs.albums import plural, shorten
from utils.jobs.progress import Converting, Count, JobProgress, Place, Waiting
from utils.jobs.summary import TEXT_UNITS, duration_words

#: Characters of a bar.
BAR = 10

#: Conversions that are shown one by one; the rest is counted.
CONVERSIONS_SHOWN = 5

#: Characters of the name of a file in a line of the status.
NAME_UNITS = 60


def status_text(now: JobProgress) -> str:
    """The status message: what the job does, how far it is, how long it takes, what it waits for."""
    # A step may name a hundred missing volumes.
    return shorten("\n".join(_lines(now)), TEXT_UNITS)


def _lines(now: JobProgress) -> Iterator[str]:
    yield f"📦 {now.name}"
    if now.paused:
        yield "⏸️ Paused"
    elif now.place is not None:
        yield _queued(now.place)
    elif now.waiting is not None and now.waiting.reason == now.step:
        yield from _waiting_step(now.waiting)
    else:
        yield now.step
    if 0 < now.done < now.total:
        yield f"{bar(now.done / now.total)} {percent_words(now.done / now.total)}"
        pace = [f"{size_words(now.speed)}/s"] if now.speed and not now.paused else []
        if now.left is not None and not now.paused:
            pace.append(f"about {duration_words(now.left)} left")
        if pace:
            yield " · ".join(pace)
    sent = " · ".join(_counts(now))
    if sent:
        yield f"📤 {sent} sent"
    if now.preparing and not now.paused and now.place is None:
        yield f"⚙️ Preparing {shorten(now.preparing, NAME_UNITS)}"
    yield from _conversions(now)
    if now.waiting is not None and now.waiting.reason != now.step and not now.paused:
        yield _waiting(now.waiting)


def _waiting_step(waiting: Waiting) -> Iterator[str]:
    yield waiting.reason
    if waiting.seconds is not None:
        yield f"⏳ {duration_words(waiting.seconds)} more at most"


def _waiting(waiting: Waiting) -> str:
    left = "" if waiting.seconds is None else f" {duration_words(waiting.seconds)}"
    return f"⏳ Waiting{left}: {waiting.reason}"


def _queued(place: Place) -> str:
    if not place.names:
        return "⏳ Waiting until there is time for it: I am at work for others"
    more = len(place.names) - 1
    behind = shorten(place.names[0], NAME_UNITS) + (f" and {more} more" if more else "")
    return f"⏳ In the queue, behind {behind}"


def _counts(now: JobProgress) -> Iterator[str]:
    counts = {"picture": now.pictures, "video": now.videos, "audio file": now.music, "file": now.files}
    for noun, count in counts.items():
        if words := _count(noun, count):
            yield words


def _count(noun: str, count: Count) -> str:
    if count.of is None:
        return f"{plural(count.sent, noun)} so far" if count.sent else ""
    return f"{count.sent} of {plural(count.of, noun)}" if count.of else ""


def _conversions(now: JobProgress) -> Iterator[str]:
    for one in now.conversions[:CONVERSIONS_SHOWN]:
        yield _conversion(one)
    more = len(now.conversions) - CONVERSIONS_SHOWN
    if more > 0:
        yield f"🎬 {plural(more, 'more video')} to convert"


def _conversion(one: Converting) -> str:
    name = shorten(one.name, NAME_UNITS)
    if one.before is not None:
        behind = f", behind {plural(one.before, 'other')}" if one.before else ""
        return f"🎬 {name} is to be converted{behind}"
    left = "" if one.left is None else f" · about {duration_words(one.left)} left"
    return f"🎬 Converting {name} {bar(one.percent / 100)} {percent_words(one.percent / 100)}{left}"


def queue_line(now: JobProgress, place: int) -> str:
    """One job in a list of them."""
    done = f" {percent_words(now.done / now.total)}" if 0 < now.done < now.total else ""
    what = "⏸️ Paused" if now.paused else "⏳ Waiting" if now.place is not None else now.step
    return f"{place}. {shorten(now.name, NAME_UNITS)}: {what}{done}"


def bar(share: float) -> str:
    """A bar of which ``share`` (0 to 1) is full."""
    full = max(0, min(BAR, int(share * BAR)))
    return "▰" * full + "▱" * (BAR - full)


def percent_words(share: float) -> str:
    """ "52 %"; never 100 before it is all."""
    return f"{math.floor(100 * max(0.0, min(1.0, share)))} %"


def size_words(size: float) -> str:
    """ "8.4 MB"."""
    if size < 1000:
        return f"{size:.0f} B"
    for unit in ("kB", "MB"):
        size /= 1000
        if size < 999.5:
            return f"{size:.0f} {unit}" if size >= 10 else f"{size:.1f} {unit}"
    return f"{size / 1000:.1f} GB"
