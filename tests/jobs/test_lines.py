"""The lines of a journal on disk: as they always were, and read by this version and the one before."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.jobs.last_reader import LastRecord
from utils.constants import ROOT
from utils.errors import JournalBroken
from utils.jobs import lines
from utils.jobs.albums import MediaFile
from utils.jobs.codec import to_json
from utils.jobs.first_lines import Wanted
from utils.jobs.intake import Incoming, Peer
from utils.jobs.journal import JobJournal, decode, decode_all, encode
from utils.jobs.lines import KINDS, Line
from utils.jobs.lines_table import lines_table
from utils.jobs.medium import Medium
from utils.jobs.record import JobRecord
from utils.storage.journal import parse

ITEM = Incoming(Peer("channel", 7, -9), -1007, 12, "a.7z.001", 34, 56, "pass: x", 8, 2, 3, 4, "fa")
FILE = MediaFile(1, "5/2", "a.jpg", "trip", "photo", "000001", 10, 640, 480, 0.0, True, "", "Made smaller.")
VIDEO = MediaFile(2, "6", "b.mp4", "", "video", "000002", 99, 320, 240, 2.5, False, "000002.thumb", "")

ITEM_JSON = {
    "peer": {"kind": "channel", "id": 7, "access_hash": -9},
    "chat": -1007,
    "message": 12,
    "name": "a.7z.001",
    "size": 34,
    "document": 56,
    "caption": "pass: x",
    "sender": 8,
    "dc": 2,
    "album": 3,
    "topic": 4,
    "language": "fa",
}
FILE_JSON = {
    "number": 1,
    "key": "5/2",
    "name": "a.jpg",
    "folder": "trip",
    "kind": "photo",
    "path": "000001",
    "size": 10,
    "width": 640,
    "height": 480,
    "duration": 0.0,
    "has_audio": True,
    "thumb": "",
    "note": "Made smaller.",
    "music": "",
    "title": "",
    "performer": "",
    "cover": "",
    "taken": 0.0,
    "about": "",
    "pair": "",
}
VIDEO_JSON = {
    "number": 2,
    "key": "6",
    "name": "b.mp4",
    "folder": "",
    "kind": "video",
    "path": "000002",
    "size": 99,
    "width": 320,
    "height": 240,
    "duration": 2.5,
    "has_audio": False,
    "thumb": "000002.thumb",
    "note": "",
    "music": "",
    "title": "",
    "performer": "",
    "cover": "",
    "taken": 0.0,
    "about": "",
    "pair": "",
}
MEDIUM_JSON = {"kind": "photo", "id": 5, "access_hash": -6, "file_reference": "00ff", "cover": []}

#: One line of each kind, and what it is on disk. A change here is one that older versions cannot read.
ON_DISK: list[tuple[Line, dict[str, Any]]] = [
    (
        lines.Origin.of(ITEM, date=4.5, title="a.7z", wanted=Wanted(others=True, only=("1",))),
        {
            **{"t": "origin", "date": 4.5, "title": "a.7z", "others": True, "here": False},
            **{"as_files": False, "only": ["1"], **ITEM_JSON},
        },
    ),
    (lines.Volume.of(ITEM, date=5.5), {"t": "volume", "date": 5.5, **ITEM_JSON}),
    (lines.Print("ab12"), {"t": "print", "print": "ab12"}),
    (lines.Run("this boot"), {"t": "run", "boot": "this boot", "paused": False}),
    (
        lines.Question((lines.Branch("a/b", 1, 2, 3, 4),), "000001"),
        {
            "t": "question",
            "folders": [{"path": "a/b", "photos": 1, "videos": 2, "others": 3, "size": 4}],
            "picture": "000001",
        },
    ),
    (lines.Ticked(2, (0, 9)), {"t": "ticked", "page": 2, "folders": [0, 9]}),
    (lines.Chosen("folders"), {"t": "chosen", "what": "folders"}),
    (lines.File(FILE), {"t": "file", "file": FILE_JSON}),
    (lines.Drop(1), {"t": "drop", "number": 1}),
    (lines.Defer(VIDEO, 7.25), {"t": "defer", "file": VIDEO_JSON, "cost": 7.25}),
    (lines.Converted(2, VIDEO), {"t": "converted", "number": 2, "file": VIDEO_JSON}),
    (
        lines.Split(VIDEO, (FILE, VIDEO)),
        {"t": "split", "file": VIDEO_JSON, "parts": [FILE_JSON, VIDEO_JSON]},
    ),
    (lines.Unconvertible(2, "no"), {"t": "unconvertible", "number": 2, "reason": "no"}),
    (lines.Skip("6", "b.mp4", "damaged"), {"t": "skip", "key": "6", "name": "b.mp4", "reason": "damaged"}),
    (lines.Other("7", "read.me"), {"t": "other", "key": "7", "name": "read.me"}),
    (
        lines.Announce("album-1", (1, 2), (-3, 4)),
        {"t": "announce", "key": "album-1", "numbers": [1, 2], "random_ids": [-3, 4]},
    ),
    (
        lines.Media(1, Medium("photo", 5, -6, b"\x00\xff")),
        {"t": "media", "number": 1, "media": MEDIUM_JSON},
    ),
    (lines.Renew(1), {"t": "renew", "number": 1}),
    (lines.Refused(1, "PHOTO_INVALID"), {"t": "refused", "number": 1, "reason": "PHOTO_INVALID"}),
    (
        lines.Rejected("album-1", "MEDIA_INVALID"),
        {"t": "rejected", "key": "album-1", "reason": "MEDIA_INVALID"},
    ),
    (
        lines.Sent("album-1", (1, 2), (20, 0)),
        {"t": "sent", "key": "album-1", "numbers": [1, 2], "messages": [20, 0]},
    ),
    (lines.Extracted(3), {"t": "extracted", "ignored": 3, "left": 0}),
    (lines.Failed("cancelled."), {"t": "failed", "told": "cancelled."}),
    (lines.Cancelled(), {"t": "cancelled"}),
    (lines.Done(), {"t": "done"}),
]

#: Kinds that there were not when there were the journals below: data with them is refused by what is older.
NEWER = {"question", "ticked", "chosen"}

#: Journals that the version before typed lines wrote, each of one whole job.
OLD = sorted((Path(__file__).parent / "journals").iterdir())


def plain(value: Any) -> Any:
    """``value`` with JSON's own types alone, so that what two versions made of a journal can be compared."""
    if is_dataclass(value) and not isinstance(value, type):
        return to_json(value)
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items() if key != "t"}
    return [plain(item) for item in value] if isinstance(value, list | tuple) else value


