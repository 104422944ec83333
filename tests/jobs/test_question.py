"""What of an archive is wanted: what is shown of it, what its buttons say, and what is taken out then."""

from __future__ import annotations

from dataclasses import replace

import pytest

from utils.archives import Entry
from utils.jobs import lines
from utils.jobs.albums import utf16_units
from utils.jobs.asking import asks_first, choice_of
from utils.jobs.intake import Incoming, Peer
from utils.jobs.lines import Branch, Question, Ticked
from utils.jobs.question import MOST_FOLDERS, after, branches_of, picked, question_buttons, question_text
from utils.jobs.record import JobRecord
from utils.jobs.wishes import Wishes

JOB = "-1007_12_0123abcd"
ITEM = Incoming(Peer("user", 7), 7, 12, "a.zip", 34, 56, "")


def listing(*paths: str) -> list[Entry]:
    return [Entry(str(number), path, 1_000_000) for number, path in enumerate(paths)]


def labels(question: Question, ticked: Ticked) -> list[list[str]]:
    rows = question_buttons(JOB, question, ticked).rows
    assert all(len(button.type.data) <= 64 for row in rows for button in row.buttons)
    return [[button.text for button in row.buttons] for row in rows]


def test_the_folders_stand_in_natural_order_with_what_is_in_them() -> None:
    found = branches_of(listing("b/2.jpg", "a10/x.mp4", "a9/x.jpg", "b/notes.txt", "1.jpg", "b/c/3.jpg"))
    assert found == (
        Branch("", 1, 0, 0, 1_000_000),
        Branch("a9", 1, 0, 0, 1_000_000),
        Branch("a10", 0, 1, 0, 1_000_000),
        Branch("b", 1, 0, 1, 2_000_000),
        Branch("b/c", 1, 0, 0, 1_000_000),
    )


def test_many_deep_folders_are_counted_with_those_above_them() -> None:
    found = branches_of(listing(*(f"{n % 3}/{n}/x.jpg" for n in range(MOST_FOLDERS + 1)), "top.jpg"))
    assert [(branch.path, branch.photos) for branch in found] == [("", 1), ("0", 34), ("1", 34), ("2", 33)]


def test_the_text_says_what_is_in_it_as_far_as_there_is_room() -> None:
    few = Question(branches_of(listing("a/1.jpg", "a/2.jpg", "b/3.mp4", "b/c.txt")))
    assert question_text("a.zip", few, Ticked(0, ()), 1024).splitlines() == [
        "❓ a.zip: what of it do you want?",
        "2 pictures, 1 video, 1 other file, 4.0 MB",
        "📁 a: 2 pictures, 2.0 MB",
        "📁 b: 1 video, 1 other file, 2.0 MB",
    ]
    many = Question(branches_of(listing(*(f"{'long ' * 20}{n:03d}/x.jpg" for n in range(90)))))
    said = question_text("a.zip", many, Ticked(0, ()), 1024)
    assert utf16_units(said) <= 1024 and said.splitlines()[-1] == "… and 81 folders more"
    assert "not known before" in question_text("a.tar", Question(), Ticked(0, ()), 1024)


def test_the_buttons_offer_what_there_is() -> None:
    question = Question(branches_of(listing("a/1.jpg", "a/2.jpg", "b/3.mp4")))
    rest = [["📁 Choose folders"], ["✖️ Cancel"]]
    assert labels(question, Ticked(0, ())) == [["📦 All"], ["🖼️ Pictures: 2"], ["🎬 Videos: 1"], *rest]
    one_kind = Question(branches_of(listing("1.jpg", "2.jpg")))
    assert labels(one_kind, Ticked(0, ())) == [["📦 All"], ["✖️ Cancel"]]
    unknown = [["📦 All"], ["🖼️ Pictures"], ["🎬 Videos"], ["📎 Other files"], ["✖️ Cancel"]]
    assert labels(Question(), Ticked(0, ())) == unknown


