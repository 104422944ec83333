"""Who may use the bot, over restarts."""

from __future__ import annotations

from pathlib import Path

import pytest

from utils.errors import TooNew
from utils.storage.users import Users, user_of


def users(folder: Path, *authorized: str) -> Users:
    """As a process that starts has them."""
    return Users(folder / "users.json", folder / "quarantine", authorized)


def test_what_was_changed_holds_on_top_of_the_settings(tmp_path: Path) -> None:
    first = users(tmp_path, "@Ann", "7")
    first.add("bob")
    first.add("7")
    first.remove("ann")
    first.save()
    assert first.all() == users(tmp_path, "ann", "7").all() == {"7", "bob"}
    # Who is named in the settings only now was not put out.
    assert users(tmp_path, "ann", "eve").all() == {"bob", "eve"}
    again = users(tmp_path, "ann")
    again.add("ann")
    again.remove("bob")
    again.save()
    assert users(tmp_path, "ann").all() == {"ann"} and users(tmp_path).all() == set()


@pytest.mark.parametrize("content", ['{"version": 0}', '{"version": 1, "added": [1], "removed": []}', "\0"])
def test_a_file_that_cannot_be_read_is_set_aside(tmp_path: Path, content: str) -> None:
    (tmp_path / "users.json").write_text(content)
    assert users(tmp_path, "ann").all() == {"ann"}
    assert len(list((tmp_path / "quarantine").iterdir())) == 2


def test_a_file_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "users.json").write_text('{"version": 2}')
    with pytest.raises(TooNew):
        users(tmp_path, "ann")
    assert (tmp_path / "users.json").exists()


@pytest.mark.parametrize(
    ("word", "user"),
    [
        *(
            ("123", "123"),
            ("-1001234", "-1001234"),
            ("@Ann_1", "ann_1"),
            ("\u2068123\u2069", "123"),
            ("https://t.me/ann1", "ann1"),
        ),
        *(
            ("", ""),
            ("ab", ""),
            ("1ann", ""),
            ("@a b", ""),
            ("anna;", ""),
            ("аnna", ""),
            ("-", ""),
            ("0", ""),
            ("-5", ""),
            ("9" * 17, ""),
        ),
    ],
)
def test_an_id_or_a_username_is_understood_and_nothing_else(word: str, user: str) -> None:
    assert user_of(word) == user
