"""What is asked of Telegram beside files."""

from __future__ import annotations

import pytest
from telethon.tl import types

from sandbox import Sandbox
from tests.transport import Bot
from utils.telegram.account import Account
from utils.telegram.waits import Caller


async def test_a_number_finds_no_message_of_another_chat(bot: Bot, sandbox: Sandbox) -> None:
    bob_id = await sandbox.add_person("+15550101", "Bob", "bob")
    async with sandbox.person("+15550101") as bob:
        await bob.say("archive_bot", "a secret of Bob's")
    account = Account(bot.client, bot.transfers.caller)
    ids = [
        message.id for person in (bot.reader.user_id, bob_id) for message in sandbox.messages(bot.id, person)
    ]
    mine = await account.messages(bot.reader, ids)
    assert [message.message for message in mine] == ["/start"]
    bobs = await account.messages(types.InputPeerUser(bob_id, 0), ids)
    assert [message.message for message in bobs] == ["a secret of Bob's"]


async def test_commands_that_are_never_answered_do_not_keep_the_bot_from_starting(
    bot: Bot, sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    gate = sandbox.faults.hold("bots.setBotCommands")
    account = Account(bot.client, Caller(bot.client, answer_timeout=0.3))
    assert not await account.publish_commands({"help": "How this works"})
    assert "⚠️ The commands were not published: TimeoutError" in caplog.messages
    gate.open()