def test_folders_are_ticked_page_by_page() -> None:
    question = Question(tuple(Branch(f"folder {n:02d}", 1) for n in range(10)))
    ticked = after("folders", question, Ticked(0, ()))
    shown = labels(question, ticked)
    assert len(shown) == 8 + 2 and shown[0] == ["⬜ folder 00: 1"] and shown[8:] == [["◀️", "▶️"], ["◀️ Back"]]
    ticked = after("t3", question, ticked)
    ticked = after("p2", question, ticked)
    ticked = after("t9", question, ticked)
    assert ticked == Ticked(2, (3, 9))
    assert labels(question, ticked)[1:4] == [["☑️ folder 09: 1"], ["◀️", "▶️"], ["✅ Send 2 folders"]]
    assert after("t3", question, ticked) == Ticked(1, (9,))
    assert after("back", question, ticked) == Ticked(0, (3, 9))
    # A client may send what it likes.
    assert after("t99", question, ticked) == ticked
    assert after("p99", question, ticked).page == 2


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (f"pick:{JOB}:all".encode(), ("all", JOB)),
        (b"pick:7_1:t12", ("t12", "7_1")),
        (b"pick:7_1:t", ("", "")),
        (b"pick:7_1:t123456", ("", "")),
        (b"pick:7_1:every", ("", "")),
        (b"pick:7_1:all\n", ("", "")),
        (b"pause:7_1", ("", "")),
    ],
)
def test_only_what_answers_it_is_understood(data: bytes, said: tuple[str, str]) -> None:
    assert picked(data) == said


def test_it_is_asked_as_it_is_wished_for_or_when_the_caption_says_so() -> None:
    def asked(wish: str, count: int | None, caption: str = "") -> bool:
        record = JobRecord.of([lines.Origin.of(replace(ITEM, caption=caption), date=0.0)])
        found = None if count is None else listing(*(f"{n}.jpg" for n in range(count)))
        return asks_first(record, wish, found)

    assert [asked("20", count) for count in (20, 21, None)] == [False, True, False]
    assert [asked("always", count) for count in (1, 2, None)] == [False, True, True]
    assert not asked("never", 500)
    assert (
        asked("never", 2, "?")
        and asked("never", 2, "@archive_bot ?")
        and asked("never", None, "pass: x\n ? ")
    )
    assert not asked("never", 2, "what is this?")
    origin = lines.Origin.of(replace(ITEM, caption="?"), date=0.0)
    pressed = replace(origin, others=True), replace(origin, only=("1",)), replace(origin, as_files=True)
    assert not any(asks_first(JobRecord.of([line]), "always", listing("a", "b")) for line in pressed)


def test_what_was_chosen_is_what_is_taken_out() -> None:
    question = lines.Question(branches_of(listing("1.jpg", "a/1.jpg", "a/b/1.jpg", "c/1.jpg")))

    def wanted(*story: lines.Line, wishes: Wishes | None = None) -> list[str]:
        record = JobRecord.of([lines.Origin.of(ITEM, date=0.0), question, *story])
        choice = choice_of(wishes or Wishes(), record)
        sent = {"p": choice.photos, "v": choice.videos, "o": choice.others}
        kinds = "".join(kind for kind, yes in sent.items() if yes)
        folders = ["", "a", "a/b", "a/b/deeper", "a/inner.zip", "c", "d"]
        return [kinds, *(folder for folder in folders if choice.within(folder))]

    everywhere = ["", "a", "a/b", "a/b/deeper", "a/inner.zip", "c", "d"]
    assert wanted() == ["pv", *everywhere]
    assert wanted(lines.Chosen("all")) == ["pvo", *everywhere]
    assert wanted(lines.Chosen("photos"), wishes=Wishes(send="videos")) == ["p", *everywhere]
    assert wanted(lines.Chosen("videos")) == ["v", *everywhere]
    assert wanted(lines.Chosen("others")) == ["o", *everywhere]
    # What is in no folder that was shown, such as that of an inner archive, goes with the one above it.
    assert wanted(lines.Ticked(1, (1,)), lines.Chosen("folders")) == ["pv", "a", "a/inner.zip"]
    assert wanted(lines.Ticked(1, (0, 2)), lines.Chosen("folders")) == ["pv", "", "a/b", "a/b/deeper", "d"]
