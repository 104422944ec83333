"""What the menu of a chat's settings shows, and what its buttons and words say."""

from __future__ import annotations

import pytest

from utils.chat.menu import TITLES, Chosen, all_text, chosen_by, chosen_in, one_buttons
from utils.jobs.wishes import OPTIONS, Wishes


def test_everything_that_can_be_chosen_has_its_words() -> None:
    assert {name: tuple(title.words) for name, title in TITLES.items()} == OPTIONS


def test_what_is_chosen_has_a_check_mark() -> None:
    rows = one_buttons("order", Wishes(order="date")).rows
    assert [row.buttons[0].text[:1] == "✅" for row in rows] == [False, True, False]


@pytest.mark.parametrize(
    ("data", "chosen"),
    [
        (b"set:", Chosen("")),
        (b"set:reset", Chosen("reset")),
        (b"set:order", Chosen("order")),
        (b"set:language:pt_BR", Chosen("language", "pt_BR")),
        (b"set:ask_first:20", Chosen("ask_first", "20")),
        (b"set:order:size", None),
        (b"set:orders", None),
        (b"set:reset:date", None),
        (b"set:__class__:x", None),
        (b"set:order:date\n", None),
        ("set:order:dáte".encode(), None),
        (b"again:7", None),
        (b"", None),
    ],
)
def test_only_what_is_a_setting_is_understood(data: bytes, chosen: Chosen | None) -> None:
    assert chosen_by(data) == chosen


@pytest.mark.parametrize(
    ("words", "chosen"),
    [
        ("order date", Chosen("order", "date")),
        ("Order  Date", Chosen("order", "date")),
        ("language PT_br", Chosen("language", "pt_BR")),
        ("reset", Chosen("reset")),
        ("order", Chosen("order")),
        ("order size", None),
        ("what?", None),
    ],
)
def test_words_say_the_same(words: str, chosen: Chosen | None) -> None:
    assert chosen_in(words) == chosen


def test_without_buttons_it_says_how_one_is_changed() -> None:
    said = all_text(Wishes(), {"target"}, buttons=False)
    assert "Order: By name (order: name, date)" in said and "/settings order date" in said
    assert "Where to" not in said and "/settings" not in all_text(Wishes(), (), buttons=True)
