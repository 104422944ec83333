"""The chat's page: what a person sees, and that nothing from an archive becomes HTML."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from demo.page import write_page
from sandbox.export import StoredMessage
from tests.owner.browser import PROGRAM, browser
from utils.constants import ROOT

ME, BOT = 1, 2
EVIL = '<img src=x onerror="alert(1)">\'.zip'

TEXT = StoredMessage(
    id=1,
    date=1_700_000_000.0,
    sent_by=BOT,
    kind="text",
    text="",
    caption="",
    name="",
    size=0,
    mime="",
    width=None,
    height=None,
    duration=None,
    album=None,
    sha256="",
    path=None,
    thumb=None,
    reply_to=None,
    edited=None,
    supports_streaming=False,
    nosound=False,
    buttons=(),
)


class Page(HTMLParser):
    """The page as elements with their attributes, and the words that are shown."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.words = ""
        self._code = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        self._code = tag in ("style", "script")

    def handle_endtag(self, tag: str) -> None:
        self._code = False

    def handle_data(self, data: str) -> None:
        self.words += "" if self._code else data

    def all(self, tag: str, kind: str = "") -> list[dict[str, str]]:
        return [
            attributes
            for name, attributes in self.elements
            if name == tag and (not kind or kind in attributes.get("class", "").split())
        ]


def media(tmp_path: Path, number: int, kind: str, **changes: object) -> StoredMessage:
    file = tmp_path / f"blob{number}"
    file.write_bytes(b"bytes of %d" % number)
    mime = {"photo": "image/jpeg", "video": "video/mp4"}.get(kind, "application/zip")
    basic = replace(TEXT, id=number, kind=kind, mime=mime, path=file, size=file.stat().st_size)
    return replace(basic, **{"width": 400, "height": 300, **changes})  # type: ignore[arg-type]


def page_of(folder: Path, *messages: StoredMessage) -> Page:
    file = write_page(folder, messages, me=ME, title="Archive Bot", subtitle="bot")
    assert file == folder / "chat.html"
    return Page(file.read_text(encoding="utf-8"))


def test_an_album_is_one_bubble_with_a_tile_a_picture(tmp_path: Path) -> None:
    photos = [
        media(tmp_path, n, "photo", album="7", caption="Trip › Day 1" if n == 1 else "") for n in range(1, 11)
    ]
    page = page_of(tmp_path / "out", *photos)
    assert len(page.all("article")) == 1
    assert len(page.all("img")) == 10
    assert "Trip › Day 1" in page.words


def test_two_albums_are_two_bubbles(tmp_path: Path) -> None:
    photos = [media(tmp_path, n, "photo", album="7" if n < 3 else "8") for n in range(1, 5)]
    assert len(page_of(tmp_path / "out", *photos).all("article")) == 2


def test_a_video_plays_and_has_a_poster_and_a_length(tmp_path: Path) -> None:
    thumb = tmp_path / "thumb"
    thumb.write_bytes(b"small")
    page = page_of(tmp_path / "out", media(tmp_path, 5, "video", duration=65.2, thumb=thumb))
    (video,) = page.all("video")
    assert (tmp_path / "out" / video["src"]).read_bytes() == b"bytes of 5"
    assert (tmp_path / "out" / video["poster"]).read_bytes() == b"small"
    assert video["src"].endswith(".mp4")
    assert "1:05" in page.words


def test_every_address_is_relative_and_leads_to_a_file_beside_the_page(tmp_path: Path) -> None:
    kinds = ["photo", "video", "document", "photo"]
    folder = tmp_path / "out"
    page = page_of(folder, *(media(tmp_path, n, kind, name=EVIL) for n, kind in enumerate(kinds, 1)))
    addresses = [
        attributes.get(key, "") for _, attributes in page.elements for key in ("src", "href", "poster")
    ]
    files = [address for address in addresses if address]
    assert len(files) >= 6
    for address in files:
        assert re.fullmatch(r"files/\d+(-small)?\.\w+", address)
        assert (folder / address).is_file()


@pytest.mark.parametrize("where", ["text", "caption", "name", "buttons"])
def test_names_and_texts_are_shown_and_never_become_html(tmp_path: Path, where: str) -> None:
    message = {
        "text": replace(TEXT, text=EVIL),
        "caption": media(tmp_path, 1, "photo", caption=EVIL),
        "name": media(tmp_path, 1, "document", name=EVIL),
        "buttons": replace(TEXT, text="x", buttons=((EVIL,),)),
    }[where]
    page = page_of(tmp_path / "out", message)
    assert not [attributes for _, attributes in page.elements if "onerror" in attributes]
    assert EVIL in page.words
    assert len(page.all("img")) == (1 if where == "caption" else 0)


