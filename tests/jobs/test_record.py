"""What is known of a job by its journal."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.drawn import media_file
from tests.jobs.drawn_stories import ITEM
from utils.errors import JournalBroken
from utils.jobs import lines
from utils.jobs.journal import decode
from utils.jobs.medium import Medium
from utils.jobs.record import JobRecord

PHOTO, VIDEO = media_file(1), media_file(2, kind="video", thumb="000002.thumb")
MEDIUM = Medium("photo", 5, 6, b"x")


def sent(*numbers: int) -> lines.Sent:
    return lines.Sent(f"album-{numbers[0]}", numbers, numbers)


def test_the_messages_of_a_job_are_those_of_its_volumes() -> None:
    first = lines.Origin.of(ITEM, date=5.0, title="a.7z")
    second = lines.Volume.of(replace(ITEM, message=9, name="a.7z.002"), date=6.0)
    record = JobRecord.of([first, second, lines.Print("ab"), lines.Run("boot")])
    assert record.origin == first and (first.date, first.title, first.name) == (5.0, "a.7z", "a.zip")
    assert (second.date, second.message, second.name, second.chat) == (6.0, 9, "a.7z.002", ITEM.chat)
    assert record.messages() == [1, 9]
    assert (record.print, record.boot) == ("ab", "boot")
    assert lines.Origin.of(ITEM, date=5.0).title == ""


def test_what_is_known_is_not_taken_out_again() -> None:
    told = [lines.File(PHOTO), lines.Defer(VIDEO, 2.5), lines.Skip("3", "c", "no"), lines.Other("4", "d")]
    record = JobRecord.of(told)
    assert record.known_keys() == {"key 1", "key 2", "3", "4"}
    assert record.costs == {2: 2.5}
    assert record.skipped == {"3": ("c", "no")} and record.others == {"4": "d"}


def test_a_file_that_is_gone_is_taken_out_again_unless_it_was_skipped() -> None:
    whole = [lines.File(PHOTO), lines.Media(1, MEDIUM), lines.Extracted(3), lines.Failed("no")]
    assert JobRecord.of(whole).ignored == 3
    lost = JobRecord.of([*whole, lines.Drop(1)])
    assert (lost.files, lost.media, lost.extracted, lost.failed) == ({}, {}, False, "")
    skipped = JobRecord.of([*whole, lines.Skip("key 1", "1.jpg", "no"), lines.Drop(1)])
    assert (skipped.files, skipped.extracted, skipped.failed) == ({}, True, "no")
    # One that is not known changes nothing.
    assert JobRecord.of([*whole, lines.Drop(7)]).extracted


def test_of_a_converted_video_only_the_result_is_lost_unless_it_was_skipped() -> None:
    converted = [lines.Defer(VIDEO, 1.0), lines.Converted(2, VIDEO)]
    again = JobRecord.of([*converted, lines.Drop(2)])
    assert (again.converted, again.open_conversions()) == ({}, [2])
    skipped = JobRecord.of([*converted, lines.Skip("key 2", "2.jpg", "no"), lines.Drop(2)])
    assert (skipped.converted, skipped.deferred) == ({}, {})


def test_a_job_is_settled_when_it_was_looked_through_and_nothing_waits() -> None:
    waiting = [lines.File(PHOTO), lines.Defer(VIDEO, 1.0), lines.Extracted(0)]
    assert not JobRecord.of([]).settled()
    assert not JobRecord.of([*waiting, sent(1)]).settled()
    assert not JobRecord.of([*waiting, sent(2)]).settled()
    assert JobRecord.of([*waiting, sent(1, 2)]).settled()
    assert JobRecord.of([lines.Failed("no")]).settled()
    assert JobRecord.of([*waiting, lines.Cancelled()]).settled()
    assert JobRecord.of([lines.Done()]).done and not JobRecord.of([]).done


def test_a_file_in_parts_is_delivered_with_the_last_of_them_and_counts_once() -> None:
    parts = (media_file(3, kind="video"), media_file(4, kind="video"))
    record = JobRecord.of([lines.Defer(VIDEO, 1.0), lines.Split(VIDEO, parts), sent(3)])
    assert (record.whole_of(3), record.whole_of(2), record.whole_of(9)) == (2, 2, 9)
    assert record.delivered == {3} and record.delivered_files() == []
    assert record.open_conversions() == [2]
    record.apply(sent(4))
    assert record.delivered == {2, 3, 4} and record.delivered_files() == [2]
    assert record.to_send(2) == VIDEO


def test_a_part_that_will_not_be_sent_does_not_hold_up_the_others() -> None:
    parts = (media_file(3, kind="video"), media_file(4, kind="video"))
    story = [lines.Defer(VIDEO, 1.0), lines.Split(VIDEO, parts), lines.Skip("key 4", "4.jpg", "no")]
    assert JobRecord.of([*story, sent(3), lines.Drop(4)]).delivered == {2, 3}
    nothing = JobRecord.of([*story, lines.Drop(3), lines.Drop(4)])
    assert nothing.delivered_files() == []  # as nothing of it was sent


def test_what_is_sent_for_a_video_is_what_it_became() -> None:
    result = media_file(2, kind="video", name="b_converted.mp4")
    record = JobRecord.of([lines.File(PHOTO), lines.Defer(VIDEO, 1.0)])
    assert record.to_send(1) == PHOTO
    assert record.to_send(2).note == "It could not be converted: "
    record.apply(lines.Unconvertible(2, "ffmpeg ended with 1"))
    assert record.to_send(2) == replace(VIDEO, note="It could not be converted: ffmpeg ended with 1")
    record.apply(lines.Converted(2, result))
    assert record.to_send(2) == result


def test_what_was_announced_and_not_answered_is_in_doubt() -> None:
    announced = [
        lines.File(PHOTO),
        lines.Defer(VIDEO, 1.0),
        lines.Announce("summary", (), (7,)),
        lines.Announce("album-1", (1, 2), (8, 9)),
    ]
    assert JobRecord.of(announced).in_doubt() == {"album-1": (1, 2)}
    assert JobRecord.of([*announced, lines.Sent("album-1", (1, 2), (20, 21))]).in_doubt() == {}
    assert JobRecord.of([*announced, sent(1)]).in_doubt() == {}
    rejected = [*announced, lines.Rejected("album-1", "MEDIA_INVALID")]
    assert JobRecord.of(rejected).in_doubt() == {}
    assert JobRecord.of([*rejected, lines.Announce("album-1", (1, 2), (8, 9))]).in_doubt()
    parts = (media_file(3, kind="video"), media_file(4, kind="video"))
    split = [lines.Announce("whole", (2,), (1,)), lines.Split(VIDEO, parts)]
    assert JobRecord.of(split).in_doubt() == {"whole": (2,)}
    assert JobRecord.of([*split, sent(3, 4)]).in_doubt() == {}
    assert JobRecord.of([*announced, sent(1)]).sent == {"album-1": (1,)}


def test_an_upload_is_forgotten_when_it_is_no_longer_valid_or_was_refused() -> None:
    uploaded = [lines.File(PHOTO), lines.Media(1, MEDIUM)]
    assert JobRecord.of(uploaded).media == {1: MEDIUM}
    assert JobRecord.of([*uploaded, lines.Renew(1)]).media == {}
    refused = JobRecord.of([*uploaded, lines.Refused(1, "PHOTO_INVALID")])
    assert (refused.media, refused.refused) == ({}, {1: "PHOTO_INVALID"})
    # Neither needs an upload to be there.
    assert JobRecord.of([lines.Renew(1), lines.Refused(1, "x"), lines.Drop(1)]).media == {}


def test_files_on_the_disk_are_kept_until_they_are_delivered() -> None:
    result = media_file(2, kind="video", path="000002.mp4", thumb="000002.result")
    record = JobRecord.of([lines.File(PHOTO), lines.Defer(VIDEO, 1.0), lines.Converted(2, result)])
    mine = {"000001", "000001.mp4"}
    assert record.paths() == mine | {
        "000002", "000002.mp4", "000002.thumb", "000002.mp4.mp4", "000002.result"
    }  # fmt: skip
    record.apply(sent(2))
    assert record.paths() == mine


def test_a_line_that_lacks_something_is_told_by_its_kind_and_what_it_lacks() -> None:
    for broken, told in (
        ({"t": "drop"}, "a journal holds a line “drop” that cannot be used: number is missing."),
        ({"t": "announce", "key": "a", "numbers": [1, "2"], "random_ids": []},
         "“announce” that cannot be used: numbers is not what it has to be."),
        ({"t": "drop", "number": "1"}, "“drop” that cannot be used: number is not what it has to be."),
        ({"t": "media", "number": 1, "media": {"kind": "photo", "id": 1, "access_hash": 1,
          "file_reference": "xy"}}, "“media” that cannot be used: file_reference is not hexadecimal."),
    ):  # fmt: skip
        with pytest.raises(JournalBroken) as error:
            decode(broken)
        assert error.value.told.endswith(told)


def test_the_number_of_a_file_that_was_dropped_is_not_given_to_another() -> None:
    """What was announced for the one must not count for the other."""
    record = JobRecord.of(
        [
            lines.File(media_file(1)),
            lines.File(media_file(2)),
            lines.Announce("album-2", (2,), (77,)),
            lines.Drop(2),
        ]
    )
    assert record.next_number() == 3
    parts = (media_file(3, kind="video"), media_file(4, kind="video"))
    record.apply(lines.Split(media_file(1, kind="video"), parts))
    record.apply(lines.Drop(4))
    assert record.next_number() == 5