def as_before(now: Any, before: Any) -> Any:
    """``now`` without the members that ``before`` has not: a newer version added them."""
    if isinstance(now, Mapping) and isinstance(before, Mapping):
        return {key: as_before(value, before[key]) for key, value in now.items() if key in before}
    if isinstance(now, list) and isinstance(before, list) and len(now) == len(before):
        return [as_before(one, other) for one, other in zip(now, before, strict=True)]
    return now


def facts(record: JobRecord | LastRecord) -> dict[str, Any]:
    """All that is known of a job."""
    newer = {"paused", "highest", "before", "_newest", "_gone", "_whole", "live", "stills", "deferred_names"}
    newer |= {"left", "arrivals", "under_way", "news", "dropped", "question", "ticked", "chosen"}
    names = {field.name for field in fields(JobRecord)} - newer - {"known_origin"} | {"origin"}
    return {name: plain(getattr(record, name)) for name in names}


def test_every_kind_is_named_here() -> None:
    assert [type(line) for line, _ in ON_DISK] == list(KINDS.values())


@pytest.mark.parametrize(("line", "on_disk"), ON_DISK, ids=[line.t for line, _ in ON_DISK])
def test_a_line_is_on_disk_as_it_always_was(line: Line, on_disk: dict[str, Any]) -> None:
    assert encode(line) == on_disk
    assert decode(json.loads(json.dumps(on_disk))) == line


async def test_the_version_before_goes_on_with_what_this_one_wrote(tmp_path: Path) -> None:
    """After each line: a job may be handed back at any of them. Twice, as a line may undo one before it."""
    path = tmp_path / "journal.jsonl"
    journal = JobJournal(path)
    journal.open()
    for line, _ in ON_DISK * 2:
        if line.t in NEWER:
            continue
        await journal.write(line)
        assert facts(LastRecord(parse(path.read_bytes())[0])) == facts(journal.record)


