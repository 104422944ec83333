"""Each answer is acknowledged, along with what is sent next or a moment later, and hardly ever by itself."""

from __future__ import annotations

import pytest
from telethon.network import Connection
from telethon.tl.functions.help import GetConfigRequest

from sandbox.mtproto.session import Session
from tests.telegram.test_transfer_upload import MakeFile
from tests.transport import Bot
from tests.world import until
from utils.telegram.upload import upload


async def test_answers_are_acknowledged_along_with_what_is_sent_next(
    bot: Bot, make_file: MakeFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = 0
    sessions: set[Session] = set()
    send, acknowledged = Connection.send, Session.acknowledged

    async def counted(connection: Connection, data: bytes) -> None:
        nonlocal sent
        sent += 1
        await send(connection, data)

    def noted(session: Session, messages: list[int]) -> None:
        sessions.add(session)
        acknowledged(session, messages)

    monkeypatch.setattr(Connection, "send", counted)
    monkeypatch.setattr(Session, "acknowledged", noted)
    path = make_file(20_000)
    await upload(bot.transfers, path, name="a.jpg")
    sent = 0
    for _ in range(20):
        await bot.client(GetConfigRequest())
        await upload(bot.transfers, path, name="a.jpg")
    # 40 requests, each of which was answered.
    assert sent < 50
    # Nothing more is sent, and the last answers are acknowledged all the same.
    await until(lambda: len(sessions) > 1 and not any(session._unacked.sent for session in sessions), 5)
