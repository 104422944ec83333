"""What a chat wishes for: what was chosen there, over the program's settings."""

from __future__ import annotations

import asyncio
from pathlib import Path

from utils.constants import load_settings
from utils.jobs import lines
from utils.jobs.albums import MediaFile
from utils.jobs.captions import caption
from utils.jobs.originals import not_converted, original_of
from utils.jobs.record import JobRecord
from utils.jobs.summary import summary_text
from utils.jobs.wishes import OPTIONS, Wishes, WishesOfChats
from utils.media import Kind
from utils.storage.chats import Chats

FILM = MediaFile(1, "4", "film.avi", "", "document", "000001", 10)


def test_the_programs_settings_hold_where_nothing_else_was_chosen(tmp_path: Path) -> None:
    nothing = load_settings({}, tmp_path / "none")
    assert Wishes.of(nothing) == Wishes()
    changed = {"SEND": "videos", "AS_FILES": "yes", "ORDER": "date", "ALBUMS": "apart", "CAPTIONS": "names"}
    changed |= {"CONVERT": "both", "ASK_FIRST": "100", "SILENT": "yes", "OTHER_FILES": "leave"}
    set_otherwise = Wishes.of(load_settings(changed, tmp_path / "none"))
    assert {name.upper(): getattr(set_otherwise, name.lower()) for name in changed} == changed


async def test_what_was_chosen_holds_in_that_chat_alone_and_what_nobody_knows_is_passed_over(
    tmp_path: Path,
) -> None:
    kept = Chats(tmp_path / "chats.json", tmp_path)
    kept.replace(7, {"order": "by colour", "smell": "good", "albums": "apart"})
    wishes = WishesOfChats(Wishes(silent="yes"), kept)
    await asyncio.gather(wishes.choose(7, "send", "photos"), wishes.choose(7, "language", "pt_BR"))
    assert wishes.of(7) == Wishes(silent="yes", albums="apart", send="photos", language="pt_BR")
    assert wishes.of(8) == Wishes(silent="yes")
    assert (wishes.language_of(7), wishes.language_of(8)) == ("pt_BR", "")
    # Of a version that knows more of it, that is still there.
    assert kept.of(7)["smell"] == "good"
    await wishes.forget(7)
    assert wishes.of(7) == Wishes(silent="yes")


def test_every_wish_is_one_of_some_words() -> None:
    assert all(getattr(Wishes(), name) in words for name, words in OPTIONS.items())


def test_which_files_are_sent() -> None:
    def sent(wishes: Wishes, *, only_others: bool = False, alone: bool = False) -> str:
        choice = wishes.choice(only_others=only_others, alone=alone)
        return "".join(kind.value[0] for kind in Kind if choice.wants(kind)).replace("c", "")

    assert sent(Wishes()) == "pv"
    assert sent(Wishes(send="photos")) == "p"
    assert sent(Wishes(send="videos", other_files="send")) == "vo"
    assert sent(Wishes(as_files="yes")) == "pvo"
    assert sent(Wishes(as_files="yes", send="photos")) == "p"
    assert sent(Wishes(send="photos"), alone=True) == "pv"
    assert sent(Wishes(send="photos"), only_others=True) == "o"


def test_captions_name_all_files_if_that_is_wished_for() -> None:
    files = [MediaFile(n, str(n), f"IMG_000{n}.jpg", "", "photo", "1", 10) for n in (1, 2)]
    assert caption("a.zip", files) == "📦 a.zip"
    assert caption("a.zip", files, names=True) == "📦 a.zip\nIMG_0001.jpg, IMG_0002.jpg"


async def test_an_original_beside_what_it_becomes_is_made_once_and_sent_once(tmp_path: Path) -> None:
    path = tmp_path / "000001"
    path.write_bytes(b"film")
    (copy,) = await original_of(FILM, path, 2, ())
    assert (copy.number, copy.path, copy.name) == (2, "000002", "film.avi")
    assert (tmp_path / "000002").read_bytes() == b"film"
    assert await original_of(FILM, path, 3, {copy.key}) == []
    record = JobRecord.of([lines.Defer(FILM, 1.0)])
    assert not_converted(record, 1, "it is broken.") == [lines.Unconvertible(1, "it is broken.")]
    for line in (lines.File(copy), lines.Sent("album-2", (2,), (9,)), lines.Extracted(0)):
        record.apply(line)
    for one in not_converted(record, 1, "it is broken."):
        record.apply(one)
    assert record.settled() and record.delivered == {2}
    assert "film.avi: it could not be converted, and came as a file: it is broken." in summary_text(
        "a", record
    )


def test_the_summary_says_that_something_was_left_out_by_choice() -> None:
    origin = lines.Origin.of(
        lines.Origin(peer=None, chat=7, message=1, name="a.zip", size=1, document=1, caption=""),  # type: ignore[arg-type]
        date=0.0,
    )
    record = JobRecord.of([origin, lines.Extracted(0, left=3)])
    said = summary_text("a.zip", record)
    assert said.startswith("ℹ️ a.zip: there is no picture or video in it that was chosen.")
    assert "⚙️ Left out by choice: 3 files." in said