def test_a_reply_quotes_what_it_answers(tmp_path: Path) -> None:
    sent = media(tmp_path, 1, "document", name="trip.zip", sent_by=ME)
    page = page_of(tmp_path / "out", sent, replace(TEXT, id=2, text="✅ done", reply_to=1))
    (quote,) = page.all("a", "quote")
    assert quote["href"] == "#m1"
    assert page.words.count("trip.zip") == 2


def test_own_messages_stand_on_the_other_side(tmp_path: Path) -> None:
    page = page_of(
        tmp_path / "out", replace(TEXT, text="/start", sent_by=ME), replace(TEXT, id=2, text="Hello")
    )
    assert [attributes["class"] for attributes in page.all("article")] == ["out", "in"]


def test_an_edited_message_says_so(tmp_path: Path) -> None:
    words = [
        page_of(tmp_path / "out", replace(TEXT, text="x", edited=edited)).words
        for edited in (None, 1_700_000_001.0)
    ]
    assert ["edited" in text for text in words] == [False, True]


def test_a_new_page_replaces_the_files_of_the_old_one(tmp_path: Path) -> None:
    page_of(tmp_path / "out", media(tmp_path, 1, "photo"), media(tmp_path, 2, "photo"))
    page_of(tmp_path / "out", media(tmp_path, 3, "photo"))
    assert [file.name for file in (tmp_path / "out" / "files").iterdir()] == ["3.jpg"]


def test_a_message_whose_file_is_gone_is_still_shown(tmp_path: Path) -> None:
    page = page_of(tmp_path / "out", replace(media(tmp_path, 1, "document"), path=None, name="gone.zip"))
    assert "gone.zip" in page.words


def test_pictures_videos_and_the_viewers_buttons_have_names_for_who_only_hears_them(tmp_path: Path) -> None:
    page = page_of(
        tmp_path / "out",
        media(tmp_path, 1, "photo", name='a "quoted" <b>.jpg'),
        media(tmp_path, 2, "video", name="", duration=65.0),
    )
    tiles = [tile["aria-label"] for tile in page.all("a", "tile")]
    assert tiles == ['Photo: a "quoted" <b>.jpg', "Video of 1:05"]
    assert [button["aria-label"] for button in page.all("button")] == ["Close", "Previous", "Next"]


def test_times_can_be_read_on_either_bubble_by_day_and_by_night() -> None:
    """4.5 to 1 is what https://www.w3.org/TR/WCAG22/#contrast-minimum asks for."""
    style = (ROOT / "demo" / "chat.css").read_text(encoding="utf-8")
    for part in style.split("@media (prefers-color-scheme: dark)")[:2]:
        colours = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{3,6});", part))
        for ink, paper in (("faint", "in"), ("out-faint", "out"), ("ink", "in"), ("ink", "out")):
            lights = sorted((light(colours[ink]), light(colours[paper])))
            assert (lights[1] + 0.05) / (lights[0] + 0.05) >= 4.5, (ink, paper)


def light(colour: str) -> float:
    """How bright it is, by https://www.w3.org/TR/WCAG22/#dfn-relative-luminance."""
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.skipif(PROGRAM is None, reason="Chromium is not installed")
async def test_the_viewer_goes_on_by_button_by_key_and_by_swipe(tmp_path: Path) -> None:
    photos = [media(tmp_path, n, "photo", name=f"{n}.jpg") for n in range(1, 4)]
    page_of(tmp_path / "out", *photos)
    async with browser(tmp_path / "profile") as page:
        await page.show((tmp_path / "out" / "chat.html").as_uri())
        await page.ask("document.querySelector('a.tile').click()")
        told = "document.querySelector('dialog p').textContent"
        assert str(await page.ask(told)).startswith("1.jpg")
        await page.ask("document.querySelector('dialog .next').click()")
        assert str(await page.ask(told)).startswith("2.jpg")
        for kind, place in (("touchStart", 300), ("touchMove", 100), ("touchEnd", None)):
            points = [] if place is None else [{"x": place, "y": 300}]
            await page.tell("Input.dispatchTouchEvent", type=kind, touchPoints=points)
        await page.until(f"{told}.startsWith('3.jpg')")
        assert await page.ask("getComputedStyle(document.querySelector('.next')).visibility") == "hidden"
        await page.ask("document.querySelector('dialog .previous').click()")
        assert str(await page.ask(told)).startswith("2.jpg")
