"""A restart is begun once, whatever comes twice, and told once when it is done."""

from __future__ import annotations

from pathlib import Path

from utils.chat.restarting import Restarting


async def test_the_message_that_asked_for_it_asks_for_no_second_one(tmp_path: Path) -> None:
    begun: list[int] = []
    told: list[tuple[int, str]] = []

    async def tell(chat: int, text: str) -> None:
        told.append((chat, text))

    before = Restarting(tmp_path / "restart.json", lambda: begun.append(1))
    assert before.is_new(5, 7)
    await before.begin(5, 7)
    # It was not noted that the message was dealt with, so Telegram sends it again.
    after = Restarting(tmp_path / "restart.json", lambda: begun.append(1))
    assert not after.is_new(5, 7) and after.is_new(5, 8)
    await after.tell(tell)
    assert (begun, told) == ([1], [(5, "✅ I am back.")]) and not list(tmp_path.iterdir())
    for damaged in ("", "[]", '{"chat": "x"}'):
        (tmp_path / "restart.json").write_text(damaged)
        assert Restarting(tmp_path / "restart.json", begun.clear).asked is None
