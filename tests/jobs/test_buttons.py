"""The button that has files handled again, and its data."""

from __future__ import annotations

import pytest

from utils.jobs.buttons import BUTTON_BYTES, again_button, messages_of_button


@pytest.mark.parametrize("messages", [[7], [7, 8], [2_000_000_001 + 2 * n for n in range(20)]])
def test_a_button_names_all_volumes_of_a_set(messages: list[int]) -> None:
    keyboard = again_button(messages[::-1])
    assert keyboard is not None
    data = keyboard.rows[0].buttons[0].type.data
    assert len(data) <= BUTTON_BYTES
    assert messages_of_button(data) == messages


def test_more_than_fit_get_no_button() -> None:
    assert again_button(list(range(1_000_000, 2_000_000, 10_000))) is None


@pytest.mark.parametrize(
    "data", [b"", b"again:", b"again:0", b"other:5", b"again:5+-9", b"again:9999999999", b"\xff"]
)
def test_a_press_that_is_of_no_button_of_ours_names_nothing(data: bytes) -> None:
    assert messages_of_button(data) == []
