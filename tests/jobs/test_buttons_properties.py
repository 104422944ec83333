"""Buttons and their data, whatever messages they are about."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from utils.jobs.buttons import BUTTON_BYTES, again_button, messages_of_button

#: Ids of messages as Telegram gives them.
ids = st.integers(1, 2**31 - 1)


@given(st.lists(ids, min_size=1, max_size=30, unique=True))
def test_a_button_names_the_messages_that_it_was_made_for(messages: list[int]) -> None:
    keyboard = again_button(messages)
    if keyboard is None:
        assert len(messages) > 5
        return
    data = keyboard.rows[0].buttons[0].type.data
    assert len(data) <= BUTTON_BYTES
    assert messages_of_button(data) == sorted(messages)


@given(ids, st.lists(st.integers(1, 9), max_size=20))
def test_messages_that_came_close_together_fit(first: int, gaps: list[int]) -> None:
    assert again_button([first + sum(gaps[:n]) for n in range(len(gaps) + 1)]) is not None


@given(
    st.one_of(
        st.binary(max_size=BUTTON_BYTES), st.from_regex(rb"(again|others):[0-9+-]{0,40}", fullmatch=True)
    )
)
@example(b"")
@example(b"again:")
@example(b"again:99999999999999999999")
@example(b"again:5+-9")
@example(b"other:5")
def test_data_that_is_none_of_ours_names_no_messages(data: bytes) -> None:
    """Whoever may use the bot may send it anything, and buttons of other versions stay in chats."""
    named = messages_of_button(data)
    assert all(0 < message < 2**31 for message in named)
    assert not named or data.startswith((b"again:", b"others:"))
    assert named == sorted(named)
