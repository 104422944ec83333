"""What stands under an album."""

from __future__ import annotations

from dataclasses import replace

import pytest

from utils.jobs.albums import Kind, MediaFile, utf16_units
from utils.jobs.captions import caption, is_name, notes


def file(number: int, name: str = "", folder: str = "", note: str = "", kind: Kind = "photo") -> MediaFile:
    return MediaFile(number, str(number), name or f"rose{number}.jpg", folder, kind, "1", 1, note=note)


@pytest.mark.parametrize(
    "name",
    [
        *(
            "IMG_1234.jpg",
            "img 12.JPG",
            "DSC_0001.jpg",
            "DSC01234.ARW",
            "P1010001.JPG",
            "PXL_20240101_120000.MP.jpg",
        ),
        *("20240101_120000.jpg", "IMG-20240101-WA0003.jpg", "VID_20240101.mp4", "12.png", "GOPR0001.MP4"),
        *(
            "Screenshot_2024-01-01-10-00-00.png",
            "WhatsApp Image 2024-01-01 at 10.00.00 (1).jpeg",
            "_MG_0012.CR2",
        ),
        *(
            "3f2504e0-4f89-11d3-9a0c-0305e82c3301.jpg",
            "3F2504E04F8911D39A0C0305E82C3301.heic",
            "IMG_1234 (2).jpg",
        ),
        *("IMG_1234_edited.jpg", "photo_2024-01-01_10-00-00.jpg", "DJI_0001.mp4"),
    ],
)
def test_what_a_camera_counts_up_is_no_name(name: str) -> None:
    assert not is_name(name)


@pytest.mark.parametrize(
    "name",
    [
        *("Anna and Ben 2024.jpg", "beach.jpg", "a.jpg", "фото 1.jpg", "紅葉.jpg", "img.jpg", "Rose12.jpg"),
        *("01 - Arrival.mp4", "IMG_1234 Anna.jpg", "deadbeef.jpg", "face12.jpg", "", "part 2.mp4"),
    ],
)
def test_what_somebody_thought_of_is_one(name: str) -> None:
    assert is_name(name)


def test_a_name_that_somebody_made_to_keep_us_busy_does_not() -> None:
    for part in ("imgp", "1", "pict ", "wa1", "a1b2", "-"):
        assert is_name(part * 20_000 + "é")


def test_a_caption_says_archive_folder_names_and_notes_once() -> None:
    files = [file(n, f"фото {n}.jpg", "сад/роза") for n in (1, 2)]
    assert caption("Лето.zip", files) == "📦 Лето.zip › сад/роза\nфото 1.jpg, фото 2.jpg"
    assert caption("a.zip", [file(1)]) == "📦 a.zip\nrose1.jpg"
    noted = file(2, note="Converted from HEIF.")
    assert caption("a.zip", [noted]) == "📦 a.zip\nrose2.jpg\nℹ️ Converted from HEIF."
    assert caption("a.zip", [file(1), noted]).endswith("\nℹ️ rose2.jpg: Converted from HEIF.")
    said = replace(noted, about="The sea.")
    assert caption("a.zip", [said]) == "📦 a.zip\nrose2.jpg\n💬 The sea.\nℹ️ Converted from HEIF."
    assert "\n💬 rose2.jpg: The sea.\n" in caption("a.zip", [file(1), said])


def test_a_caption_is_quiet_about_what_says_nothing() -> None:
    counted = [file(n, f"IMG_{n:04d}.jpg", "Trip") for n in range(10)]
    assert caption("a.zip", counted) == "📦 a.zip › Trip"
    assert caption("a.zip", [*counted[:3], file(4, "Anna.jpg", "Trip")]) == "📦 a.zip › Trip\nAnna.jpg"
    # A file by itself answers the message that it came in.
    assert caption("", [file(1)]) == ""
    assert caption("", [file(1, note="Converted from BMP.")]) == "ℹ️ Converted from BMP."


def test_notes_of_the_same_kind_are_one_line() -> None:
    webp = [file(n, note="Converted from WebP.") for n in range(10)]
    assert notes(webp) == ["10 pictures converted from WebP."]
    assert caption("a.zip", [file(n, f"{n}.webp", note="Converted from WebP.") for n in range(10)]) == (
        "📦 a.zip\nℹ️ 10 pictures converted from WebP."
    )
    others = [
        file(11, note="Compressed: it had 12 MB."),
        file(12, note="Compressed: it had 1,034 MB."),
        file(13, note="Made smaller."),
        file(14, note="Part 1 of 2.", kind="document"),
        file(15, note="Made smaller.", kind="video"),
    ]
    assert notes([*webp[:1], *others]) == [
        "rose0.jpg: Converted from WebP.",
        "2 pictures: Compressed: it had 12 MB, and alike.",
        "rose13.jpg: Made smaller.",
        "rose14.jpg: Part 1 of 2.",
        "rose15.jpg: Made smaller.",
    ]


def test_a_caption_keeps_to_telegrams_length_however_it_is_counted() -> None:
    long = [file(n, "😀" * 60 + f"{n}.jpg", "x" * 400) for n in range(10)]
    text = caption("a" * 300, long)
    assert utf16_units(text) <= 1024
    assert text.endswith("…")


def test_where_it_comes_from_takes_a_quarter_of_a_caption_at_most() -> None:
    said = caption("a" * 500, [file(1)])
    assert said == "📦 " + "a" * 252 + "…\nrose1.jpg"
