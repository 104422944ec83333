"""Journals: any records, cut at any byte, with anything behind the cut."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.drawn import any_text
from utils.storage.journal import Journal, parse

pytestmark = pytest.mark.usefixtures("no_waiting_for_the_disk")

values: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), any_text),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(any_text, inner, max_size=3)),
    max_leaves=8,
)
records = st.lists(st.dictionaries(any_text, values, max_size=4), max_size=6)


async def written(path: Path, records: list[dict[str, Any]]) -> bytes:
    """The bytes of a journal of ``records``, which it reads back."""
    journal = Journal(path)
    assert journal.open() == []
    for record in records:
        await journal.append(record)
    assert Journal(path).open() == records
    return path.read_bytes()


@given(records, st.data())
async def test_of_a_journal_cut_anywhere_all_whole_lines_are_read(
    records: list[dict[str, Any]], data: st.DataObject
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "journal.jsonl")
        whole = await written(path, records)
        assert whole.count(b"\n") == len(records)
        cut = data.draw(st.integers(0, len(whole)))
        kept = records[: whole[:cut].count(b"\n")]
        path.write_bytes(whole[:cut])
        torn = Journal(path)
        assert torn.open() == kept
        await torn.append({"after": "the crash"})
        assert Journal(path).open() == [*kept, {"after": "the crash"}]


@given(records, st.binary(max_size=40))
def test_what_stands_behind_the_last_whole_line_takes_nothing_of_it(
    records: list[dict[str, Any]], tail: bytes
) -> None:
    whole = b"".join(json.dumps(record).encode() + b"\n" for record in records)
    found, good = parse(whole + tail)
    assert found[: len(records)] == records and good >= len(whole)
    # What is read is a beginning of what is there, in whole lines.
    again, length = parse((whole + tail)[:good])
    assert (again, length) == (found, good)
    assert not good or (whole + tail)[good - 1 : good] == b"\n"


@given(st.binary(max_size=60))
def test_any_bytes_at_all_are_a_journal_of_something(data: bytes) -> None:
    found, good = parse(data)
    assert 0 <= good <= len(data)
    assert all(isinstance(record, dict) for record in found)
