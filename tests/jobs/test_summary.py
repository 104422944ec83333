"""What the chat reads at the end of a job."""

from __future__ import annotations

import pytest

from utils.jobs import lines
from utils.jobs.albums import Kind, MediaFile, utf16_units
from utils.jobs.record import JobRecord
from utils.jobs.sidecars import is_sidecar
from utils.jobs.summary import (
    LINES_SHOWN,
    NAMES_SHOWN,
    TEXT_UNITS,
    all_names,
    duration_words,
    names,
    summary_text,
)


def file(number: int, name: str, kind: Kind = "photo", note: str = "") -> MediaFile:
    return MediaFile(number, str(number), name, "", kind, f"{number:06d}", 10, note=note)


def sent(*numbers: int) -> lines.Sent:
    return lines.Sent(f"album-{numbers[0]}", numbers, numbers)


CANCELLED = lines.Cancelled()
EXTRACTED = lines.Extracted(0)


def test_a_video_that_was_converted_but_not_sent_is_not_mentioned() -> None:
    converting = [
        lines.Defer(file(1, "film.avi", "document"), 1),
        lines.Converted(1, file(1, "film_converted.mp4", "video")),
    ]
    assert "Converted" not in summary_text("a.zip", JobRecord.of([*converting, CANCELLED]))
    assert "Converted 1 video: film.avi" in summary_text("a.zip", JobRecord.of([*converting, sent(1)]))


def test_a_picture_that_came_as_a_file_is_counted_as_one_and_named() -> None:
    record = JobRecord.of(
        [
            lines.File(file(1, "a.jpg")),
            lines.File(file(2, "b.jpg")),
            lines.Refused(2, "IMAGE_PROCESS_FAILED"),
            EXTRACTED,
            sent(1),
            sent(2),
        ]
    )
    head, told = summary_text("a.zip", record).splitlines()
    assert head == "✅ a.zip: 1 picture and 1 file sent."
    assert told == "📎 Sent as a file: b.jpg: Telegram did not take it as an image (IMAGE_PROCESS_FAILED)"


def test_many_notes_do_not_hide_what_is_missing() -> None:
    noted = [file(number, f"{number}.jpg", note=f"Scaled down from {number}.") for number in range(1, 500)]
    record = JobRecord.of(
        [
            *(lines.File(each) for each in noted),
            lines.Skip("x", "lost.jpg", "it is damaged"),
            lines.Other("y", "read.me"),
            EXTRACTED,
            sent(*range(1, 500)),
        ]
    )
    text = summary_text("a.zip", record)
    assert utf16_units(text) < TEXT_UNITS
    assert "⏭️ Skipped: lost.jpg: it is damaged" in text and "read.me" in text
    assert "🖼️ 499 pictures: Scaled down from 1, and alike." in text


class Reason(str):
    """Counts how often reasons are compared."""

    compared = 0
    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        Reason.compared += 1
        return str.__eq__(self, other)


def test_reasons_are_not_each_compared_with_all() -> None:
    record = JobRecord.of(lines.Skip(str(n), f"{n}.jpg", Reason(n)) for n in range(500))
    summary_text("a.zip", record)
    assert Reason.compared < 5000


def test_everything_that_may_happen_is_told_in_its_order() -> None:
    parts = (file(20, "long.part1.mp4", "video"), file(21, "long.part2.mp4", "video"))
    told = [
        lines.File(file(1, "a.jpg")),
        lines.File(file(2, "b.jpg", note="Made smaller.")),
        lines.File(file(3, "c.mp4", "video", note="Its sound was lost.")),
        lines.Defer(file(4, "d.avi", "document"), 1),
        lines.Converted(4, file(4, "d_converted.mp4", "video")),
        lines.Defer(file(5, "e.avi", "document"), 1),
        lines.Unconvertible(5, "ffmpeg ended with 1"),
        lines.File(file(6, "f.mp4", "video")),
        lines.Refused(6, "MEDIA_INVALID"),
        lines.File(file(7, "long.mp4", "video")),
        lines.Split(file(7, "long.mp4", "video"), parts),
        lines.Skip("8", "g.jpg", "it is damaged"),
        lines.Skip("9", "h.jpg", "it is damaged"),
        lines.Other("10", "read.me"),
        lines.Other("11", "x.exe"),
        lines.Other("12", "a/IMG_1.AAE"),
        lines.Other("13", "a/b.jpg.json"),
        lines.Other("14", "metadata.json"),
        lines.Extracted(2),
        sent(1, 2, 3, 4, 5, 6),
        sent(20, 21),
    ]
    assert summary_text("a.zip", JobRecord.of(told)).splitlines() == [
        "⚠️ a.zip: 2 pictures, 3 videos and 2 files sent.",
        "⏭️ Skipped: g.jpg, h.jpg: it is damaged",
        "🎬 Converted 1 video: d.avi",
        "❌ Not converted, sent as a file: e.avi: ffmpeg ended with 1",
        "📎 Sent as a file: f.mp4: Telegram did not take it as a video (MEDIA_INVALID)",
        "✂️ Sent in parts, larger than Telegram takes: long.mp4 (2 parts)",
        "🖼️ b.jpg: Made smaller.",
        "📄 Left out, neither picture nor video: 2 files (read.me, x.exe)",
        "🏷️ Notes about them: 3 files (a/IMG_1.AAE, a/b.jpg.json, metadata.json)",
        "🗑️ Ignored 2 files of systems, cameras and waste baskets, such as .DS_Store.",
    ]


