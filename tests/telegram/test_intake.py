"""What counts as a file, and what it is called."""

from __future__ import annotations

import pytest
from telethon.tl import types

from utils.telegram.intake import incoming

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
