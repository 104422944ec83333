"""Who is served."""

from __future__ import annotations

from pathlib import Path

import pytest

from utils.chat.access import Access
from utils.storage.bindings import Bindings, read
from utils.storage.users import split_names


def access(folder: Path, *authorized: str) -> Access:
    """As a process that starts has it."""
    ids, names = split_names(authorized)
    return Access(ids, names, Bindings(folder / "usernames.json", folder / "quarantine", names))


@pytest.mark.parametrize(
    ("authorized", "user", "names", "served"),
    [
        ((), 1, ["ann"], False),
        (("1",), 1, [None], True),
        (("1",), 11, ["1"], False),
        (("@Ann",), 5, ["ann"], True),
        (("ann", " 7 "), 7, [None], True),
        (("ann",), 5, ["anna", None], False),
        (("ann",), None, ["ann"], False),
        (("old",), 5, ["new", "OLD"], True),
        (("-100", ","), -100, [], True),
    ],
)
async def test_only_those_named_are_served(
    tmp_path: Path, authorized: tuple[str, ...], user: int | None, names: list[str | None], served: bool
) -> None:
    assert await access(tmp_path, *authorized).allows(user, names) is served


async def test_a_name_stands_for_the_account_that_had_it_first(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "usernames.json"
    first = access(tmp_path, "@Ann", "bob")
    assert await first.allows(5, ["ANN"])
    for known in (first, access(tmp_path, "ann", "bob")):
        caplog.clear()
        assert not await known.allows(666, ["ann"])
        assert "🚫 666 has the username @ann now, which belonged to 5" in caplog.text
        # Whoever it is: the account, not what it is called today.
        assert await known.allows(5, ["annabel"])
    assert read(file) == {"ann": 5}
    # Taken out of the settings, the name is free again.
    assert not await access(tmp_path, "bob").allows(5, ["ann"])
    assert read(file) == {}
    assert await access(tmp_path, "ann").allows(666, ["ann"])


@pytest.mark.parametrize("content", ['{"version": 0, "ids": {}}', '{"version": 1, "ids": {"a": "b"}}', "\0"])
async def test_bindings_that_cannot_be_read_are_set_aside(tmp_path: Path, content: str) -> None:
    (tmp_path / "usernames.json").write_text(content)
    assert await access(tmp_path, "ann").allows(5, ["ann"])
    assert read(tmp_path / "usernames.json") == {"ann": 5}
    assert len(list((tmp_path / "quarantine").iterdir())) == 2


async def test_what_can_not_be_written_holds_until_the_end_of_the_process(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    known = access(tmp_path / "gone", "ann")
    assert await known.allows(5, ["ann"]) and not await known.allows(6, ["ann"])
    assert "Whose @ann is could not be written" in caplog.text
