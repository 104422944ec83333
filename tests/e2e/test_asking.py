"""What the bot asks in a chat, and which answers it takes."""

from __future__ import annotations

from pathlib import Path

from tests.files import encrypted
from tests.world import BOT, World, until


async def test_after_a_restart_a_wrong_password_is_one_attempt_more(world: World, tmp_path: Path) -> None:
    async with world.running():
        await world.send(encrypted(tmp_path / "secret.7z", "opensesame"))
        await world.wait("attempt 1 of 3")
        await world.person.say(BOT, "wrong")
        await world.wait("attempt 2 of 3")
    async with world.running() as bot:
        await until(lambda: bot._conversation._questions)
        await world.person.say(BOT, "wrong, too")
        question = await world.person.wait_for_text("attempt 3 of 3")
        await world.person.client.send_message(BOT, "opensesame", reply_to=question.id)
        assert "1 picture sent" in await world.summary()
    questions = [message.text for message in world.chat() if "Reply with the password" in message.text]
    assert len(questions) == 3
