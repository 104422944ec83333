"""What the chat reads at the end of a job."""

from __future__ import annotations

from utils.jobs import lines
from utils.jobs.albums import Kind, MediaFile, utf16_units
from utils.jobs.record import JobRecord
from utils.jobs.summary import LINES_SHOWN, TEXT_UNITS, status_text, summary_text


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


def test_nothing_is_to_be_converted_any_more_after_it_was_cancelled() -> None:
    record = JobRecord.of([lines.Defer(file(1, "film.avi", "document"), 1)])
    assert "to convert" in status_text("a.zip", record, "📤 Sending")
    record.apply(CANCELLED)
    assert "to convert" not in status_text("a.zip", record, "🛑 Cancelled")


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
    assert text.count("🖼️") == LINES_SHOWN + 1
    assert "🖼️ 489 more reasons …" in text


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


def test_a_status_that_names_many_missing_volumes_still_fits() -> None:
    missing = ", ".join(f"{'x' * 60}.part{number:03d}.rar" for number in range(1, 200))
    text = status_text("a.rar", JobRecord(), f"🧩 Waiting: these volumes are missing: {missing}.")
    assert utf16_units(text) == TEXT_UNITS and text.endswith("…")
    assert text.startswith("📦 a.rar\n🧩 Waiting: these volumes are missing: xxx")
