"""The button that has files handled again, and its data."""

from __future__ import annotations

import pytest

from utils.jobs.buttons import BUTTON_BYTES, Offers, again_button, messages_of_button, word_of


@pytest.mark.parametrize("messages", [[7], [7, 8], [2_000_000_001 + 2 * n for n in range(20)]])
def test_a_button_names_all_volumes_of_a_set(messages: list[int]) -> None:
    keyboard = again_button(messages[::-1])
    assert keyboard is not None
    data = keyboard.rows[0].buttons[0].type.data
    assert len(data) <= BUTTON_BYTES
    assert messages_of_button(data) == messages


def test_each_thing_that_can_be_had_has_a_button_of_its_own() -> None:
    keyboard = Offers([9, 7], again=True, others=True, failed=True, files=True).buttons()
    assert keyboard is not None
    data = [row.buttons[0].type.data for row in keyboard.rows]
    assert all(messages_of_button(one) == [7, 9] for one in data)
    assert [word_of(one) for one in data] == ["again", "failed", "others", "files"]
    assert Offers([9]).buttons() is None and Offers([9]).in_words(reply=True) == ""


def test_more_than_fit_get_no_button() -> None:
    assert again_button(list(range(1_000_000, 2_000_000, 10_000))) is None


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"again:",
        b"others:",
        b"others:0",
        b"others:x",
        b"again:0",
        b"other:5",
        b"again:5+-9",
        b"again:9999999999",
        b"\xff",
    ],
)
def test_a_press_that_is_of_no_button_of_ours_names_nothing(data: bytes) -> None:
    assert messages_of_button(data) == []