def test_the_old_journals_hold_every_kind_of_line() -> None:
    found = {record["t"] for path in OLD for record in parse(path.read_bytes())[0]}
    assert found == set(KINDS) - NEWER


@pytest.mark.parametrize("path", OLD, ids=[path.stem for path in OLD])
def test_a_journal_of_the_version_before_is_gone_on_with_from_any_of_its_lines(path: Path) -> None:
    records, size = parse(path.read_bytes())
    assert size == path.stat().st_size
    now, before = JobRecord(), LastRecord([])
    for record in records:
        for line in decode_all([record]):
            now.apply(line)
        before.apply(record)
        assert as_before(facts(now), facts(before)) == facts(before)
    assert as_before([encode(line) for line in decode_all(records)], records) == records


def test_a_kind_or_a_member_that_a_newer_version_added_is_passed_over() -> None:
    assert decode({"t": "gift", "number": 1}) is None
    assert decode({"number": 1}) is None
    assert decode({"t": ["origin"]}) is None
    newer = {"t": "file", "file": {**FILE_JSON, "blurred": True}, "at": 5}
    assert decode(newer) == lines.File(FILE)


def test_members_that_an_older_version_did_not_write_have_their_defaults() -> None:
    old = {name: ITEM_JSON[name] for name in ("chat", "message", "name", "size", "document", "caption")}
    line = decode({"t": "origin", "peer": {"kind": "user", "id": 7}, **old})
    assert line == lines.Origin(Peer("user", 7, 0), -1007, 12, "a.7z.001", 34, 56, "pass: x")


@pytest.mark.parametrize(
    "broken",
    [
        {"t": "origin"},
        {"t": "origin", **ITEM_JSON, "chat": "7"},
        {"t": "origin", **ITEM_JSON, "peer": {"kind": "user"}},
        {"t": "volume", **ITEM_JSON, "date": None},
        {"t": "file", "file": {**FILE_JSON, "kind": "sticker"}},
        {"t": "file", "file": {**FILE_JSON, "kind": ["photo"]}},
        {"t": "file", "file": [1, 2]},
        {"t": "defer", "file": VIDEO_JSON, "cost": "much"},
        {"t": "split", "file": VIDEO_JSON, "parts": [7]},
        {"t": "drop", "number": True},
        {"t": "announce", "key": "album-1", "numbers": [1, "2"], "random_ids": [3, 4]},
        {"t": "announce", "key": "album-1", "numbers": 1, "random_ids": [3]},
        {"t": "media", "number": 1, "media": {**MEDIUM_JSON, "file_reference": "xy"}},
        {"t": "media", "number": 1, "media": {**MEDIUM_JSON, "file_reference": 7}},
    ],
)
def test_a_known_line_that_can_not_be_used_is_an_error_that_names_its_kind(broken: dict[str, Any]) -> None:
    with pytest.raises(JournalBroken, match=broken["t"]):
        decode(broken)


def test_the_error_does_not_show_what_the_line_holds() -> None:
    with pytest.raises(JournalBroken) as error:
        decode({"t": "origin", **ITEM_JSON, "caption": ["pass: sesame"]})
    assert "caption" in error.value.told and "sesame" not in str(error.value.__cause__) + error.value.told


def test_a_cost_may_be_written_as_a_whole_number() -> None:
    assert decode({"t": "defer", "file": VIDEO_JSON, "cost": 7}) == lines.Defer(VIDEO, 7.0)


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_every_kind_says_when_it_is_written_and_what_a_crash_around_it_means(kind: type[Line]) -> None:
    said = [line.strip().partition(":") for line in (kind.__doc__ or "").splitlines()]
    assert [name for name, colon, text in said[1:] if colon and text] == [
        "Written",
        "Crash before",
        "Crash after",
    ]


def test_the_table_in_the_documentation_is_made_of_these_lines() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    shown = page.partition("<!-- journal lines -->\n")[2].partition("<!-- end of journal lines -->")[0]
    renew = "python -c 'from utils.jobs.lines_table import lines_table; print(lines_table(), end=\"\")'"
    assert shown == lines_table(), f"To renew what is between the marks in docs/architecture.md: {renew}"
