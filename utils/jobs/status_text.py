"""What the chat reads of a job while it runs. Pure: no I/O."""

from __future__ import annotations

import math
from collections.abc import Iterator

from utils.jobs.albums import Group, number_of, shorten
from utils.jobs.progress import Converting, Count, JobProgress, Place, Waiting
from utils.jobs.summary import TEXT_UNITS, duration_words
from utils.texts import Said, figure, said, tr, tr_n

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
    yield tr("📦 {name}", name=now.name)
    if now.paused:
        yield tr("⏸️ Paused")
    elif now.place is not None:
        yield _queued(now.place)
    elif now.waiting is not None and now.waiting.reason == now.step:
        yield from _waiting_step(now.waiting)
    else:
        yield said(now.step)
    if 0 < now.done < now.total:
        yield f"{bar(now.done / now.total)} {percent_words(now.done / now.total)}"
        pace = [tr("{size}/s", size=size_words(now.speed))] if now.speed and not now.paused else []
        if now.left is not None and not now.paused:
            pace.append(tr("about {time} left", time=duration_words(now.left)))
        if pace:
            yield " · ".join(pace)
    sent = " · ".join(_counts(now))
    if sent:
        yield tr("📤 {counts} sent", counts=Said(sent))
    if now.preparing and not now.paused and now.place is None:
        yield tr("⚙️ Preparing {name}", name=shorten(now.preparing, NAME_UNITS))
    yield from _conversions(now)
    if now.waiting is not None and now.waiting.reason != now.step and not now.paused:
        yield _waiting(now.waiting)


def _waiting_step(waiting: Waiting) -> Iterator[str]:
    yield said(waiting.reason)
    if waiting.seconds is not None:
        yield tr("⏳ {time} more at most", time=duration_words(waiting.seconds))


def _waiting(waiting: Waiting) -> str:
    reason = said(waiting.reason)
    if waiting.seconds is None:
        return tr("⏳ Waiting: {reason}", reason=reason)
    return tr("⏳ Waiting {time}: {reason}", time=duration_words(waiting.seconds), reason=reason)


def _queued(place: Place) -> str:
    if not place.first:
        return tr("⏳ Waiting until there is time for it: I am at work for others")
    name, more = shorten(place.first, NAME_UNITS), place.own - 1
    if more:
        return tr("⏳ In the queue, behind {name} and {count} more", name=name, count=more)
    return tr("⏳ In the queue, behind {name}", name=name)


def _counts(now: JobProgress) -> Iterator[str]:
    counts: dict[Group, Count] = {
        "photo": now.pictures,
        "video": now.videos,
        "music": now.music,
        "document": now.files,
    }
    for group, count in counts.items():
        if count.of is None and count.sent:
            yield tr("{counts} so far", counts=number_of(group, count.sent))
        elif count.of:
            yield _of(group, count.sent, count.of)


def _of(group: Group, sent: int, count: int) -> str:
    if group == "photo":
        return tr_n("{sent} of {count} picture", "{sent} of {count} pictures", count, sent=sent)
    if group == "video":
        return tr_n("{sent} of {count} video", "{sent} of {count} videos", count, sent=sent)
    if group == "music":
        return tr_n("{sent} of {count} audio file", "{sent} of {count} audio files", count, sent=sent)
    return tr_n("{sent} of {count} file", "{sent} of {count} files", count, sent=sent)


def _conversions(now: JobProgress) -> Iterator[str]:
    for one in now.conversions[:CONVERSIONS_SHOWN]:
        yield _conversion(one)
    more = len(now.conversions) - CONVERSIONS_SHOWN + now.more_conversions
    if more > 0:
        yield tr_n("🎬 {count} more video to convert", "🎬 {count} more videos to convert", more)


def _conversion(one: Converting) -> str:
    name = shorten(one.name, NAME_UNITS)
    if one.before is not None:
        if not one.before:
            return tr("🎬 {name} is to be converted", name=name)
        return tr_n(
            "🎬 {name} is to be converted, behind {count} other",
            "🎬 {name} is to be converted, behind {count} others",
            one.before,
            name=name,
        )
    share = one.percent / 100
    now = tr("🎬 Converting {name} {bar} {percent}", name=name, bar=bar(share), percent=percent_words(share))
    return now if one.left is None else f"{now} · {tr('about {time} left', time=duration_words(one.left))}"


def queue_line(now: JobProgress, place: int) -> str:
    """One job in a list of them."""
    done = f" {percent_words(now.done / now.total)}" if 0 < now.done < now.total else ""
    what = tr("⏸️ Paused") if now.paused else tr("⏳ Waiting") if now.place is not None else said(now.step)
    name = shorten(now.name, NAME_UNITS)
    return tr("{place}. {name}: {state}", place=place, name=name, state=Said(f"{what}{done}"))


def bar(share: float) -> Said:
    """A bar of which ``share`` (0 to 1) is full."""
    full = max(0, min(BAR, int(share * BAR)))
    return Said("▰" * full + "▱" * (BAR - full))


def percent_words(share: float) -> Said:
    """ "52 %"; never 100 before it is all."""
    return tr("{percent} %", percent=math.floor(100 * max(0.0, min(1.0, share))))


def size_words(size: float) -> Said:
    """ "8.4 MB"."""
    if size < 1000:
        return tr("{size} B", size=figure(f"{size:.0f}"))
    if size < 999_500:
        return tr("{size} kB", size=_short(size / 1e3))
    if size < 999_500_000:
        return tr("{size} MB", size=_short(size / 1e6))
    return tr("{size} GB", size=figure(f"{size / 1e9:.1f}"))


def _short(size: float) -> Said:
    return figure(f"{size:.0f}" if size >= 10 else f"{size:.1f}")
