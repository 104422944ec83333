"""What notes beside pictures say of them."""

from __future__ import annotations

import json

import pytest

from utils.jobs.sidecars import Sidecars, Told, clean, is_note
from utils.media import clock


def note(text: str = "Sea", stamp: object = "1718186400") -> bytes:
    return json.dumps({"description": text, "photoTakenTime": {"timestamp": stamp}}).encode()


@pytest.mark.parametrize(
    ("about", "name"),
    [
        ("IMG_1.jpg", "IMG_1.jpg.json"),
        ("IMG_1.jpg", "IMG_1.jpg.supplemental-metadata.json"),
        ("IMG_1(2).jpg", "IMG_1.jpg.supplemental-metadata(2).json"),
        ("IMG_1(2).jpg", "IMG_1.jpg(2).json"),
        ("IMG_1-edited.jpg", "IMG_1.jpg.supplemental-metadata.json"),
        ("100000000000000000000000000000_IMG.jpg", "100000000000000000000000000000_IMG.jpg.supplem.json"),
        (f"{'a' * 46}.jpg", f"{'a' * 46}.json"),
        ("IMG_1.DNG", "img_1.xmp.json"),
    ],
)
def test_a_note_is_found_however_it_had_to_be_called(about: str, name: str) -> None:
    found = Sidecars()
    found.take("a", name.replace(".xmp.json", ".dng.json"), note())
    told = found.of("a", about)
    assert told.text == "Sea" and abs(told.taken - clock(2024, 6, 12, 10)) < 86_400
    assert found.of("b", about) == found.of("a", "other.jpg") == Told()


def test_what_xmp_says() -> None:
    packet = (
        b'<x:xmpmeta><rdf:Description xmp:CreateDate="2024-06-12T10:00:00"><dc:description><rdf:Alt>'
        b'<rdf:li xml:lang="x-default">Tom &amp; the\n sea</rdf:li></rdf:Alt></dc:description></x:xmpmeta>'
    )
    for name in ("IMG_1.xmp", "IMG_1.jpg.xmp"):
        found = Sidecars()
        found.take("", name, packet)
        assert found.of("", "IMG_1.jpg") == Told(clock(2024, 6, 12, 10), "Tom & the sea")


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"{", b"[]", b"null", b"[" * 100_000, b"\xff\xfe", b'{"photoTakenTime": 5, "description": 7}'),
        *(note("", stamp) for stamp in ("0", "-11644473600", "9" * 15, "9" * 40, "4070908800", None, "²")),
    ],
)
def test_what_makes_no_sense_says_nothing(content: bytes) -> None:
    found = Sidecars()
    for name in ("a.jpg.json", "a.xmp"):
        found.take("", name, content)
    assert found.of("", "a.jpg") == Told()


def test_what_is_a_note() -> None:
    assert [is_note(name) for name in ("a.jpg.json", "a.XMP", "metadata.json", "a.aae", "a.json")] == [
        *(True, True, False, False, False)
    ]


def test_a_description_is_one_line_that_turns_nothing_around() -> None:
    assert clean("one\r\n two\u202e\0\u2028x 👨‍👩‍👧") == "one two x 👨‍👩‍👧"
    assert len(clean("x" * 2000)) == 800 and clean("x" * 2000).endswith("…")
