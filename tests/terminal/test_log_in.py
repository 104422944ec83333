"""Who starts the bot as a person is asked in the terminal."""

from __future__ import annotations

import asyncio
import os
import termios
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from utils.errors import LoginFailed
from utils.terminal.log_in import ask_in_terminal


@pytest.fixture
def keyboard(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """The other end of a terminal that is the standard input."""
    ours, theirs = os.openpty()
    with os.fdopen(theirs, "r") as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        yield ours
        os.close(ours)


def echo(fd: int) -> bool:
    return bool(termios.tcgetattr(fd)[3] & termios.ECHO)


async def test_each_question_takes_one_line(keyboard: int, capsys: pytest.CaptureFixture[str]) -> None:
    os.write(keyboard, b"+15550001\n12345\n")
    assert await ask_in_terminal().phone() == "+15550001"
    assert await ask_in_terminal().code() == "12345"
    assert "Phone number" in capsys.readouterr().out


async def test_a_password_is_not_shown_while_it_is_typed(keyboard: int) -> None:
    asked = asyncio.ensure_future(ask_in_terminal().password())
    await asyncio.sleep(0.05)
    assert not echo(keyboard)
    os.write(keyboard, "correct höhrse\n".encode())
    assert await asked == "correct höhrse"
    assert echo(keyboard)


async def test_a_question_can_be_given_up_and_leaves_the_terminal_as_it_was(keyboard: int) -> None:
    threads = threading.active_count()
    for ask in (ask_in_terminal().phone, ask_in_terminal().password):
        asked = asyncio.ensure_future(ask())
        await asyncio.sleep(0.05)
        asked.cancel()
        await asyncio.wait([asked])
    assert threading.active_count() == threads
    assert echo(keyboard)


@pytest.mark.parametrize("content", [None, b""])
async def test_where_nobody_can_type_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None
) -> None:
    (tmp_path / "nothing").touch()
    with (tmp_path / "nothing").open() as empty:
        monkeypatch.setattr("sys.stdin", None if content is None else empty)
        with pytest.raises(LoginFailed, match="in a terminal"):
            await ask_in_terminal().phone()
