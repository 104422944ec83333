"""What the chat is told about a job: while it runs, and at its end. Pure: no I/O."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator

from utils.jobs.albums import plural, refused_as, shorten, utf16_units
from utils.jobs.captions import notes as changes
from utils.jobs.progress import group_by_name, sent_by_kind
from utils.jobs.record import JobRecord
from utils.jobs.sidecars import is_sidecar

#: Names listed for one reason at most; the rest is counted.
NAMES_SHOWN = 10

#: Lines for one kind of news at most; the rest is counted.
LINES_SHOWN = 10

#: Length of a text message at most, in UTF-16 units.
TEXT_UNITS = 4096


def summary_text(archive: str, record: JobRecord) -> str:
    """The message at the end: sent, converted, skipped and why. What is missing comes before what changed."""
    if record.failed:
        head = f"❌ {archive}: {record.failed}"
    elif not record.delivered and not record.skipped:
        what = "other file" if record.only_others else "picture or video"
        head = f"ℹ️ {archive}: there is no {what} in it{' that was chosen' if record.left else ''}."
    else:
        head = f"{'⚠️' if record.skipped else '✅'} {archive}: {_sent(record)} sent."
    lines = [head]
    if record.failed and record.delivered:
        lines.append(f"{_sent(record)} sent before that.")
    skipped = _by_reason((reason, name) for name, reason in record.skipped.values())
    lines += _section("⏭️ Skipped: ", skipped)
    # A job that was cancelled may have converted, or changed, what it did not send.
    sent = record.delivered
    converted = [record.deferred[n].name for n in record.converted if n in record.deferred and n in sent]
    if converted:
        lines.append(f"🎬 Converted {plural(len(converted), 'video')}: {names(converted)}")
    failed = [
        (reason, record.deferred[n].name)
        for n, reason in record.unconvertible.items()
        if n in record.deferred and n in sent
    ]
    lines += _section("❌ Not converted, sent as a file: ", _by_reason(failed))
    lines += _section("📎 Sent as a file: ", _by_reason(_as_files(record)))
    cut = [f"{file.name} ({len(record.parts[n])} parts)" for n, file in record.wholes.items() if n in sent]
    if cut:
        lines.append(f"✂️ Sent in parts, larger than Telegram takes: {names(cut)}")
    changed = [file for n, file in record.files.items() if file.note and file.kind == "photo" and n in sent]
    lines += _section("🖼️ ", changes(changed))
    notes = [path for path in record.others.values() if is_sidecar(path.rpartition("/")[2])]
    others = [path for path in record.others.values() if path not in notes]
    for what, paths in (("📄 Left out, neither picture nor video", others), ("🏷️ Notes about them", notes)):
        if paths:
            lines.append(f"{what}: {plural(len(paths), 'file')} ({names(paths)})")
    if record.left:
        lines.append(f"⚙️ Left out by choice: {plural(record.left, 'file')} (pictures or videos).")
    if record.ignored:
        kept = plural(record.ignored, "file")
        lines.append(f"🗑️ Ignored {kept} of systems, cameras and waste baskets, such as .DS_Store.")
    return shorten("\n".join(lines), TEXT_UNITS)


def is_single(record: JobRecord) -> bool:
    """Whether it is a picture or video by itself, as far as its name says."""
    return group_by_name(record.origin.name) is not None and not record.volumes


def says_it_all(record: JobRecord) -> bool:
    """Whether what was sent of a picture or video by itself needs no word beside its caption."""
    if not is_single(record) or record.failed or record.skipped or record.others:
        return False
    return len(record.delivered_files()) == 1


def with_words(text: str, words: str) -> str:
    """``text``, cut where it has to be, and ``words`` below it."""
    return f"{shorten(text, TEXT_UNITS - utf16_units(words) - 1)}\n{words}".strip()


def duration_words(seconds: float) -> str:
    """ "45 seconds", "3 minutes", "2 hours", rounded up so that nobody waits longer than was said."""
    for unit, length in (("hour", 3600), ("minute", 60)):
        if seconds >= 2 * length:
            return plural(math.ceil(seconds / length), unit)
    return plural(math.ceil(seconds), "second")


def names(listed: list[str]) -> str:
    """The first names of ``listed``, and how many more there are."""
    more = len(listed) - NAMES_SHOWN
    return ", ".join(listed[:NAMES_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _section(mark: str, news: list[str]) -> list[str]:
    """The first lines of ``news``, each with its mark, and how many more there are."""
    lines = [f"{mark}{line}" for line in news[:LINES_SHOWN]]
    more = len(news) - LINES_SHOWN
    return [*lines, f"{mark}{plural(more, 'more reason')} …"] if more > 0 else lines


def _by_reason(pairs: Iterable[tuple[str, str]]) -> list[str]:
    """ "names: reason" for each reason of the (reason, name) ``pairs``."""
    grouped: defaultdict[str, list[str]] = defaultdict(list)
    for reason, name in pairs:
        grouped[reason].append(name)
    return [f"{names(listed)}: {reason}" for reason, listed in grouped.items()]


def _as_files(record: JobRecord) -> Iterator[tuple[str, str]]:
    """(reason, name) of each picture or video that came as a file, but for what could not be converted."""
    for number in record.delivered_files():
        file = record.to_send(number)
        if number in record.refused and file.group != "document":
            yield refused_as(file.noun, record.refused[number]), file.name
        elif number not in record.deferred and file.kind == "document" and file.note:
            yield file.note, file.name


def _sent(record: JobRecord) -> str:
    """ "3 pictures and 2 videos"."""
    kinds = sent_by_kind(record)
    counts = {"picture": kinds["photo"], "video": kinds["video"], "audio file": kinds["music"]}
    counts["file"] = kinds["document"]
    parts = [plural(count, noun) for noun, count in counts.items() if count]
    if record.live:
        parts[0] += f" ({len(record.live)} of them live)"
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts) or "nothing"
