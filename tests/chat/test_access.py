"""Who is served."""

from __future__ import annotations

import pytest

from utils.chat.access import Access


@pytest.mark.parametrize(
    ("authorized", "user", "names", "served"),
    [
        ((), 1, ["ann"], False),
        (("1",), 1, [None], True),
        (("1",), 11, ["1"], False),
        (("@Ann",), 5, ["ann"], True),
        (("ann", " 7 "), 7, [None], True),
        (("ann",), 5, ["anna", None], False),
        (("ann",), None, [], False),
        (("old",), 5, ["new", "OLD"], True),
    ],
)
def test_only_those_named_are_served(
    authorized: tuple[str, ...], user: int | None, names: list[str | None], served: bool
) -> None:
    assert Access(authorized).allows(user, names) is served
