"""What the chat is told about a job: while it runs, and at its end. Pure: no I/O."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from utils.jobs.albums import Group, number_of, refused_as, shorten, utf16_units
from utils.jobs.captions import notes as changes
from utils.jobs.progress import group_by_name, sent_by_kind
from utils.jobs.record import JobRecord
from utils.jobs.sidecars import is_sidecar
from utils.texts import Said, Text, listed, said, tr, tr_n

#: Names listed for one reason at most; the rest is counted.
NAMES_SHOWN = 10

#: Lines for one kind of news at most; the rest is counted.
LINES_SHOWN = 10

#: Length of a text message at most, in UTF-16 units.
TEXT_UNITS = 4096


def summary_text(archive: str, record: JobRecord) -> str:
    """The message at the end: sent, converted, skipped and why. What is missing comes before what changed."""
    lines = [_head(archive, record)]
    if record.failed and record.delivered:
        lines.append(tr("{files} sent before that.", files=_sent(record)))
    skipped = _by_reason((reason, name) for name, reason in record.skipped.values())
    lines += _section(Text("⏭️ Skipped: {news}"), skipped)
    # A job that was cancelled may have converted, or changed, what it did not send.
    sent = record.delivered
    converted = [record.deferred[n].name for n in record.converted if n in record.deferred and n in sent]
    if converted:
        lines.append(_converted(converted))
    failed = _by_reason(_not_converted(record))
    lines += _section(Text("❌ Not converted, sent as a file: {news}"), failed)
    lines += _section(Text("📎 Sent as a file: {news}"), _by_reason(_as_files(record)))
    cut = [_in_parts(file.name, len(record.parts[n])) for n, file in record.wholes.items() if n in sent]
    if cut:
        lines.append(tr("✂️ Sent in parts, larger than Telegram takes: {names}", names=names(cut)))
    changed = [file for n, file in record.files.items() if file.note and file.kind == "photo" and n in sent]
    lines += _section(Text("🖼️ {news}"), changes(changed))
    return shorten("\n".join([*lines, *_left_out(record)]), TEXT_UNITS)


def all_names(record: JobRecord) -> str:
    """All names, a line each below what became of them; "" where the summary names them all."""
    lists = list(_lists(record))
    if all(len(found) <= NAMES_SHOWN for _, found in lists) and len(lists) <= LINES_SHOWN:
        return ""
    return "\n\n".join(
        "\n".join([heading.rstrip(" :,،"), *(f"  {listed([name])}" for name in found)])
        for heading, found in lists
    )


def _lists(record: JobRecord) -> Iterator[tuple[str, Sequence[str]]]:
    """What became of files, and the names of all of those."""
    sent, none = record.delivered, Said("")
    for reason, found in _grouped((why, name) for name, why in record.skipped.values()):
        yield tr("⏭️ Skipped: {news}", news=said(reason)), found
    converted = [record.deferred[n].name for n in record.converted if n in record.deferred and n in sent]
    if converted:
        heading = "🎬 Converted {count} video: {names}", "🎬 Converted {count} videos: {names}"
        yield tr_n(*heading, len(converted), names=none), converted
    for reason, found in _grouped(_not_converted(record)):
        yield tr("❌ Not converted, sent as a file: {news}", news=said(reason)), found
    for reason, found in _grouped(_as_files(record)):
        yield tr("📎 Sent as a file: {news}", news=said(reason)), found
    cut = [file.name for n, file in record.wholes.items() if n in sent]
    if cut:
        yield tr("✂️ Sent in parts, larger than Telegram takes: {names}", names=none), cut
    if record.others:
        yield tr("📄 Left out, neither picture nor video"), list(record.others.values())


def _grouped(pairs: Iterable[tuple[str, str]]) -> Iterable[tuple[str, list[str]]]:
    """Each reason with its names, of the (reason, name) ``pairs``."""
    grouped: defaultdict[str, list[str]] = defaultdict(list)
    for reason, name in pairs:
        grouped[reason].append(name)
    return grouped.items()


def _not_converted(record: JobRecord) -> Iterator[tuple[str, str]]:
    """(reason, name) of each video that was sent as a file instead."""
    for number, reason in record.unconvertible.items():
        if number in record.deferred and number in record.delivered:
            yield reason, record.deferred[number].name


def _head(archive: str, record: JobRecord) -> Said:
    """How it ended."""
    if record.failed:
        return tr("❌ {archive}: {reason}", archive=archive, reason=said(record.failed))
    if record.delivered or record.skipped:
        files = _sent(record)
        if record.skipped:
            return tr("⚠️ {archive}: {files} sent.", archive=archive, files=files)
        return tr("✅ {archive}: {files} sent.", archive=archive, files=files)
    if record.only_others:
        return tr("ℹ️ {archive}: there is no other file in it.", archive=archive)
    if record.left:
        return tr("ℹ️ {archive}: there is no picture or video in it that was chosen.", archive=archive)
    return tr("ℹ️ {archive}: there is no picture or video in it.", archive=archive)


def _left_out(record: JobRecord) -> Iterator[Said]:
    """What was not wanted."""
    notes = [path for path in record.others.values() if is_sidecar(path.rpartition("/")[2])]
    others = [path for path in record.others.values() if path not in notes]
    if others:
        yield tr_n(
            "📄 Left out, neither picture nor video: {count} file ({names})",
            "📄 Left out, neither picture nor video: {count} files ({names})",
            len(others),
            names=names(others),
        )
    if notes:
        yield tr_n(
            "🏷️ Notes about them: {count} file ({names})",
            "🏷️ Notes about them: {count} files ({names})",
            len(notes),
            names=names(notes),
        )
    if record.left:
        yield tr_n(
            "⚙️ Left out by choice: {count} file.",
            "⚙️ Left out by choice: {count} files.",
            record.left,
        )
    if record.ignored:
        yield tr_n(
            "🗑️ Ignored {count} file of systems, cameras and waste baskets, such as .DS_Store.",
            "🗑️ Ignored {count} files of systems, cameras and waste baskets, such as .DS_Store.",
            record.ignored,
        )


def is_single(record: JobRecord) -> bool:
    """Whether it is a picture or video by itself, as far as its name says."""
    return group_by_name(record.origin.name) is not None and not record.volumes


def says_it_all(record: JobRecord) -> bool:
    """Whether what was sent of a picture or video by itself needs no word beside its caption."""
    if not is_single(record) or record.failed or record.skipped or record.others:
        return False
    return len(record.delivered_files()) == 1


def came_as_media(record: JobRecord) -> bool:
    """Whether some of it came as pictures or videos."""
    kinds = sent_by_kind(record)
    return bool(kinds["photo"] or kinds["video"])


def _converted(videos: Sequence[str]) -> Said:
    return tr_n(
        "🎬 Converted {count} video: {names}",
        "🎬 Converted {count} videos: {names}",
        len(videos),
        names=names(videos),
    )


def _in_parts(name: str, count: int) -> Said:
    return tr_n("{name} ({count} part)", "{name} ({count} parts)", count, name=name)


def with_words(text: str, words: str) -> str:
    """``text``, cut where it has to be, and ``words`` below it."""
    return f"{shorten(text, TEXT_UNITS - utf16_units(words) - 1)}\n{words}".strip()


def duration_words(seconds: float) -> Said:
    """ "45 seconds", "3 minutes", "2 hours", rounded up so that nobody waits longer than was said."""
    if seconds >= 2 * 3600:
        return tr_n("{count} hour", "{count} hours", math.ceil(seconds / 3600))
    if seconds >= 2 * 60:
        return tr_n("{count} minute", "{count} minutes", math.ceil(seconds / 60))
    return tr_n("{count} second", "{count} seconds", math.ceil(seconds))


def names(all_names: Sequence[str]) -> Said:
    """The first of ``all_names``, and how many more there are."""
    first, more = listed(all_names[:NAMES_SHOWN]), len(all_names) - NAMES_SHOWN
    return tr("{names} and {count} more", names=first, count=more) if more > 0 else first


def _section(told: Text, news: Sequence[str]) -> list[Said]:
    """The first lines of ``news``, each ``told`` with its mark, and how many more there are."""
    lines = [tr(told.key, news=Said(line)) for line in news[:LINES_SHOWN]]
    more = len(news) - LINES_SHOWN
    if more > 0:
        lines.append(tr(told.key, news=tr_n("{count} more reason …", "{count} more reasons …", more)))
    return lines


def _by_reason(pairs: Iterable[tuple[str, str]]) -> list[Said]:
    """ "names: reason" for each reason of the (reason, name) ``pairs``."""
    return [tr("{name}: {note}", name=names(found), note=said(reason)) for reason, found in _grouped(pairs)]


def _as_files(record: JobRecord) -> Iterator[tuple[str, str]]:
    """(reason, name) of each picture or video that came as a file, but for what could not be converted."""
    for number in record.delivered_files():
        file = record.to_send(number)
        if number in record.refused and file.group != "document":
            yield refused_as(file.group, record.refused[number]), file.name
        elif number not in record.deferred and file.kind == "document" and file.note:
            yield file.note, file.name


def _sent(record: JobRecord) -> str:
    """ "3 pictures and 2 videos"."""
    kinds = sent_by_kind(record)
    groups: tuple[Group, ...] = ("photo", "video", "music", "document")
    parts = [number_of(group, kinds[group]) for group in groups if kinds[group]]
    if record.live:
        parts[0] = tr("{pictures} ({count} of them live)", pictures=parts[0], count=len(record.live))
    if len(parts) > 1:
        return tr("{files} and {more}", files=listed(parts[:-1]), more=parts[-1])
    return parts[0] if parts else tr("nothing")
