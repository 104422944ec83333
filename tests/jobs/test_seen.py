"""What was taken and delivered before, and how the same file is known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from utils.jobs import intake
from utils.jobs.intake import FINGERPRINT_BYTES, Incoming, Peer, Seen, fingerprint

ITEM = Incoming(Peer("user", 7), 7, 1, "a.zip", 10, 99, "")


def seen_in(folder: Path) -> Seen:
    seen = Seen(folder / "intake.jsonl")
    seen.open()
    return seen


async def test_what_was_taken_is_known_also_after_a_restart(tmp_path: Path) -> None:
    seen = seen_in(tmp_path)
    assert not seen.has(ITEM.job)
    await seen.add(ITEM)
    for known in (seen, seen_in(tmp_path)):
        assert known.has(ITEM.job)
        assert not known.has(replace(ITEM, message=2).job)
        assert not known.has(replace(ITEM, chat=8).job)
        # To be taken is not to be delivered.
        assert known.delivered_before(ITEM, "print") is None


async def test_a_file_is_known_in_its_chat_by_its_id_or_by_its_content(tmp_path: Path) -> None:
    await seen_in(tmp_path).add_delivered(ITEM, "print")
    seen = seen_in(tmp_path)
    forwarded, uploaded_anew = replace(ITEM, message=2), replace(ITEM, message=3, document=5)
    for item, content in ((forwarded, ""), (uploaded_anew, "print")):
        before = seen.delivered_before(item, content)
        assert before is not None and before.name == "a.zip"
    assert seen.delivered_before(uploaded_anew, "another") is None
    assert seen.delivered_before(uploaded_anew) is None
    assert seen.delivered_before(replace(forwarded, chat=8), "print") is None


async def test_of_very_many_messages_the_newest_are_remembered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "REMEMBERED", 5)
    seen = seen_in(tmp_path)
    for message in range(11):
        await seen.add(replace(ITEM, message=message))
    again = seen_in(tmp_path)
    assert [message for message in range(11) if again.has(f"7_{message}")] == [6, 7, 8, 9, 10]
    assert len((tmp_path / "intake.jsonl").read_bytes().splitlines()) == 5
    await again.add(replace(ITEM, message=11))
    assert seen_in(tmp_path).has("7_11") and seen_in(tmp_path).has("7_6")


def test_ten_thousand_messages_are_remembered() -> None:
    assert intake.REMEMBERED == 10_000


class Content:
    """A file that can be read in pieces; counts the bytes that were read."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.size = len(content)
        self.read_bytes = 0

    async def read(self, offset: int, size: int) -> bytes:
        assert offset >= 0
        self.read_bytes += size
        return self.content[offset : offset + size]


async def test_the_same_content_has_the_same_fingerprint_and_another_another() -> None:
    end = FINGERPRINT_BYTES
    whole = bytes(3 * end)
    changed = {
        "first byte": b"\1" + whole[1:],
        "last of the head": whole[: end - 1] + b"\1" + whole[end:],
        "first of the tail": whole[: 2 * end] + b"\1" + whole[2 * end + 1 :],
        "last byte": whole[:-1] + b"\1",
        "longer": whole + b"\0",
        "shorter": whole[:-1],
        "small": b"\0",
        "nothing": b"",
    }
    prints = {name: await fingerprint(Content(content)) for name, content in changed.items()}
    assert await fingerprint(Content(whole)) == await fingerprint(Content(bytes(3 * end)))
    assert len({*prints.values(), await fingerprint(Content(whole))}) == len(changed) + 1


async def test_a_fingerprint_costs_little() -> None:
    source = Content(bytes(50 * FINGERPRINT_BYTES))
    await fingerprint(source)
    assert source.read_bytes == 2 * FINGERPRINT_BYTES
