"""What counts as a file, and what it is called."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest
from telethon.tl import types
from telethon.tl.tlobject import TLObject

from utils.jobs.intake import Delivered, Incoming, Peer, Seen, file_name, incoming

PICTURE = types.Photo(
    id=7,
    access_hash=1,
    file_reference=b"x",
    date=None,
    dc_id=1,
    sizes=[types.PhotoSize("x", 100, 100, 5000)],
)
DOCUMENT = types.Document(
    id=7, access_hash=1, file_reference=b"x", date=None, mime_type="video/mp4", size=9, dc_id=1, attributes=[]
)


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("👨\u200d👩\u200d👧.zip", "👨\u200d👩\u200d👧.zip"),
        ("عکس\u200cها.zip", "عکس\u200cها.zip"),
        ("\u202egnp.zip\n", "gnp.zip"),
        ("\u200d", "file_1.mp4"),
        (f"{'x' * 245}.part1.rar", f"{'x' * 245}.part1.rar"),
    ],
)
def test_a_name_keeps_what_words_are_written_with_and_nothing_else_that_is_invisible(
    given: str, shown: str
) -> None:
    document = copy.copy(DOCUMENT)
    document.attributes = [types.DocumentAttributeFilename(given)]
    media = types.MessageMediaDocument(document=document)
    message = types.Message(id=1, peer_id=types.PeerUser(1), date=None, message="", media=media)
    assert file_name(message) == shown


@pytest.mark.parametrize(
    "kind",
    [
        types.DocumentAttributeSticker("x", types.InputStickerSetEmpty()),
        types.DocumentAttributeAudio(3, voice=True),
    ],
)
def test_stickers_and_voice_messages_are_no_files(kind: TLObject) -> None:
    document = copy.copy(DOCUMENT)
    document.attributes = [kind]
    media = types.MessageMediaDocument(document=document)
    message = types.Message(id=1, peer_id=types.PeerUser(1), date=None, message="", media=media)
    assert incoming(message, types.InputPeerUser(1, 0)) is None


@pytest.mark.parametrize("shown", [{"photo": PICTURE}, {"document": DOCUMENT}])
def test_a_text_with_the_preview_of_a_link_holds_no_file(shown: dict[str, object]) -> None:
    page = types.WebPage(id=5, url="https://x.y", display_url="x.y", hash=0, **shown)
    message = types.Message(
        id=1,
        peer_id=types.PeerUser(1),
        date=None,
        message="https://x.y",
        media=types.MessageMediaWebPage(page),
    )
    assert message.photo or message.document
    assert incoming(message, types.InputPeerUser(1, 0)) is None


ITEM = Incoming(Peer("user", 7), 7, 12, "b.zip", 34, 56, "")

#: Two lines as every version writes them: a message that was taken, a file that was delivered.
TAKEN = {"job": "7_11", "date": 1.5}
DELIVERED = {"job": "7_10", "date": 2.5, "chat": 7, "document": 55, "print": "ab12", "name": "a.zip"}


def seen_in(folder: Path, *records: object) -> Seen:
    (folder / "intake.jsonl").write_text("".join(f"{json.dumps(record)}\n" for record in records))
    seen = Seen(folder / "intake.jsonl")
    seen.open()
    return seen


def test_what_an_older_version_noted_is_known(tmp_path: Path) -> None:
    seen = seen_in(tmp_path, TAKEN, {**DELIVERED, "newer": 1})
    assert seen.has("7_11") and seen.has("7_10") and not seen.has("7_12")
    assert seen.delivered_before(ITEM) is None
    assert seen.delivered_before(ITEM, "ab12") == Delivered("7_10", 2.5, 7, 55, "ab12", "a.zip")


async def test_what_is_noted_has_the_members_that_an_older_version_reads(tmp_path: Path) -> None:
    seen = seen_in(tmp_path)
    await seen.add(ITEM)
    await seen.add_delivered(ITEM, "cd34")
    taken, delivered = map(json.loads, (tmp_path / "intake.jsonl").read_text().splitlines())
    assert taken.keys() == TAKEN.keys() and taken["job"] == "7_12"
    assert delivered | {"date": 2.5} == {
        **DELIVERED,
        "job": "7_12",
        "document": 56,
        "print": "cd34",
        "name": "b.zip",
        "skipped": 0,
    }


@pytest.mark.parametrize("broken", [{}, {"job": 7, "date": 1.5}, {**DELIVERED, "chat": None}])
def test_a_line_that_can_not_be_used_does_not_keep_the_bot_from_starting(
    tmp_path: Path, broken: dict[str, object]
) -> None:
    seen = seen_in(tmp_path, broken, TAKEN)
    assert seen.has("7_11") and not seen.has("7_10")
