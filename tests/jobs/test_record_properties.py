"""Journals' lines and what is made of them: any lines, any story, cut off anywhere."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.drawn import any_text, text
from tests.jobs.drawn_stories import any_line, stories
from tests.jobs.last_reader import LastRecord
from tests.jobs.test_lines import facts
from tests.storage.test_journal_properties import values
from utils.archives import Entry
from utils.errors import JournalBroken
from utils.jobs import lines
from utils.jobs.albums import utf16_units
from utils.jobs.journal import decode, decode_all, encode
from utils.jobs.lines import KINDS, Line
from utils.jobs.progress import JobProgress, counts
from utils.jobs.record import JobRecord
from utils.jobs.status_text import status_text
from utils.jobs.summary import TEXT_UNITS, duration_words, summary_text
from utils.jobs.tally import Tally
from utils.media import Choice
from utils.storage.journal import parse
from utils.texts import ISOLATE


def on_disk(story: list[Line]) -> bytes:
    return b"".join(json.dumps(encode(line)).encode() + b"\n" for line in story)


@given(any_line)
def test_any_line_comes_back_from_the_disk(line: Line) -> None:
    assert decode(json.loads(json.dumps(encode(line)))) == line


@given(st.lists(any_line, max_size=6), st.data())
def test_of_lines_cut_anywhere_the_whole_ones_come_back(story: list[Line], data: st.DataObject) -> None:
    whole = on_disk(story)
    cut = data.draw(st.integers(0, len(whole)))
    assert decode_all(parse(whole[:cut])[0]) == story[: whole[:cut].count(b"\n")]


@given(any_line, st.dictionaries(any_text, values, max_size=3), st.data())
def test_a_line_with_anything_in_it_is_a_line_or_is_broken(
    line: Line, more: dict[str, Any], data: st.DataObject
) -> None:
    record = encode(line)
    name = data.draw(st.sampled_from(sorted(record)))
    for changed in (
        {**more, **record},
        {**record, name: data.draw(values)},
        {key: value for key, value in record.items() if key != name},
        {**more, "t": line.t},
    ):
        try:
            read = decode(changed)
        except JournalBroken as error:
            assert line.t in error.told
        else:
            assert read is None or type(read) is KINDS[changed["t"]]


QUESTIONS: tuple[Callable[[JobRecord], object], ...] = (
    JobRecord.known_keys,
    JobRecord.settled,
    JobRecord.open_conversions,
    JobRecord.in_doubt,
    JobRecord.paths,
    JobRecord.next_number,
    JobRecord.delivered_files,
)


@given(st.lists(any_line, max_size=12))
def test_lines_in_any_order_at_all_are_folded(story: list[Line]) -> None:
    record = JobRecord()
    for line in story:
        record.apply(line)
        for question in QUESTIONS:
            question(record)


@given(stories)
def test_after_every_line_of_a_story_everything_can_be_asked_and_told(story: list[Line]) -> None:
    record = JobRecord()
    for line in story:
        record.apply(line)
        for question in QUESTIONS:
            question(record)
        assert record.messages() == [1]
        waiting = record.files.keys() | record.deferred.keys()
        assert all(record.to_send(n) for n in {*waiting, *record.delivered_files()})
        assert 0 < utf16_units(summary_text("a.zip", record)) <= TEXT_UNITS
        for kind, count in counts(record, None).items():
            assert count.of is None or count.sent <= count.of, kind


@given(stories)
def test_what_is_delivered_stays_so_and_no_number_is_used_twice(story: list[Line]) -> None:
    record = JobRecord()
    numbers: set[int] = set()
    for line in story:
        delivered, sent = set(record.delivered), set(record.sent)
        keys, ended = record.known_keys(), (record.cancelled, record.done)
        record.apply(line)
        assert delivered <= record.delivered and sent <= record.sent.keys()
        assert isinstance(line, lines.Drop) or keys <= record.known_keys()
        assert ended <= (record.cancelled, record.done)
        if isinstance(line, lines.File | lines.Defer):
            numbers.add(line.file.number)
        elif isinstance(line, lines.Split):
            numbers |= {part.number for part in line.parts}
        assert record.next_number() > max(numbers, default=0)


@given(stories)
def test_what_is_in_doubt_was_announced_is_waiting_and_is_in_one_message(story: list[Line]) -> None:
    record = JobRecord()
    for line in story:
        record.apply(line)
        doubtful = record.in_doubt()
        for key, numbers in doubtful.items():
            assert record.announced[key].numbers == numbers and key not in record.sent
            assert not record.delivered.intersection(numbers)
        if isinstance(line, lines.Announce):
            assert line.key in doubtful
        if isinstance(line, lines.Sent | lines.Rejected):
            assert line.key not in doubtful


@given(stories)
def test_a_job_is_settled_when_nothing_waits_and_not_before(story: list[Line]) -> None:
    record = JobRecord.of(story)
    waiting = (record.files.keys() | record.deferred.keys()) - record.delivered
    over = record.extracted or bool(record.failed)
    assert record.settled() == (record.cancelled or (over and not waiting))
    for number in waiting:
        assert record.files.get(number, record.deferred.get(number)).path in record.paths()  # type: ignore[union-attr]
    for number in record.delivered & (record.files.keys() | record.deferred.keys()):
        assert f"{number:06d}" not in record.paths()


@given(stories)
def test_the_version_before_makes_the_same_of_any_story(story: list[Line]) -> None:
    records = parse(on_disk(story))[0]
    assert facts(LastRecord(records)) == facts(JobRecord.of(story))


#: Names have no control characters any more when they come to be said.
printable = text.map(lambda drawn: "".join(filter(str.isprintable, drawn)))


@given(stories, text, printable, st.integers(0, 40), st.integers(1, 200))
def test_a_summary_always_fits_and_begins_with_the_archive(
    story: list[Line], name: str, archive: str, left: int, times: int
) -> None:
    record = JobRecord.of(story)
    for number in range(left):
        record.apply(lines.Skip(f"more {number}", name * times, f"{number}. {name}" * times))
        record.apply(lines.Other(f"other {number}", name * times))
    said = summary_text(archive, record)
    assert utf16_units(said) <= TEXT_UNITS and said.encode()
    assert said.replace(ISOLATE, "").split(" ", 1)[1].startswith(archive)
    status = status_text(JobProgress("job", 1, archive, "x" * times * 50))
    assert utf16_units(status) <= TEXT_UNITS


@given(st.floats(0.001, 1e7))
def test_nobody_waits_longer_than_was_said(seconds: float) -> None:
    number, unit = duration_words(seconds).split()
    length = {"second": 1, "minute": 60, "hour": 3600}[unit.removesuffix("s")]
    assert seconds <= int(number) * length < seconds + length
    assert unit.endswith("s") == (number != "1")


@given(stories, st.data())
def test_what_is_counted_as_it_grows_is_what_counting_all_of_it_gives(
    story: list[Line], data: st.DataObject
) -> None:
    """Also of those looks that come after many lines."""
    record = JobRecord()
    tally = Tally(record)
    listing = [Entry(f"key {n}", f"{n}.jpg", 100 + n) for n in range(4)]
    tally.listing(listing, Choice())
    for line in story:
        record.apply(line)
        files = record.files.keys() | record.deferred.keys() | record.wholes.keys()
        assert record.under_way.keys() == files - record.delivered
        assert set(record.arrivals) == record.delivered and len(record.arrivals) == len(record.delivered)
        if data.draw(st.booleans()):
            assert tally.counts() == counts(record, listing)
            total = sum(file.size for file in record.files.values())
            there = record.delivered | record.media.keys()
            done = sum(file.size for number, file in record.files.items() if number in there)
            assert tally.sent_bytes({}) == (done, total)
            known = record.known_keys()
            assert tally.promised_bytes == sum(e.size or 0 for e in listing if e.key not in known)
