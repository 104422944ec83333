"""What of an archive is wanted: how that is asked, and what the buttons of the question say. Pure: no I/O."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence

from telethon import TelegramClient
from telethon.tl.custom import Button
from telethon.tl.tlobject import TLObject

from utils.archives import Entry
from utils.archives.names import natural_order
from utils.jobs.albums import shorten, utf16_units
from utils.jobs.buttons import CANCEL
from utils.jobs.first_lines import Branch, Question, Ticked
from utils.jobs.last_word import STATUS
from utils.jobs.record import JobRecord
from utils.jobs.status_text import size_words
from utils.media import Kind, kind_by_name
from utils.texts import listed, tr, tr_n

#: The key of the question's message in the journal.
QUESTION = "question"

#: What can be chosen at once; also words in reply, where there are no buttons.
WHOLES = ("all", "photos", "videos", "others")
#: Other acts of its buttons; "p3" shows page 3 of the folders, "t7" ticks the one at place 7, or no longer.
FOLDERS, BACK, GO = "folders", "back", "go"

#: Folders at most for which subfolders are told apart, and on one page of check marks.
MOST_FOLDERS, PAGE = 100, 8

_LABEL_UNITS = 40
_DATA = re.compile(
    rb"pick:(-?[0-9]+_[0-9]+(?:_[0-9a-f]{8})?):(all|photos|videos|others|folders|back|go|[pt][0-9]{1,5})"
)


def messages_about(record: JobRecord) -> list[int]:
    """The messages with the archive, and ours by which its job is steered."""
    ours = [message for key in (STATUS, QUESTION) for message in record.sent.get(key, ())]
    return [*record.messages(), *ours]


def picked(data: bytes) -> tuple[str, str]:
    """What a button of the question does, and for which job; both empty when it is another one."""
    match = _DATA.fullmatch(data)
    return (match[2].decode(), match[1].decode()) if match else ("", "")


def branches_of(listing: Sequence[Entry]) -> tuple[Branch, ...]:
    """The folders of an archive with that ``listing``, in natural order; deep ones while they are few."""
    places = [entry.folder.split("/") if entry.folder else [] for entry in listing]
    depth = max(map(len, places), default=0)
    while depth > 1 and len({tuple(place[:depth]) for place in places}) > MOST_FOLDERS:
        depth -= 1
    counts: defaultdict[str, Counter[Kind]] = defaultdict(Counter)
    sizes: Counter[str] = Counter()
    for entry, place in zip(listing, places, strict=True):
        folder = "/".join(place[:depth])
        counts[folder][kind_by_name(entry.name)] += 1
        sizes[folder] += entry.size or 0
    folders = list(counts)
    # A name is put behind each, as a folder stands before what is in it.
    ordered = natural_order([f"{folder}/" for folder in folders])
    return tuple(
        Branch(
            folders[at],
            counts[folders[at]][Kind.PHOTO],
            counts[folders[at]][Kind.VIDEO],
            counts[folders[at]][Kind.OTHER],
            sizes[folders[at]],
        )
        for at in ordered
    )


def whole_of(question: Question) -> Branch:
    """All folders together."""
    sums = [
        sum(values)
        for values in zip(*((b.photos, b.videos, b.others, b.size) for b in question.folders), strict=True)
    ]
    return Branch("", *sums)


def question_text(archive: str, question: Question, ticked: Ticked, units: int) -> str:
    """The question in at most ``units`` UTF-16 units: what is in it, folder by folder."""
    head = tr("❓ {archive}: what of it do you want?", archive=shorten(archive, 128))
    if not question.folders:
        return f"{head}\n{tr('What is in it is not known before all of it was read.')}"
    lines = [head, contents(whole_of(question))]
    if ticked.page:
        pages = -(-len(question.folders) // PAGE)
        lines.append(
            tr("Tick the folders that you want (page {page} of {pages}).", page=ticked.page, pages=pages)
        )
    elif len(question.folders) > 1:
        lines += _tree(question, units - utf16_units("\n".join(lines)) - 1)
    return shorten("\n".join(lines), units)


def _tree(question: Question, units: int) -> list[str]:
    """A line a folder, as many as there is room for."""
    found: list[str] = []
    for number, branch in enumerate(question.folders):
        line = f"📁 {shorten(name_of(branch), 80)}: {contents(branch)}"
        left = len(question.folders) - number
        more = tr_n("… and {count} folder more", "… and {count} folders more", left)
        units -= utf16_units(line) + 1
        if units < utf16_units(more) + 1 and left > 1:
            return [*found, more]
        found.append(line)
    return found


def name_of(branch: Branch) -> str:
    """The folder, as it is called."""
    return branch.path or tr("(outside of folders)")


def contents(branch: Branch) -> str:
    """What is in it: "120 pictures, 3 videos, 45 MB"."""
    parts = [
        tr_n("{count} picture", "{count} pictures", branch.photos) if branch.photos else "",
        tr_n("{count} video", "{count} videos", branch.videos) if branch.videos else "",
        tr_n("{count} other file", "{count} other files", branch.others) if branch.others else "",
        size_words(branch.size),
    ]
    return listed(filter(None, parts))


def in_words() -> str:
    """How the question is answered without buttons."""
    words = ", ".join(f"“{word}”" for word in (*WHOLES, CANCEL))
    return tr("Reply with one of these words: {words}.", words=words)


def question_buttons(job: str, question: Question, ticked: Ticked) -> TLObject:
    """The keyboard of the question of ``job``, or of a page of its folders."""
    rows = _page(job, question, ticked) if ticked.page else _first(job, question)
    return TelegramClient.build_reply_markup(rows)


def _first(job: str, question: Question) -> list[list[Button]]:
    labels = {
        "photos": tr("🖼️ Pictures"),
        "videos": tr("🎬 Videos"),
        "others": tr("📎 Other files"),
    }
    if question.folders:
        whole = whole_of(question)
        counts = {"photos": whole.photos, "videos": whole.videos, "others": whole.others}
        labels = {
            word: tr("{label}: {count}", label=label, count=counts[word])
            for word, label in labels.items()
            if counts[word]
        }
    kinds = [_button(label, job, word) for word, label in labels.items()]
    rows = [[_button(tr("📦 All"), job, "all")]]
    # Of one kind alone, that is all.
    rows += [[kind] for kind in kinds] if len(kinds) > 1 else []
    if len(question.folders) > 1:
        rows.append([_button(tr("📁 Choose folders"), job, FOLDERS)])
    return [*rows, [Button.inline(tr("✖️ Cancel"), f"{CANCEL}:{job}")]]


def _page(job: str, question: Question, ticked: Ticked) -> list[list[Button]]:
    start = (ticked.page - 1) * PAGE
    shown = list(enumerate(question.folders))[start : start + PAGE]
    rows = [[_button(_ticked_label(branch, at in ticked.folders), job, f"t{at}")] for at, branch in shown]
    pages = -(-len(question.folders) // PAGE)
    if pages > 1:
        before, after = (ticked.page - 2) % pages + 1, ticked.page % pages + 1
        rows.append([_button("◀️", job, f"p{before}"), _button("▶️", job, f"p{after}")])
    if ticked.folders:
        chosen = tr_n("✅ Send {count} folder", "✅ Send {count} folders", len(ticked.folders))
        rows.append([_button(chosen, job, GO)])
    return [*rows, [_button(tr("◀️ Back"), job, BACK)]]


def _ticked_label(branch: Branch, ticked: bool) -> str:
    count = branch.photos + branch.videos + branch.others
    name = name_of(branch)
    # The end of a path says more than its beginning.
    short = name if len(name) <= _LABEL_UNITS else f"…{name[1 - _LABEL_UNITS :]}"
    return f"{'☑️' if ticked else '⬜'} " + tr("{label}: {count}", label=short, count=count)


def _button(label: str, job: str, act: str) -> Button:
    return Button.inline(label, f"pick:{job}:{act}")


def after(act: str, question: Question, ticked: Ticked) -> Ticked:
    """What the question shows after ``act``, which chooses nothing yet."""
    pages = -(-len(question.folders) // PAGE)
    if act == FOLDERS:
        return Ticked(1, ticked.folders)
    if act == BACK:
        return Ticked(0, ticked.folders)
    number = int(act[1:])
    if act[0] == "p":
        return Ticked(min(max(1, number), pages), ticked.folders)
    if number >= len(question.folders):
        return ticked
    return Ticked(number // PAGE + 1, tuple(sorted({*ticked.folders} ^ {number})))