def test_a_video_whose_whole_is_gone_while_its_parts_were_sent_does_not_keep_the_summary_back() -> None:
    whole = file(1, "a.avi", "document")
    story = [
        lines.Defer(whole, 1),
        lines.Unconvertible(1, "it is odd"),
        lines.Split(whole, (file(2, "a.avi.001", "document"),)),
        lines.Drop(1),
        sent(2),
    ]
    assert summary_text("a.zip", JobRecord.of(story)).startswith("✅ a.zip: 1 file sent.")


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        ("IMG_1.AAE", True),
        ("IMG_1.xmp", True),
        ("IMG_1.HEIC.json", True),
        ("IMG_1.jpg.supplemental-metadata(2).json", True),
        ("film.MP4.supplemen.json", True),
        ("metadata.json", True),
        ("package.json", False),
        ("aae", False),
        ("jpg.json", False),
        ("IMG_1.jpg.txt", False),
    ],
)
def test_notes_about_pictures_are_known_by_their_names(name: str, is_one: bool) -> None:
    assert is_sidecar(name) is is_one


@pytest.mark.parametrize(
    ("told", "head"),
    [
        ([EXTRACTED], ["ℹ️ a.zip: there is no picture or video in it."]),
        ([lines.File(file(1, "a.jpg")), EXTRACTED, sent(1)], ["✅ a.zip: 1 picture sent."]),
        ([lines.File(file(1, "a.mp4", "video")), sent(1)], ["✅ a.zip: 1 video sent."]),
        ([lines.Failed("it is damaged.")], ["❌ a.zip: it is damaged."]),
        (
            [lines.File(file(1, "a.jpg")), sent(1), lines.Failed("it is damaged.")],
            ["❌ a.zip: it is damaged.", "1 picture sent before that."],
        ),
        (
            [lines.Skip("1", "a.jpg", "it is damaged"), EXTRACTED],
            ["⚠️ a.zip: nothing sent.", "⏭️ Skipped: a.jpg: it is damaged"],
        ),
    ],
)
def test_how_it_ended_stands_first(told: list[lines.Line], head: list[str]) -> None:
    assert summary_text("a.zip", JobRecord.of(told)).splitlines() == head


def test_what_was_not_sent_is_not_said_to_have_changed() -> None:
    never_sent = [
        lines.File(file(1, "a.jpg", note="Made smaller.")),
        lines.Refused(1, "PHOTO_INVALID"),
        lines.Defer(file(2, "b.avi", "document"), 1),
        lines.Unconvertible(2, "ffmpeg ended with 1"),
        lines.File(file(3, "c.mp4", "video")),
        lines.Split(file(3, "c.mp4", "video"), (file(4, "c1.mp4", "video"),)),
        lines.File(file(5, "d.jpg")),
        sent(5),
        lines.Failed("cancelled."),
        CANCELLED,
    ]
    text = summary_text("a.zip", JobRecord.of(never_sent))
    assert text == "❌ a.zip: cancelled.\n1 picture sent before that."


def test_ten_names_are_shown_and_the_rest_is_counted() -> None:
    listed = [f"{number}.jpg" for number in range(1, 12)]
    assert names(listed[:NAMES_SHOWN]) == ", ".join(listed[:10])
    assert names(listed) == ", ".join(listed[:10]) + " and 1 more"


def test_as_many_reasons_as_fit_are_shown_without_a_count() -> None:
    left = [lines.Skip(str(n), f"{n}.jpg", f"reason {n}") for n in range(LINES_SHOWN + 1)]
    text = summary_text("a.zip", JobRecord.of(left[:LINES_SHOWN]))
    assert text.count("⏭️ Skipped: ") == LINES_SHOWN and "more" not in text
    assert summary_text("a.zip", JobRecord.of(left)).endswith("⏭️ Skipped: 1 more reason …")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.2, "1 second"),
        (45, "45 seconds"),
        (119, "119 seconds"),
        (120, "2 minutes"),
        (121, "3 minutes"),
        (7199, "120 minutes"),
        (7200, "2 hours"),
        (7201, "3 hours"),
    ],
)
def test_times_are_told_in_the_unit_that_people_use(seconds: float, words: str) -> None:
    assert duration_words(seconds) == words


def test_all_names_are_listed_where_the_summary_shows_only_some() -> None:
    skips = [lines.Skip(str(n), f"{n}.jpg", "it is damaged.") for n in range(NAMES_SHOWN)]
    few = JobRecord.of([*skips, EXTRACTED])
    assert all_names(few) == ""
    others = [lines.Other(str(n), f"Notes/{n}.txt") for n in range(100, 111)]
    videos = [lines.Defer(file(n, f"{n}.avi", "document"), 1) for n in range(11, 14)]
    told = [lines.Converted(11, file(11, "a.mp4", "video")), lines.Unconvertible(12, "it is cut off.")]
    many = JobRecord.of([*skips, *others, *videos, *told, EXTRACTED, sent(11), sent(12)])
    assert all_names(many).split("\n\n") == [
        "\n".join(["⏭️ Skipped: it is damaged.", *(f"  {n}.jpg" for n in range(NAMES_SHOWN))]),
        "🎬 Converted 1 video\n  11.avi",
        "❌ Not converted, sent as a file: it is cut off.\n  12.avi",
        "\n".join(["📄 Left out, neither picture nor video", *(f"  Notes/{n}.txt" for n in range(100, 111))]),
    ]
    reasons = [lines.Skip(str(n), f"{n}.jpg", f"reason {n}.") for n in range(LINES_SHOWN + 1)]
    assert all_names(JobRecord.of([*reasons, EXTRACTED])).count("⏭️ Skipped: reason") == LINES_SHOWN + 1
