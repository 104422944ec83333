"""What counts as a file, and what it is called."""

from __future__ import annotations

import copy

import pytest
from telethon.tl import types

from utils.jobs.intake import file_name, incoming

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


@pytest.mark.parametrize("shown", [{"photo": PICTURE}, {"document": DOCUMENT}])
async def test_a_text_with_the_preview_of_a_link_holds_no_file(shown: dict[str, object]) -> None:
    page = types.WebPage(id=5, url="https://x.y", display_url="x.y", hash=0, **shown)
    message = types.Message(
        id=1,
        peer_id=types.PeerUser(1),
        date=None,
        message="https://x.y",
        media=types.MessageMediaWebPage(page),
    )
    assert message.photo or message.document
    assert await incoming(message) is None
